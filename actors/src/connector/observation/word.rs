//! What the node says of its own connection, in words and by its lists of peers.

use crate::model::node::Connectedness;

/// The node's word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Word {
    /// What it said last, if it said anything since its login.
    said: Option<Connectedness>,
    /// Whether the last list was empty; `None` if it never gave one.
    alone: Option<bool>,
}

impl Word {
    /// It says how well it is connected.
    pub(super) fn say(&mut self, said: Connectedness) {
        self.said = Some(said);
    }

    /// It lists some peers, or none.
    pub(super) fn list(&mut self, alone: bool) {
        self.alone = Some(alone);
        if !alone && self.said == Some(Connectedness::Disconnected) {
            // The list is the younger one.
            self.said = None;
        }
    }

    /// It was connected to somebody a moment ago.
    pub(super) fn dialled(&mut self) {
        self.list(false);
    }

    /// What it said last.
    pub(super) fn connectedness(self) -> Option<Connectedness> {
        self.said
    }

    /// Whether it is online; `None` if it has not told. Its word counts more than an empty list: some builds never list
    /// anybody.
    pub(super) fn is_online(self) -> Option<bool> {
        let said = self.said.map(Connectedness::is_online);
        said.or(self.alone.map(|alone| !alone))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_list_tells_only_where_nothing_was_said() {
        let mut word = Word::default();
        assert_eq!(word.is_online(), None);
        word.list(true);
        assert_eq!(word.is_online(), Some(false));
        word.say(Connectedness::PartiallyConnected);
        word.list(true);
        assert_eq!(word.is_online(), Some(true));
    }

    #[test]
    fn a_list_of_peers_that_follows_ends_what_was_said() {
        let mut word = Word::default();
        word.list(false);
        word.say(Connectedness::Disconnected);
        assert_eq!(word.is_online(), Some(false));
        word.list(false);
        assert_eq!(word.is_online(), Some(true));
        assert_eq!(word.connectedness(), None);
    }
}

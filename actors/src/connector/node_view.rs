//! What is known of the node: how it is driven, which mailservers there are, which of them it lists, which one it uses.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    mailserver::{Identity, Mailserver},
    node::{Mode, NodeState, Profile},
};

/// The node as others have told of it.
#[derive(Debug)]
pub(crate) struct NodeView {
    /// As last reported.
    pub(crate) state: NodeState,
    /// Which mailservers may be used.
    pub(crate) candidates: BTreeMap<Identity, Mailserver>,
    /// Those of them that the node lists as peers, or was just connected to.
    pub(crate) listed: BTreeSet<Identity>,
    /// It lists no peer at all, not even a mailserver.
    pub(crate) alone: bool,
    /// Its own choice.
    pub(crate) choice: NodeChoice,
}

/// The mailserver that a node with a cycle of its own has chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum NodeChoice {
    /// It has not told.
    #[default]
    Unknown,
    /// It uses this one.
    Uses(Identity),
    /// It uses this one, which it does not list: the next tick leads it back to the active one, unless the user has
    /// set a pin, which is heard of in a moment.
    Astray(Identity),
}

impl NodeChoice {
    /// Who it is.
    pub(crate) fn identity(&self) -> Option<&Identity> {
        match self {
            Self::Unknown => None,
            Self::Uses(identity) | Self::Astray(identity) => Some(identity),
        }
    }

    /// It is not to be led back, or is being led back. Gives whether it was to be.
    pub(crate) fn settle(&mut self) -> bool {
        match std::mem::take(self) {
            Self::Astray(identity) => {
                *self = Self::Uses(identity);
                true
            }
            settled => {
                *self = settled;
                false
            }
        }
    }
}

impl NodeView {
    /// A node of which nothing is known yet.
    pub(crate) fn unknown() -> Self {
        Self {
            state: NodeState::Unreachable {
                reason: "not asked yet".into(),
            },
            candidates: BTreeMap::new(),
            listed: BTreeSet::new(),
            alone: false,
            choice: NodeChoice::Unknown,
        }
    }

    /// How it is driven, while it can be.
    pub(crate) fn profile(&self) -> Option<&Profile> {
        match &self.state {
            NodeState::Ready { profile } => Some(profile),
            NodeState::Unreachable { .. } | NodeState::LoggedOut => None,
        }
    }

    /// Its mode, once that is known.
    pub(crate) fn mode(&self) -> Option<Mode> {
        self.profile().map(|profile| profile.mode)
    }

    /// Whether it can be told which mailserver to use.
    pub(crate) fn has_lever(&self) -> bool {
        self.mode() != Some(Mode::Observe)
    }

    /// The list of candidates is another one.
    pub(crate) fn replace_candidates(&mut self, candidates: Vec<Mailserver>) {
        let by_identity = |it: Mailserver| (it.identity.clone(), it);
        self.candidates = candidates.into_iter().map(by_identity).collect();
        let known = &self.candidates;
        self.listed.retain(|it| known.contains_key(it));
    }

    /// A candidate, if it is one.
    pub(crate) fn candidate(&self, identity: &Identity) -> Option<&Mailserver> {
        self.candidates.get(identity)
    }

    /// Whether it lists this one as a peer.
    pub(crate) fn lists(&self, identity: &Identity) -> bool {
        self.listed.contains(identity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::mailserver;

    #[test]
    fn one_that_is_no_candidate_any_more_is_not_listed_any_more() {
        let mut node = NodeView::unknown();
        node.replace_candidates((0..2).map(mailserver).collect());
        node.listed.insert(mailserver(0).identity);
        node.replace_candidates(vec![mailserver(1)]);
        assert!(!node.lists(&mailserver(0).identity));
        assert_eq!(node.candidate(&mailserver(0).identity), None);
    }

    #[test]
    fn a_node_is_led_back_once() {
        let identity = mailserver(0).identity;
        let mut choice = NodeChoice::Astray(identity.clone());
        assert!(choice.settle());
        assert!(!choice.settle());
        assert_eq!(choice.identity(), Some(&identity));
        assert!(!NodeChoice::Unknown.settle());
    }
}

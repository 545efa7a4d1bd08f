//! Whether our own probes are evidence: behind a firewall nobody ever answers them, and their silence says nothing.
//!
//! ```text
//!   Untried ──a round, nobody──▶ Blocked
//!      │                          │  ▲
//!      └──somebody──▶ Believed ◀──┘  └── Believed, nobody in three rounds in a row while the node is online
//! ```

/// After so many rounds in a row that nobody answered, while we are online and the node has mailservers as peers, our
/// probes are taken for blocked.
const UNANSWERED: u32 = 3;

/// What our own probes are worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// No round has ended yet: they are believed until one says otherwise.
    #[default]
    Untried,
    /// A candidate has answered one.
    Believed {
        /// Rounds since then that nobody answered, though the node had mailservers as peers.
        unanswered: u32,
    },
    /// They reach nobody.
    Blocked,
}

impl Evidence {
    /// A ping round ended. `node_is_connected`: we are online, and the node has a mailserver as a peer.
    pub(crate) fn round_ended(&mut self, anybody: bool, node_is_connected: bool) {
        *self = match *self {
            _ if anybody => Self::Believed { unanswered: 0 },
            Self::Untried | Self::Blocked => Self::Blocked,
            Self::Believed { unanswered } if node_is_connected => match unanswered + 1 {
                UNANSWERED.. => Self::Blocked,
                unanswered => Self::Believed { unanswered },
            },
            Self::Believed { .. } => Self::Believed { unanswered: 0 },
        };
    }

    /// Our probes reach nobody: there is something in between, and their silence says nothing.
    pub(crate) fn is_blocked(self) -> bool {
        self == Self::Blocked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(rounds: &[(bool, bool)]) -> Evidence {
        let mut evidence = Evidence::default();
        for (anybody, connected) in rounds {
            evidence.round_ended(*anybody, *connected);
        }
        evidence
    }

    const NOBODY: (bool, bool) = (false, true);
    const SOMEBODY: (bool, bool) = (true, true);

    #[test]
    fn before_the_first_round_probes_are_believed() {
        assert!(!after(&[]).is_blocked());
    }

    #[test]
    fn a_first_round_without_an_answer_blocks_and_any_answer_ends_it() {
        assert!(after(&[NOBODY]).is_blocked());
        assert!(after(&[NOBODY, NOBODY]).is_blocked());
        assert!(!after(&[NOBODY, SOMEBODY]).is_blocked());
    }

    #[test]
    fn once_believed_three_rounds_in_a_row_without_an_answer_block() {
        assert!(!after(&[SOMEBODY, NOBODY, NOBODY]).is_blocked());
        assert!(after(&[SOMEBODY, NOBODY, NOBODY, NOBODY]).is_blocked());
        assert!(!after(&[SOMEBODY, NOBODY, NOBODY, SOMEBODY, NOBODY]).is_blocked());
    }

    #[test]
    fn a_round_while_the_node_itself_is_not_connected_proves_nothing() {
        let offline = (false, false);
        assert!(!after(&[SOMEBODY, NOBODY, NOBODY, offline, NOBODY, NOBODY]).is_blocked());
    }
}

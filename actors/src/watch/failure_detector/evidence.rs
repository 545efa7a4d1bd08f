//! Whether the silence of a mailserver is its own, rather than that of a firewall in between.

use std::time::Duration;

use crate::{
    Instant,
    model::{
        address::Network,
        probe::{ProbeFailure, Stage},
    },
};

/// For how long an answer of any mailserver shows that our probes reach mailservers, so that the silence of another
/// one is its own. Some pauses between two probes of a standby.
const LATELY: Duration = Duration::from_secs(60);

/// What it proves that a candidate has answered a ping round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoundProof {
    /// Of a multiaddr, that it works: it was pinged over libp2p. Of an enode, that its system agrees to connections.
    Life,
    /// That its system agrees to connections, as that of a hung one does: it was a TCP connect.
    Path,
    /// Nothing of our own probes: it was the node that pinged.
    Nothing,
}

/// What others have answered.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// When any mailserver last answered a probe of the watch.
    pub(super) reacted: Option<Instant>,
    /// When any last answered a ping round.
    pub(super) round_answered: Option<Instant>,
}

impl Evidence {
    /// Whether somebody has answered lately in a way in which this one, which never has, did not.
    pub(super) fn tells_against(
        &self,
        network: Network,
        failure: &ProbeFailure,
        rounds: RoundProof,
        now: Instant,
    ) -> bool {
        let lately =
            |at: Option<Instant>| at.is_some_and(|at| now.saturating_duration_since(at) < LATELY);
        let unreachable = matches!(
            failure,
            ProbeFailure::Silent(Stage::Connect) | ProbeFailure::Refused
        );
        let comparable = match (rounds, network) {
            (RoundProof::Life, Network::Waku2) => true,
            (RoundProof::Life | RoundProof::Path, _) => unreachable,
            (RoundProof::Nothing, _) => false,
        };
        // Its system answers, so that nothing is in between. Before it is left, others are to react.
        let hung = network == Network::Waku1 && *failure == ProbeFailure::Silent(Stage::Ping);
        hung || lately(self.reacted) || (comparable && lately(self.round_answered))
    }
}

//! Whether we are online.

use schemars::JsonSchema;
use serde::Serialize;

/// The verdict on our own network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// A candidate answers our own probes, or nothing speaks against it; where our probes are no evidence, the node
    /// does not deny it.
    #[default]
    Online,
    /// A sign speaks against it; candidates are being probed.
    Suspect,
    /// No candidate answers; where our probes are no evidence, the node lists no peer.
    Offline,
    /// We slept and have just woken up: nothing that was known before holds.
    Asleep,
}

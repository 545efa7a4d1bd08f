//! What an earlier process kept.

use actors::messages::{history::KeptCommunity, journal::KeptJournal};

/// What an earlier process kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    /// The journal.
    pub journal: KeptJournal,
    /// The communities that wait, the one that was queued first at the front.
    pub communities: Vec<KeptCommunity>,
    /// More was kept, and cannot be read: a window may be among it. Said at each start until the journal has kept
    /// something.
    pub lost: bool,
}

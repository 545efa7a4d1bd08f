//! What a mailserver keeps of what is sent, and what it does not.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    time::Duration,
};

/// As it was set, beside its [`Fault`](super::Fault).
#[derive(Debug, Default)]
pub(crate) struct Keeping {
    /// It stands outside the relay mesh: it is told nothing new, and passes nothing on.
    pub(crate) deaf: Cell<bool>,
    /// It forgets what is older.
    pub(crate) retention: Cell<Option<Duration>>,
    /// A message can be asked for so long after it was sent.
    pub(crate) ingest_delay: Cell<Duration>,
    /// The messages that cannot be asked for yet.
    pub(crate) coming: RefCell<BTreeSet<u64>>,
}

//! The journal on disk: `journal.sqlite` in the state directory holds the windows, the marks, and the communities that
//! wait.
//!
//! All of one call is written in one transaction, and what a call could not write goes with the next one: what is in the
//! file is at any time what was so at one moment, never a later change without an earlier one. A process that is killed
//! loses nothing that was kept, a power cut at most the last few calls.
//!
//! The file is bounded: the oldest windows that are closed go before it grows beyond [`MOST_BYTES`].

mod kept;
mod rows;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use actors::{
    messages::{
        history::KeptCommunity,
        journal::{Entry, Marks},
    },
    model::window::{Window, WindowId},
};
use rusqlite::{Connection, TransactionBehavior};

pub use self::kept::Kept;
use self::rows::Loaded;
use crate::{
    database::{self, DatabaseError, Format},
    state::StateDir,
};

const FILE: &str = "journal.sqlite";

/// Beyond this size the oldest closed windows are forgotten; a call may exceed it by what it brings. The log is not
/// counted. In bytes.
pub const MOST_BYTES: u64 = 4_500_000;

const FORMAT: Format = Format {
    what: "journal of what was missed",
    // "mssj"
    application: 0x6d73_736a,
    schema: 1,
    tables: rows::TABLES,
    most_bytes: 4 * MOST_BYTES,
};

/// The most windows that wait to be written while nothing can be. The journal has fewer.
const MOST_PENDING: usize = 16_384;

/// What is still to be written: of each window the newest state, `None` if it is to be forgotten.
#[derive(Debug, Default)]
struct Pending {
    windows: BTreeMap<WindowId, Option<Window>>,
    marks: Option<Marks>,
    communities: Option<Vec<KeptCommunity>>,
}

impl Pending {
    fn add(&mut self, entry: &Entry, last_written: WindowId) {
        match entry {
            Entry::Window(window) => {
                self.windows.insert(window.id, Some(window.clone()));
            }
            // Never written: there is nothing to forget.
            Entry::Forget(id) if *id > last_written => {
                self.windows.remove(id);
            }
            Entry::Forget(id) => {
                self.windows.insert(*id, None);
            }
            Entry::Marks(marks) => self.marks = Some(*marks),
        }
        while self.windows.len() > MOST_PENDING {
            self.windows.pop_first();
        }
    }
}

/// The store of the journal.
#[derive(Debug)]
pub struct JournalStore {
    path: PathBuf,
    /// `None`: nothing can be kept.
    connection: Option<Connection>,
    pending: Pending,
    /// The highest number that may be in the file.
    last_written: WindowId,
    /// What was lost before is told again at the next start, until the journal has kept something.
    lost: bool,
}

impl JournalStore {
    /// Opens the store of this directory, with what was kept. One that cannot be used is set aside as
    /// `journal.sqlite.corrupt`; where even that fails, nothing is kept. Rows that cannot be read are skipped. Each is
    /// one warning.
    #[must_use]
    pub fn open(state: &StateDir) -> (Self, Kept) {
        let path = state.path().join(FILE);
        let opened = database::open(&path, &FORMAT, rows::load);
        let Loaded { kept, unreadable } = opened.content;
        let lost = opened.lost || kept.lost;
        if kept.lost {
            tracing::warn!(
                file = %path.display(),
                windows = unreadable.len(),
                "part of the journal cannot be read, going on without it"
            );
        }
        if let Some(connection) = opened.connection.as_ref().filter(|_| opened.lost) {
            // Only a kill before the first call makes it matter.
            let _ = connection.execute(rows::NOTE_LOSS, []);
        }
        let highest = |windows: &[Window]| windows.last().map_or(0, |it| it.id.0);
        let last = highest(&kept.journal.windows)
            .max(kept.journal.marks.last_window)
            .max(unreadable.last().map_or(0, |it| it.0));
        let store = Self {
            path,
            connection: opened.connection,
            pending: Pending {
                windows: unreadable.into_iter().map(|id| (id, None)).collect(),
                ..Pending::default()
            },
            last_written: WindowId(last),
            lost,
        };
        (store, Kept { lost, ..kept })
    }

    /// Keeps these changes, all of them or none. What could not be kept is tried again with the next call, before what
    /// that one brings. A store that could not be opened takes everything and keeps nothing.
    ///
    /// # Errors
    ///
    /// `Database`, for example because the disk is full; what was kept before is still there then.
    pub fn keep(&mut self, entries: &[Entry]) -> Result<(), DatabaseError> {
        if self.connection.is_none() {
            return Ok(());
        }
        for entry in entries {
            self.pending.add(entry, self.last_written);
        }
        self.write(!entries.is_empty())
    }

    /// Keeps these communities, and no others. As [`Self::keep`] otherwise.
    ///
    /// # Errors
    ///
    /// As [`Self::keep`].
    pub fn keep_communities(
        &mut self,
        communities: Vec<KeptCommunity>,
    ) -> Result<(), DatabaseError> {
        if self.connection.is_none() {
            return Ok(());
        }
        self.pending.communities = Some(communities);
        self.write(false)
    }

    /// Writes what is pending; `settled`: the journal knows what was lost, and has kept what follows from it.
    fn write(&mut self, settled: bool) -> Result<(), DatabaseError> {
        let Some(connection) = &mut self.connection else {
            return Ok(());
        };
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        rows::put_windows(&transaction, &self.pending.windows)?;
        if let Some(marks) = &self.pending.marks {
            rows::put_marks(&transaction, marks)?;
        }
        if let Some(communities) = &self.pending.communities {
            rows::put_communities(&transaction, communities)?;
        }
        if settled && self.lost {
            transaction.execute(rows::SETTLE_LOSS, [])?;
        }
        rows::make_room(&transaction, MOST_BYTES)?;
        transaction.commit()?;
        self.lost &= !settled;
        let written = std::mem::take(&mut self.pending).windows;
        if let Some((id, _)) = written.last_key_value() {
            self.last_written = self.last_written.max(*id);
        }
        Ok(())
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests;

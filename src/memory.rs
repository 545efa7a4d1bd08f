//! What is remembered of each mailserver, on disk: a small SQLite database in the state directory.
//!
//! One row for each mailserver and one for each cause of its failures. Only rows that changed are written, all of
//! one call in one transaction.

mod rows;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use actors::model::{mailserver::Identity, record::Record};
use rusqlite::{Connection, TransactionBehavior};

use self::rows::MOST_RECORDS;
use crate::{
    database::{self, DatabaseError, Format},
    state::StateDir,
};

const FILE: &str = "memory.sqlite";

/// A full one takes less than 1 MiB.
const FORMAT: Format = Format {
    what: "memory of mailservers",
    // "mssc"
    application: 0x6d73_7363,
    schema: 1,
    tables: rows::TABLES,
    most_bytes: 16 * 1024 * 1024,
};

/// The remembered records.
#[derive(Debug)]
pub struct MemoryStore {
    path: PathBuf,
    /// `None`: nothing can be remembered.
    connection: Option<Connection>,
    /// What is in the file.
    kept: BTreeMap<Identity, Record>,
    /// What should be: differs after a failure.
    wanted: BTreeMap<Identity, Record>,
}

impl MemoryStore {
    /// Opens the store of this directory, with what it remembers. One that cannot be used is set aside as
    /// `memory.sqlite.corrupt`; where even that fails, nothing is remembered. Either is one warning.
    #[must_use]
    pub fn open(state: &StateDir) -> (Self, BTreeMap<Identity, Record>) {
        let path = state.path().join(FILE);
        let opened = database::open(&path, &FORMAT, rows::load);
        let kept = opened.content;
        let store = Self {
            path,
            connection: opened.connection,
            wanted: kept.clone(),
            kept: kept.clone(),
        };
        (store, kept)
    }

    /// Keeps these beside the others, in place of what was kept of the same mailservers. What could not be kept is
    /// tried again with the next call. A store that could not be opened takes everything and keeps nothing.
    ///
    /// # Errors
    ///
    /// `Database`, for example because the disk is full; what was kept before is still there then.
    pub fn keep(&mut self, records: &BTreeMap<Identity, Record>) -> Result<(), DatabaseError> {
        let Some(connection) = &mut self.connection else {
            return Ok(());
        };
        let records = records
            .iter()
            .map(|(it, record)| (it.clone(), record.clone()));
        self.wanted.extend(records);
        forget_oldest(&mut self.wanted);
        let changed = self
            .wanted
            .iter()
            .filter(|(identity, record)| self.kept.get(*identity) != Some(*record));
        let changed: Vec<_> = changed.collect();
        let gone = self.kept.keys().filter(|it| !self.wanted.contains_key(*it));
        let gone: Vec<_> = gone.collect();
        if changed.is_empty() && gone.is_empty() {
            return Ok(());
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        rows::delete(&transaction, &gone)?;
        rows::replace(&transaction, &changed)?;
        transaction.commit()?;
        self.kept.clone_from(&self.wanted);
        Ok(())
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Leaves the [`MOST_RECORDS`] that changed last.
fn forget_oldest(records: &mut BTreeMap<Identity, Record>) {
    let excess = records.len().saturating_sub(MOST_RECORDS);
    let mut by_age: Vec<_> = records
        .iter()
        .map(|(it, record)| (record.changed_ms, it))
        .collect();
    by_age.sort_unstable();
    let oldest: BTreeSet<Identity> = by_age[..excess]
        .iter()
        .map(|(_, it)| (*it).clone())
        .collect();
    records.retain(|identity, _| !oldest.contains(identity));
}

#[cfg(test)]
mod tests;

//! What is remembered of each mailserver, on disk: a small SQLite database in the state directory.
//!
//! One row for each mailserver and one for each cause of its failures. Only rows that changed are written, all of
//! one call in one transaction. The write-ahead log makes that safe and cheap: a crash loses nothing that was kept, a
//! power cut at most the last few calls, and the disk is waited for only when the log is folded in, once in
//! `FOLD_PAGES` pages. Losing seconds of memory is harmless; blocking the one thread for each record is not.
//!
//! A store that cannot be used is set aside, and a fresh one begun; the sidecar never ends for it.

mod rows;
mod set_aside;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::OpenOptions,
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use actors::model::{mailserver::Identity, record::Record};
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use self::rows::MOST_RECORDS;
use crate::state::StateDir;

const FILE: &str = "memory.sqlite";

/// Marks the file as ours: "mssc".
const APPLICATION: i32 = 0x6d73_7363;

/// The version of the schema.
const SCHEMA: i32 = 1;

/// A full store takes less than 1 MiB: something larger is not ours, and would take long to check. In bytes.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// The log is folded into the file at 64 pages of 4 KiB.
const FOLD_PAGES: u32 = 64;

/// How long the start waits for somebody who looks into the file. Later nobody is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

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

/// Why nothing can be remembered, or not now.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// The database refuses.
    #[error("{0}")]
    Database(#[from] rusqlite::Error),
    /// The file cannot be reached.
    #[error("{0}")]
    File(#[from] io::Error),
    /// The file is damaged.
    #[error("damaged: {0}")]
    Damaged(String),
    /// The file belongs to something else.
    #[error("not written by a sidecar")]
    Foreign,
    /// A later version wrote it.
    #[error("schema {0}, written by a later version")]
    Newer(i32),
}

impl MemoryError {
    /// The file may be as good as before: it is left where it is.
    fn will_pass(&self) -> bool {
        let Self::Database(error) = self else {
            return false;
        };
        matches!(
            error.sqlite_error_code(),
            Some(
                ErrorCode::DatabaseBusy
                    | ErrorCode::DatabaseLocked
                    | ErrorCode::DiskFull
                    | ErrorCode::OutOfMemory
            )
        )
    }
}

impl MemoryStore {
    /// Opens the store of this directory, with what it remembers. One that cannot be used is set aside as
    /// `memory.sqlite.corrupt`; where even that fails, nothing is remembered. Either is one warning.
    #[must_use]
    pub fn open(state: &StateDir) -> (Self, BTreeMap<Identity, Record>) {
        let path = state.path().join(FILE);
        let opened = open(&path).or_else(|reason| {
            let aside = !reason.will_pass() && set_aside::set_aside(&path).is_ok();
            let fresh = aside.then(|| open(&path).ok()).flatten();
            tracing::warn!(
                file = %path.display(),
                %reason,
                set_aside = aside,
                remembering = fresh.is_some(),
                "memory of mailservers unusable, starting without it"
            );
            fresh.ok_or(reason)
        });
        let (connection, kept) = opened.map_or_else(
            |_| (None, BTreeMap::new()),
            |(connection, kept)| (Some(connection), kept),
        );
        let store = Self {
            path,
            connection,
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
    pub fn keep(&mut self, records: &BTreeMap<Identity, Record>) -> Result<(), MemoryError> {
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

/// Made here for its mode, which its siblings take over: only this user may look inside.
///
/// The file is closed again before the database opens it: whoever closes a file gives up all locks that its process
/// has on it (POSIX), and without its lock the database of another program would take the log away from ours.
fn make(path: &Path) -> Result<(), MemoryError> {
    let mut options = OpenOptions::new();
    let file = options
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)?;
    match file.metadata()?.len() > MOST_BYTES {
        true => Err(MemoryError::Foreign),
        false => Ok(()),
    }
}

fn open(path: &Path) -> Result<(Connection, BTreeMap<Identity, Record>), MemoryError> {
    make(path)?;
    // Without URIs: a directory may be called anything.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    check(&connection)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "wal_autocheckpoint", FOLD_PAGES)?;
    begin(&mut connection)?;
    let records = rows::load(&connection)?;
    connection.busy_timeout(Duration::ZERO)?;
    Ok((connection, records))
}

/// Whose file is it, and is it whole? An empty one is ours to begin.
fn check(connection: &Connection) -> Result<(), MemoryError> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
    let check = "PRAGMA quick_check(1)";
    let damage: String = connection.query_row(check, [], |row| row.get(0))?;
    if damage != "ok" {
        // The first line only names the database; a log line is one line.
        let what = damage.lines().next_back().unwrap_or_default();
        return Err(MemoryError::Damaged(what.to_owned()));
    }
    let count = "SELECT count(*) FROM sqlite_schema";
    let empty = connection.query_row(count, [], |row| row.get::<_, i64>(0))? == 0;
    match (number("application_id")?, number("user_version")?) {
        (0, 0) if empty => Ok(()),
        (APPLICATION, SCHEMA) => Ok(()),
        (APPLICATION, version) if version > SCHEMA => Err(MemoryError::Newer(version)),
        _ => Err(MemoryError::Foreign),
    }
}

/// Makes the tables where there are none.
fn begin(connection: &mut Connection) -> Result<(), MemoryError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(rows::TABLES)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", SCHEMA)?;
    Ok(transaction.commit()?)
}

#[cfg(test)]
mod tests;

//! Small SQLite databases in the state directory, and what becomes of one that cannot be used.
//!
//! The write-ahead log makes them safe and cheap: a crash loses nothing that was kept, a power cut at most the last few
//! transactions, never one before another, and the disk is waited for only when the log is folded in, once in
//! `FOLD_PAGES` pages. Blocking the one thread for each transaction would cost more than that.
//!
//! One that cannot be used is set aside, and a fresh one begun; the sidecar never ends for it.

mod set_aside;
#[cfg(test)]
pub(crate) mod warnings;

use std::{fs::OpenOptions, io, os::unix::fs::OpenOptionsExt, path::Path, time::Duration};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

/// The log is folded into the file at 64 pages of 4 KiB.
const FOLD_PAGES: u32 = 64;

/// How long the start waits for somebody who looks into the file. Later nobody is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// A kind of database.
#[derive(Debug)]
pub(crate) struct Format {
    /// What is in it, for people.
    pub(crate) what: &'static str,
    /// Marks the file as ours.
    pub(crate) application: i32,
    /// The version of the schema.
    pub(crate) schema: i32,
    /// The statements that make the tables where there are none.
    pub(crate) tables: &'static str,
    /// Something larger is not ours, and would take long to check. In bytes.
    pub(crate) most_bytes: u64,
}

/// A database that was opened.
#[derive(Debug)]
pub(crate) struct Opened<T> {
    /// `None`: nothing can be kept.
    pub(crate) connection: Option<Connection>,
    /// What was in it.
    pub(crate) content: T,
    /// There was something that could not be read.
    pub(crate) lost: bool,
}

/// Why nothing can be kept, or not now.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
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

impl DatabaseError {
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

/// Opens the database in this file, and loads what is in it. One that cannot be used is set aside as `*.corrupt`; where
/// even that fails, nothing is kept. Either is one warning.
pub(crate) fn open<T: Default>(
    path: &Path,
    format: &Format,
    load: impl Fn(&Connection) -> rusqlite::Result<T>,
) -> Opened<T> {
    let opened = open_once(path, format, &load).map(|it| (it, false));
    let opened = opened.or_else(|reason| {
        let aside = !reason.will_pass() && set_aside::set_aside(path).is_ok();
        let fresh = aside
            .then(|| open_once(path, format, &load).ok())
            .flatten()
            .map(|it| (it, true));
        tracing::warn!(
            file = %path.display(),
            %reason,
            set_aside = aside,
            remembering = fresh.is_some(),
            "{} unusable, starting without it",
            format.what
        );
        fresh.ok_or(reason)
    });
    match opened {
        Ok(((connection, content), lost)) => Opened {
            connection: Some(connection),
            content,
            lost,
        },
        Err(_) => Opened {
            connection: None,
            content: T::default(),
            lost: true,
        },
    }
}

fn open_once<T>(
    path: &Path,
    format: &Format,
    load: impl Fn(&Connection) -> rusqlite::Result<T>,
) -> Result<(Connection, T), DatabaseError> {
    make(path, format.most_bytes)?;
    // Without URIs: a directory may be called anything.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    check(&connection, format)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "wal_autocheckpoint", FOLD_PAGES)?;
    begin(&mut connection, format)?;
    let content = load(&connection)?;
    connection.busy_timeout(Duration::ZERO)?;
    Ok((connection, content))
}

/// Made here for its mode, which its siblings take over: only this user may look inside.
///
/// The file is closed again before the database opens it: whoever closes a file gives up all locks that its process
/// has on it (POSIX), and without its lock the database of another program would take the log away from ours.
fn make(path: &Path, most_bytes: u64) -> Result<(), DatabaseError> {
    let mut options = OpenOptions::new();
    let file = options
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)?;
    match file.metadata()?.len() > most_bytes {
        true => Err(DatabaseError::Foreign),
        false => Ok(()),
    }
}

/// Whose file is it, and is it whole? An empty one is ours to begin.
fn check(connection: &Connection, format: &Format) -> Result<(), DatabaseError> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
    let check = "PRAGMA quick_check(1)";
    let damage: String = connection.query_row(check, [], |row| row.get(0))?;
    if damage != "ok" {
        // The first line only names the database; a log line is one line.
        let what = damage.lines().next_back().unwrap_or_default();
        return Err(DatabaseError::Damaged(what.to_owned()));
    }
    let count = "SELECT count(*) FROM sqlite_schema";
    let empty = connection.query_row(count, [], |row| row.get::<_, i64>(0))? == 0;
    match (number("application_id")?, number("user_version")?) {
        (0, 0) if empty => Ok(()),
        (application, _) if application != format.application => Err(DatabaseError::Foreign),
        (_, version) if version == format.schema => Ok(()),
        (_, version) if version > format.schema => Err(DatabaseError::Newer(version)),
        _ => Err(DatabaseError::Foreign),
    }
}

/// Makes the tables where there are none.
fn begin(connection: &mut Connection, format: &Format) -> Result<(), DatabaseError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(format.tables)?;
    transaction.pragma_update(None, "application_id", format.application)?;
    transaction.pragma_update(None, "user_version", format.schema)?;
    Ok(transaction.commit()?)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn the_log_of_a_database_is_set_aside_with_it() {
        let directory = TempDir::new().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("memory.sqlite"), "damaged").unwrap();
        fs::write(at("memory.sqlite-wal"), "a log").unwrap();
        fs::write(at("memory.sqlite.corrupt-shm"), "older").unwrap();
        set_aside::set_aside(&at("memory.sqlite")).unwrap();
        assert_eq!(fs::read(at("memory.sqlite.corrupt-wal")).unwrap(), b"a log");
        for name in [
            "memory.sqlite",
            "memory.sqlite-wal",
            "memory.sqlite.corrupt-shm",
        ] {
            assert!(!at(name).exists(), "{name}");
        }
    }
}

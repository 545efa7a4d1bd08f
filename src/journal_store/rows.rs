//! The tables, and what is kept as their rows.

use std::collections::BTreeMap;

use actors::{
    messages::{
        history::KeptCommunity,
        journal::{KeptJournal, Marks},
    },
    model::{
        moment::Moment,
        window::{Window, WindowId},
    },
};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::kept::Kept;

/// `record` and `value` are JSON; times are milliseconds since 1970.
pub(super) const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS window (
        id INTEGER PRIMARY KEY,
        open INTEGER NOT NULL,
        record TEXT NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS mark (
        name TEXT NOT NULL PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS community (
        id TEXT NOT NULL PRIMARY KEY,
        queued_ms INTEGER NOT NULL,
        tries INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
";

/// Something was lost, and the journal has kept nothing since.
pub(super) const NOTE_LOSS: &str = "REPLACE INTO mark VALUES ('lost', 'true')";
pub(super) const SETTLE_LOSS: &str = "DELETE FROM mark WHERE name = 'lost'";

/// So many closed windows are forgotten at once when there is no room.
const FORGOTTEN_AT_ONCE: u32 = 32;

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub(super) kept: Kept,
    /// The windows of which only the number can be read, in their order.
    pub(super) unreadable: Vec<WindowId>,
}

pub(super) fn load(connection: &Connection) -> rusqlite::Result<Loaded> {
    let (windows, unreadable) = windows(connection)?;
    let marks = mark(connection, "marks")?.map(|it| serde_json::from_str::<Marks>(&it).ok());
    let noted = mark(connection, "lost")?.is_some();
    let lost = noted || !unreadable.is_empty() || marks == Some(None);
    let marks = marks.flatten().unwrap_or_default();
    let kept = Kept {
        journal: KeptJournal { windows, marks },
        communities: communities(connection)?,
        lost,
    };
    Ok(Loaded { kept, unreadable })
}

fn windows(connection: &Connection) -> rusqlite::Result<(Vec<Window>, Vec<WindowId>)> {
    let mut select =
        connection.prepare("SELECT id, record FROM window WHERE id > 0 ORDER BY id")?;
    let mut rows = select.query([])?;
    let (mut windows, mut unreadable) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next()? {
        let id = WindowId(number(row.get(0)?));
        let record = row.get_ref(1)?.as_str().ok();
        let window = record.and_then(|it| serde_json::from_str::<Window>(it).ok());
        match window.filter(|window| window.id == id) {
            Some(window) => windows.push(window),
            None => unreadable.push(id),
        }
    }
    Ok((windows, unreadable))
}

fn mark(connection: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    let select = "SELECT value FROM mark WHERE name = ?1";
    let value = connection.query_row(select, [name], |row| row.get(0));
    value.optional()
}

fn communities(connection: &Connection) -> rusqlite::Result<Vec<KeptCommunity>> {
    let select = "SELECT id, queued_ms, tries FROM community ORDER BY queued_ms, id";
    let mut select = connection.prepare(select)?;
    let rows = select.query_map([], |row| {
        Ok(KeptCommunity {
            id: row.get(0)?,
            queued: Moment::from_millis(number(row.get(1)?)),
            tries: u32::try_from(row.get::<_, i64>(2)?).unwrap_or_default(),
        })
    })?;
    rows.collect()
}

/// Writes these; `None`: it is forgotten.
pub(super) fn put_windows(
    transaction: &Transaction<'_>,
    windows: &BTreeMap<WindowId, Option<Window>>,
) -> rusqlite::Result<()> {
    let mut put = transaction.prepare("REPLACE INTO window VALUES (?1, ?2, ?3)")?;
    let mut forget = transaction.prepare("DELETE FROM window WHERE id = ?1")?;
    for (id, window) in windows {
        let id = stored(id.0);
        match window {
            Some(window) => put.execute(params![id, window.state.is_open(), json(window)?])?,
            None => forget.execute([id])?,
        };
    }
    Ok(())
}

pub(super) fn put_marks(transaction: &Transaction<'_>, marks: &Marks) -> rusqlite::Result<()> {
    let mut put = transaction.prepare("REPLACE INTO mark VALUES ('marks', ?1)")?;
    put.execute([json(marks)?])?;
    Ok(())
}

/// Writes only what changed: a row a call, as a rule.
pub(super) fn put_communities(
    transaction: &Transaction<'_>,
    wanted: &[KeptCommunity],
) -> rusqlite::Result<()> {
    let by_id = |all: Vec<KeptCommunity>| -> BTreeMap<String, KeptCommunity> {
        all.into_iter().map(|it| (it.id.clone(), it)).collect()
    };
    let (kept, wanted) = (by_id(communities(transaction)?), by_id(wanted.to_vec()));
    let mut forget = transaction.prepare("DELETE FROM community WHERE id = ?1")?;
    for id in kept.keys().filter(|id| !wanted.contains_key(*id)) {
        forget.execute([id])?;
    }
    let mut put = transaction.prepare("REPLACE INTO community VALUES (?1, ?2, ?3)")?;
    for (id, community) in &wanted {
        if kept.get(id) != Some(community) {
            let queued = stored(community.queued.as_millis());
            put.execute(params![id, queued, community.tries])?;
        }
    }
    Ok(())
}

/// Forgets the oldest closed windows while more than so many bytes are in use. Those that are open stay.
pub(super) fn make_room(transaction: &Transaction<'_>, most_bytes: u64) -> rusqlite::Result<()> {
    let most_pages = most_bytes / pragma(transaction, "page_size")?.max(1);
    loop {
        let pages = pragma(transaction, "page_count")?;
        if pages.saturating_sub(pragma(transaction, "freelist_count")?) <= most_pages {
            return Ok(());
        }
        let forgotten = transaction.execute(
            "DELETE FROM window WHERE id IN \
             (SELECT id FROM window WHERE open = 0 ORDER BY id LIMIT ?1)",
            [FORGOTTEN_AT_ONCE],
        )?;
        if forgotten == 0 {
            return Ok(());
        }
    }
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<u64> {
    connection.pragma_query_value(None, name, |row| row.get(0).map(number))
}

fn json<T: serde::Serialize>(value: &T) -> rusqlite::Result<String> {
    let json = serde_json::to_string(value);
    json.map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

fn number(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_default()
}

fn stored(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

//! The tables, and records as their rows.

use std::collections::BTreeMap;

use actors::model::{
    mailserver::Identity,
    record::{Cause, Record},
};
use rusqlite::{Connection, Row, Transaction, params};
use serde::{Deserialize as _, Serialize as _, de::IntoDeserializer as _};

/// The most mailservers that are remembered; those that are unchanged for longest are forgotten first.
pub(super) const MOST_RECORDS: usize = 1024;

/// `rtt_ms` is NULL before the first measurement; times are milliseconds since 1970.
pub(super) const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS mailserver (
        identity TEXT NOT NULL PRIMARY KEY,
        rtt_ms REAL,
        successes INTEGER NOT NULL,
        level INTEGER NOT NULL,
        avoided_until_ms INTEGER NOT NULL,
        changed_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS failure (
        identity TEXT NOT NULL,
        cause TEXT NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (identity, cause)
    ) STRICT, WITHOUT ROWID;
";

/// The longest round-trip time that can be true, in milliseconds: no probe waits for longer.
const LONGEST_RTT_MS: f64 = 60_000.0;

pub(super) fn load(connection: &Connection) -> rusqlite::Result<BTreeMap<Identity, Record>> {
    let mut select = connection.prepare(
        "SELECT identity, rtt_ms, successes, level, avoided_until_ms, changed_ms \
         FROM mailserver ORDER BY changed_ms DESC, identity DESC LIMIT ?1",
    )?;
    let rows = select.query_map([MOST_RECORDS as i64], |row| {
        Ok((identity(row)?, record(row)))
    })?;
    let mut records = rows.collect::<rusqlite::Result<BTreeMap<_, _>>>()?;
    let mut select = connection.prepare("SELECT identity, cause, count FROM failure")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let name: String = row.get(1)?;
        if let (Some(record), Some(cause)) = (records.get_mut(&identity(row)?), cause(&name)) {
            record.failures.insert(cause, number(row, 2));
        }
    }
    Ok(records)
}

pub(super) fn delete(transaction: &Transaction<'_>, gone: &[&Identity]) -> rusqlite::Result<()> {
    let mut mailserver = transaction.prepare("DELETE FROM mailserver WHERE identity = ?1")?;
    let mut failures = transaction.prepare("DELETE FROM failure WHERE identity = ?1")?;
    for identity in gone {
        mailserver.execute([identity.as_str()])?;
        failures.execute([identity.as_str()])?;
    }
    Ok(())
}

pub(super) fn replace(
    transaction: &Transaction<'_>,
    changed: &[(&Identity, &Record)],
) -> rusqlite::Result<()> {
    let mut mailserver =
        transaction.prepare("REPLACE INTO mailserver VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    let mut forget = transaction.prepare("DELETE FROM failure WHERE identity = ?1")?;
    let mut failure = transaction.prepare("INSERT INTO failure VALUES (?1, ?2, ?3)")?;
    for (identity, record) in changed {
        let identity = identity.as_str();
        mailserver.execute(params![
            identity,
            record.rtt_ms,
            stored(record.successes),
            record.level,
            stored(record.avoided_until_ms),
            stored(record.changed_ms),
        ])?;
        forget.execute([identity])?;
        for (cause, count) in &record.failures {
            failure.execute(params![identity, name(*cause), stored(*count)])?;
        }
    }
    Ok(())
}

fn identity(row: &Row<'_>) -> rusqlite::Result<Identity> {
    row.get::<_, String>(0).map(Identity::new)
}

/// A value that cannot be true counts as none.
fn record(row: &Row<'_>) -> Record {
    Record {
        rtt_ms: row.get(1).ok().filter(plausible),
        successes: number(row, 2),
        failures: BTreeMap::new(),
        level: u32::try_from(number(row, 3)).unwrap_or_default(),
        avoided_until_ms: number(row, 4),
        changed_ms: number(row, 5),
    }
}

fn plausible(rtt_ms: &f64) -> bool {
    (0.0..=LONGEST_RTT_MS).contains(rtt_ms)
}

fn number(row: &Row<'_>, column: usize) -> u64 {
    let value = row.get::<_, i64>(column).unwrap_or_default();
    u64::try_from(value).unwrap_or_default()
}

fn stored(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The names are those of the JSON: one of a later version is none.
fn cause(name: &str) -> Option<Cause> {
    let name: serde::de::value::StrDeserializer<'_, serde::de::value::Error> =
        name.into_deserializer();
    Cause::deserialize(name).ok()
}

fn name(cause: Cause) -> String {
    struct Name(Cause);
    impl std::fmt::Display for Name {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.serialize(f)
        }
    }
    Name(cause).to_string()
}

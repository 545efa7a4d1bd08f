//! Setting a node's markers back, so that it fetches a period again.
//!
//! A node keeps a row for each topic with the moment up to which it has asked (`last-request`, in seconds since 1970),
//! and asks for what was sent after that, minus 60 s, but never for more than `default-sync-period`. A row with an earlier
//! marker, written over it (`INSERT OR REPLACE`), makes it ask again, from whichever mailserver is active now (recorded
//! on 2024-10; the same on v0.94, where rows have no `pubsubTopic`). Nodes since 2025-08 serve neither of the methods.
//!
//! A node since mid-2026 moves its markers forward by itself each minute, so what was written is read again.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use actors::model::{moment::Moment, node::NodeError};
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use crate::node::{link::Link, profile, rpc::RpcClient};

/// How often markers are written that the node moves forward again.
const MOST_WRITES: u32 = 3;

const MARKER: &str = "last-request";

/// A row, with all its members as the node wrote them: those that are not known here are given back too.
type Row = Map<String, Value>;

/// What tells a row from the others: pubsub topic and content topic, as the node writes them.
type Key = (Option<String>, String);

/// Markers that were set back, each with what it was before.
#[derive(Debug, Default)]
pub(crate) struct Rewinding {
    /// What was written to all of them, in seconds since 1970.
    to: u64,
    before: BTreeMap<Key, u64>,
}

impl Rewinding {
    /// Sets all markers that are later than `since` back to it; true if none is later any more. Those that the node
    /// would not follow further back are not touched: it asks for no more than `default-sync-period`.
    ///
    /// # Errors
    /// As for [`RpcClient::call`]. Some markers may have been set back then.
    pub(crate) async fn set_back(&mut self, link: &Link, since: Moment) -> Result<bool, NodeError> {
        let mut rows = read(&link.rpc).await?;
        self.to = since.as_seconds();
        if rows.iter().all(|row| !is_later(row, self.to)) {
            return Ok(true);
        }
        let floor = Moment::from(SystemTime::now()).before(sync_period(link).await?);
        self.to = self.to.max(floor.as_seconds());
        for _ in 0..MOST_WRITES {
            let later: Vec<_> = rows.iter().filter(|row| is_later(row, self.to)).collect();
            if later.is_empty() {
                return Ok(true);
            }
            self.before
                .extend(later.iter().filter_map(|row| place(row)));
            let earlier = later.into_iter().map(|row| marked(row, self.to)).collect();
            write(&link.rpc, earlier).await?;
            rows = read(&link.rpc).await?;
        }
        Ok(rows.iter().all(|row| !is_later(row, self.to)))
    }

    /// Sets the markers to what they were before, except those that the node has moved since.
    ///
    /// # Errors
    /// As for [`RpcClient::call`]. What is not undone costs the node a few bytes more at the next request.
    pub(crate) async fn undo(self, link: &Link) -> Result<(), NodeError> {
        if self.before.is_empty() {
            return Ok(());
        }
        let rows = read(&link.rpc).await?;
        let untouched = rows.iter().filter(|row| marker(row) == Some(self.to));
        let restored: Vec<_> = untouched
            .filter_map(|row| Some(marked(row, *self.before.get(&key(row)?)?)))
            .collect();
        if restored.is_empty() {
            return Ok(());
        }
        write(&link.rpc, restored).await
    }
}

/// How far back the node asks at most.
async fn sync_period(link: &Link) -> Result<Duration, NodeError> {
    Ok(profile::account(&link.rpc).await?.sync_period)
}

async fn read(rpc: &RpcClient) -> Result<Vec<Row>, NodeError> {
    let rows: Option<Vec<Row>> = rpc
        .call("mailservers_getMailserverTopics", json!([]))
        .await?;
    Ok(rows.unwrap_or_default())
}

async fn write(rpc: &RpcClient, rows: Vec<Row>) -> Result<(), NodeError> {
    rpc.call::<IgnoredAny>("mailservers_addMailserverTopics", json!([rows]))
        .await?;
    Ok(())
}

fn marker(row: &Row) -> Option<u64> {
    row.get(MARKER)?.as_u64()
}

/// Whether a marker is later; a row without one is none that is known here, and left alone.
fn is_later(row: &Row, than: u64) -> bool {
    key(row).is_some() && marker(row).is_some_and(|marker| marker > than)
}

fn key(row: &Row) -> Option<Key> {
    let text = |name: &str| row.get(name)?.as_str().map(str::to_owned);
    Some((text("pubsubTopic"), text("topic")?))
}

fn place(row: &Row) -> Option<(Key, u64)> {
    Some((key(row)?, marker(row)?))
}

/// The same row with another marker.
fn marked(row: &Row, marker: u64) -> Row {
    let mut row = row.clone();
    row.insert(MARKER.into(), marker.into());
    row
}

//! What node and mailserver say to each other: one JSON value per line, over TCP.
//!
//! Neither devp2p nor libp2p: no program but the simulation speaks it. The node has the first word, so that the
//! mailserver can tell its own line protocol from libp2p, which it answers on the same port.

use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio_util::codec::{Framed, LinesCodec};

use super::{batch::Batch, message::Message};

/// The longest line, in bytes; a longer one ends the connection.
const LINE_LIMIT: usize = 1 << 20;

/// From the node.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Query {
    /// The first line: I speak this.
    Hello,
    /// Are you there?
    Ping,
    /// What it holds of a batch.
    History { number: u64, batch: Batch },
    /// The description of a community.
    Community { number: u64, id: String },
}

/// From the mailserver.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Reply {
    /// The answer to it: who I am.
    Hello { peer: String },
    /// I am there.
    Pong,
    /// A message: of a history request, or live.
    Message {
        query: Option<u64>,
        sequence: u64,
        message: Message,
    },
    /// The history request is answered.
    Done { number: u64 },
    /// The history request failed.
    Failed { number: u64, reason: String },
    /// The name of the community, if it is known.
    Community { number: u64, name: Option<String> },
}

/// How every first line begins.
pub(crate) const BEGINNING: u8 = b'"';

/// The lines of a connection.
pub(crate) type Lines = Framed<TcpStream, LinesCodec>;

/// Cuts a connection into lines.
pub(crate) fn lines(stream: TcpStream) -> Lines {
    // Every line is an answer that somebody waits for.
    let _ = stream.set_nodelay(true);
    Framed::new(stream, LinesCodec::new_with_max_length(LINE_LIMIT))
}

/// Writes one line.
pub(crate) fn encode(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain strings and numbers become JSON")
}

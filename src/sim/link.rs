//! The node's side of a connection to a mailserver: the dial, the keep-alive, the requests.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use futures_util::{SinkExt, StreamExt};
use tokio::{
    net::TcpStream,
    sync::{mpsc, oneshot},
    time::{Instant, interval, timeout},
};

use super::{
    batch::Batch,
    message::Message,
    wire::{self, Lines, Query, Reply},
};

/// Why a dial failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum DialFailure {
    /// The node has no network.
    Unreachable,
    /// Nobody listens.
    Refused,
    /// The TCP connection was not made in time.
    ConnectTimeout,
    /// Connected, but no word came in time.
    Silent,
    /// Somebody else is there.
    Mismatch { found: String },
    /// Connected, and closed before a word.
    Closed,
}

/// What is asked of a mailserver. The sender is dropped when the connection is lost.
#[derive(Debug)]
pub(crate) enum Ask {
    /// What it holds of a batch.
    History {
        batch: Batch,
        answer: oneshot::Sender<Result<Vec<(u64, Message)>, String>>,
    },
    /// The name of a community.
    Community {
        id: String,
        answer: oneshot::Sender<Option<String>>,
    },
}

/// Connects and waits to be told who is there.
pub(crate) async fn dial(
    address: SocketAddr,
    expected: Option<&str>,
    limit: Duration,
) -> Result<Lines, DialFailure> {
    let deadline = Instant::now() + limit;
    let stream = match timeout(limit, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(_)) => return Err(DialFailure::Refused),
        Err(_) => return Err(DialFailure::ConnectTimeout),
    };
    let mut lines = wire::lines(stream);
    // If it cannot be sent, no word comes either.
    let _ = lines.send(wire::encode(&Query::Hello)).await;
    let word = tokio::time::timeout_at(deadline, lines.next()).await;
    let Ok(word) = word else {
        return Err(DialFailure::Silent);
    };
    match word
        .and_then(Result::ok)
        .map(|line| serde_json::from_str(&line))
    {
        Some(Ok(Reply::Hello { peer })) if expected.is_none_or(|expected| expected == peer) => {
            Ok(lines)
        }
        Some(Ok(Reply::Hello { peer })) => Err(DialFailure::Mismatch { found: peer }),
        _ => Err(DialFailure::Closed),
    }
}

/// Keeps a connection up until it is lost: closed, or silent for `patience`.
pub(crate) async fn keep(
    lines: Lines,
    mut asks: mpsc::UnboundedReceiver<Ask>,
    patience: Duration,
    live: impl FnMut(u64, Message),
) {
    let mut link = Link {
        lines,
        live,
        asked: 0,
        histories: BTreeMap::new(),
        communities: BTreeMap::new(),
    };
    let mut heard = Instant::now();
    let mut heartbeat = interval((patience / 4).max(Duration::from_millis(1)));
    loop {
        let sent = tokio::select! {
            line = link.lines.next() => match line {
                Some(Ok(line)) => {
                    heard = Instant::now();
                    link.receive(&line);
                    Ok(())
                }
                _ => return,
            },
            Some(ask) = asks.recv() => link.ask(ask).await,
            _ = heartbeat.tick() => {
                if heard.elapsed() >= patience {
                    return;
                }
                link.lines.send(wire::encode(&Query::Ping)).await
            }
        };
        if sent.is_err() {
            return;
        }
    }
}

/// A history request under way.
#[derive(Debug)]
struct History {
    messages: Vec<(u64, Message)>,
    answer: oneshot::Sender<Result<Vec<(u64, Message)>, String>>,
}

struct Link<F> {
    lines: Lines,
    live: F,
    asked: u64,
    histories: BTreeMap<u64, History>,
    communities: BTreeMap<u64, oneshot::Sender<Option<String>>>,
}

impl<F: FnMut(u64, Message)> Link<F> {
    async fn ask(&mut self, ask: Ask) -> Result<(), tokio_util::codec::LinesCodecError> {
        self.asked += 1;
        let number = self.asked;
        let query = match ask {
            Ask::History { batch, answer } => {
                let messages = Vec::new();
                self.histories.insert(number, History { messages, answer });
                Query::History { number, batch }
            }
            Ask::Community { id, answer } => {
                self.communities.insert(number, answer);
                Query::Community { number, id }
            }
        };
        self.lines.send(wire::encode(&query)).await
    }

    // An answer whose asker is gone is dropped: that is what ignoring the results of `send` means here.
    fn receive(&mut self, line: &str) {
        match serde_json::from_str(line) {
            Ok(Reply::Message {
                query: None,
                sequence,
                message,
            }) => (self.live)(sequence, message),
            Ok(Reply::Message {
                query: Some(number),
                sequence,
                message,
            }) => {
                if let Some(history) = self.histories.get_mut(&number) {
                    history.messages.push((sequence, message));
                }
            }
            Ok(Reply::Done { number }) => {
                if let Some(history) = self.histories.remove(&number) {
                    let _ = history.answer.send(Ok(history.messages));
                }
            }
            Ok(Reply::Failed { number, reason }) => {
                if let Some(history) = self.histories.remove(&number) {
                    let _ = history.answer.send(Err(reason));
                }
            }
            Ok(Reply::Community { number, name }) => {
                if let Some(answer) = self.communities.remove(&number) {
                    let _ = answer.send(name);
                }
            }
            Ok(Reply::Hello { .. } | Reply::Pong) | Err(_) => {}
        }
    }
}

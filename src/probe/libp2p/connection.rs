//! A secured and multiplexed connection to one peer.
//!
//! The multiplexer is agreed upon optimistically: the name of it, the name of the ping protocol and the first
//! ping travel together, and the answers to them too. So a connection stands, or not, with its first ping;
//! [`Streams::stage`] tells how far it got.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use actors::model::probe::{ProbeFailure, Stage};
use futures_util::{
    StreamExt as _,
    io::{AsyncRead, AsyncWrite},
    stream::FuturesUnordered,
};
use multistream_select::{Version, dialer_select_proto};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};

use super::{
    byte_counter::ByteCounter,
    failure::conversation_failure,
    identify, inbound, ping,
    streams::{Asker, Stream, Streams},
};

const YAMUX: &str = "/yamux/1.0.0";

/// Streams that the other side may have open.
const MOST_INBOUND: usize = 8;

/// Streams that one connection may have, and the bytes that may be on their way to us for all of them.
const MOST_STREAMS: usize = 2 * MOST_INBOUND;
const WINDOW: usize = MOST_STREAMS * yamux::DEFAULT_CREDIT as usize;

/// A connection to one peer. Dropping it closes it.
#[derive(Debug)]
pub(super) struct Connection {
    streams: Streams,
    pings: Option<Stream>,
    driver: Driver,
}

impl Connection {
    /// A multiplexed connection over a secured one. Nothing is sent before the first ping.
    pub(super) async fn over<S>(secured: S, introduction: Rc<[u8]>) -> io::Result<Self>
    where
        S: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let counter = ByteCounter::default();
        let (_, io) = dialer_select_proto(counter.count(secured), [YAMUX], Version::V1Lazy)
            .await
            .map_err(io::Error::from)?;
        let mut config = yamux::Config::default();
        config.set_max_num_streams(MOST_STREAMS);
        config.set_max_connection_receive_window(Some(WINDOW));
        let connection = yamux::Connection::new(io, config, yamux::Mode::Client);
        let (streams, asked) = Streams::new(counter);
        let driver = Driver(actix_rt::spawn(drive(connection, asked, introduction)));
        Ok(Self {
            streams,
            pings: None,
            driver,
        })
    }

    /// Pings once.
    pub(super) async fn ping(&mut self, limit: Duration) -> Result<Duration, ProbeFailure> {
        let outcome = timeout(limit, self.try_ping()).await;
        self.judge(outcome, Stage::Ping).await
    }

    async fn try_ping(&mut self) -> io::Result<Duration> {
        if let Some(stream) = &mut self.pings {
            match ping::ping(stream).await {
                // go-libp2p ends a stream of pings that rests for a minute: that is no failure of the peer.
                Err(_) if !self.driver.0.is_finished() => {}
                outcome => return outcome,
            }
        }
        let mut stream = self.streams.open(ping::PROTOCOL).await?;
        let rtt = ping::ping(&mut stream).await?;
        self.pings = Some(stream);
        Ok(rtt)
    }

    /// Asks for the peer's protocols: is there a store among them?
    pub(super) async fn find_store(&mut self, limit: Duration) -> Result<(), ProbeFailure> {
        let asking = async {
            let mut stream = self.streams.open(identify::PROTOCOL).await?;
            identify::find_store(&mut stream).await
        };
        let outcome = timeout(limit, asking).await;
        self.judge(outcome, Stage::Identify).await?
    }

    /// The right to open streams on it, to be shared.
    pub(super) fn streams(&self) -> &Streams {
        &self.streams
    }

    /// Ready when the connection has ended.
    pub(super) fn poll_ended(&mut self, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.driver.0).poll(context).map(drop)
    }

    async fn judge<T>(
        &mut self,
        outcome: Result<io::Result<T>, tokio::time::error::Elapsed>,
        stage: Stage,
    ) -> Result<T, ProbeFailure> {
        let error = match outcome {
            Ok(Ok(success)) => return Ok(success),
            Err(_) => return Err(ProbeFailure::Silent(self.streams.stage(stage))),
            Ok(Err(error)) => error,
        };
        // What ended the connection tells more than what that did to the stream.
        match self.driver.0.is_finished() {
            true => {
                let ended = (&mut self.driver.0).await;
                Err(conversation_failure(
                    ended.unwrap_or(error),
                    self.streams.stage(stage),
                ))
            }
            false => Err(conversation_failure(error, stage)),
        }
    }
}

/// The task that moves the bytes of a connection; its result is what ended it.
#[derive(Debug)]
struct Driver(JoinHandle<io::Error>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn drive<S: AsyncRead + AsyncWrite + Unpin>(
    mut connection: yamux::Connection<S>,
    mut asked: mpsc::Receiver<Asker>,
    introduction: Rc<[u8]>,
) -> io::Error {
    let mut answering = FuturesUnordered::new();
    let mut waiting = None;
    poll_fn(|context| {
        loop {
            if waiting.is_none()
                && let Poll::Ready(Some(asker)) = asked.poll_recv(context)
            {
                waiting = Some(asker);
            }
            if waiting.is_some()
                && let Poll::Ready(opened) = connection.poll_new_outbound(context)
            {
                match (opened, waiting.take()) {
                    // Whoever asked may be gone.
                    (Ok(stream), Some(asker)) => drop(asker.send(stream)),
                    (Err(error), _) => return Poll::Ready(ended(error)),
                    (Ok(_), None) => {}
                }
                continue;
            }
            while let Poll::Ready(Some(_)) = answering.poll_next_unpin(context) {}
            match connection.poll_next_inbound(context) {
                Poll::Ready(Some(Ok(stream))) if answering.len() < MOST_INBOUND => {
                    answering.push(inbound::answer(stream, introduction.clone()));
                }
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(error))) => return Poll::Ready(ended(error)),
                Poll::Ready(None) => return Poll::Ready(io::ErrorKind::UnexpectedEof.into()),
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await
}

fn ended(error: yamux::ConnectionError) -> io::Error {
    match error {
        yamux::ConnectionError::Io(error) => error,
        yamux::ConnectionError::Closed => io::ErrorKind::UnexpectedEof.into(),
        yamux::ConnectionError::Decode(error) => io::Error::new(io::ErrorKind::InvalidData, error),
        error => io::Error::other(error),
    }
}

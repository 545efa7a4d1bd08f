//! The right to open streams on a connection.
//!
//! nwaku allows a peer one connection, so that a query shares the one that the watch pings over; both go on at the same
//! time, each on streams of its own.

use std::{io, time::Duration};

use actors::{
    messages::store::StoreFailure,
    model::probe::{ProbeFailure, Stage},
};
use multistream_select::{Negotiated, NegotiationError, Version, dialer_select_proto};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::{
    byte_counter::ByteCounter,
    failure::conversation_failure,
    store_query::{self, Page, Request},
};

/// The bytes that say yes to the multiplexer: the header and the name, each with its length and a line end.
const AGREEMENT: u64 = 20 + 14;

pub(super) type Stream = Negotiated<yamux::Stream>;

/// Who asks for a stream.
pub(super) type Asker = oneshot::Sender<yamux::Stream>;

/// The right to open streams on a connection. Keeps it from being given up for want of use, not from ending.
#[derive(Clone, Debug)]
pub(super) struct Streams {
    wanted: mpsc::Sender<Asker>,
    secured: ByteCounter,
}

/// The same without keeping the connection.
#[derive(Debug)]
pub(super) struct WeakStreams {
    wanted: mpsc::WeakSender<Asker>,
    secured: ByteCounter,
}

impl Streams {
    /// For a connection over what is counted so; and where it hears of who asks.
    pub(super) fn new(secured: ByteCounter) -> (Self, mpsc::Receiver<Asker>) {
        let (wanted, asked) = mpsc::channel(1);
        (Self { wanted, secured }, asked)
    }

    /// Whether others have it too.
    pub(super) fn is_shared(&self) -> bool {
        self.wanted.strong_count() > 1
    }

    pub(super) fn downgrade(&self) -> WeakStreams {
        WeakStreams {
            wanted: self.wanted.downgrade(),
            secured: self.secured.clone(),
        }
    }

    /// Opens a stream, optimistically: whether the other side knows the protocol shows when something is read.
    pub(super) async fn open(&self, protocol: &'static str) -> io::Result<Stream> {
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        let (stream, opened) = oneshot::channel();
        self.wanted.send(stream).await.map_err(|_| gone())?;
        let stream = opened.await.map_err(|_| gone())?;
        let (_, stream) = dialer_select_proto(stream, [protocol], Version::V1Lazy).await?;
        Ok(stream)
    }

    /// The stage in which the connection is, if it is to get to this one.
    pub(super) fn stage(&self, reached: Stage) -> Stage {
        match self.secured.read() < AGREEMENT {
            true => Stage::Multiplexer,
            false => reached,
        }
    }

    /// Asks for one page of what the peer holds.
    pub(super) async fn query_store(
        &self,
        request: &Request,
        limit: Duration,
    ) -> Result<Page, StoreFailure> {
        let asking = async {
            let mut stream = self.open(store_query::PROTOCOL).await?;
            store_query::ask(&mut stream, request).await
        };
        match timeout(limit, asking).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => Err(query_failure(error, self.stage(Stage::Store))),
            Err(_) => Err(ProbeFailure::Silent(self.stage(Stage::Store)).into()),
        }
    }
}

fn query_failure(error: io::Error, stage: Stage) -> StoreFailure {
    let inner = error.get_ref();
    if stage == Stage::Store && inner.is_some_and(|inner| inner.is::<NegotiationError>()) {
        return StoreFailure::Unsupported;
    }
    match conversation_failure(error, stage) {
        ProbeFailure::NoProtocol(Stage::Store) => StoreFailure::Broken("malformed answer".into()),
        ProbeFailure::Other(what) => StoreFailure::Broken(what),
        failure => failure.into(),
    }
}

impl WeakStreams {
    /// Unless the connection has ended.
    pub(super) fn upgrade(&self) -> Option<Streams> {
        let wanted = self.wanted.upgrade().filter(|it| !it.is_closed())?;
        let secured = self.secured.clone();
        Some(Streams { wanted, secured })
    }
}

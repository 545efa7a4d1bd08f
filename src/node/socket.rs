//! The reader of the signal socket: it always reads, whatever the rest of the sidecar does.
//!
//! status-go writes its signals to all sockets under one lock: a subscriber that stops reading freezes the
//! node after about 2.4 MB (recorded on 2024-10). It answers no pings and never closes, so a silent socket
//! is no fault; the session looks for signs of life elsewhere.

use std::{rc::Rc, time::Duration};

use actix_codec::{AsyncRead, AsyncWrite, Framed};
use bytes::BytesMut;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::time::{sleep, timeout};

use crate::node::{
    frames::{FrameError, Incoming, Outgoing, SignalCodec},
    inbox::{Inbox, SessionEvent},
    link::Link,
    pause::GrowingPause,
    traffic::SignalCounts,
};

/// The limit for a connection to be made.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// The limit for an answer to be written; reading waits for it.
const WRITE: Duration = Duration::from_secs(1);

/// How much is read at once, in bytes: long foreign messages pass in few reads.
const READ: usize = 64 * 1024;

/// Reads the socket at `url` for as long as it is polled, connecting again with growing pauses.
/// It begins once the first session has seeded the peer table, and tries at once when another one has.
pub(crate) async fn read_signals(link: Rc<Link>, url: String) {
    let counters = link.rpc.counters().clone();
    let mut seeded = link.seeded.subscribe();
    let mut pause = GrowingPause::new(Duration::from_secs(1), Duration::from_secs(30));
    let mut failing = false;
    loop {
        if seeded.wait_for(|seeded| *seeded).await.is_err() {
            return;
        }
        let received = counters.signals.received();
        let reason = match connect(&url, &link).await {
            Err(reason) => reason,
            Ok(framed) => {
                tracing::info!(url, "signal socket open");
                counters.set_open(true);
                link.inbox.notify_session(SessionEvent::Opened);
                failing = false;
                let reason = read(framed, &link.inbox).await.to_string();
                counters.set_open(false);
                link.inbox.notify_session(SessionEvent::Closed);
                reason
            }
        };
        if !std::mem::replace(&mut failing, true) {
            tracing::warn!(url, reason, "signal socket closed");
        }
        if counters.signals.received() > received {
            pause.reset();
        }
        tokio::select! {
            () = sleep(pause.grow()) => {}
            _ = async { seeded.wait_for(|seeded| !*seeded).await.is_ok() && seeded.changed().await.is_ok() } => pause.reset(),
        }
    }
}

async fn connect(url: &str, link: &Link) -> Result<Framed<awc::BoxedSocket, SignalCodec>, String> {
    let client = awc::Client::builder().disable_timeout().finish();
    let (_, framed) = timeout(HANDSHAKE, client.ws(url).connect())
        .await
        .map_err(|_| format!("no answer within {HANDSHAKE:?}"))?
        .map_err(|error| error.to_string())?;
    Ok(stream(framed, link.rpc.counters().signals.clone()))
}

/// Our codec in the place of awc's, with what was read already, and a larger buffer.
fn stream<T, U>(framed: Framed<T, U>, counts: Rc<SignalCounts>) -> Framed<T, SignalCodec> {
    let mut parts = framed.replace_codec(SignalCodec::new(counts)).into_parts();
    let mut buffer = BytesMut::with_capacity(READ);
    buffer.extend_from_slice(&parts.read_buf);
    parts.read_buf = buffer;
    Framed::from_parts(parts)
}

/// Reads until the connection ends; why it did.
async fn read<T: AsyncRead + AsyncWrite + Unpin>(
    mut framed: Framed<T, SignalCodec>,
    inbox: &Inbox,
) -> FrameError {
    loop {
        let answer = match framed.next().await {
            Some(Ok(Incoming::Signal(kind, signal))) => {
                inbox.put(kind, signal);
                continue;
            }
            Some(Ok(Incoming::Ping(payload))) => Outgoing::Pong(payload),
            Some(Ok(Incoming::Close)) => Outgoing::Close,
            Some(Err(error)) => return error,
            None => return FrameError::Protocol("closed by the node"),
        };
        let closing = matches!(answer, Outgoing::Close);
        match timeout(WRITE, framed.send(answer)).await {
            Ok(Ok(())) if !closing => {}
            Ok(Ok(())) => return FrameError::Protocol("closed by the node"),
            Ok(Err(error)) => return error,
            Err(_) => return FrameError::Protocol("the node does not read"),
        }
    }
}

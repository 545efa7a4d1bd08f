//! The reader of the signal socket: it always reads, whatever the rest of the sidecar does.
//!
//! status-go writes its signals to all sockets under one lock: a subscriber that stops reading freezes the
//! node after about 2.4 MB (recorded on 2024-10). It answers no pings and never closes, so a silent socket
//! is no fault; the session looks for signs of life elsewhere.

use std::{rc::Rc, time::Duration};

use actix_codec::{AsyncRead, AsyncWrite, Framed};
use bytes::BytesMut;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use crate::node::{
    frames::{FrameError, Incoming, Outgoing, SignalCodec},
    inbox::{Inbox, SessionEvent},
    link::Link,
    logins::LoginNews,
    pause::GrowingPause,
    traffic::SignalCounts,
};

/// The limit for a connection to be made.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// The limit for an answer to be written; reading waits for it.
const WRITE: Duration = Duration::from_secs(1);

/// The pauses between two tries to connect. Whoever logs in is to be heard at once, so that a node that comes back is
/// found soon: a refused connection costs nothing.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How much is read at once, in bytes: long foreign messages pass in few reads.
const READ: usize = 64 * 1024;

/// Reads the socket at `url` for as long as it is polled, connecting again with growing pauses.
///
/// It does not wait for a session: a node serves its signals before anybody is logged in, and it is the login that has
/// to be heard. What concerns a session alone is dropped while there is none. It tries at once when the node answers
/// a call after it was away.
pub(crate) async fn read_signals(link: Rc<Link>, url: String) {
    let mut answers = link.answers.subscribe();
    let mut pause = GrowingPause::new(FIRST_PAUSE, LONGEST_PAUSE);
    let mut failing = false;
    loop {
        answers.mark_unchanged();
        let reason = match connect(&url, &link).await {
            Err(reason) => reason,
            Ok(framed) => {
                tracing::info!(url, "signal socket open");
                failing = false;
                let (reason, heard) = follow(&link, framed).await;
                answers.mark_unchanged();
                if heard {
                    pause.reset();
                }
                reason
            }
        };
        if !std::mem::replace(&mut failing, true) {
            tracing::warn!(url, reason, "signal socket closed");
        }
        tokio::select! {
            () = sleep(pause.grow()) => {}
            () = until_it_answers(&mut answers) => pause.reset(),
        }
    }
}

/// Reads an open socket until it is closed: why it was, and whether anything was heard.
async fn follow(link: &Link, framed: Framed<awc::BoxedSocket, SignalCodec>) -> (String, bool) {
    let counters = link.rpc.counters();
    let before = counters.signals.received();
    counters.set_open(true);
    link.inbox.notify_session(SessionEvent::Opened);
    let reason = read(framed, &link.inbox).await.to_string();
    counters.set_open(false);
    link.inbox.logins.tell(LoginNews::Closed);
    link.inbox.notify_session(SessionEvent::Closed);
    (reason, counters.signals.received() > before)
}

/// Waits until the node answers again.
async fn until_it_answers(answers: &mut watch::Receiver<bool>) {
    loop {
        if answers.changed().await.is_err() {
            return std::future::pending().await;
        }
        if *answers.borrow_and_update() {
            return;
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
            Some(Ok(Incoming::Overlong(kind))) => {
                inbox.put_overlong(kind);
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

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[actix::test]
    async fn only_a_node_that_answers_again_ends_a_pause() {
        let (answer, mut answers) = watch::channel(true);
        let mut waiting = Box::pin(until_it_answers(&mut answers));
        assert!(waiting.as_mut().now_or_never().is_none(), "it always did");
        answer.send_replace(false);
        assert!(waiting.as_mut().now_or_never().is_none(), "it is away");
        answer.send_replace(true);
        assert!(waiting.as_mut().now_or_never().is_some());
        drop(waiting);
        // It was away and back while nobody looked.
        answer.send_replace(false);
        answer.send_replace(true);
        assert!(until_it_answers(&mut answers).now_or_never().is_some());
    }
}

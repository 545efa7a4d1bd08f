//! The event stream over WebSocket: the same events, one text message each.
//!
//! The socket is the body of an answer, as a stream of server-sent events is: it is asked for more when the last was
//! sent, and dropped with its connection.

mod hearing;
mod pulse;

use std::time::Duration;

use actix_codec::Encoder as _;
use actix_http::{
    body::{BodyStream, MessageBody as _},
    ws::{self, CloseCode, CloseReason, Codec, Message},
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode},
    web::{self, Bytes, BytesMut, Data, Query},
};
use actors::messages::events::Numbered;
use futures_util::{Stream, StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::{Instant, sleep_until};

use self::{
    hearing::{End, Hearing, Said},
    pulse::{Due, Pulse},
};
use super::{
    error::ApiError,
    openapi::Operation,
    ports::Ports,
    subscription::{self, News, Payload, Streams, Subscription},
};

/// How long a client may take to close its side after the end was told. Less than what the shutdown waits.
const FAREWELL: Duration = Duration::from_secs(1);

/// What is served here.
pub(super) fn operation() -> Operation {
    let example = json!({
        "id": 42,
        "event": "online",
        "data": { "reason": "store-01 answers", "offline_ms": 8000, "at": "2026-11-27T10:40:00.000Z" },
    });
    let path = "/api/v1/events/ws";
    let operation = Operation::of(Method::GET, path, "followEventsByWebSocket", events)
        .says(
            "Follow what happens, over WebSocket",
            "The same events, a text message each, the replayed ones first. A ping comes every 15 s without an event; who \
             answers none for 30 s is dropped. Nothing is expected of the client: what it says is ignored up to 4 KiB a \
             message, and closed with 1009 beyond. Closed with 1001: the service stops. Closed with 1013: the reader fell \
             too far behind, and comes back with the last number.",
        )
        .content(
            StatusCode::SWITCHING_PROTOCOLS,
            "The socket. The schema is that of one message.",
            "application/json",
            |schemas| subscription::shape(schemas, "integer", |data| data),
        )
        .example(example);
    subscription::described(operation)
}

/// The query, for pages, which cannot set a header.
#[derive(Deserialize)]
struct Parameters {
    last_event_id: Option<String>,
}

/// `GET /api/v1/events/ws`.
async fn events(
    request: HttpRequest,
    incoming: web::Payload,
    parameters: Query<Parameters>,
    ports: Data<Ports>,
    streams: Data<Streams>,
) -> Result<HttpResponse, ApiError> {
    let after = subscription::after(&request, parameters.last_event_id.as_deref())?;
    let misread = |error: ws::HandshakeError| ApiError::Invalid(error.to_string());
    let mut answer = ws::handshake(request.head()).map_err(misread)?;
    let socket = Socket {
        incoming,
        codec: Codec::new(),
        phase: Phase::Open(Box::new(Conversation {
            subscription: Subscription::open(after, &ports, &streams).await?,
            hearing: Hearing::new(),
            pulse: Pulse::new(Instant::now()),
        })),
    };
    let answer = answer.message_body(BodyStream::new(chunks(socket)).boxed());
    let unwritten = |error: actix_http::Error| ApiError::Failed(error.to_string());
    Ok(answer.map_err(unwritten)?.into())
}

/// The socket of a client; `I` is what comes from it.
struct Socket<I> {
    incoming: I,
    codec: Codec,
    phase: Phase,
}

enum Phase {
    /// Events go out.
    Open(Box<Conversation>),
    /// The end was told: the client may close its side until then.
    Closing(Instant),
}

struct Conversation {
    subscription: Subscription,
    hearing: Hearing,
    pulse: Pulse,
}

/// What comes next in a conversation.
enum Turn {
    Send(Vec<Message>),
    /// The last message.
    Close(Option<CloseReason>),
    /// Without another word.
    Drop,
}

/// The body of the answer.
fn chunks<I, E>(socket: Socket<I>) -> impl Stream<Item = Result<Bytes, ws::ProtocolError>>
where
    I: Stream<Item = Result<Bytes, E>> + Unpin,
{
    stream::unfold(socket, async |mut socket| {
        let chunk = socket.next().await?;
        Some((chunk, socket))
    })
}

impl<I, E> Socket<I>
where
    I: Stream<Item = Result<Bytes, E>> + Unpin,
{
    /// What goes out next; nothing after the end.
    async fn next(&mut self) -> Option<Result<Bytes, ws::ProtocolError>> {
        let turn = match &mut self.phase {
            Phase::Open(conversation) => conversation.turn(&mut self.incoming).await,
            Phase::Closing(until) => {
                leave(&mut self.incoming, *until).await;
                return None;
            }
        };
        let messages = match turn {
            Turn::Send(messages) => messages,
            Turn::Close(reason) => {
                // With it, the place among the streams is free.
                self.phase = Phase::Closing(Instant::now() + FAREWELL);
                vec![Message::Close(reason)]
            }
            Turn::Drop => return None,
        };
        let mut bytes = BytesMut::new();
        for message in messages {
            if let Err(error) = self.codec.encode(message, &mut bytes) {
                return Some(Err(error));
            }
        }
        Some(Ok(bytes.freeze()))
    }
}

impl Conversation {
    async fn turn<E>(
        &mut self,
        incoming: &mut (impl Stream<Item = Result<Bytes, E>> + Unpin),
    ) -> Turn {
        loop {
            let turn = tokio::select! {
                news = self.subscription.next() => self.tell(news),
                bytes = incoming.next() => match bytes {
                    Some(Ok(bytes)) => self.answer(&bytes),
                    Some(Err(_)) | None => Some(Turn::Drop),
                },
                () = sleep_until(self.pulse.next()) => Some(match self.pulse.beat(Instant::now()) {
                    Due::Ping => Turn::Send(vec![Message::Ping(Bytes::new())]),
                    Due::Gone => Turn::Drop,
                }),
            };
            if let Some(turn) = turn {
                return turn;
            }
        }
    }

    fn tell(&mut self, news: News) -> Option<Turn> {
        let close = |code: CloseCode, why: &str| {
            let description = Some(why.to_owned());
            Some(Turn::Close(Some(CloseReason { code, description })))
        };
        match news {
            News::Events(batch) => {
                self.pulse.sent(Instant::now());
                Some(Turn::Send(batch.iter().filter_map(message).collect()))
            }
            News::FellBehind => close(CloseCode::Again, "too slow: come back with the last id"),
            News::Stopped => close(CloseCode::Away, "the service stops"),
        }
    }

    fn answer(&mut self, bytes: &[u8]) -> Option<Turn> {
        self.pulse.heard();
        let Said { ping, end } = self.hearing.hear(bytes);
        match (end, ping) {
            (Some(End::Closed(code)), _) => Some(Turn::Close(code.map(CloseReason::from))),
            (Some(End::Refused(reason)), _) => Some(Turn::Close(Some(reason))),
            (None, Some(payload)) => Some(Turn::Send(vec![Message::Pong(payload)])),
            (None, None) => None,
        }
    }
}

/// Takes what still comes until the client closes its side, so that what was sent is not lost by a reset.
async fn leave<E>(incoming: &mut (impl Stream<Item = Result<Bytes, E>> + Unpin), until: Instant) {
    let reading = async { while let Some(Ok(_)) = incoming.next().await {} };
    tokio::select! {
        () = reading => {}
        () = sleep_until(until) => {}
    }
}

/// An event as it is sent.
#[derive(Serialize)]
struct Told<'a> {
    id: u64,
    event: &'static str,
    data: Payload<'a>,
}

fn message(numbered: &Numbered) -> Option<Message> {
    let told = Told {
        id: numbered.sequence,
        event: numbered.event.name(),
        data: Payload::of(numbered),
    };
    match serde_json::to_string(&told) {
        Ok(text) => Some(Message::Text(text.into())),
        Err(error) => {
            let sequence = numbered.sequence;
            tracing::error!(sequence, %error, "event not serialisable");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_codec::Decoder as _;
    use actix_http::ws::Frame;
    use futures_util::StreamExt as _;
    use tokio::sync::mpsc;

    use super::{super::subscription::rig, *};

    type Sent = Result<Bytes, ()>;

    fn socket(
        subscription: Subscription,
    ) -> (
        mpsc::UnboundedSender<Sent>,
        Socket<impl Stream<Item = Sent> + Unpin>,
    ) {
        let (client, mut sent) = mpsc::unbounded_channel();
        let phase = Phase::Open(Box::new(Conversation {
            subscription,
            hearing: Hearing::new(),
            pulse: Pulse::new(Instant::now()),
        }));
        let socket = Socket {
            incoming: stream::poll_fn(move |context| sent.poll_recv(context)),
            codec: Codec::new(),
            phase,
        };
        (client, socket)
    }

    fn said(message: Message) -> Sent {
        let mut bytes = BytesMut::new();
        let mut client = Codec::new().client_mode();
        client.encode(message, &mut bytes).unwrap();
        Ok(bytes.freeze())
    }

    fn heard(bytes: &Bytes) -> Vec<Frame> {
        let mut client = Codec::new().client_mode();
        let mut bytes = BytesMut::from(&bytes[..]);
        std::iter::from_fn(|| client.decode(&mut bytes).unwrap()).collect()
    }

    #[actix::test]
    async fn silence_is_broken_by_pings_and_whoever_answers_none_is_dropped() {
        tokio::time::pause();
        let (_sink, _stop, subscription) = rig::subscription();
        let (client, socket) = socket(subscription);
        let mut chunks = std::pin::pin!(chunks(socket));
        let begun = Instant::now();
        for answered in 1..=5 {
            let ping = chunks.next().await.unwrap().unwrap();
            assert!(matches!(heard(&ping)[..], [Frame::Ping(_)]));
            assert_eq!(begun.elapsed().as_secs(), 15 * answered);
            let pong = said(Message::Pong(Bytes::new()));
            client.send(pong).unwrap();
        }
        let unanswered: Vec<_> = chunks.collect().await;
        assert_eq!(unanswered.len(), 2, "and then it ends");
        assert_eq!(begun.elapsed().as_secs(), 15 * 6 + 30);
    }

    #[actix::test]
    async fn the_end_is_told_with_its_cause_after_what_was_sent_before() {
        tokio::time::pause();
        for (stops, code) in [(true, CloseCode::Away), (false, CloseCode::Again)] {
            let (sink, stop, subscription) = rig::subscription();
            let (client, socket) = socket(subscription);
            for sequence in 1..=100 {
                sink.try_send(rig::numbered(sequence)).unwrap();
            }
            let _kept = (!stops).then_some(stop);
            drop(sink);
            let begun = Instant::now();
            let chunks: Vec<_> = chunks(socket).collect().await;
            let frames = chunks.iter().flat_map(|it| heard(it.as_ref().unwrap()));
            let (texts, ends): (Vec<_>, Vec<_>) =
                frames.partition(|it| matches!(it, Frame::Text(_)));
            assert_eq!(texts.len(), 100);
            let [Frame::Close(Some(reason))] = &ends[..] else {
                panic!("{ends:?}")
            };
            assert_eq!(reason.code, code);
            assert_eq!(
                begun.elapsed().as_secs(),
                FAREWELL.as_secs(),
                "the client is waited for"
            );
            drop(client);
        }
    }

    #[actix::test]
    async fn a_client_that_closes_is_answered_and_gives_its_place_back_at_once() {
        let (sink, _stop, subscription) = rig::subscription();
        let (client, socket) = socket(subscription);
        let mut chunks = std::pin::pin!(chunks(socket));
        let close = said(Message::Close(Some(CloseCode::Normal.into())));
        client.send(close).unwrap();
        let end = chunks.next().await.unwrap().unwrap();
        let [Frame::Close(Some(reason))] = &heard(&end)[..] else {
            panic!("{end:?}")
        };
        assert_eq!(reason.code, CloseCode::Normal);
        assert!(sink.is_closed());
        drop(client);
        assert!(chunks.next().await.is_none());
    }
}

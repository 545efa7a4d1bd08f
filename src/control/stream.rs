//! The event stream: server-sent events, with replay of what a client missed.

use std::{fmt::Write, sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method, StatusCode,
        header::{CACHE_CONTROL, HeaderName},
    },
    web::{Bytes, Data, Query},
};
use actors::messages::events::{Event, Numbered, Subscribe};
use futures_util::{Stream, stream};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch},
    time::sleep,
};

use super::{
    error::{ApiError, Kind},
    openapi::{Operation, Schemas},
    ports::{ANSWER_LIMIT, Ports, ask},
};

/// How many streams may be open at a time.
const MAX_STREAMS: usize = 32;

/// A comment goes out after this long without an event, so that both ends (and what is between them)
/// notice when the other is gone.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Events that go out in one write at most.
const BATCH: usize = 64;

/// The header of a client that comes back.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// What is served here.
pub(super) fn operation() -> Operation {
    let example = json!({
        "id": "42",
        "event": "online",
        "data": "{\"reason\":\"store-01 answers\",\"offline_ms\":8000,\"at\":\"2026-11-27T10:40:00.000Z\"}",
    });
    Operation::of(Method::GET, "/api/v1/events", "followEvents", events)
        .says(
            "Follow what happens",
            "Server-sent events, the replayed ones first. A comment comes every 15 s without an event. A stream whose \
             reader falls too far behind is closed: come back with the last number.",
        )
        .may_name("header", "Last-Event-ID", "The number of the last event that is known: what came after it is replayed.")
        .may_name("query", "last_event_id", "The same, for clients that cannot set a field of the head.")
        .may_name("query", "heartbeat", "`true`: events named `heartbeat`, without a number, in place of comments.")
        .content(StatusCode::OK, "The stream. The schema is that of one event.", "text/event-stream", described)
        .example(example)
        .refuses(&[Kind::Invalid, Kind::Unanswered, Kind::TooManyStreams])
}

/// An event of the stream: its name says what its data is. (A schema for a part of a stream comes only with OpenAPI 3.2,
/// where it looks like this.)
fn described(schemas: &mut Schemas) -> Value {
    let mut data = schemas.inline::<Payload<'_>>();
    let variants = data.as_object_mut().and_then(|it| it.remove("anyOf"));
    let frames: Vec<_> = variants
        .iter()
        .flat_map(|all| all.as_array().into_iter().flatten())
        .map(|variant| frame(variant, &data))
        .collect();
    json!({ "oneOf": frames })
}

/// An event with this part of its own beside what all carry.
fn frame(variant: &Value, common: &Value) -> Value {
    let mut data = common.clone();
    data["allOf"] = json!([variant]);
    json!({
        "type": "object",
        "title": variant["title"],
        "description": variant["description"],
        "required": ["id", "event", "data"],
        "properties": {
            "id": { "type": "string", "description": "Its number: counts from 1 in each process." },
            "event": { "const": variant["title"] },
            "data": { "type": "string", "contentMediaType": "application/json", "contentSchema": data },
        },
    })
}

/// The open streams.
pub(super) struct Streams {
    free: Arc<Semaphore>,
    stopped: watch::Receiver<()>,
}

impl Streams {
    /// Streams that end when the sender of `stopped` is dropped.
    pub(super) fn new(stopped: watch::Receiver<()>) -> Self {
        Self {
            free: Arc::new(Semaphore::new(MAX_STREAMS)),
            stopped,
        }
    }
}

/// The query, for clients that cannot set a header, or see no comment.
#[derive(Deserialize)]
struct Parameters {
    last_event_id: Option<String>,
    /// Events named `heartbeat` in place of comments, without a number.
    #[serde(default)]
    heartbeat: bool,
}

/// `GET /api/v1/events`.
async fn events(
    request: HttpRequest,
    parameters: Query<Parameters>,
    ports: Data<Ports>,
    streams: Data<Streams>,
) -> Result<HttpResponse, ApiError> {
    let after = after(&request, &parameters)?;
    let free = streams.free.clone().try_acquire_owned();
    let permit = free.map_err(|_| ApiError::TooManyStreams(MAX_STREAMS))?;
    // The whole replay may be put in at once.
    let (sink, events) = mpsc::channel(actors::events::Config::default().keep + BATCH);
    let subscribed = ask(&ports.subscribe, Subscribe { after, sink }, ANSWER_LIMIT).await;
    subscribed.ok_or(ApiError::Unanswered("events"))?;
    let source = Source {
        events,
        stopped: streams.stopped.clone(),
        begun: false,
        keep_alive: match parameters.heartbeat {
            true => "event: heartbeat\ndata: {}\n\n",
            false => ": keep-alive\n\n",
        },
        _permit: permit,
    };
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(chunks(source)))
}

fn after(request: &HttpRequest, parameters: &Parameters) -> Result<Option<u64>, ApiError> {
    let header = request.headers().get(LAST_EVENT_ID);
    let header = header.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let Some(text) = header.or_else(|| parameters.last_event_id.clone()) else {
        return Ok(None);
    };
    let number = text.trim().parse();
    number
        .map(Some)
        .map_err(|_| ApiError::Invalid(format!("Last-Event-ID {text:?} is not a number")))
}

struct Source {
    events: mpsc::Receiver<Numbered>,
    stopped: watch::Receiver<()>,
    begun: bool,
    /// What goes out when there is no event.
    keep_alive: &'static str,
    _permit: OwnedSemaphorePermit,
}

/// The body: ends when the service stops, or when the client fell so far behind that it was cut off.
fn chunks(source: Source) -> impl Stream<Item = Result<Bytes, actix_web::Error>> {
    stream::unfold(source, async |mut source| {
        let chunk = source.next().await?;
        Some((Ok(Bytes::from(chunk)), source))
    })
}

impl Source {
    async fn next(&mut self) -> Option<String> {
        if !self.begun {
            self.begun = true;
            // The head of the answer goes out with the first bytes of the body: not only at the first event.
            return Some("retry: 1000\n: connected\n\n".to_owned());
        }
        let mut batch = Vec::new();
        tokio::select! {
            biased;
            received = self.events.recv_many(&mut batch, BATCH) => (received > 0).then(|| frames(&batch)),
            _ = self.stopped.changed() => None,
            () = sleep(KEEP_ALIVE) => Some(self.keep_alive.to_owned()),
        }
    }
}

/// The data of an event.
#[derive(Serialize, JsonSchema)]
struct Payload<'a> {
    #[serde(flatten)]
    event: &'a Event,
    /// When it happened (RFC 3339, UTC).
    at: String,
}

fn frames(batch: &[Numbered]) -> String {
    let mut text = String::new();
    for Numbered {
        sequence,
        at,
        event,
    } in batch
    {
        let at = humantime::format_rfc3339_millis(*at).to_string();
        match serde_json::to_string(&Payload { event, at }) {
            Ok(data) => {
                let name = event.name();
                write!(text, "id: {sequence}\nevent: {name}\ndata: {data}\n\n")
                    .expect("a String takes every write");
            }
            Err(error) => tracing::error!(sequence, %error, "event not serialisable"),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use futures_util::StreamExt;
    use tokio::time::Instant;

    use super::*;

    #[actix::test]
    async fn a_silent_stream_carries_a_comment_every_fifteen_seconds() {
        tokio::time::pause();
        let (_sink, _stop, source) = source();
        let mut chunks = std::pin::pin!(chunks(source));
        chunks.next().await;
        for _ in 0..3 {
            let before = Instant::now();
            assert_eq!(text(chunks.next().await), ": keep-alive\n\n");
            // Timers are rounded up to a millisecond.
            assert!((before.elapsed() - KEEP_ALIVE).as_millis() <= 1);
        }
    }

    #[actix::test]
    async fn one_that_is_cut_off_or_stopped_still_gets_what_was_sent_before() {
        for stop_first in [false, true] {
            let (sink, stop, source) = source();
            for sequence in 1..=100 {
                let event = Event::ActorRestarted {
                    actor: "pinger".to_owned(),
                    reason: "panic".to_owned(),
                    restarts: 1,
                };
                let at = UNIX_EPOCH;
                sink.try_send(Numbered {
                    sequence,
                    at,
                    event,
                })
                .unwrap();
            }
            // One of the two is kept, so that only the other ends the stream.
            let kept: Box<dyn std::any::Any> = if stop_first {
                drop(stop);
                Box::new(sink)
            } else {
                drop(sink);
                Box::new(stop)
            };
            let body: Vec<_> = chunks(source)
                .map(|chunk| text(Some(chunk)))
                .collect()
                .await;
            drop(kept);
            let numbers = body
                .iter()
                .flat_map(|chunk| chunk.lines())
                .filter(|line| line.starts_with("id: "));
            assert_eq!(numbers.count(), 100);
            assert_eq!(body.len(), 3, "the greeting and two batches");
        }
    }

    fn source() -> (mpsc::Sender<Numbered>, watch::Sender<()>, Source) {
        let (sink, events) = mpsc::channel(128);
        let (stop, stopped) = watch::channel(());
        let _permit = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let begun = false;
        let keep_alive = ": keep-alive\n\n";
        (
            sink,
            stop,
            Source {
                events,
                stopped,
                begun,
                keep_alive,
                _permit,
            },
        )
    }

    fn text(chunk: Option<Result<Bytes, actix_web::Error>>) -> String {
        String::from_utf8(chunk.unwrap().unwrap().to_vec()).unwrap()
    }
}

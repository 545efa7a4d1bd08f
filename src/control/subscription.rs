//! One client that follows the events, by whatever protocol: how many there may be, what is replayed, when it ends.

use std::sync::Arc;

use actix_web::{HttpRequest, http::header::HeaderName, web::Data};
use actors::messages::events::{Event, Numbered, Subscribe};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch},
    task::yield_now,
};

use super::{
    error::{ApiError, Kind},
    openapi::{Operation, Schemas},
    ports::{ANSWER_LIMIT, Ports, ask},
};

/// How many may follow at a time.
const MAX_STREAMS: usize = 64;

/// Events that go out in one write at most: each connection keeps a buffer that can take them.
const BATCH: usize = 8;

/// Events by which a follower may fall behind, beside those of a replay.
const SPARE: usize = 64;

/// The header of a client that comes back.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

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

/// What an operation by which events are followed takes, and why it is refused.
pub(super) fn described(operation: Operation) -> Operation {
    let what = "The number of the last event that is known: what came after it is replayed.";
    let same = "The same, for clients that cannot set a field of the head.";
    operation
        .may_name("header", "Last-Event-ID", what)
        .may_name("query", "last_event_id", same)
        .refuses(&[Kind::Invalid, Kind::Unanswered, Kind::TooManyStreams])
}

/// The shape of what is sent of an event, whose name says what its data is. (A schema for a part of a stream comes only
/// with OpenAPI 3.2, where it looks like this.)
pub(super) fn shape(schemas: &mut Schemas, id: &str, data: fn(Value) -> Value) -> Value {
    let mut common = schemas.inline::<Payload<'_>>();
    let variants = common.as_object_mut().and_then(|it| it.remove("anyOf"));
    let variants = variants.as_ref().and_then(Value::as_array).into_iter();
    let frame = |variant: &Value| {
        // Its own part beside what all carry.
        let mut own = common.clone();
        own["allOf"] = json!([variant]);
        json!({
            "type": "object",
            "title": variant["title"],
            "description": variant["description"],
            "required": ["id", "event", "data"],
            "properties": {
                "id": { "type": id, "description": "Its number: counts from 1 in each process." },
                "event": { "const": variant["title"] },
                "data": data(own),
            },
        })
    };
    json!({ "oneOf": variants.flatten().map(frame).collect::<Vec<_>>() })
}

/// The last number that a client knows, as its head tells it, else its query.
///
/// # Errors
///
/// If it is no number.
pub(super) fn after(request: &HttpRequest, query: Option<&str>) -> Result<Option<u64>, ApiError> {
    let header = request.headers().get(LAST_EVENT_ID);
    let header = header.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let Some(text) = header.or_else(|| query.map(str::to_owned)) else {
        return Ok(None);
    };
    let number = text.trim().parse();
    number
        .map(Some)
        .map_err(|_| ApiError::Invalid(format!("Last-Event-ID {text:?} is not a number")))
}

/// One that follows, for as long as this is kept.
pub(super) struct Subscription {
    events: mpsc::Receiver<Numbered>,
    stopped: watch::Receiver<()>,
    _permit: OwnedSemaphorePermit,
}

/// What a follower is told.
#[derive(Debug, PartialEq)]
pub(super) enum News {
    /// Some events, in order.
    Events(Vec<Numbered>),
    /// The follower fell so far behind that it was cut off.
    FellBehind,
    /// The service stops.
    Stopped,
}

impl Subscription {
    /// Begins after this number; with `None`, with what comes next.
    ///
    /// # Errors
    ///
    /// If too many follow, or the events do not answer.
    pub(super) async fn open(
        after: Option<u64>,
        ports: &Data<Ports>,
        streams: &Data<Streams>,
    ) -> Result<Self, ApiError> {
        let free = streams.free.clone().try_acquire_owned();
        let permit = free.map_err(|_| ApiError::TooManyStreams(MAX_STREAMS))?;
        // The whole replay may be put in at once.
        let (sink, events) = mpsc::channel(actors::events::Config::default().keep + SPARE);
        let subscribed = ask(&ports.subscribe, Subscribe { after, sink }, ANSWER_LIMIT).await;
        subscribed.ok_or(ApiError::Unanswered("events"))?;
        Ok(Self {
            events,
            stopped: streams.stopped.clone(),
            _permit: permit,
        })
    }

    /// The next events; what was published before the end comes before it. Nothing is lost if this is not waited for.
    pub(super) async fn next(&mut self) -> News {
        // What was told before is written first: a buffer for the whole of a replay would stay as large.
        yield_now().await;
        let mut batch = Vec::new();
        tokio::select! {
            biased;
            received = self.events.recv_many(&mut batch, BATCH) => match received {
                0 if self.stopped.has_changed().is_err() => News::Stopped,
                0 => News::FellBehind,
                _ => News::Events(batch),
            },
            _ = self.stopped.changed() => News::Stopped,
        }
    }
}

/// The data of an event.
#[derive(Serialize, JsonSchema)]
pub(super) struct Payload<'a> {
    #[serde(flatten)]
    event: &'a Event,
    /// When it happened (RFC 3339, UTC).
    at: String,
}

impl<'a> Payload<'a> {
    pub(super) fn of(numbered: &'a Numbered) -> Self {
        Self {
            event: &numbered.event,
            at: humantime::format_rfc3339_millis(numbered.at).to_string(),
        }
    }
}

/// Subscriptions without a service.
#[cfg(test)]
pub(super) mod rig {
    use std::time::UNIX_EPOCH;

    use super::*;

    /// A subscription, what ends it by a cut-off when it is dropped, and by a stop.
    pub(crate) fn subscription() -> (mpsc::Sender<Numbered>, watch::Sender<()>, Subscription) {
        let (sink, events) = mpsc::channel(128);
        let (stop, stopped) = watch::channel(());
        let permit = Arc::new(Semaphore::new(1)).try_acquire_owned();
        let subscription = Subscription {
            events,
            stopped,
            _permit: permit.unwrap(),
        };
        (sink, stop, subscription)
    }

    /// Some event.
    pub(crate) fn numbered(sequence: u64) -> Numbered {
        let event = Event::ActorRestarted {
            actor: "pinger".to_owned(),
            reason: "panic".to_owned(),
            restarts: 1,
        };
        Numbered {
            sequence,
            at: UNIX_EPOCH,
            event,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{rig::*, *};

    #[actix::test]
    async fn one_that_is_cut_off_or_stopped_still_gets_what_was_sent_before() {
        for stop_first in [false, true] {
            let (sink, stop, mut subscription) = subscription();
            for sequence in 1..=100 {
                sink.try_send(numbered(sequence)).unwrap();
            }
            // One of the two is kept, so that only the other ends the stream.
            let (_kept_sink, _kept_stop, end) = match stop_first {
                true => {
                    drop(stop);
                    (Some(sink), None, News::Stopped)
                }
                false => {
                    drop(sink);
                    (None, Some(stop), News::FellBehind)
                }
            };
            let mut numbers = Vec::new();
            let mut batches = 0;
            let last = loop {
                match subscription.next().await {
                    News::Events(batch) => {
                        batches += 1;
                        numbers.extend(batch.iter().map(|it| it.sequence));
                    }
                    last => break last,
                }
            };
            assert_eq!(last, end);
            assert_eq!(numbers, (1..=100).collect::<Vec<_>>());
            assert_eq!(batches, 100 / BATCH + 1);
        }
    }

    #[actix::test]
    async fn when_all_ends_at_once_it_is_the_stop() {
        let (sink, stop, mut subscription) = subscription();
        drop((sink, stop));
        assert_eq!(subscription.next().await, News::Stopped);
    }
}

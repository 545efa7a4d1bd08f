//! The event stream: server-sent events, with replay of what a client missed.

use std::{fmt::Write, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode, header::CACHE_CONTROL},
    web::{Bytes, Data, Query},
};
use actors::messages::events::Numbered;
use futures_util::{Stream, stream};
use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;

use super::{
    error::ApiError,
    openapi::Operation,
    ports::Ports,
    subscription::{self, News, Payload, Streams, Subscription},
};

/// A comment goes out after this long without an event, so that both ends (and what is between them)
/// notice when the other is gone.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What is served here.
pub(super) fn operation() -> Operation {
    let example = json!({
        "id": "42",
        "event": "online",
        "data": "{\"reason\":\"store-01 answers\",\"offline_ms\":8000,\"at\":\"2026-11-27T10:40:00.000Z\"}",
    });
    let operation = Operation::of(Method::GET, "/api/v1/events", "followEvents", events)
        .says(
            "Follow what happens",
            "Server-sent events, the replayed ones first. A comment comes every 15 s without an event. A stream whose \
             reader falls too far behind is closed: come back with the last number.",
        )
        .may_name("query", "heartbeat", "`true`: events named `heartbeat`, without a number, in place of comments.")
        .content(
            StatusCode::OK,
            "The stream. The schema is that of one event.",
            "text/event-stream",
            |schemas| {
                subscription::shape(schemas, "string", |data| {
                    let media = "application/json";
                    json!({ "type": "string", "contentMediaType": media, "contentSchema": data })
                })
            },
        )
        .example(example);
    subscription::described(operation)
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
    let after = subscription::after(&request, parameters.last_event_id.as_deref())?;
    let source = Source {
        subscription: Subscription::open(after, &ports, &streams).await?,
        begun: false,
        keep_alive: match parameters.heartbeat {
            true => "event: heartbeat\ndata: {}\n\n",
            false => ": keep-alive\n\n",
        },
    };
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(chunks(source)))
}

struct Source {
    subscription: Subscription,
    begun: bool,
    /// What goes out when there is no event.
    keep_alive: &'static str,
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
        match timeout(KEEP_ALIVE, self.subscription.next()).await {
            Ok(News::Events(batch)) => Some(frames(&batch)),
            Ok(News::FellBehind | News::Stopped) => None,
            Err(_) => Some(self.keep_alive.to_owned()),
        }
    }
}

fn frames(batch: &[Numbered]) -> String {
    let mut text = String::new();
    for numbered in batch {
        let sequence = numbered.sequence;
        match serde_json::to_string(&Payload::of(numbered)) {
            Ok(data) => {
                let name = numbered.event.name();
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
    use futures_util::StreamExt;
    use tokio::time::Instant;

    use super::{super::subscription::rig, *};

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
    async fn one_that_is_stopped_still_gets_what_was_sent_before() {
        let (sink, stop, source) = source();
        for sequence in 1..=100 {
            sink.try_send(rig::numbered(sequence)).unwrap();
        }
        drop(stop);
        let body: Vec<_> = chunks(source)
            .map(|chunk| text(Some(chunk)))
            .collect()
            .await;
        let numbers = body
            .iter()
            .flat_map(|chunk| chunk.lines())
            .filter(|line| line.starts_with("id: "));
        assert_eq!(numbers.count(), 100);
        assert_eq!(body.len(), 14, "the greeting and the batches");
    }

    fn source() -> (
        tokio::sync::mpsc::Sender<Numbered>,
        tokio::sync::watch::Sender<()>,
        Source,
    ) {
        let (sink, stop, subscription) = rig::subscription();
        let source = Source {
            subscription,
            begun: false,
            keep_alive: ": keep-alive\n\n",
        };
        (sink, stop, source)
    }

    fn text(chunk: Option<Result<Bytes, actix_web::Error>>) -> String {
        String::from_utf8(chunk.unwrap().unwrap().to_vec()).unwrap()
    }
}

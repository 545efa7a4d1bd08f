//! Signals that the host application forwards: one, or an array of them.
//!
//! Each is handed on as the text that came: whether it is wanted is the node adapter's business, so that
//! nothing but its `type` is read here.

use std::borrow::Cow;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode},
    web::{Data, Payload},
};
use actors::messages::node::PushSignals;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use super::{
    body,
    error::{ApiError, Kind},
    history::Accepted,
    openapi::Operation,
    ports::{CHANGE_LIMIT, Config, Ports, ask},
};

/// The largest body of signals: a whole burst of them, but none of the huge ones that nobody needs.
const MAX_SIGNALS_BYTES: usize = 4 * 1024 * 1024;

/// What is served here.
pub(super) fn operation() -> Operation {
    let example = json!({ "type": "wakuv2.peerstats", "event": { "isOnline": true, "peers": {} } });
    Operation::of(Method::POST, "/api/v1/signals", "pushSignals", push)
        .says(
            "Hand on signals of the node",
            "For host applications, where `node.signals` is `push`: 4 MiB at most.",
        )
        .takes::<Signals>(
            "One signal of status-go as it came, or an array of them.",
            example,
        )
        .answers::<Accepted>(StatusCode::ACCEPTED, "They are taken.")
        .example(json!({ "accepted": 1 }))
        .refuses(&[Kind::Conflict, Kind::Unanswered])
}

/// What may be handed on.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "they are taken apart as text")]
enum Signals {
    /// One.
    One(Signal),
    /// Several, in their order.
    Several(Vec<Signal>),
}

/// A signal of status-go.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "they are taken apart as text")]
struct Signal {
    /// What it tells of.
    #[schemars(rename = "type")]
    kind: String,
    /// What it tells.
    #[schemars(default)]
    event: Value,
}

/// `POST /api/v1/signals`.
async fn push(
    request: HttpRequest,
    payload: Payload,
    ports: Data<Ports>,
    config: Data<Config>,
) -> Result<HttpResponse, ApiError> {
    if !config.accept_signals {
        return Err(ApiError::Conflict(
            "signals are taken only if node.signals is \"push\"".to_owned(),
        ));
    }
    let body = body::bytes(&request, payload, MAX_SIGNALS_BYTES).await?;
    let signals = split(&body).map_err(ApiError::Invalid)?;
    let accepted = Accepted::new(signals.len());
    let answer = ask(&ports.push_signals, PushSignals(signals), CHANGE_LIMIT).await;
    answer.ok_or(ApiError::Unanswered("node adapter"))?;
    Ok(HttpResponse::Accepted().json(accepted))
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow, rename = "type")]
    _kind: Cow<'a, str>,
}

/// Takes a body apart into the JSON texts of its signals.
///
/// # Errors
///
/// What is wrong with the first one that is not an object with a `type` that is a string.
fn split(body: &[u8]) -> Result<Vec<String>, String> {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    let signals: Vec<&RawValue> = if first == Some(&b'[') {
        serde_json::from_slice(body).map_err(|error| format!("not JSON: {error}"))?
    } else {
        vec![serde_json::from_slice(body).map_err(|error| format!("not JSON: {error}"))?]
    };
    let mut texts = Vec::with_capacity(signals.len());
    for (index, signal) in signals.iter().enumerate() {
        // A struct can be read from an array too.
        if !signal.get().starts_with('{') {
            return Err(format!("signal {index}: not an object"));
        }
        serde_json::from_str::<Head<'_>>(signal.get())
            .map_err(|error| format!("signal {index}: {error}"))?;
        texts.push(signal.get().to_owned());
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_handed_on_as_they_came() {
        let one = r#"{ "type":"wakuv2.peerstats", "event": {"x":1.0} }"#;
        assert_eq!(split(one.as_bytes()).unwrap(), [one]);
        let two = format!(" [{one}, {one}]\n");
        assert_eq!(split(two.as_bytes()).unwrap(), [one, one]);
        assert!(split(b"[]").unwrap().is_empty());
    }

    #[test]
    fn anything_else_is_refused_with_its_place() {
        for (body, reason) in [
            ("", "not JSON: "),
            ("{\"type\":", "not JSON: "),
            ("5", "signal 0: not an object"),
            (r#"[{"type":"a"},["a"]]"#, "signal 1: not an object"),
            (
                r#"[{"type":"a"},{"event":{}}]"#,
                "signal 1: missing field `type`",
            ),
            (r#"{"type":5}"#, "signal 0: invalid type"),
        ] {
            let error = split(body.as_bytes()).expect_err(body);
            assert!(error.starts_with(reason), "{body}: {error}");
        }
    }
}

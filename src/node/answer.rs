//! What an answer of the node means: its result, or a typed error.

use actors::model::node::NodeError;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::value::RawValue;

/// An answer, with its parts unparsed. `null` and absent are different results.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default, borrow, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(default, borrow)]
    error: Option<&'a RawValue>,
}

fn present<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
struct ErrorObject {
    code: i64,
    #[serde(default)]
    message: String,
}

/// Reads the body of an answer to `method`.
///
/// # Errors
/// What the node says, typed; a transport error if the body is not an answer, or the result has another shape.
pub(crate) fn read<T: DeserializeOwned>(method: &str, body: &[u8]) -> Result<T, NodeError> {
    let result = open(method, body)?;
    serde_json::from_str(result.get())
        .map_err(|error| NodeError::Transport(format!("unexpected result of {method}: {error}")))
}

fn open<'a>(method: &str, body: &'a [u8]) -> Result<&'a RawValue, NodeError> {
    let envelope: Envelope<'a> = serde_json::from_slice(body)
        .map_err(|_| NodeError::Transport(format!("not JSON-RPC: {}", excerpt(body))))?;
    match (envelope.error, envelope.result) {
        (Some(error), _) => Err(classify(method, error)),
        (None, Some(result)) => Ok(result),
        (None, None) => Err(NodeError::Transport(format!(
            "not JSON-RPC: {}",
            excerpt(body)
        ))),
    }
}

fn classify(method: &str, error: &RawValue) -> NodeError {
    // status-backend, 2024-10, before login: a string where JSON-RPC has an object.
    if let Ok(text) = serde_json::from_str::<String>(error.get()) {
        return match text.as_str() {
            "JSON-RPC client is unavailable" => NodeError::NotLoggedIn,
            _ => NodeError::Node {
                code: -32000,
                message: shorten(&text),
            },
        };
    }
    let Ok(ErrorObject { code, message }) = serde_json::from_str(error.get()) else {
        return NodeError::Transport(format!(
            "not a JSON-RPC error: {}",
            excerpt(error.get().as_bytes())
        ));
    };
    match code {
        -32601 => NodeError::UnknownMethod(method.to_owned()),
        -32602 => NodeError::BadParameters(shorten(&message)),
        // The geth port of v0.94, before login: the handlers exist, what they need does not.
        -32000 if message == "method handler crashed" => NodeError::NotLoggedIn,
        _ if is_backoff(&message) => NodeError::DialBackoff,
        _ => NodeError::Node {
            code,
            message: shorten(&message),
        },
    }
}

/// Whether libp2p refused to dial every address because of an earlier failure. One address that was really
/// tried makes it an answer about the mailserver (both forms recorded on v0.94 and 2024-10).
fn is_backoff(message: &str) -> bool {
    let reasons: Vec<&str> = message
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("* ["))
        .map(|line| {
            line.split_once(']')
                .map_or(line, |(_, reason)| reason)
                .trim()
        })
        .collect();
    match reasons.as_slice() {
        [] => message.trim_end().ends_with("dial backoff"),
        reasons => reasons.iter().all(|reason| *reason == "dial backoff"),
    }
}

/// The first line's worth of a body, for people.
pub(crate) fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(96)]);
    text.chars()
        .take(80)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// Errors are kept and shown: a node's text is bounded.
fn shorten(message: &str) -> String {
    message.chars().take(500).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(body: &str) -> NodeError {
        read::<serde_json::Value>("some_method", body.as_bytes()).unwrap_err()
    }

    #[test]
    fn null_is_a_result_and_absence_is_not() {
        let null = r#"{"jsonrpc":"2.0","id":1,"result":null}"#;
        assert_eq!(read::<Option<u8>>("m", null.as_bytes()), Ok(None));
        assert!(matches!(
            error(r#"{"jsonrpc":"2.0","id":1}"#),
            NodeError::Transport(_)
        ));
        assert!(matches!(error("[1,2]"), NodeError::Transport(_)));
    }

    #[test]
    fn what_a_node_says_before_login() {
        assert_eq!(
            error(r#"{"error":"JSON-RPC client is unavailable"}"#),
            NodeError::NotLoggedIn
        );
        let crashed = r#"{"jsonrpc":"2.0","id":4,"error":{"code":-32000,"message":"method handler crashed"}}"#;
        assert_eq!(error(crashed), NodeError::NotLoggedIn);
    }

    #[test]
    fn standard_codes() {
        let unknown = r#"{"jsonrpc":"2.0","id":8,"error":{"code":-32601,"message":"the method some_method does not exist/is not available"}}"#;
        assert_eq!(
            error(unknown),
            NodeError::UnknownMethod("some_method".into())
        );
        let bad = r#"{"jsonrpc":"2.0","id":4,"error":{"code":-32602,"message":"missing value for required argument 0"}}"#;
        assert_eq!(
            error(bad),
            NodeError::BadParameters("missing value for required argument 0".into())
        );
        let other =
            r#"{"jsonrpc":"2.0","id":4,"error":{"code":-32000,"message":"chat not existing"}}"#;
        assert_eq!(
            error(other),
            NodeError::Node {
                code: -32000,
                message: "chat not existing".into()
            }
        );
    }

    #[test]
    fn backoff_only_if_no_address_was_tried() {
        let dial = |lines: &str| {
            error(&format!(
                r#"{{"id":1,"error":{{"code":-32000,"message":"failed to dial 16U:{lines}"}}}}"#
            ))
        };
        let backoff = r"\n  * [/ip4/127.0.0.1/tcp/30999] dial backoff";
        let refused = r"\n  * [/ip4/127.0.0.1/tcp/30998] dial tcp4 127.0.0.1:30998: connect: connection refused";
        assert_eq!(dial(&format!("{backoff}{backoff}")), NodeError::DialBackoff);
        assert!(matches!(
            dial(&format!("{backoff}{refused}")),
            NodeError::Node { .. }
        ));
        assert!(matches!(dial(refused), NodeError::Node { .. }));
        assert_eq!(dial(" dial backoff"), NodeError::DialBackoff);
    }

    #[test]
    fn html_is_quoted_briefly() {
        let html = format!("<html>\n<body>{}</body>", "x".repeat(5000));
        let NodeError::Transport(text) = error(&html) else {
            panic!("not a transport error")
        };
        assert!(
            text.contains("<html> <body>xx") && text.len() < 120,
            "{text}"
        );
    }
}

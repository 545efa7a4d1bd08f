//! Signals that the host application forwards: one, or an array of them.
//!
//! Each is handed on as the text that came: whether it is wanted is the node adapter's business, so that
//! nothing but its `type` is read here.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

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
pub(super) fn split(body: &[u8]) -> Result<Vec<String>, String> {
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

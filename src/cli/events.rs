//! `events`: one line for each event.

use serde_json::Value;

use super::layout::{WIDTH, printable, push_line, shorten};
use crate::control::client::Received;

/// An event as a line: its number, time, name and gist; or its JSON with number and name.
pub(super) fn line(event: &Received, json: bool) -> String {
    let data: Value = serde_json::from_str(&event.data).unwrap_or(Value::Null);
    if json {
        let id: Option<u64> = event.id.parse().ok();
        return format!(
            "{}\n",
            serde_json::json!({ "id": id, "event": event.name, "data": data })
        );
    }
    // `2026-01-31T12:00:00.000Z`: the day is the reader's.
    let time = data["at"]
        .as_str()
        .and_then(|at| at.get(11..19))
        .unwrap_or("");
    let head = format!(
        "{:>6}  {time:8}  {:<19}",
        printable(&event.id),
        printable(&event.name)
    );
    let gist = shorten(
        &gist(&event.name, &data),
        WIDTH.saturating_sub(head.chars().count() + 2),
    );
    let mut out = String::new();
    push_line(&mut out, &format!("{head}  {gist}"));
    out
}

fn gist(name: &str, data: &Value) -> String {
    let id = |key: &str| data[key]["id"].as_str().unwrap_or("none").to_owned();
    let reason = data["reason"]
        .as_str()
        .map(|reason| format!(": {reason}"))
        .unwrap_or_default();
    match name {
        "decision" => {
            let considered = data["considered"].as_array().map_or(0, Vec::len);
            format!("{}, pool {} of {considered}", id("chosen"), data["pool"])
        }
        "actor:restarted" => format!("{}{reason}", data["actor"].as_str().unwrap_or("?")),
        "online" => match data["offline_ms"].as_u64() {
            Some(offline) => format!("after {} s{reason}", offline / 1000),
            None => data["reason"].as_str().unwrap_or("?").to_owned(),
        },
        "offline" | "suspect" => data["reason"].as_str().unwrap_or("?").to_owned(),
        "asleep" => format!(
            "slept for {} s",
            data["slept_ms"].as_u64().unwrap_or(0) / 1000
        ),
        "history:completed" => format!("{} after {} ms", id("mailserver"), data["took_ms"]),
        _ if data.get("mailserver").is_some() => format!("{}{reason}", id("mailserver")),
        _ => data.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_each() {
        for (name, data, expected) in [
            (
                "mailserver:changed",
                r#"{"mailserver":{"id":"store-1"},"reason":"chosen","at":"2026-01-31T12:34:56.789Z"}"#,
                "     7  12:34:56  mailserver:changed   store-1: chosen\n",
            ),
            (
                "mailserver:changed",
                r#"{"mailserver":null,"reason":"lost"}"#,
                "     7            mailserver:changed   none: lost\n",
            ),
            (
                "decision",
                r#"{"chosen":{"id":"s"},"pool":2,"considered":[1,2,3]}"#,
                "     7            decision             s, pool 2 of 3\n",
            ),
            (
                "history:completed",
                r#"{"mailserver":{"id":"s"},"took_ms":12}"#,
                "     7            history:completed    s after 12 ms\n",
            ),
            (
                "online",
                r#"{"reason":"store-1 answers","offline_ms":61000,"at":"2026-01-31T12:34:56.789Z"}"#,
                "     7  12:34:56  online               after 61 s: store-1 answers\n",
            ),
            (
                "suspect",
                r#"{"reason":"the signals of the node stopped"}"#,
                "     7            suspect              the signals of the node stopped\n",
            ),
            (
                "asleep",
                r#"{"slept_ms":3600000}"#,
                "     7            asleep               slept for 3600 s\n",
            ),
            (
                "new:one",
                r#"{"x":1}"#,
                "     7            new:one              {\"x\":1}\n",
            ),
        ] {
            assert_eq!(line(&event(name, data), false), expected);
        }
        let long = format!(r#"{{"mailserver":{{"id":"{}"}}}}"#, "x".repeat(200));
        assert!(
            line(&event("peerConnected", &long), false)
                .trim_end()
                .chars()
                .count()
                <= WIDTH
        );
    }

    #[test]
    fn json_is_one_object_a_line() {
        assert_eq!(
            line(&event("online", "{}"), true),
            "{\"data\":{},\"event\":\"online\",\"id\":7}\n"
        );
    }

    fn event(name: &str, data: &str) -> Received {
        Received {
            id: "7".to_owned(),
            name: name.to_owned(),
            data: data.to_owned(),
        }
    }
}

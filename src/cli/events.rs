//! `events`: one line for each event.

use serde_json::Value;

use super::{
    coverage::{counted, reason as words},
    layout::{WIDTH, printable, push_line, shorten},
    moments::{length, moment},
};
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
        "window:opened" => {
            let from = data["from_ms"].as_u64().unwrap_or(0);
            let why = data["reason"].as_str().unwrap_or("?");
            // What was opened long ago is told with its date.
            let today = data["at"]
                .as_str()
                .and_then(|at| humantime::parse_rfc3339(at).ok());
            let today = today.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
            let today = today.map_or(from, |it| u64::try_from(it.as_millis()).unwrap_or(from));
            format!(
                "{} since {}: {}",
                data["window"],
                moment(from, today),
                words(why)
            )
        }
        "window:covered" => {
            let by = data["mailserver"]
                .as_str()
                .unwrap_or("one that the node picked");
            format!("{}, {} long, by {by}", data["window"], long(data))
        }
        "window:given-up" => format!("{}, {} long{reason}", data["window"], long(data)),
        "audit:short" => {
            let held = data["mailservers"].as_array().into_iter().flatten();
            let held: Vec<_> = held.filter_map(Value::as_str).collect();
            let at = if held.is_empty() {
                String::new()
            } else {
                format!(" at {}", held.join(", "))
            };
            format!("{}: {} missing{at}", data["window"], data["missing"])
        }
        "gap:filled" => {
            let gaps = counted(data["gaps"].as_u64().unwrap_or(0), "gap");
            format!("{gaps} of {}", data["chat"].as_str().unwrap_or("?"))
        }
        "node:deaf" if data["deaf"] == false => format!("no longer{reason}"),
        "node:deaf" => data["reason"].as_str().unwrap_or("?").to_owned(),
        _ if data.get("mailserver").is_some() => format!("{}{reason}", id("mailserver")),
        _ => data.to_string(),
    }
}

/// How long a window is.
fn long(data: &Value) -> String {
    let moment = |key: &str| data[key].as_u64().unwrap_or(0);
    length(moment("until_ms").saturating_sub(moment("from_ms")))
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
                "window:opened",
                r#"{"window":7,"from_ms":1795776012000,"reason":"node_offline","at":"2026-11-27T10:42:05Z"}"#,
                "     7  10:42:05  window:opened        7 since 10:40:12Z: node offline\n",
            ),
            (
                "window:covered",
                r#"{"window":7,"from_ms":12000,"until_ms":60000,"mailserver":"store-1","requests":2}"#,
                "     7            window:covered       7, 48s long, by store-1\n",
            ),
            (
                "window:covered",
                r#"{"window":7,"from_ms":12000,"until_ms":60000,"mailserver":null,"requests":2}"#,
                "     7            window:covered       7, 48s long, by one that the node picked\n",
            ),
            (
                "window:given-up",
                r#"{"window":7,"from_ms":0,"until_ms":60000,"reason":"too old"}"#,
                "     7            window:given-up      7, 1m long: too old\n",
            ),
            (
                "audit:short",
                r#"{"window":7,"mailservers":["store-1","store-2"],"missing":3}"#,
                "     7            audit:short          7: 3 missing at store-1, store-2\n",
            ),
            (
                "gap:filled",
                r#"{"chat":"general","gaps":1}"#,
                "     7            gap:filled           1 gap of general\n",
            ),
            (
                "node:deaf",
                r#"{"deaf":true,"reason":"store-1 holds 3 messages"}"#,
                "     7            node:deaf            store-1 holds 3 messages\n",
            ),
            (
                "node:deaf",
                r#"{"deaf":false,"reason":"it hears again"}"#,
                "     7            node:deaf            no longer: it hears again\n",
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

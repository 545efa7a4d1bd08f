//! `check`: every value and where it came from.

use super::layout::{WIDTH, pieces, push_line};
use crate::settings::Provenance;

/// The settings as a table, or as a JSON array.
#[must_use]
pub fn render(values: &[Provenance], json: bool) -> String {
    if json {
        let mut text =
            serde_json::to_string_pretty(values).expect("texts and JSON values are serialisable");
        text.push('\n');
        return text;
    }
    let keys = values
        .iter()
        .map(|value| value.key.chars().count())
        .max()
        .unwrap_or(0);
    let mut out = String::new();
    for value in values {
        row(&mut out, value, keys);
    }
    out
}

/// The origin ends the line where it fits; else it has the next line for itself.
fn row(out: &mut String, value: &Provenance, keys: usize) {
    let room = WIDTH.saturating_sub(keys + 2);
    let text = match value.value.as_str() {
        Some("") => "\"\"".to_owned(),
        Some(text) => text.to_owned(),
        None => value.value.to_string(),
    };
    let mut lines = pieces(&text, room);
    let last = lines.last().map_or(0, |line| line.chars().count());
    let origin = &value.origin;
    let blank = room.saturating_sub(last + origin.chars().count());
    let fits = blank >= 2;
    if fits && let Some(line) = lines.last_mut() {
        line.push_str(&" ".repeat(blank));
        line.push_str(origin);
    }
    for (index, line) in lines.iter().enumerate() {
        let key = if index == 0 { value.key.as_str() } else { "" };
        push_line(out, &format!("{key:<keys$}  {line}"));
    }
    if !fits {
        for line in pieces(&format!("from {origin}"), WIDTH - 4) {
            push_line(out, &format!("    {line}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_80_columns() {
        let table = render(&values(), false);
        let expected = "\
cycle.pinned     \"\"                                                      default
cycle.tick       3s                                                        --set
node.rpc_url     http://127.0.0.1:12345/statusgo/CallRPC/and/so/on/for/long/enou
                 gh       environment variable MAILSERVER_SIDECAR__NODE__RPC_URL
node.signals     ws://127.0.0.1:12345/signals
    from environment variable MAILSERVER_SIDECAR__NODE__SIGNALS
selector.x.long  0.25                                               file my.toml
";
        assert_eq!(table, expected);
        assert!(table.lines().all(|line| line.chars().count() <= WIDTH));
    }

    #[test]
    fn json_has_the_same_values() {
        let json: serde_json::Value = serde_json::from_str(&render(&values(), true)).unwrap();
        assert_eq!(
            json[1],
            serde_json::json!({ "key": "cycle.tick", "value": "3s", "origin": "--set" })
        );
        assert_eq!(json.as_array().unwrap().len(), 5);
    }

    fn values() -> Vec<Provenance> {
        let value = |key: &str, value: serde_json::Value, origin: &str| Provenance {
            key: key.to_owned(),
            value,
            origin: origin.to_owned(),
        };
        let long = "http://127.0.0.1:12345/statusgo/CallRPC/and/so/on/for/long/enough";
        vec![
            value("cycle.pinned", "".into(), "default"),
            value("cycle.tick", "3s".into(), "--set"),
            value(
                "node.rpc_url",
                long.into(),
                "environment variable MAILSERVER_SIDECAR__NODE__RPC_URL",
            ),
            value(
                "node.signals",
                "ws://127.0.0.1:12345/signals".into(),
                "environment variable MAILSERVER_SIDECAR__NODE__SIGNALS",
            ),
            value("selector.x.long", 0.25.into(), "file my.toml"),
        ]
    }
}

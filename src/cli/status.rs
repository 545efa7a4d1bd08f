//! `status`, `mailservers`: the answers of a running sidecar as pages for people.
//!
//! They are read from JSON and not from types, so that this end may be older or newer than the other.

use std::time::Duration;

use serde_json::Value;

use super::layout::{WIDTH, printable, push_line, shorten};

/// Candidates that are shown before the rest is only counted: the page stays one screen.
const SHOWN: usize = 12;

/// The status report.
pub(super) fn page(report: &Value) -> String {
    let mut out = String::new();
    let uptime = duration(&report["uptime_ms"]);
    field(
        &mut out,
        "sidecar",
        &format!("version {}, up {uptime}", text(&report["version"])),
    );
    field(&mut out, "node", &node(report));
    field(&mut out, "active", &active(&report["active"]));
    if let Some(address) = report["active"]["address"].as_str() {
        field(&mut out, "", address);
    }
    field(&mut out, "pin", &pin(&report["pin"]));
    field(&mut out, "decision", &decision(&report["last_decision"]));
    field(&mut out, "history", &history(&report["history"]));
    field(&mut out, "loop", &counts(&report["counts"]));
    field(&mut out, "traffic", &traffic(&report["traffic"]));
    field(&mut out, "actors", &actors(&report["actors"]));
    if let Some(silent) = report["unanswered"]
        .as_array()
        .filter(|silent| !silent.is_empty())
    {
        let names: Vec<_> = silent.iter().map(text).collect();
        field(&mut out, "no answer", &names.join(", "));
    }
    candidates(&mut out, report);
    out
}

/// The list of mailservers.
pub(super) fn mailservers(list: &Value) -> String {
    let mut out = String::new();
    let all = list["mailservers"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    for one in all {
        out.push_str(&mailserver(one));
    }
    let pinned = all.iter().any(|one| one["pinned"] == true);
    let legend = if pinned { "; * marks the pin" } else { "" };
    push_line(
        &mut out,
        &format!(
            "{} in all, fleet {}{legend}",
            all.len(),
            or_none(&list["fleet"])
        ),
    );
    out
}

/// One mailserver in two lines.
pub(super) fn mailserver(one: &Value) -> String {
    let mut out = String::new();
    let mark = if one["pinned"] == true { '*' } else { ' ' };
    let (id, name) = (text(&one["id"]), text(&one["name"]));
    let name = if name == id || name.is_empty() {
        String::new()
    } else {
        format!(" ({name})")
    };
    let origin = match one["origin"].as_str() {
        Some("node") => "saved in the node, ",
        Some("configuration") => "of the configuration, ",
        Some("added") => "added, ",
        Some("pin") => "named by the pin, ",
        _ => "",
    };
    let line = format!("{mark} {id}{name}, {origin}fleet {}", text(&one["fleet"]));
    push_line(&mut out, &shorten(&line, WIDTH));
    push_line(
        &mut out,
        &format!("    {}", shorten(&text(&one["address"]), WIDTH - 4)),
    );
    out
}

fn field(out: &mut String, name: &str, value: &str) {
    push_line(out, &format!("{name:<10} {}", shorten(value, WIDTH - 11)));
}

fn node(report: &Value) -> String {
    let node = &report["node"];
    let mut text = or_none(&node["state"]).replace('_', " ");
    if let Some(reason) = node["reason"].as_str() {
        return format!("{text}: {reason}");
    }
    for (label, value) in [("mode", &report["mode"]), ("fleet", &report["fleet"])] {
        if let Some(value) = value.as_str() {
            text.push_str(&format!(", {label} {value}"));
        }
    }
    match report["online"].as_bool() {
        Some(true) => text.push_str(", online"),
        Some(false) => text.push_str(", offline"),
        None => {}
    }
    if node["use_mailservers"] == false {
        text.push_str(", mailservers switched off");
    }
    text
}

fn active(active: &Value) -> String {
    if active.is_null() {
        return "none".to_owned();
    }
    let since = duration(&active["since_ms"]);
    format!(
        "{}, {} for {since}",
        text(&active["id"]),
        text(&active["state"])
    )
}

fn pin(pin: &Value) -> String {
    match (pin["id"].as_str(), pin["fallback_reason"].as_str()) {
        (None, _) => "none".to_owned(),
        (Some(id), None) => format!("{id}, in use"),
        (Some(id), Some(reason)) => format!("{id}, not in use: {reason}"),
    }
}

fn decision(decision: &Value) -> String {
    if decision.is_null() {
        return "none yet".to_owned();
    }
    let considered = decision["considered"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let replied = considered
        .iter()
        .filter(|one| !one["rtt_ms"].is_null())
        .count();
    let total = considered.len();
    let chosen = or_none(&decision["chosen"]["id"]);
    format!(
        "{chosen}, from a pool of {}; {replied} of {total} replied",
        decision["pool"]
    )
}

fn history(history: &Value) -> String {
    if history.is_null() {
        return "unknown".to_owned();
    }
    let mut text = if history["owed"] == true {
        "owed"
    } else {
        "up to date"
    }
    .to_owned();
    text.push_str(&format!(
        "; {} answered, {} failed",
        history["completed"], history["failed"]
    ));
    let waiting = history["communities"].as_array().map_or(0, Vec::len);
    if waiting > 0 {
        text.push_str(&format!("; {waiting} communities wait"));
    }
    if let Some(failure) = history["last_failure"].as_str() {
        text.push_str(&format!("; {failure}"));
    }
    text
}

fn counts(counts: &Value) -> String {
    if counts.is_null() {
        return "unknown".to_owned();
    }
    format!(
        "{} selections, {} connections, {} failed, {} lost",
        counts["selections"], counts["connections"], counts["failed_connections"], counts["losses"]
    )
}

fn traffic(traffic: &Value) -> String {
    if traffic.is_null() {
        return "unknown".to_owned();
    }
    let open = if traffic["signals_open"] == true {
        ""
    } else {
        ", closed now"
    };
    format!(
        "{} calls, {} failed; {} signals, {} malformed{open}",
        traffic["rpc_calls"],
        traffic["rpc_failures"],
        traffic["signals"],
        traffic["signals_malformed"]
    )
}

fn actors(actors: &Value) -> String {
    let Some(all) = actors.as_object() else {
        return "unknown".to_owned();
    };
    let noted: Vec<String> = all
        .iter()
        .filter(|(_, health)| health["running"] != true || health["restarts"] != 0)
        .map(|(name, health)| {
            let down = if health["running"] == true {
                ""
            } else {
                ", down"
            };
            format!(
                "{name} restarted {}x{down} ({})",
                health["restarts"],
                text(&health["last_failure"])
            )
        })
        .collect();
    if noted.is_empty() {
        "all run, none was restarted".to_owned()
    } else {
        noted.join("; ")
    }
}

fn candidates(out: &mut String, report: &Value) {
    let all = report["candidates"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    if all.is_empty() {
        return;
    }
    push_line(out, "");
    push_line(
        out,
        &format!(
            "  {:<42} {:<13} {:>9} {:>10}",
            "candidate", "state", "rtt", "cools off"
        ),
    );
    for one in all.iter().take(SHOWN) {
        push_line(out, &candidate(one, &report["active"]["id"]));
    }
    if all.len() > SHOWN {
        push_line(
            out,
            &format!("  and {} more: see mailservers", all.len() - SHOWN),
        );
    }
}

fn candidate(one: &Value, active: &Value) -> String {
    let mark = if one["id"] == *active { '*' } else { ' ' };
    let rtt = one["rtt_ms"]
        .as_f64()
        .map_or_else(|| "-".to_owned(), |rtt| format!("{rtt:.1} ms"));
    let cooling = if one["cool_off_ms"].is_null() {
        String::new()
    } else {
        duration(&one["cool_off_ms"])
    };
    let id = shorten(&text(&one["id"]), 42);
    let state = text(&one["state"]);
    format!("{mark} {id:<42} {state:<13} {rtt:>9} {cooling:>10}")
}

fn text(value: &Value) -> String {
    printable(value.as_str().unwrap_or("?"))
}

fn or_none(value: &Value) -> String {
    value.as_str().map_or_else(|| "none".to_owned(), printable)
}

/// Milliseconds, rounded down to whole seconds.
fn duration(milliseconds: &Value) -> String {
    let seconds = milliseconds.as_u64().unwrap_or(0) / 1000;
    humantime::format_duration(Duration::from_secs(seconds)).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_for_people() {
        let expected = "\
sidecar    version 0.1.0, up 1h 2s
node       ready, mode waku2, fleet status.prod, online
active     store-01.do-ams3.status.prod, connected for 5s
           /dns4/store-01.do-ams3.status.prod/tcp/30303/p2p/16Uiu2
pin        mine, not in use: no reply in time
decision   store-01.do-ams3.status.prod, from a pool of 1; 1 of 2 replied
history    up to date; 3 answered, 1 failed; 2 communities wait
loop       2 selections, 2 connections, 0 failed, 1 lost
traffic    17 calls, 1 failed; 90 signals, 0 malformed
actors     pinger restarted 1x (panic: x)
no answer  selector

  candidate                                  state               rtt  cools off
* store-01.do-ams3.status.prod               connected       13.3 ms
  mine                                       disconnected          -        58s
";
        assert_eq!(page(&report()), expected);
    }

    #[test]
    fn a_page_of_nothing() {
        let page = page(
            &json!({ "uptime_ms": 5, "node": { "state": "unreachable", "reason": "refused" } }),
        );
        assert!(page.contains("node       unreachable: refused\n"), "{page}");
        assert!(page.contains("active     none\n"), "{page}");
    }

    #[test]
    fn one_screen_whatever_comes() {
        let mut report = report();
        let one = json!({ "id": "x".repeat(99), "state": "disconnected", "rtt_ms": 60_000.0, "cool_off_ms": 60_000 });
        report["candidates"] = vec![one; 300].into();
        report["pin"]["fallback_reason"] = "y".repeat(300).into();
        let page = page(&report);
        assert!(
            page.lines().all(|line| line.chars().count() <= WIDTH),
            "{page}"
        );
        assert!(page.lines().count() <= 27, "{page}");
        assert!(
            page.ends_with("  and 288 more: see mailservers\n"),
            "{page}"
        );
    }

    #[test]
    fn the_list_names_origin_fleet_and_pin() {
        let list = json!({ "fleet": "status.prod", "mailservers": [
            { "id": "a", "name": "My store", "address": "/ip4/192.0.2.1/tcp/1/p2p/a", "origin": "added",
              "fleet": "status.prod", "pinned": true },
        ]});
        let expected = "\
* a (My store), added, fleet status.prod
    /ip4/192.0.2.1/tcp/1/p2p/a
1 in all, fleet status.prod; * marks the pin
";
        assert_eq!(mailservers(&list), expected);
    }

    fn report() -> Value {
        let id = "store-01.do-ams3.status.prod";
        json!({
            "version": "0.1.0", "uptime_ms": 3_602_999, "mode": "waku2", "fleet": "status.prod",
            "node": { "state": "ready", "use_mailservers": true }, "online": true,
            "active": { "id": id, "address": format!("/dns4/{id}/tcp/30303/p2p/16Uiu2"), "state": "connected", "since_ms": 5400 },
            "pin": { "id": "mine", "fallback_reason": "no reply in time" },
            "candidates": [
                { "id": id, "state": "connected", "rtt_ms": 13.26, "cool_off_ms": null },
                { "id": "mine", "state": "disconnected", "rtt_ms": null, "cool_off_ms": 58_300 },
            ],
            "counts": { "ticks": 9, "selections": 2, "connections": 2, "failed_connections": 0, "losses": 1 },
            "last_decision": { "chosen": { "id": id }, "pool": 1, "considered": [{ "rtt_ms": 13.26 }, { "rtt_ms": null }] },
            "history": { "owed": false, "completed": 3, "failed": 1, "communities": ["a", "b"], "last_failure": null },
            "actors": {
                "connector": { "running": true, "restarts": 0, "last_failure": null },
                "pinger": { "running": true, "restarts": 1, "last_failure": "panic: x" },
            },
            "traffic": { "rpc_calls": 17, "rpc_failures": 1, "signals": 90, "signals_skipped": 80, "signals_malformed": 0, "signals_open": true },
            "unanswered": ["selector"],
        })
    }
}

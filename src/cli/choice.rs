//! The last choice and its reasons, for the status page: a summary, and a table of the candidates.
//!
//! As everything on that page it is read from JSON, and what is missing or new there is no mistake.

use std::collections::BTreeMap;

use serde_json::Value;

use super::layout::{printable, push_line, shorten};

/// Candidates that are shown before the rest is only counted: the page stays one screen.
pub(super) const SHOWN: usize = 12;

/// Who was chosen, and from how many.
pub(super) fn chosen(decision: &Value) -> String {
    if decision.is_null() {
        return "none yet".to_owned();
    }
    let Some(id) = decision["chosen"]["id"].as_str() else {
        return "nobody was usable".to_owned();
    };
    if decision["purpose"] == "reach" {
        return format!("none is made; {id} answers");
    }
    let pool = &decision["pool"];
    match decision["drawn"].as_u64() {
        Some(place) => format!("{id}, number {} of a pool of {pool}", place + 1),
        None => format!("{id}, from a pool of {pool}"),
    }
}

/// Who answered, and how long it took; `None` if nothing was decided yet.
pub(super) fn round(decision: &Value) -> Option<String> {
    let considered = list(&decision["considered"]);
    let timed = considered.iter().filter(|it| !it["rtt_ms"].is_null());
    let pending = considered.iter().filter(|it| word(it) == "pending");
    let (replied, pending, total) = (timed.count(), pending.count(), considered.len());
    let mut text = match decision.is_null() {
        true => return None,
        false => format!("{replied} of {total} replied"),
    };
    if let Some(took) = decision["took_ms"].as_u64() {
        text += &match decision["early"] == true {
            true => format!("; settled after {took} ms, whatever the other {pending} answer"),
            false => format!("; a full round of {took} ms"),
        };
    }
    Some(text)
}

/// The candidates with what became of them in the last decision: the active one first, then as they were ranked.
pub(super) fn table(out: &mut String, report: &Value) {
    let decision = &report["last_decision"];
    let considered = list(&decision["considered"]);
    let active = &report["active"]["id"];
    let places = considered.iter().enumerate();
    let places: BTreeMap<_, _> = places
        .filter_map(|(place, it)| Some((it["mailserver"]["id"].as_str()?, place)))
        .collect();
    let place = |it: &Value| places.get(it["id"].as_str()?).copied();
    let mut rows: Vec<(&Value, Option<usize>)> = list(&report["candidates"])
        .iter()
        .map(|it| (it, place(it)))
        .collect();
    if rows.is_empty() {
        return;
    }
    rows.sort_by_key(|(it, place)| (it["id"] != *active, place.unwrap_or(usize::MAX)));
    push_line(out, "");
    let head = row(' ', "candidate", "peer", "rtt", "tier", "last decision");
    push_line(out, &head);
    for (it, place) in rows.iter().take(SHOWN) {
        let mark = if it["id"] == *active { '*' } else { ' ' };
        let considered = place.map_or(&Value::Null, |place| &considered[place]);
        let chosen = match decision["purpose"] == "reach" {
            true => "answers",
            false => "chosen",
        };
        push_line(out, &candidate(mark, it, considered, chosen));
    }
    if rows.len() > SHOWN {
        let more = rows.len() - SHOWN;
        push_line(out, &format!("  and {more} more: see status --json"));
    }
    push_line(
        out,
        "  * in use; ~ remembered, not measured for this decision",
    );
}

fn candidate(mark: char, it: &Value, considered: &Value, chosen: &str) -> String {
    let peer = match it["state"].as_str() {
        Some("connected") => "yes",
        Some(_) => "no",
        None => "?",
    };
    // What is only remembered, or smoothed, is marked: it had no part in the decision.
    let remembered = considered["rtt_ms"].is_null() && !considered.is_null();
    let about = if remembered { "~" } else { "" };
    let rtt = match it["rtt_ms"].as_f64() {
        Some(rtt) if rtt < 10_000.0 => format!("{about}{rtt:.1} ms"),
        Some(rtt) => format!("{about}{rtt:.0} ms"),
        None => "-".to_owned(),
    };
    let tier = match it["cool_off_ms"].as_u64() {
        Some(left) => format!("cooling {} s", left.div_ceil(1000)),
        None => printable(it["tier"].as_str().unwrap_or("-")),
    };
    let id = printable(it["id"].as_str().unwrap_or("?"));
    let fate = match word(considered) {
        "chosen" => chosen.to_owned(),
        _ => fate(considered),
    };
    row(mark, &id, peer, &rtt, &tier, &fate)
}

fn row(mark: char, id: &str, peer: &str, rtt: &str, tier: &str, fate: &str) -> String {
    let (id, tier, fate) = (shorten(id, 28), shorten(tier, 13), shorten(fate, 21));
    format!("{mark} {id:<28} {peer:<4} {rtt:>9} {tier:<13}{fate}")
}

/// What became of it, in a word or three.
fn fate(considered: &Value) -> String {
    match word(considered) {
        "not_drawn" => "in the pool".to_owned(),
        "cooling" => "failed lately".to_owned(),
        "not_listed" => "not a peer".to_owned(),
        "pending" => "not waited for".to_owned(),
        "no_reply" => failure(&considered["verdict"]["detail"]),
        word => word.replace('_', " "),
    }
}

fn word(considered: &Value) -> &str {
    considered["verdict"]["verdict"].as_str().unwrap_or("")
}

fn failure(failure: &Value) -> String {
    let detail = failure["detail"].as_str();
    match (failure["failure"].as_str(), detail) {
        (Some("silent"), None | Some("round")) | (None, _) => "no reply".to_owned(),
        (Some("silent"), Some(stage)) => format!("no reply: {stage}"),
        (Some("unresolved"), _) => "name not resolved".to_owned(),
        (Some("wrong_peer"), _) => "another peer is there".to_owned(),
        (Some("no_protocol"), _) => "no common protocol".to_owned(),
        (Some("no_store"), _) => "no store protocol".to_owned(),
        (Some("impossible"), _) => "cannot be probed".to_owned(),
        (Some("other"), Some(reason)) => reason.to_owned(),
        (Some(word), _) => word.replace('_', " "),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::layout::WIDTH;

    #[test]
    fn every_fate_is_told_in_the_words_that_actors_use() {
        use actors::model::{
            candidate::Standing,
            probe::{ProbeFailure, Stage},
        };
        let silent = |stage| Standing::NoReply(ProbeFailure::Silent(stage));
        for (verdict, told) in [
            (Standing::Chosen, "chosen"),
            (Standing::NotDrawn, "in the pool"),
            (Standing::Slower, "slower"),
            (Standing::Cooling, "failed lately"),
            (Standing::Unproven, "unproven"),
            (Standing::NotListed, "not a peer"),
            (Standing::Pending, "not waited for"),
            (silent(Stage::Round), "no reply"),
            (silent(Stage::Multiplexer), "no reply: multiplexer"),
            (Standing::NoReply(ProbeFailure::Refused), "refused"),
            (
                Standing::NoReply(ProbeFailure::Unresolved("x".into())),
                "name not resolved",
            ),
            (
                Standing::NoReply(ProbeFailure::WrongPeer("x".into())),
                "another peer is there",
            ),
            (
                Standing::NoReply(ProbeFailure::NoProtocol(Stage::Ping)),
                "no common protocol",
            ),
            (
                Standing::NoReply(ProbeFailure::NoStore),
                "no store protocol",
            ),
            (
                Standing::NoReply(ProbeFailure::Impossible("x".into())),
                "cannot be probed",
            ),
            (Standing::NoReply(ProbeFailure::Other("x".into())), "x"),
        ] {
            let considered = json!({ "verdict": serde_json::to_value(&verdict).unwrap() });
            assert_eq!(fate(&considered), told);
            assert!(told.len() <= 21, "{told}");
        }
    }

    #[test]
    fn the_active_one_first_then_as_ranked_then_those_that_were_not_considered() {
        let one = |id: &str| json!({ "id": id, "state": "disconnected" });
        let ranked = |id: &str| json!({ "mailserver": { "id": id }, "rtt_ms": 1.0 });
        let mut report = json!({
            "candidates": [one("new"), one("third"), one("first"), one("active"), one("second")],
            "last_decision": { "considered": [ranked("first"), ranked("second"), ranked("third"), ranked("active")] },
        });
        report["active"]["id"] = "active".into();
        let mut out = String::new();
        table(&mut out, &report);
        let ids = out
            .lines()
            .skip(2)
            .take(5)
            .filter_map(|line| line.get(2..10));
        let ids: Vec<_> = ids.map(str::trim_end).collect();
        assert_eq!(ids, ["active", "first", "second", "third", "new"]);
        assert!(out.contains("\n* active"), "{out}");
    }

    #[test]
    fn what_had_no_part_in_the_decision_is_not_passed_off_as_measured() {
        let it = json!({ "id": "a", "state": "connected", "rtt_ms": 12.34, "tier": "healthy" });
        let line = |considered: &Value| candidate(' ', &it, considered, "chosen");
        let silent = json!({ "rtt_ms": null });
        assert!(line(&silent).contains("  ~12.3 ms "), "{}", line(&silent));
        let measured = json!({ "rtt_ms": 12.34 });
        assert!(
            line(&measured).contains("   12.3 ms "),
            "{}",
            line(&measured)
        );
    }

    #[test]
    fn a_cool_off_shows_in_the_place_of_the_tier_it_had() {
        let it = json!({ "id": "x".repeat(99), "state": "disconnected", "rtt_ms": 60_000.0, "tier": "healthy",
            "cool_off_ms": 215_001 });
        let other = json!({ "verdict": { "verdict": "no_reply", "detail": {
            "failure": "other", "detail": "y".repeat(99) } } });
        let line = candidate('*', &it, &other, "chosen");
        assert!(line.contains(" ~60000 ms cooling 216 s"), "{line}");
        assert_eq!(line.chars().count(), WIDTH, "{line}");
    }

    #[test]
    fn a_choice_is_told_with_pool_draw_and_duration() {
        let mut decision = json!({ "chosen": { "id": "a" }, "pool": 3, "drawn": 1, "early": true, "took_ms": 45,
            "considered": [{ "rtt_ms": 1.0 }, { "rtt_ms": 1.0 }, { "verdict": { "verdict": "pending" } }] });
        assert_eq!(chosen(&decision), "a, number 2 of a pool of 3");
        assert_eq!(
            round(&decision).unwrap(),
            "2 of 3 replied; settled after 45 ms, whatever the other 1 answer"
        );
        decision["early"] = false.into();
        assert_eq!(
            round(&decision).unwrap(),
            "2 of 3 replied; a full round of 45 ms"
        );
        decision["chosen"] = Value::Null;
        assert_eq!(chosen(&decision), "nobody was usable");
        // As an older sidecar tells it.
        let older =
            json!({ "chosen": { "id": "a" }, "pool": 1, "considered": [{ "rtt_ms": 1.0 }] });
        assert_eq!(chosen(&older), "a, from a pool of 1");
        assert_eq!(round(&older).unwrap(), "1 of 1 replied");
        assert_eq!(
            (chosen(&Value::Null), round(&Value::Null)),
            ("none yet".to_owned(), None)
        );
    }
}

//! How far history is complete, in one sentence.

use actors::{messages::journal::Report, model::moment::Moment};
use serde_json::{Value, json};

use super::{
    layout::{printable, wrap},
    moments::{length, moment, pause},
};

/// So many reasons of a window are named in the sentence.
const MOST_REASONS: usize = 2;

/// The sentence, from the part `journal` of a status report.
pub(super) fn sentence(journal: &Value) -> String {
    let mut parts = vec![covered(journal)];
    let count = |key: &str| journal[key].as_u64().unwrap_or(0);
    let (open, checked) = (count("open"), count("being_checked"));
    if open > 0 {
        parts.push(windows(open, "open", journal));
        parts.push(next(journal));
    } else if checked > 0 {
        parts.push(windows(checked, "fetched, being checked", journal));
    } else if journal["requesting"] == true {
        parts.push("a request is under way".to_owned());
    }
    parts.join("; ")
}

/// The same of the report of the journal.
pub(super) fn sentence_of_report(report: &Value) -> String {
    let windows = report["open"].as_array().map(Vec::as_slice).unwrap_or(&[]);
    let begin = |it: &&Value| it["from_ms"].as_u64();
    let is_open = |it: &&Value| it["state"]["state"] == "open";
    let open = windows.iter().filter(is_open);
    let count = open.clone().count();
    let oldest = open.min_by_key(begin);
    let oldest = oldest.or_else(|| windows.iter().min_by_key(begin));
    let mut journal = report.clone();
    journal["open"] = json!(count);
    journal["being_checked"] = json!(windows.len() - count);
    journal["oldest"] = json!(oldest);
    sentence(&journal)
}

/// The same of a report that did not come over the control API, in lines of so many columns.
pub fn journal_says(report: &Report, now: Moment, width: usize) -> Vec<String> {
    // A report is plain data: it can always be written.
    let mut told = serde_json::to_value(report).unwrap_or_default();
    told["now_ms"] = json!(now);
    wrap(&sentence_of_report(&told), width)
}

/// Why messages may have been missed, as people say it.
pub(super) fn reason(code: &str) -> String {
    let known = serde_json::from_value::<actors::model::window::Reason>(code.into());
    known.map_or_else(|_| printable(code).replace('_', " "), |it| it.to_string())
}

/// All reasons of a window.
pub(super) fn reasons(window: &Value) -> Vec<String> {
    let all = window["reasons"].as_array();
    let all = all.into_iter().flatten().filter_map(Value::as_str);
    all.map(reason).collect()
}

/// A number of things.
pub(super) fn counted(number: u64, one: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {one}{plural}")
}

fn covered(journal: &Value) -> String {
    let now = journal["now_ms"].as_u64().unwrap_or(0);
    let Some(until) = journal["covered_until_ms"].as_u64() else {
        return "nothing covered yet".to_owned();
    };
    if journal["oldest"].is_null() {
        return "covered up to now".to_owned();
    }
    let ago = length(now.saturating_sub(until));
    format!("covered up to {}, {ago} ago", moment(until, now))
}

fn windows(count: u64, state: &str, journal: &Value) -> String {
    let now = journal["now_ms"].as_u64().unwrap_or(0);
    let oldest = &journal["oldest"];
    let since = moment(oldest["from_ms"].as_u64().unwrap_or(0), now);
    let all = reasons(oldest);
    let more = all.len().saturating_sub(MOST_REASONS);
    let mut named = all[..all.len() - more].join(", ");
    if more > 0 {
        named.push_str(&format!(" and {more} more"));
    }
    let since = if count == 1 {
        since
    } else {
        format!("{since} at the earliest")
    };
    format!(
        "{} {state} since {since}: {named}",
        counted(count, "window")
    )
}

fn next(journal: &Value) -> String {
    match journal["next_try_ms"].as_u64() {
        _ if journal["requesting"] == true => "a request is under way".to_owned(),
        Some(next) => format!("next try in {}", pause(next)),
        None => "nobody can be asked now".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-27T10:42:05Z.
    const NOW: u64 = 1_795_776_125_000;

    fn journal(changes: Value) -> Value {
        let mut journal = json!({
            "now_ms": NOW, "covered_until_ms": NOW - 113_000, "open": 1, "being_checked": 0, "requesting": false,
            "next_try_ms": 3_200, "oldest": { "from_ms": NOW - 113_000, "reasons": ["node_offline"] },
        });
        for (key, value) in changes.as_object().unwrap() {
            journal[key] = value.clone();
        }
        journal
    }

    #[test]
    fn a_person_reads_what_is_missing_and_what_comes_next() {
        let many = json!({ "from_ms": NOW - 113_000, "reasons": ["node_offline", "asleep", "deaf", "new_one"] });
        let begin = "covered up to 10:40:12Z, 1m 53s ago; ";
        for (changes, expected) in [
            (
                json!({}),
                format!("{begin}1 window open since 10:40:12Z: node offline; next try in 4s"),
            ),
            (
                json!({ "requesting": true }),
                format!(
                    "{begin}1 window open since 10:40:12Z: node offline; a request is under way"
                ),
            ),
            (
                json!({ "next_try_ms": null, "open": 3 }),
                format!(
                    "{begin}3 windows open since 10:40:12Z at the earliest: node offline; nobody can be asked now"
                ),
            ),
            (
                json!({ "open": 0, "being_checked": 1, "oldest": many }),
                format!(
                    "{begin}1 window fetched, being checked since 10:40:12Z: node offline, asleep and 2 more"
                ),
            ),
            (
                json!({ "open": 0, "oldest": null, "covered_until_ms": NOW }),
                "covered up to now".to_owned(),
            ),
            (
                json!({ "open": 0, "oldest": null, "covered_until_ms": null, "requesting": true }),
                "nothing covered yet; a request is under way".to_owned(),
            ),
        ] {
            assert_eq!(sentence(&journal(changes)), expected);
        }
    }

    #[test]
    fn the_report_is_told_in_the_same_words() {
        let window = |from: u64, state: &str| json!({ "from_ms": from, "reasons": ["asked"], "state": { "state": state } });
        let report = json!({
            "now_ms": NOW, "covered_until_ms": NOW - 9000, "requesting": false, "next_try_ms": 0, "open": [
                window(NOW - 9000, "fetched"), window(NOW - 5000, "open"), window(NOW - 7000, "open"),
            ],
        });
        let expected = "covered up to 10:41:56Z, 9s ago; 2 windows open since 10:41:58Z at the earliest: asked for; \
                        next try in 0s";
        assert_eq!(sentence_of_report(&report), expected);
    }
}

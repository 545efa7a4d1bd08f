//! The lines of the status page on what was missed: history, the second opinion, gaps.

use bytesize::ByteSize;
use serde_json::Value;

use super::{
    coverage::{counted, sentence},
    layout::wrap,
    moments::moment,
};

/// Names and values; what goes on for a second line has no name.
pub(super) fn lines(report: &Value, width: usize) -> Vec<(&'static str, String)> {
    let mut lines = history(report, width);
    let (audit, gaps) = (audit(report), gaps(&report["gaps"]));
    lines.extend(audit.map(|it| ("audit", it)));
    lines.extend(deaf(report).map(|it| ("", it)));
    lines.extend(gaps.map(|it| ("gaps", it)));
    lines
}

/// An older sidecar has no journal: it tells only whether history is owed.
fn history(report: &Value, width: usize) -> Vec<(&'static str, String)> {
    let (journal, history) = (&report["journal"], &report["history"]);
    if journal.is_null() {
        let told = match (history.is_null(), history["owed"] == true) {
            (true, _) => return vec![("history", "unknown".to_owned())],
            (false, true) => "owed",
            (false, false) => "up to date",
        };
        return vec![("history", format!("{told}; {}", requests(history)))];
    }
    let mut lines: Vec<_> = wrap(&sentence(journal), width)
        .into_iter()
        .map(|line| ("", line))
        .collect();
    if let Some((name, _)) = lines.first_mut() {
        *name = "history";
    }
    if !history.is_null() {
        lines.push(("", requests(history)));
    }
    lines
}

fn requests(history: &Value) -> String {
    let mut text = format!(
        "{} answered, {} failed",
        history["completed"], history["failed"]
    );
    let communities = history["communities"].as_array();
    let communities = communities.map(Vec::as_slice).unwrap_or_default();
    let waiting = communities.len();
    let tries = communities.iter().filter_map(|it| it["tries"].as_u64());
    let tried = match tries.max() {
        Some(most @ 1..) => format!(", tried up to {most}x"),
        _ => String::new(),
    };
    if waiting > 0 {
        text.push_str(&format!("; {waiting} communities wait{tried}"));
    }
    if let Some(failure) = history["last_failure"].as_str() {
        text.push_str(&format!("; {failure}"));
    }
    text
}

/// Nothing of an older sidecar, which has none.
fn audit(report: &Value) -> Option<String> {
    let audit = report["audit"].as_object()?;
    let count = |key: &str| audit.get(key).and_then(Value::as_u64).unwrap_or(0);
    let sweeps = counted(count("sweeps"), "sweep");
    if audit.get("enabled") != Some(&Value::Bool(true)) {
        return Some(format!("off; {sweeps}"));
    }
    let audits = counted(count("audits"), "audit");
    let left = ByteSize::b(count("budget_left"));
    Some(format!(
        "{audits}, {} short, {} missing found; {sweeps}; {left} left",
        count("short"),
        count("missing")
    ))
}

fn deaf(report: &Value) -> Option<String> {
    let since = report["audit"]["deaf_since_ms"].as_u64()?;
    let now = report["journal"]["now_ms"].as_u64().unwrap_or(0);
    let since = moment(since, now);
    Some(format!(
        "the node is deaf since {since}: it hears nothing of what others hold"
    ))
}

/// Nothing as long as nothing waits and none was given up.
fn gaps(gaps: &Value) -> Option<String> {
    let count = |key: &str| gaps[key].as_u64().unwrap_or(0);
    let (waiting, filled, failed) = (count("waiting"), count("filled"), count("failed"));
    (waiting > 0 || failed > 0).then(|| format!("{waiting} wait; {filled} filled, {failed} failed"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// 2026-11-27T10:42:05Z.
    const NOW: u64 = 1_795_776_125_000;

    #[test]
    fn what_was_missed_and_who_was_asked() {
        let mut report = json!({
            "journal": {
                "now_ms": NOW, "covered_until_ms": NOW - 113_000, "open": 1, "being_checked": 0, "requesting": false,
                "next_try_ms": 4000, "oldest": { "from_ms": NOW - 113_000, "reasons": ["node_offline"] },
            },
            "history": { "owed": true, "completed": 3, "failed": 1, "communities": [], "last_failure": "timed out" },
            "audit": {
                "enabled": true, "audits": 12, "short": 1, "missing": 3, "sweeps": 5, "budget_left": 2_097_152,
                "deaf_since_ms": NOW - 60_000,
            },
            "gaps": { "waiting": 0, "filled": 4, "failed": 0 },
        });
        let expected = [
            (
                "history",
                "covered up to 10:40:12Z, 1m 53s ago; 1 window open since 10:40:12Z:",
            ),
            ("", "node offline; next try in 4s"),
            ("", "3 answered, 1 failed; timed out"),
            (
                "audit",
                "12 audits, 1 short, 3 missing found; 5 sweeps; 2.0 MiB left",
            ),
            (
                "",
                "the node is deaf since 10:41:05Z: it hears nothing of what others hold",
            ),
        ];
        assert_eq!(told(&report), expected);
        report["gaps"] = json!({ "waiting": 2, "filled": 4, "failed": 1 });
        report["audit"] = json!({ "enabled": false, "sweeps": 1 });
        let expected = [
            ("audit", "off; 1 sweep"),
            ("gaps", "2 wait; 4 filled, 1 failed"),
        ];
        assert_eq!(told(&report)[3..], expected);
    }

    #[test]
    fn an_older_sidecar_tells_what_it_owes() {
        let history = json!({ "owed": true, "completed": 3, "failed": 1, "communities": ["a"] });
        let expected = [("history", "owed; 3 answered, 1 failed; 1 communities wait")];
        assert_eq!(told(&json!({ "history": history })), expected);
        assert_eq!(told(&json!({})), [("history", "unknown")]);
    }

    fn told(report: &Value) -> Vec<(&'static str, &'static str)> {
        let lines = lines(report, 69).into_iter();
        lines.map(|(name, line)| (name, &*line.leak())).collect()
    }
}

//! `status`, `mailservers`: the answers of a running sidecar as pages for people.
//!
//! They are read from JSON and not from types, so that this end may be older or newer than the other.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

use super::{
    choice,
    layout::{LABEL, WIDTH, printable, push_line, shorten},
    past,
};

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
    if let Some(generation) = generation(&report["node"]) {
        field(&mut out, "", generation);
    }
    login(&mut out, &report["login"]);
    field(&mut out, "online", &online(&report["online"]));
    field(&mut out, "active", &active(&report["active"]));
    if let Some(address) = report["active"]["address"].as_str() {
        field(&mut out, "", address);
    }
    let reach = reach(&report["reach"]);
    match &reach {
        Some(reach) => field(&mut out, "reach", reach),
        None => field(&mut out, "standby", &standby(&report["standby"])),
    }
    field(&mut out, "pin", &pin(&report["pin"]));
    field(&mut out, "watch", &watch(&report["watch"]));
    let decision = &report["last_decision"];
    field(&mut out, "decision", &choice::chosen(decision));
    if let Some(round) = choice::round(decision) {
        field(&mut out, "", &round);
    }
    for (name, line) in past::lines(report, WIDTH - LABEL) {
        field(&mut out, name, &line);
    }
    if reach.is_none() {
        // Else none is credited or blamed: nobody knows which one the node picked.
        field(&mut out, "memory", &memory(&report["candidates"]));
    }
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
    choice::table(&mut out, report);
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
        Some("peer") => "a peer of the node, ",
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
    push_line(
        out,
        &format!("{name:<LABEL$}{}", shorten(value, WIDTH - LABEL)),
    );
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
    // An older sidecar tells the node's word alone.
    let online = &report["online"];
    match online.as_bool().or(online["node"].as_bool()) {
        Some(true) => text.push_str(", says it is online"),
        Some(false) => text.push_str(", says it is offline"),
        None => {}
    }
    if node["use_mailservers"] == false {
        text.push_str(", mailservers switched off");
    }
    text
}

/// Which mailserver nodes of its generation ask for history.
fn generation(node: &Value) -> Option<&'static str> {
    Some(match node["generation"].as_str()? {
        "classic" => "asks the mailserver that it is told to use (nodes up to v0.95)",
        "own_cycle" => "has a mailserver cycle of its own (nodes of 2022 to mid-2026)",
        "per_query" => "picks a mailserver for each query (nodes since mid-2026)",
        _ => return None,
    })
}

/// Whether history can be fetched, where no mailserver is active; `None` where one can be.
fn reach(reach: &Value) -> Option<String> {
    let told = reach.as_object()?;
    let mut text = match (
        told["mailserver"]["id"].as_str(),
        told["hindrance"].as_str(),
    ) {
        (Some(id), _) => format!("{id} answers, for {}", duration(&reach["since_ms"])),
        (None, Some(hindrance)) => format!("no: {}", printable(hindrance)),
        (None, None) => "no".to_owned(),
    };
    match told["connection"].as_str() {
        Some("partiallyConnected") => text.push_str("; the node's mesh is poor"),
        Some("disconnected") => text.push_str("; the node says it has no peer"),
        _ => {}
    }
    Some(text)
}

/// Nothing where nobody is ever logged in; an older sidecar does not tell.
fn login(out: &mut String, login: &Value) {
    let Some(state) = login["state"].as_str().filter(|state| *state != "off") else {
        return;
    };
    let mut text = printable(state).replace('_', " ");
    if let Some(tries) = login["tries"].as_u64().filter(|tries| *tries > 0) {
        text.push_str(&format!(", password refused {tries}x"));
    }
    field(out, "login", &text);
    if let Some(outcome) = login["last_outcome"].as_str() {
        field(out, "", &printable(outcome));
    }
}

fn online(online: &Value) -> String {
    match online["verdict"].as_str() {
        None => "unknown".to_owned(),
        Some(verdict) => {
            let since = duration(&online["since_ms"]);
            format!("{verdict} for {since}: {}", text(&online["reason"]))
        }
    }
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

fn standby(standby: &Value) -> String {
    match (standby["id"].as_str(), standby["listed"].as_bool()) {
        (None, _) => "none".to_owned(),
        (Some(id), None) => id.to_owned(),
        (Some(id), Some(true)) => format!("{id}, a peer of the node already"),
        (Some(id), Some(false)) => format!("{id}, to be dialled"),
    }
}

fn pin(pin: &Value) -> String {
    match (pin["id"].as_str(), pin["fallback_reason"].as_str()) {
        (None, _) => "none".to_owned(),
        (Some(id), None) => format!("{id}, in use"),
        (Some(id), Some(reason)) => format!("{id}, not in use: {reason}"),
    }
}

fn watch(watch: &Value) -> String {
    if watch.is_null() {
        return "unknown".to_owned();
    }
    let mut text = match watch["interval_ms"].as_u64() {
        None => "nobody is watched now".to_owned(),
        Some(pause) => {
            let pause = humantime::format_duration(Duration::from_millis(pause));
            let bytes = watch["bytes_per_minute"].as_f64().unwrap_or_default();
            format!("every {pause}, {:.1} KB/min", bytes / 1000.0)
        }
    };
    if let Some(patience) = watch["patience_ms"].as_u64() {
        text.push_str(&format!(", patience {patience} ms"));
    }
    text + &format!("; {} of {} probes missed", watch["misses"], watch["probes"])
}

/// What is remembered of all candidates together.
fn memory(candidates: &Value) -> String {
    let candidates = candidates.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut failures = BTreeMap::<String, u64>::new();
    for (cause, times) in candidates
        .iter()
        .filter_map(|one| one["failures"].as_object())
        .flatten()
    {
        let sum = failures.entry(printable(cause)).or_default();
        *sum = sum.saturating_add(times.as_u64().unwrap_or(0));
    }
    let told = candidates
        .iter()
        .filter_map(|one| one["successes"].as_u64());
    if candidates.is_empty() || told.clone().next().is_none() {
        return "unknown".to_owned();
    }
    let failures = failures.iter();
    let failures: Vec<String> = failures
        .map(|(cause, times)| format!("{times} {}", cause.replace('_', " ")))
        .collect();
    let failures = match failures.is_empty() {
        true => "no failures".to_owned(),
        false => format!("failures: {}", failures.join(", ")),
    };
    let successes = told.fold(0, u64::saturating_add);
    format!("{successes} history requests answered; {failures}")
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

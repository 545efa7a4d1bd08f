//! `history`: up to when history is complete, which windows are open and why, and what became of the last ones.
//!
//! Read from JSON, as [`super::status`].

#[cfg(test)]
mod tests;

use serde_json::Value;

use super::{
    coverage::{counted, reasons, sentence_of_report},
    layout::{WIDTH, printable, push_line, shorten, wrap},
    moments::moment,
};

/// So many closed windows are shown unless all are wanted.
const MOST_CLOSED: usize = 10;

/// So many windows that are not closed are shown: the oldest.
const MOST_OPEN: usize = 20;

/// So many columns a mailserver that is named by its key alone gets.
const KEY_WIDTH: usize = 17;

/// The page: of closed windows the last ones, or all that the sidecar has told.
pub(super) fn page(report: &Value, all: bool) -> String {
    let mut out = String::new();
    for line in wrap(&sentence_of_report(report), WIDTH) {
        push_line(&mut out, &line);
    }
    let mut open = windows(&report["open"]);
    open.sort_by_key(|it| it["from_ms"].as_u64());
    let closed = windows(&report["recent"]);
    let table = Table::new(report, open.iter().chain(&closed));
    table.open(&mut out, &open);
    table.closed(
        &mut out,
        &closed,
        if all { usize::MAX } else { MOST_CLOSED },
    );
    out
}

/// What a request for history was answered.
pub(super) fn accepted(answer: &Value) -> String {
    match answer["window"].as_u64() {
        Some(window) => format!("asked for: window {window}\n"),
        None => "asked for\n".to_owned(),
    }
}

fn windows(list: &Value) -> Vec<&Value> {
    list.as_array().into_iter().flatten().collect()
}

/// Both tables share their columns.
struct Table {
    now: u64,
    /// The width of a moment: wider if one of another day is among them.
    width: usize,
}

impl Table {
    fn new<'a>(report: &Value, all: impl Iterator<Item = &'a &'a Value>) -> Self {
        let now = report["now_ms"].as_u64().unwrap_or(0);
        let moments = all.flat_map(|it| [&it["from_ms"], &it["until_ms"]]);
        let widths = moments
            .filter_map(Value::as_u64)
            .map(|it| moment(it, now).chars().count());
        let width = widths.max().unwrap_or(0).max("goes on".len());
        Self { now, width }
    }

    fn open(&self, out: &mut String, windows: &[&Value]) {
        if windows.is_empty() {
            return;
        }
        self.heading(out, "open since", "until");
        for window in windows.iter().take(MOST_OPEN) {
            self.row(out, window, "goes on");
            self.details(out, &unfinished(window));
        }
        more(out, windows.len(), MOST_OPEN, "see history --json");
    }

    fn closed(&self, out: &mut String, windows: &[&Value], limit: usize) {
        if windows.is_empty() {
            return;
        }
        self.heading(out, "closed from", "until");
        for window in windows.iter().take(limit) {
            self.row(out, window, "?");
            self.details(out, &finished(window));
        }
        more(out, windows.len(), limit, "see history --all");
    }

    fn heading(&self, out: &mut String, from: &str, until: &str) {
        let width = self.width;
        out.push('\n');
        let from_width = width.max("closed from".len());
        push_line(
            out,
            &format!("  {from:<from_width$}  {until:<width$}  tries  why"),
        );
    }

    /// One window: from when until when, how often it was asked for, and why.
    fn row(&self, out: &mut String, window: &Value, endless: &str) {
        let width = self.width;
        let told = |key: &str| window[key].as_u64().map(|it| moment(it, self.now));
        let from = told("from_ms").unwrap_or_else(|| "?".to_owned());
        let until = told("until_ms").unwrap_or_else(|| endless.to_owned());
        let tries = window["requests"].as_u64().unwrap_or(0);
        let from_width = width.max("closed from".len());
        let head = format!("  {from:<from_width$}  {until:<width$}  {tries:>5}  ");
        let left = WIDTH.saturating_sub(head.chars().count());
        let why = shorten(&reasons(window).join(", "), left);
        push_line(out, &format!("{head}{why}"));
    }

    fn details(&self, out: &mut String, details: &[String]) {
        let indent = " ".repeat(4);
        for detail in details {
            push_line(out, &format!("{indent}{}", shorten(detail, WIDTH - 4)));
        }
    }
}

fn more(out: &mut String, count: usize, limit: usize, how: &str) {
    if let Some(left @ 1..) = count.checked_sub(limit) {
        push_line(out, &format!("  and {left} more: {how}"));
    }
}

/// From whom it is still to be fetched, and why it was not yet.
fn unfinished(window: &Value) -> Vec<String> {
    let mut details = Vec::new();
    let state = &window["state"];
    let wanted = windows(&state["wanted"]);
    match (state["state"].as_str(), wanted.first()) {
        (Some("open"), None) => {}
        (Some("open"), Some(first)) => {
            let first = shorten(first.as_str().unwrap_or("?"), KEY_WIDTH);
            let others = match wanted.len() - 1 {
                0 => String::new(),
                others => format!(" and {others} more"),
            };
            details.push(format!("wanted from {first}{others}"));
        }
        (Some("fetched"), _) => details.push(format!("fetched{}, being checked", by(window))),
        (other, _) => details.push(printable(other.unwrap_or("?")).replace('_', " ")),
    }
    let failed = attempts(window).last();
    if let Some(failure) = failed.and_then(|it| it["failure"].as_str()) {
        details.push(format!("last try: {}", printable(failure)));
    }
    details.extend(missing(window));
    details
}

/// Who gave it, or why nobody can.
fn finished(window: &Value) -> Vec<String> {
    let state = &window["state"];
    let mut details = match state["state"].as_str() {
        Some("covered") => {
            let messages = brought(window);
            vec![format!("covered{}, {messages}", by(window))]
        }
        Some("given_up") => vec![format!("given up: {}", text(&state["why"]))],
        other => vec![printable(other.unwrap_or("?")).replace('_', " ")],
    };
    details.extend(missing(window));
    details
}

fn attempts(window: &Value) -> impl DoubleEndedIterator<Item = &Value> {
    window["attempts"].as_array().into_iter().flatten()
}

/// The mailserver of the last request that was answered.
fn by(window: &Value) -> String {
    let answered = attempts(window).rev().find(|it| it["failure"].is_null());
    match answered.map(|it| it["mailserver"].as_str()) {
        Some(Some(id)) => format!(" by {}", shorten(id, 36)),
        Some(None) => " by one that the node picked".to_owned(),
        None => String::new(),
    }
}

fn brought(window: &Value) -> String {
    let messages = attempts(window).filter_map(|it| it["messages"].as_u64());
    counted(messages.fold(0, u64::saturating_add), "message")
}

/// What others held beside, when it was checked last; if nothing, what they once held beside and was fetched since.
fn missing(window: &Value) -> Vec<String> {
    let Some(missing @ 1..) = window["audit"]["missing"].as_u64() else {
        return healed(&window["shortage"]);
    };
    let asked = windows(&window["audit"]["by"]).len() as u64;
    let missing = counted(missing, "message");
    vec![format!(
        "{missing} found missing, {} asked",
        counted(asked, "mailserver")
    )]
}

fn healed(shortage: &Value) -> Vec<String> {
    let Some(missing @ 1..) = shortage["missing"].as_u64() else {
        return Vec::new();
    };
    let verb = if missing == 1 { "was" } else { "were" };
    let at = names(&shortage["at"]).map_or(String::new(), |it| format!(" at {it}"));
    let from = names(&shortage["fetched_from"]);
    let from = from.map_or(String::new(), |it| format!(", fetched from {it}"));
    let missing = counted(missing, "message");
    wrap(&format!("{missing} {verb} missing{at}{from}"), WIDTH - 4)
}

/// The first of several, and how many more; `None` if there are none.
fn names(list: &Value) -> Option<String> {
    let all = windows(list);
    let first = shorten(all.first()?.as_str().unwrap_or("?"), 36);
    Some(match all.len() - 1 {
        0 => first,
        others => format!("{first} and {others} more"),
    })
}

fn text(value: &Value) -> String {
    printable(value.as_str().unwrap_or("?"))
}

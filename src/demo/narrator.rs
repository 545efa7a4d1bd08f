//! How the demo tells its story: at most 80 columns, plain text; on a terminal a clock while it waits.

use std::{
    io::{IsTerminal, Write},
    time::Duration,
};

use actors::selector::{Considered, Decision, Verdict};
use tokio::time::Instant;

use super::Recovery;
use crate::{
    cli::{self, DemoOptions},
    exit::Failure,
};

/// The narrator.
pub(super) struct Narrator {
    terminal: bool,
    begun: Instant,
    waiting_since: Option<Instant>,
}

/// Where the text of a chapter begins.
const INDENT: &str = "          ";

impl Narrator {
    pub(super) fn new() -> Self {
        Self {
            terminal: std::io::stdout().is_terminal(),
            begun: Instant::now(),
            waiting_since: None,
        }
    }

    pub(super) fn begin(&self, options: &DemoOptions, seed: u64) -> Result<(), Failure> {
        let mode = actors::node::Mode::from(options.mode);
        let mode = format!("{mode:?}").to_lowercase();
        say(&format!(
            "A simulated {mode} node, {} mailservers, speed {}, seed {seed}.\n\
             The sidecar keeps it connected. Messages are sent all the while.\n\n",
            options.mailservers, options.speed
        ))
    }

    pub(super) fn started(
        &self,
        first: &Recovery,
        decision: Option<&Decision>,
    ) -> Result<(), Failure> {
        say(&format!(
            "{:<10}{} is available after {}, history after {}\n{}\n",
            "start",
            first.mailserver.id,
            seconds(first.available),
            seconds(first.fetched),
            reasons(decision),
        ))
    }

    pub(super) fn blow(&self, title: &str, id: &str, event: &str) -> Result<(), Failure> {
        say(&format!("{title:<10}{id} is in use; {event}\n"))
    }

    pub(super) fn recovered(
        &self,
        recovery: &Recovery,
        decision: Option<&Decision>,
        messages: usize,
    ) -> Result<(), Failure> {
        let noticed = match recovery.noticed {
            Some(noticed) => format!("noticed after {}, ", seconds(noticed)),
            None => String::new(),
        };
        say(&format!(
            "{INDENT}{noticed}{} is available after {}\n{}\
             {INDENT}all {messages} messages sent meanwhile are there after {}\n\n",
            recovery.mailserver.id,
            seconds(recovery.available),
            reasons(decision),
            seconds(recovery.fetched),
        ))
    }

    pub(super) fn end(&self, sent: usize, recoveries: usize) -> Result<(), Failure> {
        say(&format!(
            "{sent} messages sent, {sent} received, {recoveries} recoveries, {} in all.\n",
            seconds(self.begun.elapsed())
        ))
    }

    /// A clock, on a terminal only.
    pub(super) fn wait(&mut self) {
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        if self.terminal {
            print!("\r{INDENT}… {:.0} s", since.elapsed().as_secs_f64());
            // A clock that cannot be shown is no failure.
            let _ = std::io::stdout().flush();
        }
    }

    /// Takes the clock away.
    pub(super) fn clear(&mut self) {
        if self.waiting_since.take().is_some() && self.terminal {
            print!("\r\u{1b}[K");
        }
    }
}

fn say(text: &str) -> Result<(), Failure> {
    cli::print(text).map(drop)
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

/// What was chosen and why, in one or two lines.
fn reasons(decision: Option<&Decision>) -> String {
    let Some(decision) = decision else {
        return format!("{INDENT}the same as before: it is still connected\n");
    };
    let replied = decision.considered.iter().filter(|it| it.rtt.is_some());
    let of = decision.considered.len();
    let pool = decision.considered.iter().filter(in_pool).map(time_of);
    let pool: Vec<String> = pool.collect();
    format!(
        "{INDENT}{} of {of} replied; drawn from the fastest quarter:\n{INDENT}  {}\n",
        replied.count(),
        shorten(&pool.join(", "), 66)
    )
}

fn in_pool(it: &&Considered) -> bool {
    matches!(it.verdict, Verdict::Chosen | Verdict::NotDrawn)
}

fn time_of(it: &Considered) -> String {
    let short = it.mailserver.id.split('.').next().unwrap_or_default();
    let mark = if it.verdict == Verdict::Chosen {
        "*"
    } else {
        ""
    };
    let rtt = it.rtt.unwrap_or_default().as_millis();
    format!("{mark}{short} {rtt} ms")
}

fn shorten(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

//! How the demo tells its story: at most 80 columns, plain text; on a terminal a clock while it waits.

mod missed;

use std::{
    io::{IsTerminal, Write},
    time::Duration,
};

use actors::{
    messages::{events::Event, selection::Decision},
    model::{
        candidate::{Considered, Standing},
        mailserver::MailserverRef,
        node::Mode,
    },
};
use tokio::time::Instant;

use crate::{
    cli::{self, DemoOptions},
    exit::Failure,
};

/// The narrator.
pub(super) struct Narrator {
    terminal: bool,
    begun: Instant,
    waiting_since: Option<Instant>,
    recoveries: usize,
}

/// How the node came to have everything.
#[derive(Default)]
pub(super) struct Recovery {
    /// When there was no active mailserver any more.
    pub(super) noticed: Option<Duration>,
    /// Which mailserver became available, and when.
    pub(super) available: Option<(MailserverRef, Duration)>,
    /// Why this one, in the words of the event.
    pub(super) why: String,
    /// When history was fetched, and nothing was missing.
    pub(super) fetched: Duration,
}

/// Where the text of a chapter begins.
const INDENT: &str = "          ";

impl Narrator {
    pub(super) fn new() -> Self {
        Self {
            terminal: std::io::stdout().is_terminal(),
            begun: Instant::now(),
            waiting_since: None,
            recoveries: 0,
        }
    }

    pub(super) fn begin(&self, options: &DemoOptions, seed: u64) -> Result<(), Failure> {
        let mode = Mode::from(options.mode);
        let does = match mode {
            Mode::Observe => "has its history fetched",
            Mode::Waku1 | Mode::Waku2 | Mode::Pin => "keeps it connected",
        };
        let mode = format!("{mode:?}").to_lowercase();
        say(&format!(
            "A simulated {mode} node, {} mailservers, speed {}, seed {seed}.\n\
             The sidecar {does}. Messages are sent all the while.\n\n",
            options.mailservers, options.speed
        ))
    }

    pub(super) fn started(
        &self,
        first: &Recovery,
        decision: Option<&Decision>,
    ) -> Result<(), Failure> {
        say(&format!(
            "{:<10}{}, history after {}\n{}\n",
            "start",
            available(first),
            seconds(first.fetched),
            decision.map(drawn).unwrap_or_default(),
        ))
    }

    /// The same, where no mailserver is active.
    pub(super) fn began(&self, first: &Recovery) -> Result<(), Failure> {
        say(&format!(
            "{:<10}{}\n{INDENT}the node picks one for each query; history after {}\n\n",
            "start",
            available(first),
            seconds(first.fetched),
        ))
    }

    /// A chapter in which no mailserver is active.
    pub(super) fn event(&self, title: &str, event: &str) -> Result<(), Failure> {
        say(&format!("{title:<10}{event}\n"))
    }

    /// Its end: times count from the moment when nothing stands in the way any more.
    pub(super) fn fetched(&mut self, recovery: &Recovery, messages: usize) -> Result<(), Failure> {
        self.recoveries += 1;
        let available = match &recovery.available {
            Some((mailserver, after)) => {
                let (id, after) = (&mailserver.id, seconds(*after));
                format!("{INDENT}it is over; online after {after}, and {id} answers\n")
            }
            None => String::new(),
        };
        say(&format!(
            "{available}{INDENT}all {messages} messages sent meanwhile are there {} later\n\n",
            seconds(recovery.fetched),
        ))
    }

    pub(super) fn blow(&self, title: &str, id: &str, event: &str) -> Result<(), Failure> {
        say(&format!("{title:<10}{id} is in use; {event}\n"))
    }

    pub(super) fn recovered(
        &mut self,
        before: &MailserverRef,
        recovery: &Recovery,
        decision: Option<&Decision>,
        messages: usize,
    ) -> Result<(), Failure> {
        self.recoveries += 1;
        let noticed = match recovery.noticed {
            Some(noticed) => format!("noticed after {}, ", seconds(noticed)),
            None => String::new(),
        };
        say(&format!(
            "{INDENT}{noticed}{}\n{}\
             {INDENT}all {messages} messages sent meanwhile are there after {}\n\n",
            available(recovery),
            reasons(before, recovery, decision),
            seconds(recovery.fetched),
        ))
    }

    /// What happens besides, as far as it belongs to the story.
    pub(super) fn aside(&self, event: &Event) -> Result<(), Failure> {
        match network(event) {
            Some(text) => say(&format!("{INDENT}{}\n", shorten(&text, 70))),
            None => Ok(()),
        }
    }

    pub(super) fn end(&self, sent: usize) -> Result<(), Failure> {
        say(&format!(
            "{sent} messages sent, {sent} received, {} recoveries, {} in all.\n",
            self.recoveries,
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

/// Who is available, and when.
fn available(recovery: &Recovery) -> String {
    match &recovery.available {
        Some((mailserver, after)) => {
            format!("{} is available after {}", mailserver.id, seconds(*after))
        }
        None => "nobody is available".to_owned(),
    }
}

/// What became of the online verdict, and of a request that came to nothing.
fn network(event: &Event) -> Option<String> {
    Some(match event {
        Event::Suspect { reason } => format!("perhaps we are offline ourselves: {reason}"),
        Event::Offline { reason } => format!("we are offline, nobody is blamed: {reason}"),
        Event::Online { reason, offline_ms } => match offline_ms {
            Some(ms) => format!(
                "online again after {}: {reason}",
                seconds(Duration::from_millis(*ms))
            ),
            None => format!("we are online after all: {reason}"),
        },
        Event::HistoryFailed {
            mailserver: None,
            reason,
            ..
        } => format!("{reason}: it is asked again"),
        Event::Asleep { slept_ms } => {
            let slept = seconds(Duration::from_millis(*slept_ms));
            format!("awake after a sleep of {slept}: everything is looked at anew")
        }
        _ => return None,
    })
}

/// Why this one, in one or two lines.
fn reasons(before: &MailserverRef, recovery: &Recovery, decision: Option<&Decision>) -> String {
    let used = recovery.available.as_ref().map(|(used, _)| used);
    let chosen = |it: &&Decision| it.chosen.as_ref() == used;
    match (recovery.why.as_str(), decision.filter(chosen)) {
        // Whatever a round beside it has found.
        ("standby", _) => format!("{INDENT}it was the standby, drawn before it was needed\n"),
        (_, Some(decision)) => drawn(decision),
        _ if used.is_some_and(|it| it.id == before.id) => {
            format!("{INDENT}the same as before: it is still connected\n")
        }
        (why, None) => format!("{INDENT}without a new draw: {}\n", shorten(why, 50)),
    }
}

/// What was chosen and from whom, in two lines.
fn drawn(decision: &Decision) -> String {
    let replied = decision.considered.iter().filter(|it| it.rtt.is_some());
    let of = decision.considered.len();
    let settled = if decision.early {
        ", which settled it"
    } else {
        ""
    };
    let pool = decision.considered.iter().filter(in_pool).map(time_of);
    let pool: Vec<String> = pool.collect();
    format!(
        "{INDENT}{} of {of} replied{settled}; drawn from the fastest:\n{INDENT}  {}\n",
        replied.count(),
        shorten(&pool.join(", "), 66)
    )
}

fn in_pool(it: &&Considered) -> bool {
    matches!(it.verdict, Standing::Chosen | Standing::NotDrawn)
}

fn time_of(it: &Considered) -> String {
    let short = it.mailserver.id.split('.').next().unwrap_or_default();
    let mark = if it.verdict == Standing::Chosen {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn recovery(id: &str, why: &str) -> Recovery {
        Recovery {
            available: Some((reference(id), Duration::ZERO)),
            why: why.into(),
            ..Recovery::default()
        }
    }

    fn reference(id: &str) -> MailserverRef {
        MailserverRef {
            id: id.into(),
            name: id.into(),
            address: String::new(),
        }
    }

    fn decision(chosen: &str) -> Decision {
        Decision {
            round: 1,
            purpose: actors::model::candidate::Purpose::Active,
            chosen: Some(reference(chosen)),
            identity: None,
            considered: Vec::new(),
            pool: 0,
            drawn: None,
            early: true,
            took_ms: 9,
        }
    }

    #[test]
    fn the_reason_told_is_the_one_it_was_used_for() {
        let told = |id, why, drawn| reasons(&reference("old"), &recovery(id, why), drawn);
        let (new, other) = (decision("new"), decision("other"));
        let standby = told("new", "standby", Some(&new));
        assert!(standby.contains("the standby"), "{standby}");
        let chosen = told("new", "chosen", Some(&new));
        assert!(chosen.contains("replied, which settled it"), "{chosen}");
        let beside = told("new", "it answers", Some(&other));
        assert!(
            beside.contains("without a new draw: it answers"),
            "{beside}"
        );
        let same = told("old", "", None);
        assert!(same.contains("the same as before"), "{same}");
    }

    #[test]
    fn each_verdict_is_told_in_plain_words_and_nothing_else_is() {
        let reason = || "store-1 answers".to_owned();
        let online = |offline_ms| Event::Online {
            reason: reason(),
            offline_ms,
        };
        for (event, told) in [
            (online(None), "we are online after all: store-1 answers"),
            (
                online(Some(30_000)),
                "online again after 30.00 s: store-1 answers",
            ),
            (
                Event::Offline { reason: reason() },
                "we are offline, nobody is blamed: store-1 answers",
            ),
            (
                Event::Suspect { reason: reason() },
                "perhaps we are offline ourselves: store-1 answers",
            ),
            (
                Event::Asleep {
                    slept_ms: 3_600_000,
                },
                "awake after a sleep of 3600.00 s: everything is looked at anew",
            ),
        ] {
            assert_eq!(network(&event).as_deref(), Some(told));
        }
        let mailserver = reference("a");
        assert_eq!(network(&Event::PeerConnected { mailserver }), None);
    }
}

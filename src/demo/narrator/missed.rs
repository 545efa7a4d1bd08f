//! The words for the chapter about what was missed.

use std::time::SystemTime;

use actors::{
    messages::journal::Report,
    model::{
        mailserver::Identity,
        node::Mode,
        window::{Attempt, Reason, Window},
    },
};

use super::{INDENT, Narrator, say};
use crate::{cli, exit::Failure, sim::HistoryRequest};

/// The columns beside the indent.
const WIDTH: usize = 70;

impl Narrator {
    /// The chapter begins.
    pub(in crate::demo) fn outage(&self, mode: Mode) -> Result<(), Failure> {
        let outage = match mode {
            Mode::Observe => "a node like the first; it has peers, but they pass nothing on",
            Mode::Waku1 | Mode::Waku2 | Mode::Pin => "a node like the first loses its network",
        };
        say(&format!("{:<10}{outage}\n", "missed"))
    }

    /// How many of the messages each mailserver holds.
    pub(in crate::demo) fn holes<'a>(
        &self,
        messages: usize,
        held: impl Iterator<Item = (&'a str, usize)>,
    ) -> Result<(), Failure> {
        let held = held.map(|(id, held)| format!("{} {held}", short(id)));
        let held = held.collect::<Vec<_>>().join(", ");
        tell(&format!(
            "{messages} messages are sent, and no mailserver keeps them all; of {messages} hold: {held}"
        ))
    }

    /// The outage is over, and history was fetched for the first time.
    pub(in crate::demo) fn fetched_once(
        &self,
        request: &HistoryRequest,
        there: usize,
        messages: usize,
    ) -> Result<(), Failure> {
        let from = short(&request.mailserver);
        tell(&format!(
            "it is over: {there} of {messages} are there, from {from}; the journal says:"
        ))
    }

    /// The journal, in its own words.
    pub(in crate::demo) fn journal(&self, report: &Report) -> Result<(), Failure> {
        let said = cli::journal_says(report, SystemTime::now().into(), WIDTH - 2);
        let said = said.iter().map(|line| format!("{INDENT}| {line}\n"));
        say(&said.collect::<String>())
    }

    /// A window is to be fetched from somebody else, and why.
    pub(in crate::demo) fn wanted(
        &self,
        window: &Window,
        id_of: impl Fn(&str) -> String,
    ) -> Result<(), Failure> {
        let ids = |all: &[Identity]| {
            let ids = all.iter().map(|it| short(&id_of(it.as_str())).to_owned());
            ids.collect::<Vec<_>>().join(" and ")
        };
        let (from, wanted) = (ids(&window.fetched_from), ids(window.state.wanted()));
        match &window.audit {
            Some(audit) => tell(&format!(
                "{} mailservers were compared: {from} is short, {} missing; next is {wanted}, where the rest is",
                audit.by.len(),
                audit.missing
            )),
            None => tell(&format!(
                "nobody can be asked which messages it holds: next is {wanted}, beside {from}, on suspicion"
            )),
        }
    }

    /// The node is made to ask once more, since nothing else can be done.
    pub(in crate::demo) fn asked(&self, missing: usize) -> Result<(), Failure> {
        tell(&format!(
            "{missing} missing, and nobody can find out: such a node does not say its topics; `history fetch` has it \
             ask once more"
        ))
    }

    /// Nothing is missing any more.
    pub(in crate::demo) fn complete(
        &self,
        messages: usize,
        requests: &[&HistoryRequest],
    ) -> Result<(), Failure> {
        let brought = requests.iter().map(|it| {
            let (new, again) = (it.new, it.delivered - it.new);
            format!(
                "; {} brought {new}, and {again} again",
                short(&it.mailserver)
            )
        });
        let brought: String = brought.collect();
        tell(&format!("{messages} of {messages} are there{brought}"))
    }

    /// What was asked for again, and the reasons that the journal tells.
    pub(in crate::demo) fn asked_again(
        &self,
        attempts: &[(&Attempt, &Window)],
    ) -> Result<(), Failure> {
        for (attempt, window) in attempts {
            let whom = attempt.mailserver.as_deref();
            let whom = whom.map_or("one that the node picked", short);
            let reasons = window.reasons.iter().map(Reason::to_string);
            let reasons = reasons.collect::<Vec<_>>().join(", ");
            tell(&format!("asked twice, then of {whom}: {reasons}"))?;
        }
        tell("nothing was asked for twice without need")?;
        say("\n")
    }
}

/// Lines of the chapter.
fn tell(text: &str) -> Result<(), Failure> {
    let lines = cli::wrap(text, WIDTH).into_iter();
    let lines = lines.map(|line| format!("{INDENT}{line}\n"));
    say(&lines.collect::<String>())
}

/// The name without its fleet.
fn short(id: &str) -> &str {
    id.split('.').next().unwrap_or_default()
}

//! What was missed: messages are sent during an outage, and no mailserver keeps them all.
//!
//! The node fetches from one mailserver, and lacks what that one lacks. Where others can be asked which messages they
//! hold, the service finds out, and has the period fetched again from who holds the rest. Enodes cannot be asked: it is
//! fetched from a second one on suspicion. A node that picks a mailserver for each query neither says which topics it
//! has nor goes back: it is made to ask once more, as by the command `history fetch`.

use std::ops::Range;

use actors::{
    messages::journal::Report,
    model::{
        node::Mode,
        window::{State, Window, WindowId},
    },
};

use super::{
    repeats::{Margins, needless},
    stage::Stage,
    story::Story,
};
use crate::{
    exit::{Exit, Failure},
    sim::{HistoryRequest, Simulation},
};

/// Messages that are sent, unless there are more holes than that.
const MESSAGES: usize = 12;

/// So often a node is made to ask once more that picks a mailserver for each query: it may pick one again.
const MOST_REQUESTS: usize = 8;

/// The outage as it stands afterwards.
struct Outage {
    /// The first window that came of it.
    window: WindowId,
    /// Messages that were sent meanwhile.
    messages: usize,
    /// Requests of the node before it.
    before: usize,
}

/// Tells the chapter.
pub(super) async fn tell(stage: &mut Stage, mode: Mode) -> Result<(), Failure> {
    let story = &mut stage.story;
    let since = std::time::SystemTime::now();
    story.recovery("missed", since, true).await?;
    let settled = |_: &Simulation, report: &Report| report.open.is_empty().then_some(());
    story
        .shown("missed: the start is not covered", settled)
        .await?;
    let outage = suffer(story, mode).await?;
    let first = fetched_once(story, &outage).await?;
    let there = outage.messages - story.simulation.missing().len();
    let report = story.report().await?;
    let narrator = &mut story.narrator;
    narrator.fetched_once(&first, there, outage.messages)?;
    narrator.journal(&report)?;
    fetched_again(story, mode, &outage).await?;
    account(story, &outage, stage.margins).await
}

/// The outage: nobody who is sent a message meanwhile passes it on to the node, and each mailserver lacks some.
async fn suffer(story: &mut Story, mode: Mode) -> Result<Outage, Failure> {
    let before = story.simulation.history_requests().len();
    set_outage(&story.simulation, mode, true);
    story.narrator.outage(mode)?;
    let goes_on = |_: &Simulation, report: &Report| {
        let mut open = report.open.iter().filter(|it| it.until.is_none());
        open.next().map(|it| it.id)
    };
    let window = story.shown("missed: no window is opened", goes_on).await?;
    let holes = match mode {
        // The mailservers are compared: who has the rest is chosen.
        Mode::Waku2 | Mode::Pin => 3,
        // Any other has the rest.
        Mode::Waku1 | Mode::Observe => story.simulation.mailservers().len(),
    };
    let messages = MESSAGES.max(holes);
    publish(story, messages, holes);
    let mailservers = story.simulation.mailservers();
    let held = held(&story.simulation, story.sent - messages..story.sent);
    let held = mailservers.iter().map(|it| it.id.as_str()).zip(held);
    story.narrator.holes(messages, held)?;
    set_outage(&story.simulation, mode, false);
    Ok(Outage {
        window,
        messages,
        before,
    })
}

/// A node that picks its mailservers by itself would find a peer only after many seconds: it keeps its peers, which pass
/// nothing on.
fn set_outage(simulation: &Simulation, mode: Mode, begins: bool) {
    match mode {
        Mode::Observe => simulation.set_poor_mesh(begins),
        Mode::Waku1 | Mode::Waku2 | Mode::Pin => simulation.node_offline(begins),
    }
}

/// Sends messages one after the other; every mailserver is deaf to one part of them, of as many parts as there are
/// holes.
fn publish(story: &mut Story, messages: usize, holes: usize) {
    let mailservers = story.simulation.mailservers().len();
    for message in 0..messages {
        let part = message * holes / messages;
        for index in 0..mailservers {
            story.simulation.set_deaf(index, index % holes == part);
        }
        story.publish_one();
    }
    (0..mailservers).for_each(|index| story.simulation.set_deaf(index, false));
}

/// How many of these messages each mailserver holds.
fn held(simulation: &Simulation, messages: Range<usize>) -> Vec<usize> {
    let mut held = vec![0; simulation.mailservers().len()];
    for message in messages {
        for holder in simulation.holders(&Story::text(message)) {
            held[holder] += 1;
        }
    }
    held
}

/// Waits for the first request after the outage.
async fn fetched_once(story: &mut Story, outage: &Outage) -> Result<HistoryRequest, Failure> {
    let (window, before) = (outage.window, outage.before);
    let first = |simulation: &Simulation, report: &Report| {
        let asked = of_outage(report, window).any(|it| it.requests > 0);
        let requests = simulation.history_requests();
        let mut completed = requests.into_iter().skip(before).filter(|it| it.completed);
        completed.next().filter(|_| asked)
    };
    story.shown("missed: no history", first).await
}

/// The windows that came of the outage.
fn of_outage(report: &Report, first: WindowId) -> impl Iterator<Item = &Window> {
    let all = report.open.iter().chain(&report.recent);
    all.filter(move |it| it.id >= first)
}

/// Waits until nothing is missing and no window is open any more; tells each time something is wanted from somebody else.
async fn fetched_again(story: &mut Story, mode: Mode, outage: &Outage) -> Result<(), Failure> {
    let mut told = Vec::new();
    let mut requests = 0;
    loop {
        let news = |_: &Simulation, report: &Report| {
            let mut open = report.open.iter();
            let wanted = open.find(|it| !it.state.wanted().is_empty() && !told.contains(*it));
            let wanted = wanted.cloned();
            (wanted.is_some() || report.open.is_empty()).then(|| (report.clone(), wanted))
        };
        let (report, wanted) = story.shown("missed: a window stays open", news).await?;
        if let Some(window) = wanted {
            let id_of = |identity: &str| id_of(&story.simulation, identity);
            story.narrator.wanted(&window, id_of)?;
            story.narrator.journal(&report)?;
            told.push(window);
            continue;
        }
        let missing = story.simulation.missing().len();
        if missing == 0 {
            return Ok(());
        }
        if mode != Mode::Observe || requests == MOST_REQUESTS {
            return Err(unnoticed(missing, &report, outage));
        }
        requests += 1;
        story.narrator.asked(missing)?;
        story.request_history().await?;
    }
}

fn unnoticed(missing: usize, report: &Report, outage: &Outage) -> Failure {
    let given_up = |it: &&Window| matches!(it.state, State::GivenUp { .. });
    let became = match of_outage(report, outage.window).find(given_up) {
        Some(_) => "given up",
        None => "covered",
    };
    let reason = format!("missed: {missing} missing, though the journal says {became}");
    Exit::Internal.because(reason)
}

fn id_of(simulation: &Simulation, identity: &str) -> String {
    let mut mailservers = simulation.mailservers().into_iter();
    let found = mailservers.find(|it| it.identity == identity);
    found.map_or_else(|| identity.to_owned(), |it| it.id)
}

/// Tells what it took, and that nothing was asked for without need.
async fn account(story: &mut Story, outage: &Outage, margins: Margins) -> Result<(), Failure> {
    let report = story.report().await?;
    let requests = story.simulation.history_requests();
    let completed = requests[outage.before..].iter().filter(|it| it.completed);
    let later: Vec<_> = completed.skip(1).collect();
    let narrator = &mut story.narrator;
    narrator.complete(outage.messages, &later)?;
    narrator.journal(&report)?;
    let mut attempts: Vec<_> = of_outage(&report, outage.window)
        .flat_map(|window| window.attempts.iter().map(move |it| (it, window)))
        .filter(|(attempt, _)| attempt.failure.is_none())
        .collect();
    attempts.sort_by_key(|(attempt, _)| attempt.at);
    let again = attempts.get(1..).unwrap_or_default();
    let windows: Vec<_> = report.open.iter().chain(&report.recent).cloned().collect();
    match needless(&requests, &windows, margins).as_slice() {
        [] => narrator.asked_again(again),
        [first, ..] => Err(Exit::Internal.because(format!(
            "missed: {} was asked twice for {} to {} without need",
            first.mailserver, first.period.from, first.period.until
        ))),
    }
}

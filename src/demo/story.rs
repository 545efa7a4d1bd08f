//! The story so far, and what moves it on: messages are sent, and it waits until the node has them all.

use std::time::{Duration, SystemTime};

use actix::Recipient;
use actors::messages::{
    events::{Event, Numbered},
    history::RequestNow,
    journal::{GetReport, Report},
    selection::Decision,
};
use tokio::{sync::mpsc, time::Instant};

use super::narrator::{Narrator, Recovery};
use crate::{
    exit::{Exit, Failure},
    sim::{Fault, Simulation},
};

/// How long a recovery may take, at the recorded speed: a stopped mailserver leaves the peer list of
/// a real node after up to 32 s.
const LIMIT: Duration = Duration::from_secs(45);

/// The longest pause between two looks at a report.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Messages sent in each chapter.
pub(super) const MESSAGES: usize = 3;

/// The story so far.
pub(super) struct Story {
    pub(super) narrator: Narrator,
    pub(super) simulation: Simulation,
    /// The last decision, until it is told.
    pub(super) decision: Option<Decision>,
    /// How many messages were sent.
    pub(super) sent: usize,
    events: mpsc::Receiver<Numbered>,
    journal: Journal,
    speed: f64,
}

/// What the journal is asked.
pub(super) type Journal = (Recipient<GetReport>, Recipient<RequestNow>);

impl Story {
    pub(super) fn new(
        narrator: Narrator,
        simulation: Simulation,
        events: mpsc::Receiver<Numbered>,
        journal: Journal,
        speed: f64,
    ) -> Self {
        Self {
            narrator,
            simulation,
            decision: None,
            sent: 0,
            events,
            journal,
            speed,
        }
    }

    /// What the journal says now.
    pub(super) async fn report(&self) -> Result<Report, Failure> {
        let report = self.journal.0.send(GetReport).await;
        report.map_err(|error| Exit::Internal.because(format!("journal: {error}")))
    }

    /// Has history requested now, as `history fetch` does.
    pub(super) async fn request_history(&self) -> Result<(), Failure> {
        let requested = self.journal.1.send(RequestNow).await;
        requested.map_err(|error| Exit::Internal.because(format!("journal: {error}")))
    }

    /// When a recovery that begins now has taken too long.
    pub(super) fn limit(&self) -> Duration {
        LIMIT.div_f64(self.speed.min(1.0))
    }

    /// Sends a few messages.
    pub(super) fn publish(&mut self) {
        (0..MESSAGES).for_each(|_| self.publish_one());
    }

    /// Sends the next message.
    pub(super) fn publish_one(&mut self) {
        self.simulation.publish(&Self::text(self.sent));
        self.sent += 1;
    }

    /// What the message says before which so many were sent.
    pub(super) fn text(sent: usize) -> String {
        format!("message {}", sent + 1)
    }

    /// Breaks a mailserver, or mends it.
    pub(super) fn fault(&self, index: usize, fault: Fault) -> Result<(), Failure> {
        let set = self.simulation.set_fault(index, fault);
        set.map_err(|error| {
            Exit::Unusable.because(format!("simulated mailserver {index}: {error}"))
        })
    }

    /// Starts the node's process again.
    pub(super) fn start_node(&self) -> Result<(), Failure> {
        let started = self.simulation.start_node();
        started.map_err(|error| Exit::Unusable.because(format!("simulated node: {error}")))
    }

    /// Waits for a second of the node's own time.
    pub(super) async fn second(&self) {
        tokio::time::sleep(Duration::from_secs(1).div_f64(self.speed)).await;
    }

    /// Forgets what was told until now.
    pub(super) fn forget(&mut self) {
        while self.events.try_recv().is_ok() {}
    }

    /// Waits until history was fetched since then, as it is told to: `announced`, that a mailserver became available
    /// first; and the node has everything.
    pub(super) async fn recovery(
        &mut self,
        title: &str,
        since: SystemTime,
        announced: bool,
    ) -> Result<Recovery, Failure> {
        let limit = self.limit();
        let mut recovery = Recovery::default();
        loop {
            let left = limit.saturating_sub(since.elapsed().unwrap_or_default());
            let Some(event) = self.next_event(left).await else {
                let missing = self.simulation.missing().len();
                return Err(Exit::Internal.because(format!(
                    "{title}: not recovered within {limit:?}, {missing} messages missing"
                )));
            };
            let after = event.at.duration_since(since).unwrap_or_default();
            match event.event {
                Event::MailserverChanged {
                    mailserver: None, ..
                } => recovery.noticed = recovery.noticed.or(Some(after)),
                Event::MailserverChanged { reason, .. } => recovery.why = reason,
                Event::Decision(decision) => self.decision = Some(decision),
                Event::MailserverAvailable { mailserver } => {
                    recovery.available = Some((mailserver, after));
                }
                Event::HistoryCompleted { .. } if self.simulation.missing().is_empty() => {
                    if recovery.available.is_some() || !announced {
                        recovery.fetched = after;
                        return Ok(recovery);
                    }
                }
                event => self.narrator.aside(&event)?,
            }
        }
    }

    /// Waits until the journal, or the simulation, shows it.
    pub(super) async fn shown<T>(
        &mut self,
        what: &str,
        mut shown: impl FnMut(&Simulation, &Report) -> Option<T>,
    ) -> Result<T, Failure> {
        let end = Instant::now() + self.limit();
        while Instant::now() < end {
            let report = self.report().await?;
            if let Some(shown) = shown(&self.simulation, &report) {
                self.narrator.clear();
                return Ok(shown);
            }
            // Not all that a report shows is told by an event.
            if let Some(event) = self.next_event(LOOK_AGAIN).await {
                self.narrator.aside(&event.event)?;
            }
        }
        let missing = self.simulation.missing().len();
        Err(Exit::Internal.because(format!(
            "{what}: not within {:?}, {missing} messages missing",
            self.limit()
        )))
    }

    /// The next event, while a clock runs on a terminal.
    pub(super) async fn next_event(&mut self, limit: Duration) -> Option<Numbered> {
        let end = Instant::now() + limit;
        loop {
            let step =
                Duration::from_millis(200).min(end.saturating_duration_since(Instant::now()));
            if step.is_zero() {
                return None;
            }
            match tokio::time::timeout(step, self.events.recv()).await {
                Ok(event) => {
                    self.narrator.clear();
                    return event;
                }
                Err(_) => self.narrator.wait(),
            }
        }
    }
}

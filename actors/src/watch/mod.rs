//! The watch: the active mailserver is probed every few seconds, the standby rarely, the others not at all.
//!
//! A node goes on listing a mailserver that hangs, and one that was killed while nothing is asked of it: no switch in
//! 120 s on status-go 2024-10. So the watch asks for itself, over a connection that the adapter keeps open. A missed
//! probe is followed by a second one at once; two in a row, and the connector is told. Silence is evidence if the
//! mailserver has answered the watch before, or if any mailserver has answered a probe or a ping round lately: only if
//! nobody ever answers may a firewall be supposed.

mod adaptive_timeout;
mod byte_budget;
pub mod failure_detector;

use std::time::Duration;

use actix::prelude::*;
use serde::Serialize;

use crate::{
    Instant,
    connector::memory::Cause,
    deadline::Deadline,
    model::mailserver::{Identity, Mailserver},
    online::{Missed, VerdictChanged},
    pinger::{Probe, ProbeAnswer},
    selector::Surveyed,
    watch::failure_detector::{Command, FailureDetector},
};

/// How the watch is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The pause between two probes of the active mailserver; `None`: no watch.
    pub interval: Option<Duration>,
    /// The most payload bytes that all probes of the watch may cost in a minute: the pause grows with what they
    /// cost. Only the second probe after a miss, and the one after a connection ended, never wait for it.
    pub budget: u64,
    /// The longest patience for one reply.
    pub timeout: Duration,
    /// Whether only a mailserver that works answers a ping round over multiaddrs. A TCP connect is answered by a hung
    /// one too: then a round says nothing of whether the probes of the watch can be answered.
    pub rounds_prove_life: bool,
}

/// Whom to watch from now on. Sent by the connector whenever it changes, and again if it keeps one that was
/// [lost](WatchLost): only then that one is probed again. Telling the same changes nothing else.
#[derive(Message, Clone, Debug, Default, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct Watch {
    /// The active mailserver, while it is connected.
    pub active: Option<Mailserver>,
    /// The one that is used next.
    pub standby: Option<Mailserver>,
}

/// A watched mailserver gave no sign of life, twice in a row, after it had given some before. Sent to the connector.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct WatchLost {
    /// Which.
    pub identity: Identity,
    /// `Probe`: it was silent, which each watch notices in its own time. `Lost`: its address said no, to everybody at
    /// the same moment.
    pub cause: Cause,
    /// What happened, for people.
    pub reason: String,
}

/// A watched mailserver answered. Sent to the connector.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct Measured {
    /// Which.
    pub identity: Identity,
    /// The round-trip time.
    pub rtt: Duration,
    /// When the probe was sent: an answer is no news of what happened after that.
    pub sent: Instant,
}

/// Ask for the state of the watch, for the status page.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "Watched")]
pub struct GetWatch;

/// The state of the watch, for the status page.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Watched {
    /// Probes sent since the start of the process.
    pub probes: u64,
    /// Probes that were not answered in time.
    pub misses: u64,
    /// Payload bytes on the wire in the last minute.
    pub bytes_per_minute: u64,
    /// The pause between two probes now, in milliseconds; `None` if nobody is watched.
    pub interval_ms: Option<u64>,
    /// The patience for a reply of the active mailserver now, in milliseconds.
    pub patience_ms: Option<u64>,
}

/// Whom the watch talks to.
#[derive(Clone)]
pub struct Ports {
    /// The probe adapter.
    pub probe: Recipient<Probe>,
    /// The connector.
    pub lost: Recipient<WatchLost>,
    /// Who gives the online verdict.
    pub missed: Recipient<Missed>,
    /// Everybody who wants to know the times.
    pub measured: Vec<Recipient<Measured>>,
}

/// The actor: it executes what [`FailureDetector`] decides.
pub struct Watcher {
    detector: FailureDetector,
    ports: Ports,
    deadline: Deadline,
}

impl Watcher {
    /// A watcher that waits to be told whom to watch.
    #[must_use]
    pub fn new(config: Config, ports: Ports) -> Self {
        Self {
            detector: FailureDetector::new(config),
            ports,
            deadline: Deadline::default(),
        }
    }

    fn run(&mut self, ctx: &mut Context<Self>, input: impl FnOnce(&mut FailureDetector, Instant)) {
        input(&mut self.detector, Instant::now());
        while let Some(command) = self.detector.poll_command() {
            self.execute(command, ctx);
        }
        let at = self.detector.poll_timeout();
        self.deadline.arm(at, ctx, |watcher, ctx| {
            watcher.deadline.clear();
            watcher.run(ctx, FailureDetector::handle_timeout);
        });
    }

    fn execute(&mut self, command: Command, ctx: &mut Context<Self>) {
        let ports = &self.ports;
        match command {
            Command::Probe {
                round,
                target,
                patience,
                in_use,
            } => ports.probe.do_send(Probe {
                round,
                targets: vec![target],
                timeout: patience,
                // A standby may have to be dialled yet: nothing may stand in the way of that.
                watched: in_use,
                answer_to: ctx.address().recipient(),
            }),
            Command::Measured(measured) => {
                for listener in &ports.measured {
                    listener.do_send(measured.clone());
                }
            }
            Command::Missed(identity) => ports.missed.do_send(Missed(identity)),
            Command::Lost(lost) => ports.lost.do_send(lost),
        }
    }
}

impl Actor for Watcher {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.run(ctx, |_, _| {});
    }
}

impl Supervised for Watcher {
    fn restarting(&mut self, _: &mut Context<Self>) {
        self.deadline.clear();
        self.detector.reset(Instant::now());
    }
}

impl Handler<Watch> for Watcher {
    type Result = ();

    fn handle(&mut self, watch: Watch, ctx: &mut Context<Self>) {
        self.run(ctx, |it, now| it.handle_watch(watch, now));
    }
}

impl Handler<VerdictChanged> for Watcher {
    type Result = ();

    fn handle(&mut self, VerdictChanged(verdict): VerdictChanged, ctx: &mut Context<Self>) {
        self.run(ctx, |it, now| it.handle_verdict(verdict, now));
    }
}

impl Handler<ProbeAnswer> for Watcher {
    type Result = ();

    fn handle(&mut self, answer: ProbeAnswer, ctx: &mut Context<Self>) {
        self.run(ctx, |it, now| it.handle_answer(&answer, now));
    }
}

impl Handler<Surveyed> for Watcher {
    type Result = ();

    fn handle(&mut self, surveyed: Surveyed, ctx: &mut Context<Self>) {
        if surveyed.replies.iter().any(|it| it.outcome.is_ok()) {
            self.run(ctx, |it, now| it.handle_heard(now));
        }
    }
}

impl Handler<GetWatch> for Watcher {
    type Result = MessageResult<GetWatch>;

    fn handle(&mut self, _: GetWatch, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.detector.watched(Instant::now()))
    }
}

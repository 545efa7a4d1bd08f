//! What comes of audits and sweeps.

use std::collections::BTreeSet;

use super::{Command, Plan};
use crate::{
    Instant,
    auditor::{deafness::Swept, entry::Job, inquiry::Answers, judgement::judge},
    messages::{
        events::Event,
        journal::{Audited, Finding, OpenWindow, Prefer},
    },
    model::{
        moment::{Moment, Period},
        window::Reason,
    },
};

impl Plan {
    /// The node does not say which topics it has.
    pub(super) fn audit_blindly(&mut self, job: &Job, now: Instant) {
        match job.fresh {
            true => self.audits.postpone(job, now),
            false => self.judge(job, None, now),
        }
    }

    /// An audit has all the answers that it gets; `None`: the node does not say which topics it has.
    pub(super) fn judge(&mut self, job: &Job, answers: Option<Answers>, now: Instant) {
        let Some(kept) = self.audits.kept(job) else {
            return;
        };
        let (respondents, random) = (&self.respondents, &mut self.random);
        let (from, age) = (&job.from, now.saturating_duration_since(job.covered));
        let judgement = judge(from, age, kept, answers.as_ref(), respondents, random, now);
        let Some(verdict) = self.audits.settle(job, judgement, respondents, now) else {
            return;
        };
        match &verdict.finding {
            Finding::Complete => self.status.audits += 1,
            Finding::Short { .. } | Finding::Repeat { .. } => {
                self.status.audits += 1;
                self.status.short += 1;
                self.status.missing += verdict.news;
            }
            Finding::Second { .. } => self.status.seconds += 1,
            Finding::Unchecked | Finding::Unhealed { .. } => {}
        }
        let answered = answers.iter().flat_map(|it| it.held.keys());
        self.commands.push_back(Command::Tell(Audited {
            id: job.id,
            by: answered.map(|it| self.respondents.id(it)).collect(),
            held: verdict.held,
            finding: verdict.finding,
        }));
    }

    /// A sweep is done: what was found is fetched.
    pub(super) fn end_sweep(&mut self, until: Moment, found: &[Period], now: Instant) {
        self.status.sweeps += 1;
        self.sweeps.end(until, found, now);
        let (pace, factor) = (self.pace(now), self.factor());
        self.sweeps.schedule(pace, factor, now);
        if found.is_empty() {
            let nothing = Swept {
                held: false,
                brought: 0,
            };
            self.commands.push_back(Command::Swept(until));
            return self.hear_of_sweep(nothing, now);
        }
        self.status.fetches += 1;
        for period in found {
            self.open(*period, Reason::Swept);
        }
        // Kept after what was found: a crash in between has it swept again.
        self.commands.push_back(Command::Swept(until));
    }

    fn open(&mut self, period: Period, reason: Reason) {
        let window = OpenWindow { period, reason };
        self.commands.push_back(Command::Open(window));
    }

    /// Judges whether the node is deaf, and acts on it.
    pub(super) fn hear_of_sweep(&mut self, swept: Swept, now: Instant) {
        let Some(wall) = self.wall(now) else {
            return;
        };
        let Some(since) = self.deafness.judge(swept, wall) else {
            return;
        };
        self.publish(
            true,
            format!("mailservers hold messages, none came since {since}"),
        );
        let (from, until) = (since.min(wall), wall);
        self.open(Period { from, until }, Reason::Deaf);
        if let Some(active) = self.node.active().cloned() {
            let except = BTreeSet::from([active]);
            if let Some(identity) = self.respondents.draw_any(&except, &mut self.random) {
                let short = None;
                self.commands
                    .push_back(Command::Prefer(Prefer { identity, short }));
            }
        }
        let (pace, factor) = (self.pace(now), self.factor());
        self.sweeps.schedule(pace, factor, now);
    }

    pub(super) fn publish(&mut self, deaf: bool, reason: String) {
        let event = Event::NodeDeaf { deaf, reason };
        self.commands.push_back(Command::Publish(event));
    }
}

//! What happens, and what it leads to.

use std::collections::BTreeSet;

use rand::RngExt;

use super::{Errand, Plan, Task, Work};
use crate::{
    Instant,
    auditor::{deafness::Swept, inquiry::Inquiry, slices::slices, survey::Survey, sweep::GRACE},
    messages::{
        history::Source,
        journal::WindowCovered,
        store::{FailedQuery, StoreAnswer},
    },
    model::{
        mailserver::Mailserver,
        moment::{Moment, WallClock},
        node::NodeError,
        topic::{MarkedTopic, Topic},
    },
};

/// The most topics that are asked for.
const MOST_TOPICS: usize = 1000;

impl Plan {
    /// The clocks were read.
    pub(in crate::auditor) fn handle_clock(&mut self, wall: Moment, now: Instant) {
        let first = self.clock.replace(WallClock::new(wall, now)).is_none();
        if first && self.node.ready {
            self.begin_session(now);
        }
        if first {
            self.proceed(now);
        }
    }

    /// The node can be driven, or cannot.
    pub(in crate::auditor) fn handle_node(&mut self, ready: bool, now: Instant) {
        let was_ready = std::mem::replace(&mut self.node.ready, ready);
        if ready && !was_ready {
            (self.node.mute, self.node.topics) = (false, None);
            self.begin_session(now);
        }
        self.proceed(now);
    }

    fn begin_session(&mut self, now: Instant) {
        if let Some(wall) = self.wall(now) {
            let factor = self.factor();
            self.sweeps.begin_session(wall, factor, now);
            self.deafness.begin_session(wall);
        }
    }

    /// We are online, or not.
    pub(in crate::auditor) fn handle_online(&mut self, online: bool, now: Instant) {
        self.online = online;
        if !online {
            self.deafness.interrupt();
        }
        self.proceed(now);
    }

    /// Others may be asked now.
    pub(in crate::auditor) fn handle_candidates(&mut self, all: Vec<Mailserver>) {
        self.respondents.replace(all);
    }

    /// The node asks somebody else for history, or nobody.
    pub(in crate::auditor) fn handle_source(&mut self, source: Option<Source>, now: Instant) {
        self.node.source = source;
        self.proceed(now);
    }

    /// Windows are about to be fetched, or none any more.
    pub(in crate::auditor) fn handle_open(&mut self, open: bool, now: Instant) {
        if std::mem::replace(&mut self.node.windows_open, open) && !open {
            self.node.fetched_until = Some(now + GRACE);
        }
        self.proceed(now);
    }

    /// A window was covered.
    pub(in crate::auditor) fn handle_covered(&mut self, window: WindowCovered, now: Instant) {
        // Before the first reading of a clock: windows are covered at their end or later.
        let wall = self.wall(now).unwrap_or(window.period.until);
        let minor = self.sweeps.covered(window.period, wall, now);
        if self.config.enabled {
            let share = self.random.random_range(0.0..1.0);
            let pause = self.config.jitter.mul_f64(share);
            self.audits.covered(window, minor, pause, wall, now);
        }
        self.proceed(now);
    }

    /// Messages reached the node.
    pub(in crate::auditor) fn handle_arrived(&mut self, messages: u64, now: Instant) {
        let just_fetched = self.node.fetched_until.is_some_and(|until| now < until);
        let fetched = self.node.windows_open || just_fetched || self.sweeps.is_fetching();
        if fetched {
            return self.sweeps.arrived(messages);
        }
        if let Some(wall) = self.wall(now)
            && self.deafness.hear(messages, wall)
        {
            let reason = "a message came live".into();
            self.publish(false, reason);
            let (pace, factor) = (self.pace(now), self.factor());
            self.sweeps.schedule(pace, factor, now);
        }
    }

    /// The node told its topics, or did not.
    pub(in crate::auditor) fn handle_topics(
        &mut self,
        number: u64,
        answer: Result<Vec<MarkedTopic>, NodeError>,
        now: Instant,
    ) {
        let errand = match std::mem::replace(&mut self.task, Task::Idle) {
            Task::ReadingTopics { number: of, errand } if of == number => errand,
            other => {
                self.task = other;
                return;
            }
        };
        match answer {
            Ok(topics) => self.begin_work(errand, &topics, now),
            Err(NodeError::NotPossible | NodeError::UnknownMethod(_)) => {
                self.node.mute = true;
                match errand {
                    Errand::Audit(job) => self.audit_blindly(&job, now),
                    // It is still due: the node fetches.
                    Errand::Sweep(..) => {}
                }
            }
            Err(_) => self.give_up(errand, now),
        }
        self.proceed(now);
    }

    fn begin_work(&mut self, errand: Errand, topics: &[MarkedTopic], now: Instant) {
        let topics: BTreeSet<&Topic> = topics.iter().map(|it| &it.topic).collect();
        let topics: Vec<Topic> = topics.into_iter().take(MOST_TOPICS).cloned().collect();
        if topics.is_empty() {
            return self.give_up(errand, now);
        }
        let work = match errand {
            Errand::Audit(job) => {
                let slices = slices(job.period, &topics);
                let inquiry = match job.fresh {
                    true => Inquiry::of_served(slices, &job.from),
                    false => Inquiry::new(slices, &job.from),
                };
                Work::Audit(job, inquiry)
            }
            Errand::Sweep(periods, until) => Work::Sweep(Survey::new(&periods, &topics), until),
        };
        self.node.topics = Some((now, topics));
        let work = Box::new(work);
        self.task = Task::Asking { work, asked: None };
    }

    /// Nobody can be asked for it now.
    fn give_up(&mut self, errand: Errand, now: Instant) {
        match errand {
            Errand::Audit(job) => self.audits.postpone(&job, now),
            Errand::Sweep(..) => {
                let factor = self.factor();
                self.sweeps.postpone(factor, now);
            }
        }
    }

    /// A mailserver answered, or did not.
    pub(in crate::auditor) fn handle_answer(
        &mut self,
        number: u64,
        answer: Result<StoreAnswer, FailedQuery>,
        now: Instant,
    ) {
        let Task::Asking { work, asked } = &mut self.task else {
            return;
        };
        let Some((_, mailserver)) = asked.take_if(|it| it.0 == number) else {
            return;
        };
        match answer {
            Ok(answer) => {
                self.budget.spend(answer.bytes, answer.pages, now);
                self.status.queries += u64::from(answer.pages.max(1));
                self.status.bytes += answer.bytes;
                self.respondents.answered(&mailserver.identity);
                match &mut **work {
                    Work::Audit(_, inquiry) => inquiry.answered(&answer),
                    Work::Sweep(survey, _) => survey.answered(!answer.hashes.is_empty()),
                }
            }
            Err(failure) => {
                tracing::debug!(mailserver = mailserver.id, %failure, "audit: no answer");
                self.status.queries += u64::from(failure.pages.max(1));
                self.status.bytes += self.budget.spend_failed(&failure, now);
                let silence = (self.respondents).failed(&mailserver.identity, &failure.why, now);
                match &mut **work {
                    Work::Audit(_, inquiry) => inquiry.failed(silence),
                    Work::Sweep(survey, _) => survey.failed(),
                }
            }
        }
        self.proceed(now);
    }

    /// A limit has passed.
    pub(in crate::auditor) fn handle_timeout(&mut self, now: Instant) {
        if let Some(brought) = self.sweeps.fetched(now) {
            self.status.brought += brought;
            let held = brought > 0 || !self.is_plain(now);
            self.hear_of_sweep(Swept { held, brought }, now);
        }
        self.proceed(now);
    }
}

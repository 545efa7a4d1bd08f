//! What is begun when: windows before sweeps.

use super::{Command, Errand, Plan, TOPICS_HOLD, Task, Work};
use crate::{
    Instant,
    auditor::{budget::Need, entry::Job, survey::Survey, sweep::Sweeps},
    model::moment::Moment,
};

impl Plan {
    /// Begins what is due, if nothing is under way.
    pub(super) fn proceed(&mut self, now: Instant) {
        if let Task::Asking { asked: None, .. } = self.task {
            self.ask_next(now);
        }
        let Some(wall) = self.wall(now).filter(|_| self.may_ask()) else {
            return;
        };
        if !matches!(self.task, Task::Idle) {
            return;
        }
        for minor in [false, true] {
            let need = if minor { Need::Sweep } else { Need::Window };
            if self.budget.is_free(need, now)
                && let Some(job) = self.audits.begin(minor, wall, now)
            {
                return self.begin_audit(job, now);
            }
        }
        if self.may_sweep() && self.sweeps.next_at().is_some_and(|at| at <= now) {
            self.begin_sweep(wall, now);
        }
    }

    fn begin_audit(&mut self, job: Job, now: Instant) {
        match self.node.mute {
            true => self.audit_blindly(&job, now),
            false => self.read_topics(Errand::Audit(job)),
        }
    }

    fn begin_sweep(&mut self, wall: Moment, now: Instant) {
        if self.is_plain(now) {
            return self.sweep_plainly(wall, now);
        }
        if !self.budget.is_free(Need::Sweep, now) {
            return;
        }
        let until = Sweeps::until(wall);
        let periods = self.sweeps.periods(until);
        match &self.node.topics {
            _ if periods.is_empty() => self.end_sweep(until, &[], now),
            Some((read, topics)) if now.saturating_duration_since(*read) < TOPICS_HOLD => {
                let survey = Survey::new(&periods, topics);
                let work = Box::new(Work::Sweep(survey, until));
                self.task = Task::Asking { work, asked: None };
                self.ask_next(now);
            }
            _ => self.read_topics(Errand::Sweep(periods, until)),
        }
    }

    fn read_topics(&mut self, errand: Errand) {
        let number = self.next_number();
        self.task = Task::ReadingTopics { number, errand };
        self.commands.push_back(Command::ReadTopics(number));
    }

    /// Nobody can be asked: the node fetches.
    fn sweep_plainly(&mut self, wall: Moment, now: Instant) {
        let periods = self.sweeps.periods(wall);
        self.end_sweep(wall, &periods, now);
    }
}

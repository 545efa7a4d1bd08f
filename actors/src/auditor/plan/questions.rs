//! The questions of an errand, one after the other.

use super::{Command, MOST_BYTES_OF_ONE, Plan, Task, Work};
use crate::{
    Instant,
    auditor::budget::Need,
    messages::store::{Extent, QueryStore},
};

impl Plan {
    /// Asks the next question, as soon as it may be asked; ends the errand if there is none.
    pub(super) fn ask_next(&mut self, now: Instant) {
        let Task::Asking { mut work, .. } = std::mem::replace(&mut self.task, Task::Idle) else {
            return;
        };
        if !self.may_ask() {
            return;
        }
        let question = match &mut *work {
            Work::Audit(_, inquiry) => inquiry.next(&self.respondents, &mut self.random, now),
            Work::Sweep(survey, _) => {
                let active = self.node.active();
                survey.next(active, &self.respondents, &mut self.random, now)
            }
        };
        let Some((mailserver, slice)) = question else {
            return self.end(*work, now);
        };
        // Begun is begun: what waits here keeps windows waiting.
        if !self.budget.is_free(Need::Window, now) {
            self.task = Task::Asking { work, asked: None };
            return;
        }
        let (extent, most) = match *work {
            Work::Audit(..) => (Extent::All, u64::MAX),
            Work::Sweep(..) => (Extent::Any, MOST_BYTES_OF_ONE),
        };
        let number = self.next_number();
        let query = QueryStore {
            mailserver: mailserver.clone(),
            topics: slice.topics,
            period: slice.period,
            extent,
            most_bytes: self.budget.left(now).min(most),
        };
        let asked = Some((number, mailserver));
        self.task = Task::Asking { work, asked };
        self.commands.push_back(Command::Ask(number, query));
    }

    fn end(&mut self, work: Work, now: Instant) {
        match work {
            Work::Audit(job, inquiry) => {
                let answers = inquiry.into_answers();
                match job.fresh {
                    true => self.audits.read(&job, answers.held),
                    false => self.judge(&job, Some(answers), now),
                }
            }
            Work::Sweep(survey, until) => match survey.into_found() {
                Some(found) => self.end_sweep(until, &found, now),
                None => {
                    let factor = self.factor();
                    self.sweeps.postpone(factor, now);
                }
            },
        }
    }
}

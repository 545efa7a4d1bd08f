//! What is said of one target of one probe: that it began, how it ended, that its kept connection is gone.

use std::time::Duration;

use actix::Recipient;
use actors::{
    messages::ping::{News, Probe, ProbeAnswer},
    model::{mailserver::Identity, probe::ProbeFailure},
};

/// Where the answers of one probe go.
#[derive(Clone)]
pub(super) struct Answers {
    round: u64,
    to: Recipient<ProbeAnswer>,
}

impl Answers {
    pub(super) fn of(probe: &Probe) -> Self {
        Self {
            round: probe.round,
            to: probe.answer_to.clone(),
        }
    }

    /// The answers for one target.
    pub(super) fn about(&self, identity: Identity) -> Answer {
        Answer {
            to: self.clone(),
            identity,
            done: false,
        }
    }
}

/// The answers for one target. One that is dropped before its time says so: nobody waits in vain.
pub(super) struct Answer {
    to: Answers,
    identity: Identity,
    done: bool,
}

impl Answer {
    /// The probe begins now.
    pub(super) fn began(&self, round_trips: u32) {
        self.send(News::Began { round_trips });
    }

    /// It is done.
    pub(super) fn done(
        mut self,
        outcome: Result<Duration, ProbeFailure>,
        bytes: u64,
    ) -> Afterwards {
        self.done = true;
        self.send(News::Done { outcome, bytes });
        Afterwards {
            to: self.to.clone(),
            identity: self.identity.clone(),
        }
    }

    fn send(&self, news: News) {
        self.to.to.do_send(ProbeAnswer {
            round: self.to.round,
            identity: self.identity.clone(),
            news,
        });
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if !self.done {
            let outcome = Err(ProbeFailure::Other("the probe was given up".into()));
            self.send(News::Done { outcome, bytes: 0 });
        }
    }
}

/// What may be said after the end.
pub(super) struct Afterwards {
    to: Answers,
    identity: Identity,
}

impl Afterwards {
    /// The connection that was kept has ended.
    pub(super) fn closed(self) {
        self.to.to.do_send(ProbeAnswer {
            round: self.to.round,
            identity: self.identity,
            news: News::Closed,
        });
    }
}

//! How fast mailservers answered: what selections and the watch found, kept for people and graphs.

mod recent;

use actix::prelude::*;

use crate::{
    Instant,
    messages::{
        round_trips::{GetRoundTrips, RoundTrips},
        selection::Surveyed,
        watch::Measured,
    },
    model::durations::Durations,
};
use recent::Recent;

/// The actor.
#[derive(Debug, Default)]
pub struct RoundTripLog {
    answered: Durations,
    recent: Recent,
}

impl Actor for RoundTripLog {
    type Context = Context<Self>;
}

impl Supervised for RoundTripLog {
    // What was measured stays measured.
}

impl Handler<Surveyed> for RoundTripLog {
    type Result = ();

    fn handle(&mut self, surveyed: Surveyed, _: &mut Context<Self>) {
        for reply in &surveyed.replies {
            let rtt = reply.outcome.as_ref().ok().copied();
            if let Some(rtt) = rtt {
                self.answered.observe(rtt);
            }
            self.recent.add(&reply.identity, rtt, surveyed.begun);
        }
    }
}

impl Handler<Measured> for RoundTripLog {
    type Result = ();

    fn handle(&mut self, measured: Measured, _: &mut Context<Self>) {
        self.answered.observe(measured.rtt);
        self.recent
            .add(&measured.identity, Some(measured.rtt), measured.sent);
    }
}

impl Handler<GetRoundTrips> for RoundTripLog {
    type Result = MessageResult<GetRoundTrips>;

    fn handle(&mut self, _: GetRoundTrips, _: &mut Context<Self>) -> Self::Result {
        MessageResult(RoundTrips {
            answered: self.answered.clone(),
            recent: self.recent.tell(Instant::now()),
        })
    }
}

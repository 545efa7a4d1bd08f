//! The state of both loops, for the status page.

use actix::prelude::*;

use super::Connector;
use crate::{
    Instant,
    messages::connection::{GetStatus, Status},
};

impl Handler<GetStatus> for Connector {
    type Result = MessageResult<GetStatus>;

    fn handle(&mut self, _: GetStatus, _: &mut Context<Self>) -> Self::Result {
        let now = Instant::now();
        let loops = &self.loops;
        MessageResult(Status {
            node: loops.node().clone(),
            active: loops.cycle.active_status(now),
            reach: loops.reach(now),
            standby: loops.cycle.standby().cloned(),
            pin: loops.pin_status(now),
            cooling_ms: loops.cycle.cooling_ms(now),
            memory: loops.cycle.records(),
            counts: loops.counts(),
            failovers: loops.cycle.failovers().clone(),
        })
    }
}

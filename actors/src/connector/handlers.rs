//! What the connector is told, and which input of the loops that is.

use actix::prelude::*;

use super::{Connector, loops::Loops};
use crate::messages::{
    candidates::CandidatesChanged,
    history::{HistoryUnderWay, MailserverFailing, MailserverServed},
    journal::Prefer,
    node::{ConnectionChanged, NodeChanged, NodeSwitched, PeerSnapshot},
    online::VerdictChanged,
    peers::{PeerConnected, PeerDisconnected, PeerState},
    selection::{Decision, Surveyed},
    supervision::Tick,
    watch::{Measured, WatchLost},
};

impl Handler<Tick> for Connector {
    type Result = ();

    fn handle(&mut self, _: Tick, ctx: &mut Context<Self>) {
        self.run("tick", ctx, Loops::handle_tick);
    }
}

impl Handler<NodeChanged> for Connector {
    type Result = ();

    fn handle(&mut self, NodeChanged(state): NodeChanged, ctx: &mut Context<Self>) {
        self.run("node", ctx, |it, now| it.handle_node(state, now));
    }
}

impl Handler<CandidatesChanged> for Connector {
    type Result = ();

    fn handle(&mut self, changed: CandidatesChanged, ctx: &mut Context<Self>) {
        self.run("candidates", ctx, |it, now| {
            it.handle_candidates(changed, now)
        });
    }
}

impl Handler<PeerConnected> for Connector {
    type Result = ();

    fn handle(&mut self, PeerConnected(identity): PeerConnected, ctx: &mut Context<Self>) {
        self.run("peer", ctx, |it, now| {
            it.handle_peer(&identity, PeerState::Connected, false, now);
        });
    }
}

impl Handler<PeerDisconnected> for Connector {
    type Result = ();

    fn handle(&mut self, gone: PeerDisconnected, ctx: &mut Context<Self>) {
        let PeerDisconnected { identity, alone } = gone;
        self.run("peer", ctx, |it, now| {
            it.handle_peer(&identity, PeerState::Disconnected, alone, now);
        });
    }
}

/// Of the list of peers it needs only whether it is empty: the rest it is told by the peer tracker.
impl Handler<PeerSnapshot> for Connector {
    type Result = ();

    fn handle(&mut self, snapshot: PeerSnapshot, ctx: &mut Context<Self>) {
        let alone = snapshot.peers.is_empty();
        self.run("peers", ctx, |it, now| it.handle_alone(alone, now));
    }
}

impl Handler<ConnectionChanged> for Connector {
    type Result = ();

    fn handle(&mut self, ConnectionChanged(said): ConnectionChanged, ctx: &mut Context<Self>) {
        self.run("connection", ctx, |it, now| {
            it.handle_connectedness(said, now)
        });
    }
}

impl Handler<Decision> for Connector {
    type Result = ();

    fn handle(&mut self, decision: Decision, ctx: &mut Context<Self>) {
        self.run("decision", ctx, |it, now| {
            it.handle_decision(&decision, now)
        });
    }
}

impl Handler<NodeSwitched> for Connector {
    type Result = ();

    fn handle(&mut self, switched: NodeSwitched, ctx: &mut Context<Self>) {
        self.run("switched", ctx, |it, now| {
            it.cycle.handle_switched(&switched, now)
        });
    }
}

impl Handler<MailserverFailing> for Connector {
    type Result = ();

    fn handle(&mut self, failing: MailserverFailing, ctx: &mut Context<Self>) {
        self.run("failing", ctx, |it, now| {
            it.cycle
                .handle_failing(&failing.identity, &failing.reason, now);
        });
    }
}

impl Handler<MailserverServed> for Connector {
    type Result = ();

    fn handle(&mut self, MailserverServed(identity): MailserverServed, ctx: &mut Context<Self>) {
        self.run("served", ctx, |it, now| {
            it.cycle.handle_served(&identity, now)
        });
    }
}

impl Handler<Prefer> for Connector {
    type Result = ();

    fn handle(&mut self, prefer: Prefer, ctx: &mut Context<Self>) {
        self.run("preferred", ctx, |it, now| {
            it.cycle.handle_prefer(&prefer, now)
        });
    }
}

impl Handler<HistoryUnderWay> for Connector {
    type Result = ();

    fn handle(&mut self, HistoryUnderWay(it): HistoryUnderWay, ctx: &mut Context<Self>) {
        self.run("requesting", ctx, |loops, _| {
            loops.cycle.handle_requesting(it)
        });
    }
}

impl Handler<Surveyed> for Connector {
    type Result = ();

    fn handle(&mut self, surveyed: Surveyed, ctx: &mut Context<Self>) {
        self.run("surveyed", ctx, |it, now| {
            it.handle_surveyed(&surveyed, now)
        });
    }
}

impl Handler<VerdictChanged> for Connector {
    type Result = ();

    fn handle(&mut self, VerdictChanged(verdict): VerdictChanged, ctx: &mut Context<Self>) {
        self.run("verdict", ctx, |it, now| it.handle_verdict(verdict, now));
    }
}

impl Handler<WatchLost> for Connector {
    type Result = ();

    fn handle(&mut self, lost: WatchLost, ctx: &mut Context<Self>) {
        self.run("silence", ctx, |it, now| {
            it.handle_silence(&lost.identity, lost.cause, &lost.reason, now);
        });
    }
}

impl Handler<Measured> for Connector {
    type Result = ();

    fn handle(&mut self, measured: Measured, ctx: &mut Context<Self>) {
        let Measured { identity, rtt, .. } = measured;
        self.run("measured", ctx, |it, now| {
            it.handle_measured(&identity, rtt, now)
        });
    }
}

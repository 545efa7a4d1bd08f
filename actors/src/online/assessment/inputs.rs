//! What the assessment hears, and what each of it means: a sign for the network, a sign against it, or nothing.

use std::time::Duration;

use super::{Assessment, SETTLE, Stage};
use crate::{
    Instant,
    messages::{
        events::Event, node::PeerSnapshot, online::Clocks, ping::Proof, selection::Surveyed,
    },
    model::{
        address::Network,
        mailserver::{Identity, Mailserver},
        node::Connectedness,
        probe::{ProbeFailure, Reply},
        verdict::Verdict,
    },
    online::probing::proves_a_path,
};

impl Assessment {
    /// The node can be driven, or cannot. Without it nobody can be served: nothing new is found out then,
    /// and its silence says nothing of the network.
    pub(in crate::online) fn handle_node(&mut self, ready: bool, now: Instant) {
        self.ready = ready;
        if ready {
            return self.resume(now);
        }
        self.node_report.forget();
        if matches!(self.stage, Stage::Settling { .. } | Stage::Pausing { .. }) {
            self.stage = Stage::Idle;
        }
    }

    /// These may be probed.
    pub(in crate::online) fn handle_candidates(&mut self, candidates: Vec<Mailserver>) {
        self.candidates = candidates;
        let candidates = &self.candidates;
        (self.answered).retain(|it| candidates.iter().any(|known| known.identity == *it));
    }

    /// The node lists these peers.
    pub(in crate::online) fn handle_snapshot(&mut self, snapshot: PeerSnapshot, now: Instant) {
        if let Some(reason) = self.node_report.hear(snapshot, now) {
            return self.online_by(reason, now);
        }
        self.believe_node(now);
        self.complain(now);
    }

    /// The node says how well it is connected.
    pub(in crate::online) fn handle_connectedness(&mut self, said: Connectedness, now: Instant) {
        if let Some(reason) = self.node_report.hear_connectedness(said) {
            return self.online_by(reason, now);
        }
        self.believe_node(now);
        self.complain(now);
    }

    /// The answer to a probe of ours. One that comes late is a sign of life all the same, if it was sent after the doubt.
    pub(in crate::online) fn handle_answer(
        &mut self,
        round: u64,
        identity: &Identity,
        outcome: &Result<Duration, ProbeFailure>,
        now: Instant,
    ) {
        if round <= self.void {
            return;
        }
        if proves_a_path(outcome) {
            let before = self.doubt.filter(|doubt| round < doubt.first_round);
            let sent = before.map_or(now, |doubt| doubt.since - Duration::from_nanos(1));
            return self.handle_measured(identity, sent, now);
        }
        if let Stage::Probing(probing) = &mut self.stage
            && probing.note_silent(round, identity, outcome.as_ref().err())
        {
            self.proceed(now);
        }
    }

    /// A mailserver answered a probe that was sent then, this actor's or another's.
    pub(in crate::online) fn handle_measured(
        &mut self,
        identity: &Identity,
        sent: Instant,
        now: Instant,
    ) {
        self.proven = true;
        let known = self.candidates.iter().find(|it| it.identity == *identity);
        let name = known.map_or("a mailserver", |it| it.id.as_str());
        let reason = format!("{name} answers");
        if known.is_some() {
            self.answered.insert(identity.clone());
        }
        if self.doubt.is_none_or(|doubt| sent >= doubt.since) {
            self.online_by(reason, now);
        }
    }

    /// A ping round is over. Its silence is evidence like that of our own probes, where those are any.
    pub(in crate::online) fn handle_surveyed(&mut self, surveyed: &Surveyed, now: Instant) {
        let mut replies = surveyed.replies.iter();
        // A round makes half-open connects to enodes.
        let proves = |it: &&Reply| proves_a_path(&it.outcome) && !self.is_only_a_path(&it.identity);
        if let Some(reply) = replies.clone().find(proves) {
            return self.handle_measured(&reply.identity, surveyed.begun, now);
        }
        let asked = |it: &Mailserver| surveyed.replies.iter().any(|r| r.identity == it.identity);
        let possible = replies.all(|it| !matches!(it.outcome, Err(ProbeFailure::Impossible(_))));
        let all = !self.candidates.is_empty() && self.candidates.iter().all(asked);
        if all && possible && self.proven {
            self.doubt("a ping round was answered by nobody", None, now);
        }
    }

    /// Whether an answer of this one to a ping round shows less than is needed now.
    fn is_only_a_path(&self, identity: &Identity) -> bool {
        let enode =
            |it: &&Mailserver| it.identity == *identity && it.address.network() == Network::Waku1;
        self.needs() == Proof::Life && self.candidates.iter().any(|it| enode(&it))
    }

    /// A watched mailserver missed a probe: what its loss may mean is found out beforehand.
    ///
    /// If nobody else can be probed, there is no doubt: to give up the only mailserver changes nothing, and to
    /// wait for the network could last for ever.
    pub(in crate::online) fn handle_missed(&mut self, about: Identity, now: Instant) {
        if self.has_others(&about) {
            self.doubt("a watched mailserver is silent", Some(about), now);
        }
    }

    /// The system says that the network changed.
    pub(in crate::online) fn handle_network(&mut self, now: Instant) {
        self.changed = Some(now);
        let soon = now + SETTLE;
        match &mut self.stage {
            Stage::Idle if self.ready => self.stage = Stage::Settling { until: soon },
            Stage::Pausing { until } => *until = soon.min(*until),
            Stage::Idle | Stage::Settling { .. } | Stage::Probing(_) => {}
        }
    }

    /// The clocks were read. After a sleep nothing holds that was known before.
    pub(in crate::online) fn handle_clocks(&mut self, clocks: Clocks, now: Instant) {
        let Some(slept) = self.wakefulness.read(clocks, now) else {
            return;
        };
        self.void = self.last_round;
        self.changed = None;
        self.node_report.forget();
        let slept_ms = slept.as_millis() as u64;
        let reason = format!("slept for {} s", slept.as_secs());
        self.change(Verdict::Asleep, reason, Event::Asleep { slept_ms }, now);
        self.begin("slept", None, now);
    }

    /// A limit has passed.
    pub(in crate::online) fn handle_timeout(&mut self, now: Instant) {
        match &self.stage {
            Stage::Settling { until } if now >= *until => {
                self.begin("the network changed", None, now);
            }
            Stage::Pausing { until } if now >= *until => self.begin("offline", None, now),
            Stage::Probing(probing) if now >= probing.until => match probing.wide {
                true => self.conclude(now),
                // Those that have not answered yet may be slow: their answers still count.
                false => self.widen(now),
            },
            _ => {}
        }
        if self.ready && self.node_report.fell_silent(now) {
            self.doubt("the signals of the node stopped", None, now);
        }
    }
}

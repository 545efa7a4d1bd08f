//! What each input sets off.

use std::time::Duration;

use super::{Dial, Observation, Service, Stage, Word};
use crate::{
    Instant,
    connector::{command::Command, crowd::Crowd, jitter::Outage as Return},
    messages::{
        candidates::CandidatesChanged,
        peers::PeerState,
        selection::{Decision, Surveyed},
    },
    model::{
        mailserver::Identity,
        node::{Connectedness, Connection, NodeError, Profile},
        verdict::Verdict,
    },
};

/// How often history is asked for while the mesh is poor: so late a message may be that is missed meanwhile.
const POOR_MESH: Duration = Duration::from_secs(60);

impl Observation {
    /// The heartbeat: whoever looks in vain looks again.
    pub fn handle_tick(&mut self, now: Instant) {
        self.attempts.allow_all();
        self.watch.tick();
        let vain = matches!(self.stage, Stage::Unanswered | Stage::Stranded { .. });
        if vain || matches!(self.stage, Stage::Resting) {
            self.begin(now);
        }
    }

    /// A limit that [`Self::poll_timeout`] named has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        match self.poll_timeout() {
            Some(at) if at <= now => {}
            _ => return,
        }
        match &self.stage {
            Stage::Reached { .. } => {
                self.asks_again_at = Some(now + POOR_MESH);
                self.fetch_again();
            }
            _ => self.look(now),
        }
    }

    /// A node of this generation is there; `None`: it is away, or another one.
    pub fn handle_node(&mut self, profile: Option<&Profile>, now: Instant) {
        let before = self.service;
        self.service = match profile {
            None => Service::None,
            Some(profile) if !profile.use_mailservers => Service::SwitchedOff,
            Some(_) => Service::On,
        };
        match self.service {
            Service::On if before == Service::On => {}
            Service::On => {
                self.dial = Dial::Offered;
                self.attempts.forget();
                self.begin(now);
            }
            Service::SwitchedOff => self.rest(),
            Service::None => {
                self.rest();
                self.word = Word::default();
                self.asks_again_at = None;
            }
        }
    }

    /// Begins to look, if the node is to be served and we are awake and online.
    fn begin(&mut self, now: Instant) {
        if self.service == Service::On && !self.outage.is_offline() {
            self.look(now);
        }
    }

    /// The list of candidates changed.
    pub fn handle_candidates(&mut self, changed: &CandidatesChanged, now: Instant) {
        let by_identity = changed.candidates.iter();
        let by_identity = by_identity.map(|it| (it.identity.clone(), it.clone()));
        self.candidates = by_identity.collect();
        let known = &self.candidates;
        self.listed.retain(|it| known.contains_key(it));
        let reached = self.stage.reached();
        let gone = reached.is_some_and(|it| !self.candidates.contains_key(&it.identity));
        if gone || matches!(self.stage, Stage::Unanswered | Stage::Resting) {
            self.begin(now);
        }
    }

    /// The node lists a mailserver, or does not any more.
    pub fn handle_peer(&mut self, identity: &Identity, state: PeerState) {
        match state {
            PeerState::Connected => self.listed.insert(identity.clone()),
            PeerState::Disconnected => self.listed.remove(identity),
        };
    }

    /// The node lists no peer at all, or some.
    pub fn handle_alone(&mut self, alone: bool, now: Instant) {
        let before = self.word.is_online();
        self.word.list(alone);
        self.word_changed(before, now);
    }

    /// The node says how well it is connected.
    pub fn handle_connectedness(&mut self, said: Connectedness, now: Instant) {
        let before = self.word.is_online();
        let was_poor = self.asks_again_at.is_some();
        self.word.say(said);
        let poor = said == Connectedness::PartiallyConnected;
        self.asks_again_at = poor.then(|| self.asks_again_at.unwrap_or(now + POOR_MESH));
        // If it had said nothing before, it may have been poor or offline.
        let over = said == Connectedness::Connected && (was_poor || before.is_none());
        if self.service == Service::On {
            // It does not say who its peers are now.
            self.commands.push_back(Command::Refresh);
            if over {
                self.fetch_again();
            }
        }
        self.word_changed(before, now);
    }

    /// What the node says of itself may mean another thing now.
    fn word_changed(&mut self, before: Option<bool>, now: Instant) {
        let online = self.word.is_online();
        if online == before || self.service != Service::On {
            return;
        }
        match &self.stage {
            Stage::Reached { .. } | Stage::Doubted { .. } if online == Some(false) => {
                self.be_unavailable();
                self.stage = Stage::Resting;
                self.begin(now);
            }
            Stage::Unanswered if online == Some(false) => self.be_unavailable(),
            Stage::Stranded { .. } | Stage::Unanswered if online == Some(true) => self.begin(now),
            _ => {}
        }
    }

    /// The decision of a round.
    pub fn handle_decision(&mut self, decision: &Decision, now: Instant) {
        let counts = self.must_count();
        let Some(look) = self.stage.look().filter(|it| it.round == decision.round) else {
            return;
        };
        if decision.identity.is_none() {
            return self.find_nobody(now);
        }
        if counts {
            look.decided = Some(decision.clone());
        } else {
            self.conclude(decision, Return::Ours, now);
        }
    }

    /// Whether it matters how many are back: it may be everybody's outage that ends, since the node kept peers meanwhile.
    fn must_count(&self) -> bool {
        let theirs = self.returning.is_some() && self.word.is_online() == Some(true);
        theirs && self.crowd() == Crowd::Large
    }

    /// The whole outcome of a round.
    pub fn handle_surveyed(&mut self, surveyed: &Surveyed, now: Instant) {
        let candidates = surveyed.replies.len();
        let replies = surveyed.replies.iter();
        let answered = replies.filter(|it| it.outcome.is_ok()).count();
        let online = self.outage.is_online() && self.word.is_online() == Some(true);
        self.evidence.round_ended(answered > 0, online);
        self.trust_the_node();
        let look = self.stage.look().filter(|it| it.round == surveyed.round);
        if let Some(decision) = look.and_then(|it| it.decided.take()) {
            let lasted = |since| now.saturating_duration_since(since);
            let lasted = self.returning.map(lasted).unwrap_or_default();
            let from = Return::of(lasted, answered, candidates);
            self.conclude(&decision, from, now);
        }
    }

    /// The verdict on our own network changed.
    pub fn handle_verdict(&mut self, verdict: Verdict, now: Instant) {
        let offline_since = self.outage.offline_since();
        self.outage.judged(verdict, now);
        match verdict {
            Verdict::Suspect => {}
            Verdict::Offline | Verdict::Asleep => self.rest(),
            Verdict::Online => {
                self.returning = offline_since.or(self.returning);
                if matches!(self.stage, Stage::Resting | Stage::Unanswered) {
                    self.begin(now);
                }
            }
        }
    }

    /// The mailserver that was reached gave no sign of life.
    pub fn handle_silence(&mut self, identity: &Identity, now: Instant) {
        match &self.stage {
            Stage::Reached { mailserver, .. } if mailserver.identity == *identity => {
                self.look(now);
            }
            // It is being looked for already.
            _ => self.watch.stopped(),
        }
    }

    /// The answer to [`Command::Introduce`].
    pub fn handle_answer(
        &mut self,
        number: u64,
        answer: &Result<Connection, NodeError>,
        now: Instant,
    ) {
        let mailserver = match &self.stage {
            Stage::Dialling {
                mailserver,
                number: dialled,
            } if *dialled == number => mailserver.clone(),
            _ => return,
        };
        match answer {
            Ok(_) => {
                let id = &mailserver.id;
                tracing::info!(
                    "the node had no peer: it was told to dial {id}, and can fetch history"
                );
                self.word.dialled();
                let identity = mailserver.identity.clone();
                let mark = Command::Mark(identity, PeerState::Connected);
                self.commands.push_back(mark);
                self.reach_by(mailserver, Return::Ours, now);
            }
            Err(NodeError::UnknownMethod(_) | NodeError::NotPossible) => {
                self.dial = Dial::Missing;
                self.bring_online(mailserver, now);
            }
            Err(error) => {
                self.counts.failed_connections += 1;
                self.attempts.fail(mailserver.identity.clone());
                self.strand(format!("{}: {error}", mailserver.id), now);
            }
        }
    }

    /// After a panic: everything that was under way is forgotten, what the others told is kept.
    pub fn reset(&mut self) {
        self.commands.clear();
        self.rest();
    }
}

//! How a mailserver is connected, used and left.

use std::time::Duration;

use rand::RngExt;

use super::{Command, Cycle};
use crate::{
    Instant,
    connector::{
        node_view::NodeChoice,
        phase::{Announced, Phase},
        pin::{Pin, Trial},
        search::Search,
        standby::Standby,
        world_return::WorldReturn,
    },
    messages::{events::Event, peers::PeerState},
    model::{
        mailserver::{Identity, Mailserver},
        node::{Blame, Connection, Mode, NodeError},
        record::Cause,
    },
};

/// A peer that was removed and is added again is connected this long after its last dial, not before
/// (recorded on waku1, v0.94).
const REDIAL: Duration = Duration::from_secs(35);

/// The first question for the peers while `Connecting` comes this much later.
const FIRST_REFRESH: Duration = Duration::from_millis(100);

impl Cycle {
    /// Connects it: at once if the node has it as a peer or nobody else is likely to do the same, else in a
    /// moment.
    pub(super) fn connect(
        &mut self,
        mailserver: Mailserver,
        announced: Announced,
        reason: &str,
        now: Instant,
    ) {
        let listed = self.node.lists(&mailserver.identity);
        let pause = self.pauses.dial_at(now).filter(|_| !listed);
        self.phase = Phase::Waiting {
            mailserver,
            announced,
            reason: reason.to_owned(),
            until: pause.unwrap_or(now),
        };
        if pause.is_none() {
            self.dial(now);
        }
    }

    /// The pause is over: tells the node to connect.
    pub(super) fn dial(&mut self, now: Instant) {
        let phase = std::mem::replace(&mut self.phase, Phase::Idle);
        let Phase::Waiting {
            mailserver,
            announced,
            reason,
            ..
        } = phase
        else {
            return;
        };
        let attempt = self.next_number();
        if announced == Announced::Now {
            self.publish_changed(Some(&mailserver), &reason);
        }
        let command = match self.node.has_lever() {
            true => Command::Connect(attempt, mailserver.clone()),
            false => Command::Introduce(attempt, mailserver.clone()),
        };
        self.commands.push_back(command);
        let listed = self.node.lists(&mailserver.identity);
        self.phase = Phase::Connecting {
            proves: !listed,
            mailserver,
            attempt,
            since: now,
            refresh_at: now + FIRST_REFRESH.min(self.config.connect_timeout),
            announced,
        };
    }

    /// The node has answered the call that connects it.
    pub(super) fn attempt_answered(&mut self, answer: Result<Connection, NodeError>, now: Instant) {
        let listed = (self.phase.in_use()).is_some_and(|it| self.node.lists(&it.identity));
        match answer {
            Ok(Connection::Connected) => self.connection_made(now),
            Ok(Connection::Pending) if listed => self.connection_made(now),
            Ok(Connection::Pending) => self.commands.push_back(Command::Refresh),
            Err(error) => self.fail_connection(&error.to_string(), error.blame(), now),
        }
    }

    fn connection_made(&mut self, now: Instant) {
        let phase = std::mem::replace(&mut self.phase, Phase::Idle);
        let Phase::Connecting {
            mailserver,
            announced,
            proves,
            ..
        } = phase
        else {
            return;
        };
        if self.node.alone && proves {
            let id = &mailserver.id;
            tracing::info!("the node had no peer: it was told to dial {id}, and can fetch history");
        }
        self.announce(&mailserver, &announced);
        let identity = mailserver.identity.clone();
        self.enter_connected(mailserver, now);
        if proves {
            self.proved(&identity, now);
        }
    }

    /// A connection that was made quietly: news only if another one, or none, was active.
    fn announce(&mut self, mailserver: &Mailserver, announced: &Announced) {
        let Announced::OnceConnected { stays } = announced else {
            return;
        };
        if stays.as_ref().map(|it| &it.identity) != Some(&mailserver.identity) {
            let pinned = self.pin.as_ref().map(|pin| &pin.mailserver().identity);
            let reason = match pinned == Some(&mailserver.identity) {
                true => "the pin works",
                false => "it works",
            };
            self.publish_changed(Some(mailserver), reason);
        }
    }

    fn enter_connected(&mut self, mailserver: Mailserver, now: Instant) {
        let identity = mailserver.identity.clone();
        let mark = Command::Mark(identity.clone(), PeerState::Connected);
        let available = Command::Publish(Event::MailserverAvailable {
            mailserver: mailserver.reference(),
        });
        let random = &mut self.random;
        let hurried = self.world_return.arrive(|| random.random(), now);
        let pause = self.pauses.use_up();
        let request = Command::Available(mailserver.clone(), hurried.unwrap_or(pause));
        self.commands.extend([mark, available, request]);
        self.counts.connections += 1;
        self.failovers.connect(now);
        self.attempts.forget();
        self.search = Search::Over;
        self.outage.made_up();
        self.standby.begin(&identity, now);
        self.comparison = Default::default();
        self.node.choice.settle();
        self.trial = Trial::Resting;
        if let Some(pin) = &mut self.pin {
            match pin.mailserver().identity == identity {
                true => pin.worked(now),
                false => pin.fell_back(now),
            }
        }
        self.node.listed.insert(identity);
        self.phase = Phase::Connected {
            mailserver,
            since: now,
        };
    }

    /// Makes active what the node is connected to already.
    pub(super) fn use_it(&mut self, mailserver: Mailserver, reason: &str, now: Instant) {
        self.publish_changed(Some(&mailserver), reason);
        self.probation.end();
        self.enter_connected(mailserver, now);
    }

    /// A connection that was begun did not come about.
    pub(super) fn fail_connection(&mut self, reason: &str, blame: Blame, now: Instant) {
        let phase = std::mem::replace(&mut self.phase, Phase::Idle);
        let Phase::Connecting {
            mailserver,
            announced,
            since,
            ..
        } = phase
        else {
            return;
        };
        tracing::debug!(mailserver = mailserver.id, reason, "connection failed");
        self.counts.failed_connections += 1;
        self.attempts.fail(mailserver.identity.clone());
        if blame == Blame::Mailserver {
            let identity = mailserver.identity.clone();
            self.memory.suspect(identity, Cause::Dial);
        }
        self.pin_failed(&mailserver, now);
        match announced {
            Announced::Now => {
                self.give_up(&mailserver, since);
                self.publish_changed(None, &format!("{}: {reason}", mailserver.id));
            }
            Announced::OnceConnected { stays: None } => self.give_up(&mailserver, since),
            Announced::OnceConnected { stays: Some(stays) } => {
                return self.stay_with(stays, &mailserver, now);
            }
            Announced::Still(held) => self.give_up_held(held, now),
        }
        if blame != Blame::Node {
            self.try_another(now);
        }
    }

    /// The one that was to take its place did not connect.
    fn stay_with(&mut self, stays: Mailserver, failed: &Mailserver, now: Instant) {
        if stays.identity == failed.identity {
            // The node was to be led back to it, and uses another one that is dead.
            self.node.listed.remove(&stays.identity);
            let mark = Command::Mark(stays.identity.clone(), PeerState::Disconnected);
            self.commands.push_back(mark);
        }
        let lost = !self.node.lists(&stays.identity);
        self.phase = Phase::Connected {
            mailserver: stays,
            since: now,
        };
        if lost && self.config.reactive {
            self.step(now);
        } else {
            self.prepare_standby(now);
        }
    }

    fn try_another(&mut self, now: Instant) {
        if self.waits_for_tick(now) {
            return;
        }
        match self.attempts.are_exhausted() {
            true => self.fall_back_to_pin(now),
            false => self.choose(now),
        }
    }

    /// The active mailserver is gone: mark it, drop it, and be without one.
    pub(super) fn lose(&mut self, cause: Cause, reason: &str, now: Instant) {
        if let Phase::Connected { mailserver, since } = &self.phase {
            let (mailserver, since) = (mailserver.clone(), *since);
            self.pause_after(cause, now);
            self.leave(&mailserver, since, cause, reason, now);
        }
    }

    /// It was connected since then, and is active no longer.
    pub(super) fn leave(
        &mut self,
        mailserver: &Mailserver,
        since: Instant,
        cause: Cause,
        reason: &str,
        now: Instant,
    ) {
        let identity = &mailserver.identity;
        self.phase = Phase::Idle;
        self.world_return.left();
        self.counts.losses += 1;
        self.failovers.lose(cause, now);
        self.node.listed.remove(identity);
        self.memory.suspect(identity.clone(), cause);
        self.pin_failed(mailserver, now);
        let mark = Command::Mark(identity.clone(), PeerState::Disconnected);
        self.commands.push_back(mark);
        let insisted_on = self.pin_of(identity).is_some_and(|pin| pin.insists(now));
        if self.node.has_lever() && !insisted_on {
            // Dropped on waku1, a pin that is insisted on could not come back for 35 s.
            self.drop_peer(mailserver, since);
        }
        self.publish_changed(None, &format!("{}: {reason}", mailserver.id));
        self.commands.push_back(Command::Unavailable);
    }

    /// On waku1 the node goes on dialling what it was told to use, until it is told otherwise.
    pub(super) fn give_up(&mut self, mailserver: &Mailserver, dialled: Instant) {
        let pinned = self.pin.as_ref().map(|pin| &pin.mailserver().identity);
        if self.node.mode() == Some(Mode::Waku1) && pinned != Some(&mailserver.identity) {
            self.drop_peer(mailserver, dialled);
        }
    }

    fn drop_peer(&mut self, mailserver: &Mailserver, dialled: Instant) {
        self.commands.push_back(Command::Drop(mailserver.clone()));
        if self.node.mode() == Some(Mode::Waku1) {
            let identity = mailserver.identity.clone();
            self.memory.rest(identity, dialled + REDIAL);
        }
    }

    fn pin_failed(&mut self, mailserver: &Mailserver, now: Instant) {
        if let Some(pin) = self.pin_of(&mailserver.identity) {
            pin.failed(now);
        }
    }

    /// The node lists one that it did not list before.
    pub(super) fn peer_came(&mut self, identity: &Identity, now: Instant) {
        match &self.phase {
            // On waku2 the answer of the dial decides; being listed is the same news.
            Phase::Connecting { mailserver, .. }
                if mailserver.identity == *identity && self.node.mode() == Some(Mode::Waku1) =>
            {
                self.connection_made(now);
            }
            Phase::Connected { .. } => {
                let returns = |pin: &Pin| {
                    pin.mailserver().identity == *identity && pin.returns_when_listed(now)
                };
                if self.wanted_pin().is_some_and(returns) {
                    self.return_to_pin(now);
                }
            }
            Phase::Idle if self.node.mode() == Some(Mode::Observe) => self.step(now),
            // It is back: there is nothing to be dialled.
            Phase::Held(held, _)
                if held.mailserver.identity == *identity && held.cause == Cause::Lost =>
            {
                let held = held.clone();
                self.reconnect(held, now);
            }
            Phase::Waiting { mailserver, .. } if mailserver.identity == *identity => self.dial(now),
            _ => {}
        }
    }
}

// === the node leads, or is away ===

impl Cycle {
    /// The node, which has a cycle of its own, says which mailserver it uses.
    pub(super) fn follow(&mut self, mailserver: Mailserver, now: Instant) {
        let identity = mailserver.identity.clone();
        self.node.choice = NodeChoice::Uses(identity.clone());
        let active = self.phase.connected().map(|it| &it.identity);
        let leads = matches!(self.node.mode(), Some(Mode::Pin | Mode::Observe));
        if !leads || active.is_none_or(|it| *it == identity) {
            return;
        }
        if self.node.lists(&identity) {
            self.use_it(mailserver, "the node switched by itself", now);
        } else if self.node.has_lever() {
            self.node.choice = NodeChoice::Astray(identity);
        }
    }

    /// The node uses a mailserver that is dead: it is told again which one to use.
    pub(super) fn lead_back(&mut self, now: Instant) {
        let Some(active) = self.phase.connected().cloned() else {
            return;
        };
        if self.node.choice.identity() != Some(&active.identity) {
            let stays = Some(active.clone());
            let announced = Announced::OnceConnected { stays };
            self.connect(active, announced, "the node switched to a dead one", now);
        }
    }

    /// The node is away: whatever was active cannot be used, but it is not its fault.
    pub(super) fn suspend(&mut self, reason: &str) {
        let active = self.active().map(|it| it.identity.clone());
        let suspended = matches!(self.phase, Phase::Suspended { .. });
        if let Some(resume) = active {
            self.deactivate(reason);
            self.phase = Phase::Suspended { resume };
        } else if !suspended {
            self.deactivate(reason);
        }
    }

    /// The node is back: go on with the same mailserver if it is still connected to it.
    pub(super) fn resume(&mut self, now: Instant) {
        let Phase::Suspended { resume } = &self.phase else {
            return;
        };
        let listed = Some(resume).filter(|it| self.node.lists(it));
        match listed.and_then(|it| self.node.candidate(it)).cloned() {
            Some(it) => self.connect(it, Announced::Now, "the node is back", now),
            None => self.phase = Phase::Idle,
        }
    }

    /// Nobody is to be used: whatever was under way is forgotten.
    pub(super) fn deactivate(&mut self, reason: &str) {
        let was_active = self.active().is_some();
        self.phase = Phase::Idle;
        self.failovers.abandon();
        self.trial = Trial::Resting;
        self.probation.end();
        self.standby = Standby::Unwanted;
        self.world_return = WorldReturn::Over;
        self.node.choice = NodeChoice::Unknown;
        if was_active {
            self.publish_changed(None, reason);
            self.commands.push_back(Command::Unavailable);
        }
    }
}

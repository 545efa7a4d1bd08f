//! How a mailserver is connected, used and left.

use super::{Command, Cycle, FIRST_REFRESH, REDIAL};
use crate::{
    Instant,
    connector::{
        phase::{Announced, Phase},
        pin::Pin,
    },
    messages::{events::Event, peers::PeerState},
    model::{
        mailserver::{Identity, Mailserver},
        node::{Blame, Mode},
        record::Cause,
    },
};

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
        let listed = self.connected.contains(&mailserver.identity);
        let pause = self.dial_not_before.filter(|at| !listed && now < *at);
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
        let command = match self.has_lever() {
            true => Command::Connect(attempt, mailserver.clone()),
            false => Command::Introduce(attempt, mailserver.clone()),
        };
        self.commands.push_back(command);
        let listed = self.connected.contains(&mailserver.identity);
        self.phase = Phase::Connecting {
            proves: !listed,
            mailserver,
            attempt,
            since: now,
            refresh_at: now + FIRST_REFRESH.min(self.config.connect_timeout),
            announced,
        };
    }

    pub(super) fn connection_made(&mut self, now: Instant) {
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
        self.announce(&mailserver, &announced);
        let identity = mailserver.identity.clone();
        self.connected(mailserver, now);
        if proves {
            self.proved(&identity, now);
        }
    }

    pub(super) fn connected(&mut self, mailserver: Mailserver, now: Instant) {
        let identity = mailserver.identity.clone();
        let mark = Command::Mark(identity.clone(), PeerState::Connected);
        self.commands.push_back(mark);
        self.commands
            .push_back(Command::Publish(Event::MailserverAvailable {
                mailserver: mailserver.reference(),
            }));
        let pause = std::mem::take(&mut self.request_pause);
        let available = Command::Available(mailserver.clone(), pause);
        self.commands.push_back(available);
        self.connected.insert(identity.clone());
        self.counts.connections += 1;
        self.attempts.forget();
        self.seek = None;
        self.gap = false;
        self.dial_not_before = None;
        self.standby.begin(&identity, now);
        self.astray = false;
        self.resume = None;
        self.trial = None;
        if let Some(pin) = &mut self.pin {
            match pin.mailserver().identity == identity {
                true => pin.worked(now),
                false => pin.fell_back(now),
            }
        }
        self.phase = Phase::Connected {
            mailserver,
            since: now,
        };
    }

    /// Makes active what the node is connected to already.
    pub(super) fn use_it(&mut self, mailserver: Mailserver, reason: &str, now: Instant) {
        self.publish_changed(Some(&mailserver), reason);
        self.beside = None;
        self.beside_due = None;
        self.connected(mailserver, now);
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
    pub(super) fn stay_with(&mut self, stays: Mailserver, failed: &Mailserver, now: Instant) {
        if stays.identity == failed.identity {
            // The node was to be led back to it, and uses another one that is dead.
            self.connected.remove(&stays.identity);
            let mark = Command::Mark(stays.identity.clone(), PeerState::Disconnected);
            self.commands.push_back(mark);
        }
        let lost = !self.connected.contains(&stays.identity);
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

    /// On waku1 the node goes on dialling what it was told to use, until it is told otherwise.
    pub(super) fn give_up(&mut self, mailserver: &Mailserver, dialled: Instant) {
        let pinned = self.pin.as_ref().map(|pin| &pin.mailserver().identity);
        if self.mode() == Some(Mode::Waku1) && pinned != Some(&mailserver.identity) {
            self.drop_peer(mailserver, dialled);
        }
    }

    pub(super) fn drop_peer(&mut self, mailserver: &Mailserver, dialled: Instant) {
        self.commands.push_back(Command::Drop(mailserver.clone()));
        if self.mode() == Some(Mode::Waku1) {
            let identity = mailserver.identity.clone();
            self.memory.rest(identity, dialled + REDIAL);
        }
    }

    pub(super) fn pin_failed(&mut self, mailserver: &Mailserver, now: Instant) {
        if let Some(pin) = self.pin_of(&mailserver.identity) {
            pin.failed(now);
        }
    }

    pub(super) fn try_another(&mut self, now: Instant) {
        if self.waits_for_tick(now) {
            return;
        }
        if self.attempts.are_exhausted() {
            return self.fall_back_to_pin(now);
        }
        self.choose(now);
    }

    /// A pin that does not work is tried once a tick, not all the time.
    pub(super) fn waits_for_tick(&self, now: Instant) -> bool {
        let idle = matches!(self.phase, Phase::Idle);
        let pin = self.pin.as_ref();
        idle && pin.is_some_and(|pin| pin.is_failing() && pin.insists(now))
    }

    /// The active mailserver is gone: mark it, drop it, and be without one.
    pub(super) fn lose(&mut self, cause: Cause, reason: &str, now: Instant) {
        let phase = std::mem::replace(&mut self.phase, Phase::Idle);
        let Phase::Connected { mailserver, since } = phase else {
            return;
        };
        self.counts.losses += 1;
        self.connected.remove(&mailserver.identity);
        self.memory.suspect(mailserver.identity.clone(), cause);
        self.keep_from_the_herd(cause, now);
        self.pin_failed(&mailserver, now);
        let mark = Command::Mark(mailserver.identity.clone(), PeerState::Disconnected);
        self.commands.push_back(mark);
        let insisted_on = self.pin_of(&mailserver.identity);
        let insisted_on = insisted_on.is_some_and(|pin| pin.insists(now));
        if self.has_lever() && !insisted_on {
            // Dropped on waku1, a pin that is insisted on could not come back for 35 s.
            self.drop_peer(&mailserver, since);
        }
        self.publish_changed(None, &format!("{}: {reason}", mailserver.id));
        self.commands.push_back(Command::Unavailable);
    }

    /// The node, which has a cycle of its own, uses another mailserver than the active one.
    pub(super) fn follow(&mut self, mailserver: Mailserver, now: Instant) {
        let Some(active) = self.phase.connected().cloned() else {
            return;
        };
        if active.identity == mailserver.identity {
            self.astray = false;
            return;
        }
        if self.connected.contains(&mailserver.identity) {
            return self.use_it(mailserver, "the node switched by itself", now);
        }
        // The user may have set a pin, which is heard of in a moment; else the next tick leads it back.
        self.astray = self.has_lever();
    }

    /// The node still uses a mailserver that is dead: it is told again which one to use.
    pub(super) fn lead_back(&mut self, now: Instant) {
        let Some(active) = self.phase.connected().cloned() else {
            return;
        };
        if self.node_uses.as_ref() != Some(&active.identity) {
            let stays = Some(active.clone());
            let announced = Announced::OnceConnected { stays };
            self.connect(active, announced, "the node switched to a dead one", now);
        }
    }

    pub(super) fn peer_came(&mut self, identity: &Identity, now: Instant) {
        match &self.phase {
            // On waku2 the answer of the dial decides; being listed is the same news.
            Phase::Connecting { mailserver, .. }
                if mailserver.identity == *identity && self.mode() == Some(Mode::Waku1) =>
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
            Phase::Idle if self.mode() == Some(Mode::Observe) => self.step(now),
            // It is back: there is nothing to be dialled.
            Phase::Held(held)
            | Phase::Selecting {
                held: Some(held), ..
            } if held.mailserver.identity == *identity && held.cause == Cause::Lost => {
                let held = held.clone();
                self.reconnect(held, now);
            }
            Phase::Waiting { mailserver, .. } if mailserver.identity == *identity => self.dial(now),
            _ => {}
        }
    }

    /// The node is away: whatever was active cannot be used, but it is not its fault.
    pub(super) fn suspend(&mut self, reason: &str) {
        if let Some(active) = self.active() {
            self.resume = Some(active.identity.clone());
        }
        self.deactivate(reason);
    }

    /// The node is back: go on with the same mailserver if it is still connected to it.
    pub(super) fn resume_connection(&mut self, now: Instant) {
        let resume = self.resume.take();
        let listed = resume.filter(|it| self.connected.contains(it));
        if let Some(mailserver) = listed.and_then(|it| self.candidates.get(&it)).cloned()
            && matches!(self.phase, Phase::Idle)
        {
            self.connect(mailserver, Announced::Now, "the node is back", now);
        }
    }

    pub(super) fn deactivate(&mut self, reason: &str) {
        let was_active = self.active().is_some();
        self.phase = Phase::Idle;
        self.trial = None;
        self.beside = None;
        self.beside_due = None;
        self.standby = std::mem::take(&mut self.standby).emptied();
        self.node_uses = None;
        if was_active {
            self.publish_changed(None, reason);
            self.commands.push_back(Command::Unavailable);
        }
    }

    /// A connection that was made quietly: news only if another one, or none, was active.
    pub(super) fn announce(&mut self, mailserver: &Mailserver, announced: &Announced) {
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

    pub(super) fn publish_changed(&mut self, mailserver: Option<&Mailserver>, reason: &str) {
        let event = Event::MailserverChanged {
            mailserver: mailserver.map(Mailserver::reference),
            reason: reason.to_owned(),
        };
        self.commands.push_back(Command::Publish(event));
    }
}

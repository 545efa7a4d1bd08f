//! What happens to the queue: mailservers come and go, requests are answered, time passes.

use std::time::Duration;

use super::{NodeRequest, Patience, Proof, RequestQueue, Stage};
use crate::{
    Instant,
    messages::{
        history::{MailserverAvailable, QueueError, Source},
        journal::{Completed, Owe},
        node::HistorySignal,
    },
    model::{
        moment::{Moment, WallClock},
        node::{Blame, CommunityAnswer, HistoryAnswer, NodeError},
    },
};

/// For how long a node with a cycle of its own is given to ask by itself. Recorded on status-go
/// 2024-10: 0–55 ms after the change.
const NODE_MAY_ASK: Duration = Duration::from_secs(1);

/// A request of the node this long before a mailserver became available belongs to it: the signal
/// can overtake the answer to the pin.
const SAME_CHANGE: Duration = Duration::from_secs(2);

/// A node that completed a request of its own takes another one this much later: what it fetched is still being dealt
/// with (the signal comes before the answer, 2024-10).
const SLOT_FREE: Duration = Duration::from_secs(1);

/// For how long the signal is waited for that a request was completed, once it was answered: it was sent before the
/// answer (2024-10), by another way.
const CONFIRMATION: Duration = Duration::from_secs(2);

impl RequestQueue {
    /// History can be asked for: whatever happened since it was asked for last is owed. It is asked after the pause,
    /// unless the node asks by itself.
    pub fn handle_available(&mut self, available: MailserverAvailable, now: Instant) {
        let MailserverAvailable {
            source,
            pause,
            since,
        } = available;
        self.end_without("another mailserver is used", Duration::ZERO);
        let node_asks_itself = matches!(
            source,
            Source::Active {
                node_asks_itself: true,
                ..
            }
        );
        self.source = Some(source);
        self.patience.begin_anew();
        self.owed_next = None;
        self.owe(since, now);
        if !node_asks_itself {
            let until = now + pause;
            self.stage = Stage::Pausing { until };
            return self.handle_timeout(now);
        }
        let request = self.node_request.take();
        let same = |it: &NodeRequest| now.saturating_duration_since(it.started) <= SAME_CHANGE;
        match request.filter(same) {
            Some(request) => {
                self.node_asks(request.started, now);
                if request.completed {
                    self.prove_node_request(request.started, now);
                }
            }
            None => {
                self.stage = Stage::NodeMayAsk {
                    until: now + NODE_MAY_ASK,
                }
            }
        }
    }

    /// Nobody to ask any more. The debt stays.
    pub fn handle_gone(&mut self, now: Instant) {
        self.communities.begin_anew(now);
        self.source = None;
        // What the node asked until now, it asked of the one that is gone.
        self.node_request = None;
        self.stage = Stage::Idle;
        self.end_without("the mailserver was lost", Duration::ZERO);
    }

    /// A request of the node itself went on, ours or one of its own.
    pub fn handle_signal(&mut self, signal: &HistorySignal, now: Instant) {
        match signal {
            HistorySignal::Started => match &mut self.stage {
                Stage::NodeMayAsk { .. } => self.node_asks(now, now),
                // It tells of ours: nothing that a mailserver gives which comes to be used next.
                Stage::Asking { proof, .. } if matches!(proof, Proof::None) => {
                    *proof = Proof::Started;
                }
                _ => {
                    self.node_request = Some(NodeRequest {
                        started: now,
                        completed: false,
                    });
                }
            },
            HistorySignal::Completed => {
                let in_the_way = self.was_in_the_way();
                match &mut self.stage {
                    &mut (Stage::NodeAsks { started, .. }
                    | Stage::ReadingMarkers { started, .. }
                    | Stage::MarkersFollow { started, .. }) => {
                        self.prove_node_request(started, now);
                    }
                    Stage::Asking { proof, .. } if !matches!(proof, Proof::Completed) => {
                        *proof = Proof::Completed;
                    }
                    &mut Stage::Confirming { rewound, .. } => {
                        self.complete(Completed { rewound }, now);
                    }
                    &mut Stage::Pausing { until } if in_the_way => {
                        let until = until.min(now + SLOT_FREE);
                        self.patience = Patience::default();
                        self.stage = Stage::Pausing { until };
                    }
                    _ => {
                        if let Some(request) = &mut self.node_request {
                            request.completed = true;
                        }
                    }
                }
            }
            HistorySignal::Failed { reason } => match &mut self.stage {
                Stage::NodeAsks { .. }
                | Stage::ReadingMarkers { .. }
                | Stage::MarkersFollow { .. }
                | Stage::Confirming { .. } => {
                    self.fail(reason, Blame::Mailserver, now);
                }
                Stage::Asking { proof, .. } => *proof = Proof::Failed(reason.clone()),
                _ => self.node_request = None,
            },
        }
    }

    /// Whether the request of the node itself that is over now may be why ours was answered by nothing: a node that
    /// picks its mailservers does one at a time, and answers the others with null.
    fn was_in_the_way(&self) -> bool {
        let picked = matches!(self.source, Some(Source::Picked));
        picked && self.owed.is_some() && self.last_failure.is_some()
    }

    /// The answer to [`Command::Request`](super::Command::Request).
    pub fn handle_answer(
        &mut self,
        number: u64,
        answer: &Result<HistoryAnswer, NodeError>,
        now: Instant,
    ) {
        let proof = match &mut self.stage {
            Stage::Asking {
                number: asked,
                proof,
                ..
            } if *asked == number => std::mem::replace(proof, Proof::None),
            _ => return,
        };
        match answer {
            Ok(HistoryAnswer::Done { rewound, .. }) => self.check(proof, *rewound, now),
            Ok(HistoryAnswer::NothingDone) => {
                self.fail("the node did nothing (null)", Blame::Mailserver, now);
            }
            Err(error) => self.fail(&error.to_string(), error.blame(), now),
        }
    }

    /// A request was answered: what do the signals say, if there are any?
    fn check(&mut self, proof: Proof, rewound: bool, now: Instant) {
        match proof {
            Proof::None | Proof::Completed => self.complete(Completed { rewound }, now),
            Proof::Started => {
                let until = now + CONFIRMATION;
                self.stage = Stage::Confirming { until, rewound };
            }
            Proof::Failed(reason) => self.fail(&reason, Blame::Mailserver, now),
        }
    }

    /// The answer to [`Command::RequestCommunity`](super::Command::RequestCommunity).
    pub fn handle_community(
        &mut self,
        number: u64,
        answer: &Result<CommunityAnswer, NodeError>,
        now: Instant,
    ) {
        if !matches!(self.stage, Stage::AskingCommunity { number: asked, .. } if asked == number) {
            return;
        }
        self.stage = Stage::Idle;
        if matches!(answer, Ok(CommunityAnswer::Found)) {
            self.communities.found();
            return self.proceed(now);
        }
        let reason = match answer {
            Ok(_) => "unknown".to_owned(),
            Err(error) => error.to_string(),
        };
        // A node that is away did not try.
        let tried = !matches!(answer, Err(error) if error.blame() == Blame::Node);
        self.communities.not_found(reason, tried, now);
        self.proceed(now);
    }

    /// History is owed, whoever was asked before.
    pub fn handle_owe(&mut self, owe: Owe, now: Instant) {
        let Owe { since, at_once } = owe;
        match self.stage {
            Stage::Asking { .. }
            | Stage::Confirming { .. }
            | Stage::NodeAsks { .. }
            | Stage::ReadingMarkers { .. }
            | Stage::MarkersFollow { .. } => {
                let next = self.owed_next.take().flatten();
                self.owed_next = Some(next.into_iter().chain(since).min());
            }
            Stage::Idle => {
                self.widen(since, now);
                self.proceed(now);
            }
            Stage::Pausing { .. } if at_once => {
                self.widen(since, now);
                self.proceed(now);
            }
            Stage::Pausing { .. } | Stage::NodeMayAsk { .. } | Stage::AskingCommunity { .. } => {
                self.widen(since, now);
            }
        }
    }

    /// A community is wanted.
    ///
    /// # Errors
    ///
    /// If the id is not one, or if too many wait already.
    pub fn handle_queue(&mut self, id: String, now: Instant) -> Result<(), QueueError> {
        self.communities.queue(id, now)?;
        // A pause while nothing is owed is one of other communities.
        let pausing = self.owed.is_none() && matches!(self.stage, Stage::Pausing { .. });
        if pausing || matches!(self.stage, Stage::Idle) {
            self.proceed(now);
        }
        Ok(())
    }

    /// The wall clock was read.
    pub fn handle_clock(&mut self, wall: Moment, now: Instant) {
        self.clock = Some(WallClock::new(wall, now));
        self.communities.set_clock(wall, now);
    }

    /// A limit that [`Self::poll_timeout`] named has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        match self.stage {
            Stage::NodeMayAsk { until } if now >= until => self.ask(now),
            Stage::NodeAsks { until, .. } if now >= until => {
                self.fail("the node's own request never ended", Blame::Mailserver, now);
            }
            Stage::ReadingMarkers { until, .. } if now >= until => self.ask_after_all(now),
            Stage::MarkersFollow {
                started,
                follow,
                until,
            } if now >= until => self.read_markers(started, follow, now),
            Stage::Asking { number, until, .. } if now >= until => {
                let answer = Err(NodeError::Timeout(self.config.timeout));
                self.handle_answer(number, &answer, now);
            }
            Stage::Confirming { until, .. } if now >= until => {
                let reason = "the node did not say that the request was completed";
                self.fail(reason, Blame::Mailserver, now);
            }
            Stage::AskingCommunity { number, until } if now >= until => {
                let answer = Err(NodeError::Timeout(self.config.timeout));
                self.handle_community(number, &answer, now);
            }
            Stage::Pausing { until } if now >= until => self.proceed(now),
            Stage::Idle => self.proceed(now),
            _ => {}
        }
    }
}

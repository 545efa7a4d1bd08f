//! What happens to the queue: mailservers come and go, requests are answered, time passes.

use std::time::Duration;

use super::{NodeRequest, Patience, RequestQueue, Stage};
use crate::{
    Instant,
    messages::{
        history::{QueueError, Source},
        node::HistorySignal,
    },
    model::node::{Blame, CommunityAnswer, HistoryAnswer, NodeError},
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

impl RequestQueue {
    /// History can be asked for: whatever happened since it was asked for last is owed. It is asked after the pause,
    /// unless the node asks by itself.
    pub fn handle_available(&mut self, source: Source, pause: Duration, now: Instant) {
        let node_asks_itself = matches!(
            source,
            Source::Active {
                node_asks_itself: true,
                ..
            }
        );
        self.source = Some(source);
        self.patience.begin_anew();
        self.owe(now);
        if !node_asks_itself {
            let until = now + pause;
            self.stage = Stage::Pausing { until };
            return self.handle_timeout(now);
        }
        let request = self.node_request.take();
        let same = |it: &NodeRequest| now.saturating_duration_since(it.started) <= SAME_CHANGE;
        match request.filter(same) {
            Some(request) if request.completed => self.complete(now),
            Some(_) => self.node_asks(now),
            None => {
                self.stage = Stage::NodeMayAsk {
                    until: now + NODE_MAY_ASK,
                }
            }
        }
    }

    /// Nobody to ask any more. The debt stays.
    pub fn handle_gone(&mut self) {
        self.communities.forget_found();
        self.source = None;
        // What the node asked until now, it asked of the one that is gone.
        self.node_request = None;
        self.stage = Stage::Idle;
    }

    /// A request of the node itself went on.
    pub fn handle_signal(&mut self, signal: &HistorySignal, now: Instant) {
        match signal {
            HistorySignal::Started => {
                self.node_request = Some(NodeRequest {
                    started: now,
                    completed: false,
                });
                if matches!(self.stage, Stage::NodeMayAsk { .. }) {
                    self.node_asks(now);
                }
            }
            HistorySignal::Completed => {
                if let Some(request) = &mut self.node_request {
                    request.completed = true;
                }
                match self.stage {
                    Stage::NodeAsks { .. } => self.complete(now),
                    Stage::Pausing { until } if self.was_in_the_way() => {
                        let until = until.min(now + SLOT_FREE);
                        self.patience = Patience::default();
                        self.stage = Stage::Pausing { until };
                    }
                    _ => {}
                }
            }
            HistorySignal::Failed { reason } => {
                self.node_request = None;
                if matches!(self.stage, Stage::NodeAsks { .. }) {
                    self.fail(reason, Blame::Mailserver, now);
                }
            }
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
        if !matches!(self.stage, Stage::Asking { number: asked, .. } if asked == number) {
            return;
        }
        match answer {
            Ok(HistoryAnswer::Done { .. }) => self.complete(now),
            Ok(HistoryAnswer::NothingDone) => {
                self.fail("the node did nothing (null)", Blame::Mailserver, now);
            }
            Err(error) => self.fail(&error.to_string(), error.blame(), now),
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
        // A node that is away did not try.
        let tried = !matches!(answer, Err(error) if error.blame() == Blame::Node);
        let tries = self.communities.not_found(tried);
        let until = now + self.backoff().pause(tries.max(1));
        self.stage = Stage::Pausing { until };
    }

    /// History is wanted now.
    pub fn handle_request(&mut self, now: Instant) {
        if self.owed.is_none() {
            self.owe(now);
        }
        if matches!(self.stage, Stage::Idle | Stage::Pausing { .. }) {
            self.proceed(now);
        }
    }

    /// A community is wanted.
    ///
    /// # Errors
    ///
    /// If the id is not one, or if too many wait already.
    pub fn handle_queue(&mut self, id: String, now: Instant) -> Result<(), QueueError> {
        self.communities.queue(id)?;
        if matches!(self.stage, Stage::Idle) {
            self.proceed(now);
        }
        Ok(())
    }

    /// A limit that [`Self::poll_timeout`] named has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        match self.stage {
            Stage::NodeMayAsk { until } if now >= until => self.ask(now),
            Stage::NodeAsks { until } if now >= until => {
                self.fail("the node's own request never ended", Blame::Mailserver, now);
            }
            Stage::Asking { number, until } if now >= until => {
                let answer = Err(NodeError::Timeout(self.config.timeout));
                self.handle_answer(number, &answer, now);
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

//! What is owed to the node, without I/O: inputs and the time in, commands out.

use std::{collections::VecDeque, time::Duration};

use serde::{Deserialize, Serialize};

use super::{community_queue::CommunityQueue, patience::Patience};
use crate::{
    Instant,
    messages::{
        events::Event,
        history::{QueueError, Status},
        node::HistorySignal,
    },
    model::{
        backoff::Backoff,
        mailserver::{Identity, Mailserver},
        node::{Blame, CommunityAnswer, HistoryAnswer, NodeError},
    },
};

/// How requests are repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The pause after the first failure; it doubles with each further one.
    #[serde(with = "humantime_serde")]
    pub retry_initial: Duration,
    /// The longest pause.
    #[serde(with = "humantime_serde")]
    pub retry_max: Duration,
    /// The end of one request: a node can hang in it for ever (recorded on waku1, v0.94).
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            retry_initial: Duration::from_secs(2),
            retry_max: Duration::from_secs(120),
            timeout: Duration::from_secs(90),
        }
    }
}

/// What the queue wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Ask for history; the answer comes back with the number.
    Request(u64),
    /// Ask for a community; the answer comes back with the number.
    RequestCommunity(u64, String),
    /// The mailserver does not do its part.
    Failing(Identity, String),
    /// The mailserver answered.
    Served(Identity),
    /// Tell everybody.
    Publish(Event),
}

/// For how long a node with a cycle of its own is given to ask by itself. Recorded on status-go
/// 2024-10: 0–55 ms after the change.
const NODE_MAY_ASK: Duration = Duration::from_secs(1);

/// A request of the node this long before a mailserver became available belongs to it: the signal
/// can overtake the answer to the pin.
const SAME_CHANGE: Duration = Duration::from_secs(2);

#[derive(Debug)]
enum Stage {
    /// Nothing to do, or nobody to ask.
    Idle,
    /// The node may ask by itself.
    NodeMayAsk { until: Instant },
    /// It does.
    NodeAsks { until: Instant },
    /// We asked.
    Asking { number: u64, until: Instant },
    /// We asked for the first community in the queue.
    AskingCommunity { number: u64, until: Instant },
    /// Until the next try.
    Pausing { until: Instant },
}

/// A debt: the node misses history.
#[derive(Debug)]
struct Owed {
    since: Instant,
    published: bool,
}

/// The last request that the node made by itself.
#[derive(Debug)]
struct NodeRequest {
    started: Instant,
    completed: bool,
}

/// The state.
#[derive(Debug)]
pub struct RequestQueue {
    config: Config,
    mailserver: Option<Mailserver>,
    owed: Option<Owed>,
    stage: Stage,
    patience: Patience,
    node_request: Option<NodeRequest>,
    communities: CommunityQueue,
    last_number: u64,
    completed: u64,
    failed: u64,
    last_failure: Option<String>,
    commands: VecDeque<Command>,
}

impl RequestQueue {
    /// A queue without debts.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            mailserver: None,
            owed: None,
            stage: Stage::Idle,
            patience: Patience::default(),
            node_request: None,
            communities: CommunityQueue::default(),
            last_number: 0,
            completed: 0,
            failed: 0,
            last_failure: None,
            commands: VecDeque::new(),
        }
    }

    /// The next thing to be done.
    pub fn poll_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// When [`Self::handle_timeout`] is to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.stage {
            Stage::Idle => None,
            Stage::NodeMayAsk { until }
            | Stage::NodeAsks { until }
            | Stage::Asking { until, .. }
            | Stage::AskingCommunity { until, .. }
            | Stage::Pausing { until } => Some(until),
        }
    }

    /// A mailserver is connected: whatever happened since the last one is owed. It is asked after the pause, unless
    /// the node asks by itself.
    pub fn handle_available(
        &mut self,
        mailserver: Mailserver,
        node_asks_itself: bool,
        pause: Duration,
        now: Instant,
    ) {
        self.mailserver = Some(mailserver);
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
        self.mailserver = None;
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
                if matches!(self.stage, Stage::NodeAsks { .. }) {
                    self.complete(now);
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

    /// The answer to [`Command::Request`].
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

    /// The answer to [`Command::RequestCommunity`].
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

    /// After a panic: what was under way is forgotten and asked again; what is owed stays owed.
    pub fn reset(&mut self) {
        self.stage = Stage::Idle;
        self.commands.clear();
    }

    /// Whether a request is under way, ours or the node's own.
    #[must_use]
    pub fn is_requesting(&self) -> bool {
        !matches!(self.stage, Stage::Idle | Stage::Pausing { .. })
    }

    /// The state, for the status page.
    #[must_use]
    pub fn status(&self) -> Status {
        Status {
            owed: self.owed.is_some(),
            completed: self.completed,
            failed: self.failed,
            communities: self.communities.ids().map(str::to_owned).collect(),
            last_failure: self.last_failure.clone(),
        }
    }

    fn backoff(&self) -> Backoff {
        Backoff {
            initial: self.config.retry_initial,
            max: self.config.retry_max,
        }
    }

    fn owe(&mut self, now: Instant) {
        self.owed = Some(Owed {
            since: now,
            published: false,
        });
    }

    /// The next thing that can be asked for: history first.
    fn proceed(&mut self, now: Instant) {
        self.stage = Stage::Idle;
        if self.mailserver.is_none() {
            return;
        }
        if self.owed.is_some() {
            return self.ask(now);
        }
        let community = self.communities.ids().next().map(str::to_owned);
        if let Some(id) = community {
            let number = self.next_number();
            let until = now + self.config.timeout;
            self.stage = Stage::AskingCommunity { number, until };
            self.commands
                .push_back(Command::RequestCommunity(number, id));
        }
    }

    fn ask(&mut self, now: Instant) {
        let number = self.next_number();
        self.publish_requested();
        let until = now + self.config.timeout;
        self.stage = Stage::Asking { number, until };
        self.commands.push_back(Command::Request(number));
    }

    fn node_asks(&mut self, now: Instant) {
        self.publish_requested();
        self.stage = Stage::NodeAsks {
            until: now + self.config.timeout,
        };
    }

    fn publish_requested(&mut self) {
        let Some(mailserver) = self.mailserver.as_ref().map(Mailserver::reference) else {
            return;
        };
        if let Some(owed) = self.owed.as_mut().filter(|owed| !owed.published) {
            owed.published = true;
            let event = Event::HistoryRequested { mailserver };
            self.commands.push_back(Command::Publish(event));
        }
    }

    fn complete(&mut self, now: Instant) {
        self.publish_requested();
        let owed = self.owed.take();
        let took = owed.map_or(Duration::ZERO, |it| now.saturating_duration_since(it.since));
        self.patience = Patience::default();
        self.completed += 1;
        self.last_failure = None;
        if let Some(mailserver) = self.mailserver.clone() {
            let event = Event::HistoryCompleted {
                mailserver: mailserver.reference(),
                took_ms: took.as_millis() as u64,
            };
            self.commands.push_back(Command::Publish(event));
            self.commands
                .push_back(Command::Served(mailserver.identity));
        }
        self.proceed(now);
    }

    fn fail(&mut self, reason: &str, blame: Blame, now: Instant) {
        self.failed += 1;
        let pause = self.backoff().pause(self.patience.fail());
        self.stage = Stage::Pausing { until: now + pause };
        let first = self.last_failure.replace(reason.to_owned()).is_none();
        let Some(mailserver) = self.mailserver.clone() else {
            return;
        };
        if first {
            // Once per change: the tries that follow are no news.
            let event = Event::HistoryFailed {
                mailserver: mailserver.reference(),
                reason: reason.to_owned(),
                retry_in_ms: pause.as_millis() as u64,
            };
            self.commands.push_back(Command::Publish(event));
        }
        if self.patience.is_over() && blame == Blame::Mailserver {
            let reason = format!("history: {reason}");
            self.commands
                .push_back(Command::Failing(mailserver.identity, reason));
        }
    }

    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }
}

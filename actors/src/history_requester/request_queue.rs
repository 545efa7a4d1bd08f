//! What is owed to the node, without I/O: what happens (`inputs`) and the time in, commands out.

mod inputs;

use std::{collections::VecDeque, time::Duration};

use serde::{Deserialize, Serialize};

use super::{community_queue::CommunityQueue, patience::Patience};
use crate::{
    Instant,
    messages::{
        events::Event,
        history::{Source, Status},
    },
    model::{
        backoff::Backoff,
        mailserver::{Identity, Mailserver, MailserverRef},
        node::Blame,
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
    source: Option<Source>,
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
            source: None,
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
        if self.source.is_none() {
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

    /// Who is asked, for the events: `None` if nobody can be; in it `None` if the node picks one.
    fn asked(&self) -> Option<Option<MailserverRef>> {
        let source = self.source.as_ref()?;
        Some(source.mailserver().map(Mailserver::reference))
    }

    fn publish_requested(&mut self) {
        let Some(mailserver) = self.asked() else {
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
        if let Some(mailserver) = self.asked() {
            let event = Event::HistoryCompleted {
                mailserver,
                took_ms: took.as_millis() as u64,
            };
            self.commands.push_back(Command::Publish(event));
        }
        if let Some(identity) = self.active().map(|it| it.identity.clone()) {
            self.commands.push_back(Command::Served(identity));
        }
        self.proceed(now);
    }

    fn fail(&mut self, reason: &str, blame: Blame, now: Instant) {
        self.failed += 1;
        let pause = self.backoff().pause(self.patience.fail());
        self.stage = Stage::Pausing { until: now + pause };
        let first = self.last_failure.replace(reason.to_owned()).is_none();
        let Some(mailserver) = self.asked() else {
            return;
        };
        if first {
            // Once per change: the tries that follow are no news.
            let event = Event::HistoryFailed {
                mailserver,
                reason: reason.to_owned(),
                retry_in_ms: pause.as_millis() as u64,
            };
            self.commands.push_back(Command::Publish(event));
        }
        if self.patience.is_over()
            && blame == Blame::Mailserver
            && let Some(identity) = self.active().map(|it| it.identity.clone())
        {
            let reason = format!("history: {reason}");
            self.commands.push_back(Command::Failing(identity, reason));
        }
    }

    /// The active mailserver, where the node has one.
    fn active(&self) -> Option<&Mailserver> {
        self.source.as_ref()?.mailserver()
    }

    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }
}

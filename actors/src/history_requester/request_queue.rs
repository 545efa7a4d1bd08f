//! What is owed to the node, without I/O: what happens (`inputs`) and the time in, commands out.

mod inputs;
mod node_requests;

use std::{collections::VecDeque, time::Duration};

use super::{community_queue::CommunityQueue, patience::Patience};
use crate::{
    Instant,
    messages::{
        events::Event,
        history::{KeptCommunity, Source, Status},
        journal::{Completed, RequestBegan, RequestEnded, Unanswered},
    },
    model::{
        backoff::Backoff,
        mailserver::{Identity, Mailserver, MailserverRef},
        moment::{Moment, WallClock},
        node::Blame,
    },
};

/// How requests are repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The pause after the first failure; it doubles with each further one.
    pub retry_initial: Duration,
    /// The longest pause.
    pub retry_max: Duration,
    /// The end of one request: a node can hang in it for ever (recorded on waku1, v0.94).
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
    /// Ask for history, going back so far; the answer comes back with the number.
    Request(u64, Option<Moment>),
    /// Read the topics of the node, with their markers; the answer comes back with the number.
    ReadMarkers(u64),
    /// The journal is told that a request began.
    Began(RequestBegan),
    /// And that it ended.
    Ended(RequestEnded),
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
    /// It does, or so its signals say.
    NodeAsks { started: Instant, until: Instant },
    /// It was answered; its markers have still to tell that it asked for everything.
    ReadingMarkers {
        number: u64,
        started: Instant,
        /// When they have moved at the latest.
        follow: Instant,
        until: Instant,
    },
    /// They have not moved yet.
    MarkersFollow {
        started: Instant,
        follow: Instant,
        until: Instant,
    },
    /// We asked.
    Asking {
        number: u64,
        until: Instant,
        proof: Proof,
    },
    /// We were answered; the signal that the request was completed has still to come.
    Confirming { until: Instant, rewound: bool },
    /// We asked for the community that is the first one in the queue.
    AskingCommunity { number: u64, until: Instant },
    /// Until the next try.
    Pausing { until: Instant },
}

/// What the signals said of our request, the last one.
#[derive(Debug)]
enum Proof {
    /// Nothing: the node sends none, nobody hears them, or there was nothing to ask for.
    None,
    Started,
    Completed,
    Failed(String),
}

/// A debt: the node misses history.
#[derive(Debug)]
struct Owed {
    since: Instant,
    published: bool,
    /// How far back the node is made to go.
    back_to: Option<Moment>,
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
    /// What came to be owed while a request was under way that does not go so far.
    owed_next: Option<Option<Moment>>,
    stage: Stage,
    /// The request under way, as the journal knows it.
    under_way: Option<u64>,
    patience: Patience,
    node_request: Option<NodeRequest>,
    communities: CommunityQueue,
    clock: Option<WallClock>,
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
            owed_next: None,
            stage: Stage::Idle,
            under_way: None,
            patience: Patience::default(),
            node_request: None,
            communities: CommunityQueue::default(),
            clock: None,
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
            | Stage::NodeAsks { until, .. }
            | Stage::ReadingMarkers { until, .. }
            | Stage::MarkersFollow { until, .. }
            | Stage::Asking { until, .. }
            | Stage::Confirming { until, .. }
            | Stage::AskingCommunity { until, .. }
            | Stage::Pausing { until } => Some(until),
        }
    }

    /// Takes the communities that an earlier process kept.
    pub fn restore(&mut self, kept: Vec<KeptCommunity>, now: Instant) {
        self.communities.restore(kept, now);
    }

    /// The communities to be kept across restarts, if they are not what was kept before.
    pub fn poll_kept(&mut self) -> Option<Vec<KeptCommunity>> {
        self.communities.poll_kept()
    }

    /// After a panic: what was under way is forgotten and asked again; what is owed stays owed.
    pub fn reset(&mut self) {
        self.stage = Stage::Idle;
        self.commands.clear();
        self.end_without("the requester was restarted", Duration::ZERO);
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
            communities: self.communities.progress(),
            last_failure: self.last_failure.clone(),
        }
    }

    fn backoff(&self) -> Backoff {
        Backoff {
            initial: self.config.retry_initial,
            max: self.config.retry_max,
        }
    }

    fn owe(&mut self, back_to: Option<Moment>, now: Instant) {
        self.owed = Some(Owed {
            since: now,
            published: false,
            back_to,
        });
    }

    /// The journal is told of a request that begins.
    fn begin(&mut self, number: u64, since: Option<Moment>, at: Instant) {
        self.end_without("another request took its place", Duration::ZERO);
        self.under_way = Some(number);
        self.commands.push_back(Command::Began(RequestBegan {
            number,
            at,
            mailserver: self.active().cloned(),
            since,
        }));
    }

    /// And that it was completed.
    fn end(&mut self, completed: Completed) {
        if let Some(number) = self.under_way.take() {
            let outcome = Ok(completed);
            let ended = Command::Ended(RequestEnded { number, outcome });
            self.commands.push_back(ended);
        }
    }

    /// And that it was not, if one is under way.
    fn end_without(&mut self, reason: &str, retry_in: Duration) {
        if let Some(number) = self.under_way.take() {
            let reason = reason.to_owned();
            let outcome = Err(Unanswered { reason, retry_in });
            let ended = Command::Ended(RequestEnded { number, outcome });
            self.commands.push_back(ended);
        }
    }

    /// What is owed goes back at least so far.
    fn widen(&mut self, back_to: Option<Moment>, now: Instant) {
        match &mut self.owed {
            Some(owed) => owed.back_to = owed.back_to.into_iter().chain(back_to).min(),
            None => self.owe(back_to, now),
        }
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
        if let Some(id) = self.communities.begin(now) {
            let number = self.next_number();
            let until = now + self.config.timeout;
            self.stage = Stage::AskingCommunity { number, until };
            self.commands
                .push_back(Command::RequestCommunity(number, id));
        } else if let Some(until) = self.communities.poll_timeout() {
            self.stage = Stage::Pausing { until };
        }
    }

    fn ask(&mut self, now: Instant) {
        let number = self.next_number();
        self.publish_requested();
        let until = now + self.config.timeout;
        let proof = Proof::None;
        self.stage = Stage::Asking {
            number,
            until,
            proof,
        };
        let back_to = self.owed.as_ref().and_then(|it| it.back_to);
        self.begin(number, back_to, now);
        self.commands.push_back(Command::Request(number, back_to));
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

    fn complete(&mut self, completed: Completed, now: Instant) {
        self.publish_requested();
        let owed = self.owed.take();
        self.end(completed);
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
        if let Some(back_to) = self.owed_next.take() {
            self.owe(back_to, now);
        }
        self.proceed(now);
    }

    fn fail(&mut self, reason: &str, blame: Blame, now: Instant) {
        self.failed += 1;
        let pause = self.backoff().pause(self.patience.fail());
        self.stage = Stage::Pausing { until: now + pause };
        self.end_without(reason, pause);
        if let Some(back_to) = self.owed_next.take() {
            self.widen(back_to, now);
        }
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

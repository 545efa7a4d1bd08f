//! A queue, its clock, and how to talk to it briefly.

use std::time::Duration;

use actors::{
    Instant,
    history_requester::{
        Config,
        request_queue::{Command, RequestQueue},
    },
    messages::{
        events::Event,
        history::{MailserverAvailable, QueueError, Source},
        journal::{Completed, Owe},
        node::HistorySignal,
    },
    model::{
        mailserver::MailserverRef,
        moment::Moment,
        node::{CommunityAnswer, HistoryAnswer, NodeError},
        topic::MarkedTopic,
    },
    testing::{mailserver, marked_topic},
};

pub(crate) type History = Result<HistoryAnswer, NodeError>;
pub(crate) type Community = Result<CommunityAnswer, NodeError>;

pub(crate) const DONE: History = Ok(HistoryAnswer::Done {
    messages: 0,
    rewound: true,
});
pub(crate) const NULL: History = Ok(HistoryAnswer::NothingDone);
pub(crate) const NOTHING: [&str; 0] = [];

/// A queue, its clock, and how to talk to it briefly.
pub(crate) struct Rig {
    pub(crate) queue: RequestQueue,
    pub(crate) now: Instant,
    pub(crate) number: u64,
    /// What the journal was told, and nobody looked at yet.
    pub(crate) told: Vec<String>,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self {
            queue: RequestQueue::new(Config::default()),
            now: Instant::now(),
            number: 0,
            told: Vec::new(),
        }
    }

    /// History was asked of mailserver 0 and is not answered yet.
    pub(crate) fn asking() -> Self {
        let mut rig = Self::new();
        rig.available(0);
        assert_eq!(rig.wants(), ["requested from 0", "ask"]);
        rig
    }

    /// History of mailserver 0 was answered.
    pub(crate) fn served() -> Self {
        let mut rig = Self::asking();
        rig.answer(&DONE);
        assert_eq!(rig.wants(), ["completed by 0", "served by 0"]);
        rig
    }

    pub(crate) fn available(&mut self, index: usize) {
        self.available_from(Source::Active {
            mailserver: mailserver(index),
            node_asks_itself: false,
        });
    }

    pub(crate) fn available_from(&mut self, source: Source) {
        self.available_since(source, None);
    }

    pub(crate) fn available_since(&mut self, source: Source, since: Option<u64>) {
        let available = MailserverAvailable {
            source,
            pause: Duration::ZERO,
            since: since.map(Moment::from_millis),
        };
        self.queue.handle_available(available, self.now);
    }

    /// Somebody wants history now.
    pub(crate) fn request(&mut self) {
        self.owe(None, true);
    }

    pub(crate) fn owe(&mut self, since: Option<u64>, at_once: bool) {
        let since = since.map(Moment::from_millis);
        self.queue.handle_owe(Owe { since, at_once }, self.now);
    }

    pub(crate) fn node_may_ask(&mut self, index: usize) {
        self.available_from(Source::Active {
            mailserver: mailserver(index),
            node_asks_itself: true,
        });
    }

    pub(crate) fn answer(&mut self, answer: &History) {
        (self.queue).handle_answer(self.number, answer, self.now);
    }

    /// Answers the history request that is wanted.
    pub(crate) fn answered(&mut self) {
        self.wants();
        self.answer(&DONE);
    }

    /// The wall clock shows so many seconds.
    pub(crate) fn clock(&mut self, seconds: u64) {
        let wall = Moment::from_millis(seconds * 1_000);
        self.queue.handle_clock(wall, self.now);
    }

    /// Answers the markers that are wanted: of a topic each, in seconds.
    pub(crate) fn markers(&mut self, seconds: &[u64]) {
        self.wants();
        let topics = seconds.iter().map(|it| MarkedTopic {
            last_request: Moment::from_seconds(*it),
            ..marked_topic(0)
        });
        let answer = Ok(topics.collect());
        self.queue.handle_markers(self.number, &answer, self.now);
    }

    pub(crate) fn community(&mut self, answer: &Community) {
        (self.queue).handle_community(self.number, answer, self.now);
    }

    pub(crate) fn signal(&mut self, signal: HistorySignal) {
        self.queue.handle_signal(&signal, self.now);
    }

    pub(crate) fn queue(&mut self, number: usize) -> Result<(), QueueError> {
        self.queue.handle_queue(community(number), self.now)
    }

    /// Time goes by; the limits in it are called when they pass.
    pub(crate) fn pass(&mut self, milliseconds: u64) {
        let end = self.now + Duration::from_millis(milliseconds);
        while let Some(at) = self.queue.poll_timeout().filter(|at| *at <= end) {
            assert!(at > self.now, "it spins");
            self.now = at;
            self.queue.handle_timeout(at);
        }
        self.now = end;
    }

    /// Waits for its next limit, however far that is; how many seconds it was.
    pub(crate) fn pause(&mut self) -> u64 {
        let at = self.queue.poll_timeout().expect("a limit");
        let pause = at - self.now;
        self.pass(pause.as_millis() as u64);
        pause.as_secs()
    }

    pub(crate) fn wants(&mut self) -> Vec<String> {
        let mut words = Vec::new();
        while let Some(command) = self.queue.poll_command() {
            words.push(match command {
                Command::Request(number, since) => {
                    self.number = number;
                    let back_to = |it: Moment| format!(" back to {}", it.as_millis());
                    format!("ask{}", since.map(back_to).unwrap_or_default())
                }
                Command::Began(began) => {
                    let by = began.mailserver.map(|it| index(it.identity.as_str()));
                    let by = by.map_or("whom it picks".into(), |it| it.to_string());
                    self.told.push(format!("{} began, of {by}", began.number));
                    continue;
                }
                Command::Ended(ended) => {
                    let outcome = match ended.outcome {
                        Ok(Completed { rewound: true }) => "completed".into(),
                        Ok(Completed { rewound: false }) => "completed, not gone back".into(),
                        Err(unanswered) => unanswered.reason,
                    };
                    self.told.push(format!("{}: {outcome}", ended.number));
                    continue;
                }
                Command::ReadMarkers(number) => {
                    self.number = number;
                    "read markers".into()
                }
                Command::RequestCommunity(number, id) => {
                    self.number = number;
                    format!("ask for {}", &id[66..])
                }
                Command::Failing(identity, _) => format!("report {}", index(identity.as_str())),
                Command::Served(identity) => format!("served by {}", index(identity.as_str())),
                Command::Publish(event) => word(&event),
            });
        }
        words
    }
}

pub(crate) fn word(event: &Event) -> String {
    let of = |asked: &Option<MailserverRef>| match asked {
        None => "whom it picks".to_owned(),
        Some(asked) => {
            let mut all = 0..24;
            let index = all.find(|it| mailserver(*it).id == asked.id);
            index.expect("a test mailserver").to_string()
        }
    };
    match event {
        Event::HistoryRequested { mailserver } => format!("requested from {}", of(mailserver)),
        Event::HistoryCompleted { mailserver, .. } => format!("completed by {}", of(mailserver)),
        Event::HistoryFailed { mailserver, .. } => format!("failed by {}", of(mailserver)),
        other => panic!("not its business: {other:?}"),
    }
}

pub(crate) fn index(identity: &str) -> usize {
    let mut all = 0..24;
    all.find(|it| mailserver(*it).identity.as_str() == identity)
        .expect("a test mailserver")
}

/// A community id that ends in this number.
pub(crate) fn community(number: usize) -> String {
    format!("0x02{number:064}")
}

pub(crate) fn hung() -> History {
    Err(NodeError::Timeout(Duration::from_secs(60)))
}

pub(crate) fn away<T>() -> Result<T, NodeError> {
    Err(NodeError::Transport("refused".into()))
}

//! A gap filler among mailboxes, and a node whose answers are set by the test.

use std::{cell::RefCell, collections::VecDeque, future::pending, rc::Rc, time::Duration};

use ::actors::{
    Instant,
    gap_filler::{GapFiller, Ports},
    messages::{
        events::{Event, Publish},
        gaps::{GetStatus, Status},
        history::{HistoryUnderWay, MailserverAvailable, MailserverGone, Source},
        node::{FillGaps, MessagesArrived, NodeChanged},
        online::Clocks,
    },
    model::{
        gap::Gap,
        moment::{Moment, Period},
        node::{Mode, NodeError, NodeState},
    },
    supervisor::{Config, Overseer, Slot, supervise},
    testing::{Probe, Received, profile, settle},
};
use actix::prelude::*;
use tokio::sync::mpsc;

pub(crate) type Answer = Result<(), NodeError>;

pub(crate) fn refused() -> Answer {
    let message = "chat not existing".into();
    Err(NodeError::Node {
        code: -32000,
        message,
    })
}

pub(crate) fn away() -> Answer {
    Err(NodeError::Transport("refused".into()))
}

#[derive(Default)]
struct Node {
    /// After so many seconds, this; `None`: never. Those without an entry succeed at once.
    answers: VecDeque<Option<(u64, Answer)>>,
    calls: Vec<(Instant, FillGaps)>,
    under_way: usize,
}

struct Adapter(Rc<RefCell<Node>>);

impl Actor for Adapter {
    type Context = Context<Self>;
}

impl Handler<FillGaps> for Adapter {
    type Result = ResponseFuture<Answer>;

    fn handle(&mut self, call: FillGaps, _: &mut Context<Self>) -> Self::Result {
        assert!(!call.messages.is_empty(), "it would crash the call");
        let mut node = self.0.borrow_mut();
        assert_eq!(node.under_way, 0, "one call at a time");
        node.calls.push((Instant::now(), call));
        let answer = node.answers.pop_front().unwrap_or(Some((0, Ok(()))));
        node.under_way += 1;
        let node = self.0.clone();
        Box::pin(async move {
            let Some((seconds, answer)) = answer else {
                node.borrow_mut().under_way -= 1;
                return pending().await;
            };
            if seconds > 0 {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
            }
            node.borrow_mut().under_way -= 1;
            answer
        })
    }
}

/// Its handler panics.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Panic;

impl Handler<Panic> for GapFiller {
    type Result = ();

    fn handle(&mut self, _: Panic, _: &mut Context<Self>) {
        panic!("told to");
    }
}

pub(crate) struct Rig {
    pub(crate) filler: Addr<GapFiller>,
    pub(crate) events: Received<Publish>,
    node: Rc<RefCell<Node>>,
}

/// A gap filler that has heard of nobody.
pub(crate) fn rig() -> Rig {
    tokio::time::pause();
    let node = Rc::<RefCell<Node>>::default();
    let fill = Adapter(node.clone()).start().recipient();
    let (events_to, events) = Probe::start();
    let filler = GapFiller::new(Ports {
        fill,
        events: events_to,
    });
    let overseer = Overseer {
        config: Config::default(),
        reports: Probe::start().0,
        spent: mpsc::unbounded_channel().0,
    };
    Rig {
        filler: supervise("gap_filler", Slot::default(), filler, &overseer),
        events,
        node,
    }
}

/// A node that can be asked, for long enough.
pub(crate) async fn available() -> Rig {
    let rig = rig();
    rig.ready(true).await;
    rig.mailserver(0).await;
    pass(3).await;
    rig
}

impl Rig {
    pub(crate) async fn tell<M>(&self, message: M)
    where
        M: Message + Send + 'static,
        M::Result: Send,
        GapFiller: Handler<M>,
    {
        self.filler.send(message).await.expect("it runs");
        settle().await;
    }

    pub(crate) async fn ready(&self, ready: bool) {
        let state = match ready {
            true => NodeState::Ready {
                profile: profile(Mode::Pin),
            },
            false => NodeState::LoggedOut,
        };
        self.tell(NodeChanged(state)).await;
    }

    pub(crate) async fn mailserver(&self, pause: u64) {
        let source = Source::Picked;
        let pause = Duration::from_secs(pause);
        self.tell(MailserverAvailable {
            source,
            pause,
            since: None,
        })
        .await;
    }

    pub(crate) async fn gone(&self) {
        self.tell(MailserverGone).await;
    }

    pub(crate) async fn under_way(&self, under_way: bool) {
        self.tell(HistoryUnderWay(under_way)).await;
    }

    /// So many days after 1970.
    pub(crate) async fn clock(&self, days: u64) {
        let boot = Duration::ZERO;
        let wall = moment(days).into();
        self.tell(Clocks { boot, wall }).await;
    }

    pub(crate) async fn arrive(&self, gaps: Vec<Gap>) {
        self.tell(MessagesArrived { messages: 0, gaps }).await;
    }

    /// The next call is answered with this, after so many seconds.
    pub(crate) fn answers(&self, after: u64, answer: Answer) {
        let mut node = self.node.borrow_mut();
        node.answers.push_back(Some((after, answer)));
    }

    /// The next call is never answered.
    pub(crate) fn hangs(&self) {
        self.node.borrow_mut().answers.push_back(None);
    }

    /// The calls since the last time: chat and messages.
    pub(crate) async fn calls(&self) -> Vec<(String, Vec<String>)> {
        settle().await;
        let calls = std::mem::take(&mut self.node.borrow_mut().calls);
        calls
            .into_iter()
            .map(|(_, call)| (call.chat, call.messages))
            .collect()
    }

    /// The pauses between the calls since the last time, in seconds.
    pub(crate) fn pauses(&self) -> Vec<f64> {
        let calls = std::mem::take(&mut self.node.borrow_mut().calls);
        let times: Vec<Instant> = calls.iter().map(|(at, _)| *at).collect();
        let pause = |pair: &[Instant]| (pair[1] - pair[0]).as_secs_f64().round();
        times.windows(2).map(pause).collect()
    }

    pub(crate) async fn status(&self) -> Status {
        self.filler.send(GetStatus).await.expect("it runs")
    }

    /// The events since the last time: how many gaps of which chat.
    pub(crate) async fn filled(&self) -> Vec<(String, usize)> {
        let events = self.events.drain().await;
        let filled = events.into_iter().map(|Publish(event)| match event {
            Event::GapFilled { chat, gaps } => (chat, gaps),
            other => panic!("not its business: {other:?}"),
        });
        filled.collect()
    }
}

/// So many days after 1970.
pub(crate) fn moment(days: u64) -> Moment {
    Moment::from_millis(days * 24 * 3_600_000)
}

pub(crate) fn gap(chat: &str, message: &str) -> Gap {
    Gap {
        chat: chat.into(),
        message: message.into(),
        period: None,
    }
}

/// A gap whose messages were sent until that day.
pub(crate) fn gap_until(chat: &str, message: &str, days: u64) -> Gap {
    gap_at(chat, message, moment(0), moment(days))
}

pub(crate) fn gap_at(chat: &str, message: &str, from: Moment, until: Moment) -> Gap {
    let period = Some(Period { from, until });
    Gap {
        period,
        ..gap(chat, message)
    }
}

/// So many hours after 1970.
pub(crate) fn hour(hours: u64) -> Moment {
    Moment::from_millis(hours * 3_600_000)
}

/// A call as [`Rig::calls`] tells of it.
pub(crate) fn call(chat: &str, messages: &[&str]) -> (String, Vec<String>) {
    let messages = messages.iter().map(|it| (*it).to_owned());
    (chat.to_owned(), messages.collect())
}

pub(crate) async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    settle().await;
}

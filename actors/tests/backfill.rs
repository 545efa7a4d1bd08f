//! Chats are extended backwards: the newest first, step by step, and only while nothing is more urgent.

use std::{cell::RefCell, rc::Rc, time::Duration};

use ::actors::{
    backfill::{Backfill, MOST_STEPS_A_DAY, MOST_STEPS_AN_HOUR, Ports, READ_EVERY},
    messages::{
        history::{HistoryUnderWay, MailserverAvailable, MailserverGone, Source},
        journal::WindowsOpen,
        node::{ExtendChat, NodeChanged, ReadChats},
        online::Clocks,
    },
    model::{
        gap::Chat,
        moment::Moment,
        node::{Mode, NodeError, NodeState},
    },
    supervisor::{Config, Overseer, Slot, supervise},
    testing::{Probe, Received, profile, settle},
};
use actix::prelude::*;
use tokio::sync::mpsc;

type Extended = Result<Option<Moment>, NodeError>;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The clock shows this day after 1970 when a test begins.
const TODAY: u64 = 100;

fn day(days: u64) -> Moment {
    Moment::default() + DAY * days as u32
}

/// A node with these chats, that answers a step like this.
struct Node {
    chats: Vec<Chat>,
    step: fn(Moment) -> Extended,
    /// The node says where a chat begins since.
    tells: bool,
}

struct Rig {
    backfill: Addr<Backfill>,
    node: Rc<RefCell<Node>>,
    read: Received<ReadChats>,
    extended: Received<ExtendChat>,
}

/// Its handler panics.
#[derive(Message)]
#[rtype(result = "()")]
struct Panic;

impl Handler<Panic> for Backfill {
    type Result = ();

    fn handle(&mut self, _: Panic, _: &mut Context<Self>) {
        panic!("told to");
    }
}

/// A day back, as a node does.
fn back(from: Moment) -> Extended {
    Ok(Some(from.before(DAY)))
}

fn chat(id: &str, synced_from: Option<u64>, last_message_ms: u64) -> Chat {
    Chat {
        id: id.into(),
        synced_from: synced_from.map(day),
        last_message_ms,
    }
}

/// Chats, a node that is ready, a mailserver, and nothing more urgent.
async fn rig(chats: Vec<Chat>) -> Rig {
    tokio::time::pause();
    let node = Rc::new(RefCell::new(Node {
        chats,
        step: back,
        tells: true,
    }));
    let (reader, stepper) = (node.clone(), node.clone());
    let (read_chats, read) = Probe::answering(move |_| Ok(reader.borrow().chats.clone()));
    let (extend, extended) = Probe::answering(move |ExtendChat(id): &ExtendChat| {
        let node = &mut *stepper.borrow_mut();
        let chat = node.chats.iter_mut().find(|it| it.id == *id);
        let chat = chat.expect("a chat of the node");
        let answer = (node.step)(chat.synced_from.expect("it has a marker"));
        if let Ok(Some(begins)) = answer {
            chat.synced_from = Some(begins);
        }
        match node.tells {
            true => answer,
            false => answer.map(|_| None),
        }
    });
    let overseer = Overseer {
        config: Config::default(),
        reports: Probe::start().0,
        spent: mpsc::unbounded_channel().0,
    };
    let backfill = Backfill::new(Ports { read_chats, extend });
    let rig = Rig {
        backfill: supervise("backfill", Slot::default(), backfill, &overseer),
        node,
        read,
        extended,
    };
    let profile = profile(Mode::Pin);
    rig.tell(NodeChanged(NodeState::Ready { profile })).await;
    rig.available().await;
    rig.tell(Clocks {
        boot: Duration::ZERO,
        wall: day(TODAY).into(),
    })
    .await;
    rig
}

impl Rig {
    async fn tell<M>(&self, message: M)
    where
        M: Message + Send + 'static,
        M::Result: Send,
        Backfill: Handler<M>,
    {
        self.backfill.send(message).await.expect("it runs");
        settle().await;
    }

    async fn available(&self) {
        self.tell(MailserverAvailable {
            source: Source::Picked,
            pause: Duration::ZERO,
            since: None,
        })
        .await;
    }

    /// The chats that were extended since the last time, in their order.
    async fn steps(&self) -> Vec<String> {
        let steps = self.extended.drain().await;
        steps.into_iter().map(|ExtendChat(id)| id).collect()
    }

    async fn reads(&self) -> usize {
        self.read.drain().await.len()
    }
}

async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
    settle().await;
}

/// Until the chats were read once.
async fn once() {
    pass(READ_EVERY).await;
}

#[actix::test]
async fn the_newest_chat_is_extended_first_until_it_is_complete() {
    let rig = rig(vec![
        chat("old", Some(TODAY - 1), 1),
        chat("complete", Some(TODAY - 30), 9),
        chat("without a marker", None, 8),
        chat("new", Some(TODAY - 28), 5),
    ])
    .await;
    pass(READ_EVERY - Duration::from_secs(1)).await;
    assert_eq!((rig.reads().await, rig.steps().await.len()), (0, 0));
    pass(Duration::from_secs(1)).await;
    assert_eq!(rig.reads().await, 1);
    let steps = rig.steps().await;
    assert_eq!(steps[..2], ["new", "new"]);
    assert_eq!(steps[2..], vec!["old"; MOST_STEPS_AN_HOUR - 2]);
}

#[actix::test]
async fn only_so_many_steps_an_hour() {
    let rig = rig(vec![chat("a", Some(TODAY), 1)]).await;
    once().await;
    assert_eq!(rig.steps().await.len(), MOST_STEPS_AN_HOUR);
    pass(Duration::from_secs(3_599)).await;
    assert_eq!(rig.steps().await.len(), 0);
    pass(Duration::from_secs(1)).await;
    assert_eq!(rig.steps().await.len(), MOST_STEPS_AN_HOUR);
    // Then it is complete: its history begins 30 days ago.
    pass(DAY / 2).await;
    assert_eq!(rig.steps().await.len(), 30 - 2 * MOST_STEPS_AN_HOUR);
    assert!(rig.reads().await > 70, "the chats are read on");
}

#[actix::test]
async fn nothing_is_done_while_something_is_more_urgent() {
    let rig = rig(vec![chat("a", Some(TODAY), 1)]).await;
    rig.tell(WindowsOpen(true)).await;
    pass(DAY).await;
    assert_eq!((rig.reads().await, rig.steps().await.len()), (0, 0));
    rig.tell(MailserverGone).await;
    rig.tell(WindowsOpen(false)).await;
    pass(DAY).await;
    assert_eq!((rig.reads().await, rig.steps().await.len()), (0, 0));
    rig.tell(NodeChanged(NodeState::LoggedOut)).await;
    rig.available().await;
    pass(DAY).await;
    assert_eq!((rig.reads().await, rig.steps().await.len()), (0, 0));
    let profile = profile(Mode::Pin);
    rig.tell(NodeChanged(NodeState::Ready { profile })).await;
    assert_eq!((rig.reads().await, rig.steps().await.len()), (1, 12));
}

#[actix::test]
async fn no_call_is_made_while_a_history_request_is_under_way() {
    let rig = rig(vec![chat("a", Some(TODAY), 1)]).await;
    // A community is asked for, say: no window is open.
    rig.tell(HistoryUnderWay(true)).await;
    pass(DAY).await;
    assert_eq!((rig.reads().await, rig.steps().await.len()), (0, 0));
    rig.tell(HistoryUnderWay(false)).await;
    let steps = rig.steps().await.len();
    assert_eq!((rig.reads().await, steps), (1, MOST_STEPS_AN_HOUR));
    rig.tell(HistoryUnderWay(true)).await;
    pass(DAY / 2).await;
    assert_eq!(rig.steps().await.len(), 0, "not between two steps either");
}

#[actix::test]
async fn a_chat_that_does_not_move_is_left_for_a_day() {
    stays_and_is_left(true).await;
}

#[actix::test]
async fn so_is_one_of_a_node_that_does_not_say_where_it_begins() {
    stays_and_is_left(false).await;
}

/// The history of a chat begins where it began, whatever is fetched.
async fn stays_and_is_left(tells: bool) {
    let rig = rig(vec![chat("a", Some(TODAY), 1)]).await;
    rig.node.borrow_mut().step = |from| Ok(Some(from));
    rig.node.borrow_mut().tells = tells;
    once().await;
    assert_eq!(rig.steps().await, ["a"]);
    pass(DAY - READ_EVERY * 2).await;
    assert_eq!(rig.steps().await, [""; 0]);
    pass(READ_EVERY * 4).await;
    assert_eq!(rig.steps().await, ["a"]);
}

#[actix::test]
async fn where_the_node_does_not_say_where_it_begins_the_next_reading_shows() {
    let rig = rig(vec![chat("a", Some(TODAY), 1)]).await;
    rig.node.borrow_mut().tells = false;
    once().await;
    assert_eq!(rig.steps().await, ["a"]);
    pass(READ_EVERY).await;
    assert_eq!(rig.steps().await, ["a"]);
}

#[actix::test]
async fn so_many_steps_of_one_chat_a_day() {
    let rig = rig(vec![chat("a", Some(TODAY), 1)]).await;
    // Each moves it by a minute only.
    rig.node.borrow_mut().step = |from| Ok(Some(from.before(Duration::from_secs(60))));
    once().await;
    pass(DAY - READ_EVERY * 3).await;
    assert_eq!(rig.steps().await.len(), MOST_STEPS_A_DAY as usize);
    pass(READ_EVERY * 4).await;
    assert!(!rig.steps().await.is_empty(), "another day");
}

#[actix::test]
async fn a_chat_that_fails_pauses_and_the_others_go_on() {
    let rig = rig(vec![
        chat("a", Some(TODAY), 2),
        chat("b", Some(TODAY - 29), 1),
    ])
    .await;
    rig.node.borrow_mut().step = |from| match from == day(TODAY) {
        true => Err(NodeError::Timeout(Duration::from_secs(60))),
        false => back(from),
    };
    once().await;
    assert_eq!(rig.steps().await, ["a", "b"]);
    let mut tried = Vec::new();
    for reading in 1..=40 {
        pass(READ_EVERY).await;
        if !rig.steps().await.is_empty() {
            tried.push(reading);
        }
    }
    // After 10, 20, 40, 80, 160 minutes.
    assert_eq!(tried, [1, 3, 7, 15, 31]);
}

#[actix::test]
async fn a_node_that_extends_nothing_is_asked_once_a_reading() {
    let rig = rig(vec![chat("a", Some(TODAY), 2), chat("b", Some(TODAY), 1)]).await;
    rig.node.borrow_mut().step = |_| Err(NodeError::UnknownMethod("x".into()));
    once().await;
    assert_eq!(rig.steps().await, ["a"]);
    pass(READ_EVERY).await;
    assert_eq!(rig.steps().await, ["a"]);
}

#[actix::test]
async fn after_a_panic_it_goes_on() {
    let rig = rig(vec![chat("a", Some(TODAY - 28), 2)]).await;
    rig.backfill.do_send(Panic);
    pass(READ_EVERY * 2).await;
    assert_eq!(rig.steps().await, ["a", "a"]);
}

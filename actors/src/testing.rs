//! Probes and stubs for mailbox assertions.

use std::{cell::RefCell, collections::VecDeque, fmt::Debug, rc::Rc, time::Duration};

use actix::prelude::*;
use tokio::sync::Notify;

use crate::{
    connector::cycle,
    messages::selection::{Decision, Select, Surveyed},
    model::{
        candidate::{Considered, Standing},
        mailserver::{Identity, Mailserver, Origin},
        moment::Moment,
        node::{Mode, Profile},
        probe::{ProbeFailure, Reply, Stage},
        topic::{MarkedTopic, Topic},
    },
};

type Answer<M> = Box<dyn FnMut(&M) -> <M as Message>::Result>;

/// An actor that records every message of one type, and answers each by a function.
pub struct Probe<M: Message> {
    received: Received<M>,
    answer: Answer<M>,
}

/// What a [`Probe`] received so far.
pub struct Received<M> {
    queue: Rc<RefCell<VecDeque<M>>>,
    arrived: Rc<Notify>,
}

impl<M> Clone for Received<M> {
    fn clone(&self) -> Self {
        Self {
            queue: self.queue.clone(),
            arrived: self.arrived.clone(),
        }
    }
}

impl<M> Probe<M>
where
    M: Message + Clone + Send + Unpin + 'static,
    M::Result: Send + 'static,
{
    /// A probe that answers with the default of the answer's type.
    #[must_use]
    pub fn start() -> (Recipient<M>, Received<M>)
    where
        M::Result: Default,
    {
        Self::answering(|_| M::Result::default())
    }

    /// A probe that answers by this function.
    pub fn answering(answer: impl FnMut(&M) -> M::Result + 'static) -> (Recipient<M>, Received<M>) {
        let received = Received {
            queue: Rc::default(),
            arrived: Rc::default(),
        };
        let probe = Self {
            received: received.clone(),
            answer: Box::new(answer),
        };
        (Actor::start(probe).recipient(), received)
    }
}

impl<M> Actor for Probe<M>
where
    M: Message + Unpin + 'static,
{
    type Context = Context<Self>;
}

impl<M> Handler<M> for Probe<M>
where
    M: Message + Clone + Unpin + 'static,
{
    type Result = MessageResult<M>;

    fn handle(&mut self, message: M, _: &mut Context<Self>) -> Self::Result {
        let answer = MessageResult((self.answer)(&message));
        self.received.queue.borrow_mut().push_back(message);
        self.received.arrived.notify_one();
        answer
    }
}

impl<M: Debug> Received<M> {
    /// The next message, waited for.
    pub async fn next(&self) -> M {
        loop {
            if let Some(message) = self.queue.borrow_mut().pop_front() {
                return message;
            }
            self.arrived.notified().await;
        }
    }

    /// Everything that arrived and was not taken yet, after all actors had their turn.
    pub async fn drain(&self) -> Vec<M> {
        settle().await;
        self.queue.borrow_mut().drain(..).collect()
    }

    /// Fails if anything is there that was not taken.
    ///
    /// # Panics
    ///
    /// If a message is there.
    pub async fn assert_none(&self, what: &str) {
        let rest = self.drain().await;
        assert!(rest.is_empty(), "{what}: {rest:?}");
    }
}

/// Lets every actor of this thread work off what it has, without moving the time.
pub async fn settle() {
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
}

/// What a node of this mode tells, of the test fleet.
#[must_use]
pub fn profile(mode: Mode) -> Profile {
    Profile {
        mode,
        generation: mode.generation(),
        fleet: Some("test".into()),
        saved: vec![],
        pinned: None,
        use_mailservers: true,
    }
}

/// The answer to an order: this one, if it is among the candidates; of the others, the silent ones did not answer,
/// and nothing is known of the rest.
#[must_use]
pub fn decision(order: &Select, chosen: Option<usize>, silent: impl Fn(usize) -> bool) -> Decision {
    let verdict = |identity: &Identity| {
        let index = index(identity);
        if index.is_some() && index == chosen {
            Some(Standing::Chosen)
        } else {
            let failure = ProbeFailure::Silent(Stage::Connect);
            silent(index?).then_some(Standing::NoReply(failure))
        }
    };
    let considered = order.candidates.iter().filter_map(|candidate| {
        let verdict = verdict(&candidate.mailserver.identity)?;
        Some(Considered {
            mailserver: candidate.mailserver.reference(),
            identity: candidate.mailserver.identity.clone(),
            rtt: (verdict == Standing::Chosen).then_some(Duration::from_millis(20)),
            tier: candidate.tier,
            listed: candidate.listed,
            verdict,
        })
    });
    let considered: Vec<Considered> = considered.collect();
    let chosen = considered.iter().find(|it| it.verdict == Standing::Chosen);
    Decision {
        round: order.round,
        purpose: order.purpose,
        chosen: chosen.map(|it| it.mailserver.clone()),
        identity: chosen.map(|it| it.identity.clone()),
        pool: usize::from(chosen.is_some()),
        drawn: chosen.map(|_| 0),
        early: false,
        took_ms: 20,
        considered,
    }
}

/// What the whole round found: so many milliseconds, or no reply.
#[must_use]
pub fn surveyed(order: &Select, answered: impl Fn(usize) -> Option<u64>) -> Surveyed {
    let replies = order.candidates.iter().map(|it| {
        let identity = it.mailserver.identity.clone();
        let place = index(&identity).and_then(&answered);
        let outcome = place.map(Duration::from_millis);
        Reply {
            identity,
            outcome: outcome.ok_or(ProbeFailure::Silent(Stage::Connect)),
        }
    });
    Surveyed {
        begun: crate::Instant::now(),
        round: order.round,
        purpose: order.purpose,
        replies: replies.collect(),
    }
}

/// The number of a mailserver of the test fleet.
fn index(identity: &Identity) -> Option<usize> {
    let peer_id = |it: usize| PEER_IDS[it] == identity.as_str();
    (0..PEER_IDS.len()).find(|it| peer_id(*it) || enode(*it).identity == *identity)
}

/// A loop in which nothing is drawn in advance, and nothing waits for chance.
#[must_use]
pub fn plain() -> cycle::Config {
    cycle::Config {
        jitter: Duration::ZERO,
        standby: cycle::Readiness::Off,
        ..cycle::Config::default()
    }
}

/// Mailserver number `index` of a test fleet, with a peer id of its own.
#[must_use]
pub fn mailserver(index: usize) -> Mailserver {
    let peer_id = PEER_IDS[index];
    let address: crate::model::address::Address =
        format!("/ip4/127.0.0.1/tcp/{}/p2p/{peer_id}", 30_001 + index)
            .parse()
            .unwrap_or_else(|error| panic!("{peer_id}: {error}"));
    Mailserver {
        identity: address.identity().clone(),
        id: format!("store-{index:02}.test"),
        name: format!("store-{index:02}.test"),
        address,
        fleet: "test".into(),
        origin: Origin::Fleet,
    }
}

/// Topic number `index` of a test node, never asked for.
#[must_use]
pub fn marked_topic(index: usize) -> MarkedTopic {
    MarkedTopic {
        topic: Topic {
            pubsub: "/waku/2/rs/16/32".into(),
            content: format!("/waku/1/0x{index:08x}/rfc26"),
        },
        last_request: Moment::default(),
    }
}

/// Enode number `index` of a test fleet, with a key of its own.
#[must_use]
pub fn enode(index: usize) -> Mailserver {
    let address: crate::model::address::Address =
        format!("enode://{index:0128x}@127.0.0.1:{}", 30_301 + index)
            .parse()
            .unwrap_or_else(|error| panic!("{index}: {error}"));
    Mailserver {
        identity: address.identity().clone(),
        id: format!("mail-{index:02}.test"),
        name: format!("mail-{index:02}.test"),
        address,
        fleet: "test".into(),
        origin: Origin::Fleet,
    }
}

/// Peer ids of public mailservers: real ones, so that a strict parser takes them.
pub const PEER_IDS: [&str; 24] = [
    "16Uiu2HAm8UZXUHEPZrpJbcQ3yVFH6UtKrwsG6jH4ai72PsbLfVFb",
    "16Uiu2HAm6G9sDMkrB4Xa5EH3Zx2dysCxFgBTSRzghic3Z9tRFRNE",
    "16Uiu2HAmRnt2Eyoknh3auxh4fJwkRgqkH1gqrWGes8Pk1k3MV4xu",
    "16Uiu2HAmRHPzF3rQg55PgYPcQkyvPVH9n2hWsYPhUJBZ6kVjJgdV",
    "16Uiu2HAmLqTXuY4Sb6G28HNooaFUXUKzpzKXCcgyJxgaEE2i5vnf",
    "16Uiu2HAm6ZsERLx2BwVD2UM9SVPnnMU6NBycG8XPtu8qKys5awsU",
    "16Uiu2HAmQEUFE2YaJohavWtHxPTEFv3sEGJtDqvtGEv78DFoEWQF",
    "16Uiu2HAmV8Hq9e3zm9TMVP4zrVHo3BjqW5D6bDVV6VQntQd687e4",
    "16Uiu2HAmEHiptiDDd9gqNY8oQqo8hHUWMHJzfwt5aLRdD6W2zcXR",
    "16Uiu2HAkykgaECHswi3YKJ5dMLbq2kPVCo89fcyTd38UcQD6ej5W",
    "16Uiu2HAmDCp8XJ9z1ev18zuv8NHekAsjNyezAvmMfFEJkiharitG",
    "16Uiu2HAkzHaTP5JsUwfR9NR8Rj9HC24puS6ocaU8wze4QrXr9iXp",
    "16Uiu2HAmQSMNExfUYUqfuXWkD5DaNZnMYnigRxFKbk3tcEFQeQeE",
    "16Uiu2HAm6fyqE1jB5MonzvoMdU8v76bWV8ZeNpncDamY1MQXfjdB",
    "16Uiu2HAmSJvSJphxRdbnigUV5bjRRZFBhTtWFTSyiKaQByCjwmpV",
    "16Uiu2HAkukebeXjTQ9QDBeNDWuGfbaSg79wkkhK4vPocLgR6QFDf",
    "16Uiu2HAmGDX3iAFox93PupVYaHa88kULGqMpJ7AEHGwj3jbMtt76",
    "16Uiu2HAm2BjXxCp1sYFJQKpLLbPbwd5juxbsYofu3TsS3auvT9Yi",
    "16Uiu2HAm6HZZr7aToTvEBPpiys4UxajCTU97zj5v7RNR2gbniy1D",
    "16Uiu2HAmSve7tR5YZugpskMv2dmJAsMUKmfWYEKRXNUxRaTCnsXV",
    "16Uiu2HAkwBp8T6G77kQXSNMnxgaMky1JeyML5yqoTHRM8dbeCBNb",
    "16Uiu2HAmDQugwDHM3YeUp86iGjrUvbdw3JPRgikC7YoGBsT2ymMg",
    "16Uiu2HAkvEZgh3KLwhLwXg95e5ojM8XykJ4Kxi2T7hk22rnA7pJC",
    "16Uiu2HAmFy8BrJhCEmCYrUfBdSNkrPw6VHExtv4rRp1DSBnCPgx8",
];

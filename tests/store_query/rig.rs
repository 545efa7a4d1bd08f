//! A simulation with a prober beside it.

use std::{
    cell::RefCell,
    rc::Rc,
    time::{Duration, SystemTime},
};

use actix::{Actor, Addr, Context, Handler};
use actors::{
    messages::{
        ping::{News, Probe, ProbeAnswer, Proof},
        store::{Extent, FailedQuery, QueryStore, StoreAnswer, StoreFailure},
    },
    model::{
        mailserver::Mailserver,
        moment::{Moment, Period},
        node::Mode,
        topic::Topic,
    },
};
use mailserver_sidecar::{
    node::RpcClient,
    probe::Prober,
    settings,
    sim::{Settings, Simulation},
};
use tokio::sync::Notify;

/// Longer than anything here takes, however busy the machine is.
const LONG: Duration = Duration::from_secs(20);

/// More bytes than anything here takes.
pub(crate) const PLENTY: u64 = 1 << 20;

/// Mailservers and who asks them.
pub(crate) struct Rig {
    pub(crate) sim: Simulation,
    prober: Addr<Prober>,
}

impl Rig {
    /// Two mailservers with three topics.
    pub(crate) fn start() -> Self {
        Self::with(Duration::from_millis(1))
    }

    /// The same, and each answer takes so long.
    pub(crate) fn with(latency: Duration) -> Self {
        let sim = Simulation::start(Settings {
            mailservers: 2,
            latencies: vec![latency],
            topics: (0..3).map(topic).collect(),
            ..Settings::new(Mode::Waku2)
        });
        let sim = sim.unwrap();
        let mut settings = settings::Settings::default();
        settings.node.rpc_url = sim.rpc_url();
        let rpc = RpcClient::new(&settings.node).unwrap();
        let prober = Prober::new(&settings.ping, rpc).start();
        Self { sim, prober }
    }

    /// Publishes so many messages on a topic of this number.
    pub(crate) fn publish(&self, topic: usize, count: usize) {
        for number in 0..count {
            self.sim.publish_to(topic, &format!("message {number}"));
        }
    }

    pub(crate) fn mailserver(&self, index: usize) -> Mailserver {
        self.sim.mailservers()[index].mailserver()
    }

    /// For all that the first topic had so far.
    pub(crate) fn query(&self, index: usize) -> QueryStore {
        let until = now();
        QueryStore {
            mailserver: self.mailserver(index),
            topics: vec![topic(0)],
            period: Period {
                from: until.before(Duration::from_secs(3600)),
                until,
            },
            extent: Extent::All,
            most_bytes: PLENTY,
        }
    }

    pub(crate) async fn ask(&self, query: QueryStore) -> Result<StoreAnswer, StoreFailure> {
        self.ask_counting(query).await.map_err(|it| it.why)
    }

    /// The same; a failure tells what it has cost.
    pub(crate) async fn ask_counting(&self, query: QueryStore) -> Result<StoreAnswer, FailedQuery> {
        let asking = tokio::time::timeout(LONG, self.prober.send(query));
        asking.await.expect("an answer").unwrap()
    }

    /// Probes a mailserver as the watch does; the bytes that it cost.
    pub(crate) async fn watch(&self, index: usize) -> u64 {
        let collector = Collector::default();
        let probe = Probe {
            round: 1,
            targets: vec![self.mailserver(index)],
            timeout: LONG,
            proof: Proof::Watched,
            answer_to: collector.clone().start().recipient(),
        };
        self.prober.send(probe).await.unwrap();
        let answered = tokio::time::timeout(LONG, collector.1.notified());
        answered.await.expect("an echo");
        collector.0.take().expect("it was told before")
    }
}

/// The end of a probe: what it cost.
#[derive(Clone, Default)]
struct Collector(Rc<RefCell<Option<u64>>>, Rc<Notify>);

impl Actor for Collector {
    type Context = Context<Self>;
}

impl Handler<ProbeAnswer> for Collector {
    type Result = ();

    fn handle(&mut self, answer: ProbeAnswer, _: &mut Self::Context) {
        if let News::Done { outcome, bytes } = answer.news {
            outcome.expect("an echo");
            *self.0.borrow_mut() = Some(bytes);
            self.1.notify_one();
        }
    }
}

pub(crate) fn topic(number: usize) -> Topic {
    Topic {
        pubsub: "/waku/2/rs/16/32".into(),
        content: format!("/waku/1/{number:#010x}/rfc26"),
    }
}

pub(crate) fn now() -> Moment {
    SystemTime::now().into()
}

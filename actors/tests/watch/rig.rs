//! A watcher over a world of mailservers that answer, hang or refuse, in virtual time.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, time::Duration};

use ::actors::{
    Instant,
    messages::{
        online::{Missed, VerdictChanged},
        ping,
        ping::{News, ProbeAnswer},
        selection::Surveyed,
        watch::{GetWatch, Measured, Watch, WatchLost, Watched},
    },
    model::{
        candidate::Purpose,
        probe::{ProbeFailure, Reply, Stage},
        verdict::Verdict,
    },
    supervisor::{self, Overseer, Slot, supervise},
    testing::{PEER_IDS, Probe, Received, mailserver, settle},
    watch::{Config, Ports, RoundProof, Watcher},
};
use actix::prelude::*;

/// How a mailserver answers probes.
#[derive(Clone, Debug)]
pub(crate) enum Way {
    /// In so many milliseconds.
    In(u64),
    /// Not before the patience is over.
    Hung,
    /// At once: nobody listens there.
    Refuses,
    /// The adapter has no means.
    Impossible,
    /// The adapter is dead.
    Lost,
}

/// A probe as the adapter was told: when, whom, with which patience in milliseconds.
pub(crate) type Sent = (u64, usize, u64);

#[derive(Default)]
pub(crate) struct World {
    pub(crate) ways: BTreeMap<usize, Way>,
    pub(crate) bytes: u64,
    pub(crate) sent: Vec<Sent>,
    pub(crate) last: Option<ping::Probe>,
}

pub(crate) struct Rig {
    pub(crate) watcher: Addr<Watcher>,
    pub(crate) begun: Instant,
    pub(crate) world: Rc<RefCell<World>>,
    pub(crate) lost: Received<WatchLost>,
    pub(crate) missed: Received<Missed>,
    pub(crate) measured: Received<Measured>,
    pub(crate) also_measured: Received<Measured>,
}

pub(crate) const DEFAULTS: Config = Config {
    interval: Some(Duration::from_secs(2)),
    budget: 64 * 1024,
    timeout: Duration::from_millis(500),
    rounds: RoundProof::Life,
};

pub(crate) fn rig(config: Config) -> Rig {
    tokio::time::pause();
    let begun = Instant::now();
    let world = Rc::new(RefCell::new(World {
        bytes: 150,
        ..World::default()
    }));
    let (lost_to, lost) = Probe::start();
    let (missed_to, missed) = Probe::start();
    let (measured_to, measured) = Probe::start();
    let (also_to, also_measured) = Probe::start();
    let ports = Ports {
        probe: adapter(&world, begun),
        lost: lost_to,
        missed: missed_to,
        measured: vec![measured_to, also_to],
    };
    let (reports, _) = Probe::start();
    let overseer = Overseer {
        config: supervisor::Config::default(),
        reports,
        spent: tokio::sync::mpsc::unbounded_channel().0,
    };
    let watcher = Watcher::new(config, ports);
    Rig {
        watcher: supervise("watch", Slot::default(), watcher, &overseer),
        begun,
        world,
        lost,
        missed,
        measured,
        also_measured,
    }
}

/// An adapter that probes this world.
fn adapter(world: &Rc<RefCell<World>>, begun: Instant) -> Recipient<ping::Probe> {
    let world = world.clone();
    let adapter = Probe::answering(move |probe: &ping::Probe| {
        let [target] = probe.targets.as_slice() else {
            panic!("one at a time: {probe:?}");
        };
        let index = index_of(&target.identity);
        let mut world = world.borrow_mut();
        world
            .sent
            .push((ms(begun.elapsed()), index, ms(probe.timeout)));
        world.last = Some(probe.clone());
        let way = world.ways.get(&index).cloned().unwrap_or(Way::In(20));
        actix_rt::spawn(answer(probe.clone(), way, world.bytes));
    });
    adapter.0
}

async fn answer(probe: ping::Probe, way: Way, bytes: u64) {
    let silent = Err(ProbeFailure::Silent(Stage::Ping));
    let (pause, outcome) = match way {
        Way::In(ms) if Duration::from_millis(ms) < probe.timeout => {
            (Duration::from_millis(ms), Ok(Duration::from_millis(ms)))
        }
        Way::In(_) | Way::Hung => (probe.timeout, silent),
        Way::Refuses => (Duration::from_millis(1), Err(ProbeFailure::Refused)),
        Way::Impossible => (
            Duration::ZERO,
            Err(ProbeFailure::Impossible("no means".into())),
        ),
        Way::Lost => return,
    };
    tell(&probe, News::Began { round_trips: 1 });
    tokio::time::sleep(pause).await;
    tell(&probe, News::Done { outcome, bytes });
}

pub(crate) fn tell(probe: &ping::Probe, news: News) {
    probe.answer_to.do_send(ProbeAnswer {
        round: probe.round,
        identity: probe.targets[0].identity.clone(),
        news,
    });
}

fn index_of(identity: &::actors::model::mailserver::Identity) -> usize {
    let known = PEER_IDS.iter().position(|it| *it == identity.as_str());
    known.expect("a mailserver of the test fleet")
}

pub(crate) fn ms(duration: Duration) -> u64 {
    duration.as_millis() as u64
}

#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Panic;

impl Handler<Panic> for Watcher {
    type Result = ();

    fn handle(&mut self, _: Panic, _: &mut Context<Self>) {
        panic!("told to");
    }
}

impl Rig {
    pub(crate) async fn watch(&self, active: Option<usize>, standby: Option<usize>) {
        let watch = Watch {
            active: active.map(mailserver),
            standby: standby.map(mailserver),
        };
        self.watcher.send(watch).await.expect("it lives");
        settle().await;
    }

    /// A ping round is over, and this one answered.
    pub(crate) async fn surveyed(&self, index: usize) {
        let reply = Reply {
            identity: mailserver(index).identity,
            outcome: Ok(Duration::from_millis(20)),
        };
        let surveyed = Surveyed {
            round: 1,
            purpose: Purpose::Active,
            begun: Instant::now(),
            replies: vec![reply],
        };
        self.watcher.send(surveyed).await.expect("it lives");
        settle().await;
    }

    pub(crate) async fn pass(&self, milliseconds: u64) {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        settle().await;
    }

    pub(crate) fn is(&self, index: usize, way: Way) {
        self.world.borrow_mut().ways.insert(index, way);
    }

    pub(crate) async fn verdict(&self, verdict: Verdict) {
        self.watcher
            .send(VerdictChanged(verdict))
            .await
            .expect("it lives");
    }

    /// The connection that the last probe left open has ended.
    pub(crate) async fn close(&self) {
        let last = self.world.borrow().last.clone();
        tell(&last.expect("a probe"), News::Closed);
        settle().await;
    }

    /// The probes since the last look.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        std::mem::take(&mut self.world.borrow_mut().sent)
    }

    /// When, in tenths of a second, and whom: each timer is a millisecond late.
    pub(crate) fn times(&self) -> Vec<(u64, usize)> {
        self.sent()
            .into_iter()
            .map(|it| (it.0 / 100, it.1))
            .collect()
    }

    pub(crate) fn now(&self) -> u64 {
        ms(self.begun.elapsed())
    }

    pub(crate) async fn status(&self) -> Watched {
        self.watcher.send(GetWatch).await.expect("it lives")
    }

    /// The loss, and when it was told: the time is moved by a millisecond at a time, at most so many.
    pub(crate) async fn loss_within(&self, milliseconds: u64) -> (u64, WatchLost) {
        let begun = self.now();
        for _ in 0..=milliseconds {
            if let [lost] = self.lost.drain().await.as_slice() {
                return (self.now() - begun, lost.clone());
            }
            self.pass(1).await;
        }
        panic!("not lost within {milliseconds} ms: {:?}", self.sent());
    }
}

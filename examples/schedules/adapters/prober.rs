//! The actor that probes mailservers, and asks them what they hold.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    time::Duration,
};

use actix::{
    Actor, AsyncContext as _, Context, Handler, Recipient, ResponseFuture, Supervised,
    WrapFuture as _,
};
use actors::{
    messages::{
        node::NodeChanged,
        ping::{News, Probe, ProbeAnswer, Proof},
        store::{Extent, FailedQuery, QueryStore, StoreAnswer, StoreFailure},
    },
    model::{
        address::Network,
        mailserver::{Identity, Mailserver},
        probe::{ProbeFailure, Stage},
    },
};
use tokio::time::sleep;

use crate::world::{DIAL_LIMIT, Path, World, hash, topic};

/// About what a hash takes in an answer.
const BYTES: u64 = 36;

/// The hashes of one page.
const PAGE: u64 = 100;

/// The connections that are kept, and who is told of their end.
type Kept = Rc<RefCell<BTreeMap<usize, (u64, Recipient<ProbeAnswer>)>>>;

/// The actor.
pub(crate) struct Prober {
    world: Rc<World>,
    kept: Kept,
}

impl Prober {
    pub(crate) fn new(world: Rc<World>) -> Self {
        Self {
            world,
            kept: Kept::default(),
        }
    }
}

impl Actor for Prober {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.spawn(watch(self.world.clone(), self.kept.clone()).into_actor(self));
    }
}

impl Supervised for Prober {}

impl Handler<NodeChanged> for Prober {
    type Result = ();

    fn handle(&mut self, _: NodeChanged, _: &mut Context<Self>) {}
}

impl Handler<Probe> for Prober {
    type Result = ();

    fn handle(&mut self, probe: Probe, ctx: &mut Context<Self>) {
        let Probe {
            round,
            targets,
            timeout,
            proof,
            answer_to,
        } = probe;
        for target in targets {
            let (world, kept, to) = (self.world.clone(), self.kept.clone(), answer_to.clone());
            let say = move |identity: &Identity, news| {
                let identity = identity.clone();
                to.do_send(ProbeAnswer {
                    round,
                    identity,
                    news,
                });
            };
            let to = answer_to.clone();
            let probing = async move {
                say(&target.identity, News::Began { round_trips: 1 });
                let outcome = ping(&world, &target, timeout, proof).await;
                if outcome.is_ok()
                    && proof == Proof::Watched
                    && let Some(store) = world.find(&target.identity)
                {
                    kept.borrow_mut().insert(store, (round, to));
                }
                say(
                    &target.identity,
                    News::Done {
                        outcome,
                        bytes: 100,
                    },
                );
            };
            ctx.spawn(probing.into_actor(self));
        }
    }
}

async fn ping(
    world: &World,
    target: &Mailserver,
    timeout: Duration,
    proof: Proof,
) -> Result<Duration, ProbeFailure> {
    let Some(store) = world.find(&target.identity) else {
        return Err(ProbeFailure::Impossible("unknown".into()));
    };
    let by_path = proof == Proof::Path && target.address.network() == Network::Waku1;
    let silent = |stage| async move {
        sleep(timeout).await;
        Err(ProbeFailure::Silent(stage))
    };
    let latency = world.latency(store);
    match world.path(store) {
        Path::Unreachable => return Err(ProbeFailure::Other("network is unreachable".into())),
        Path::Silent => return silent(Stage::Connect).await,
        Path::Hung if !by_path => return silent(Stage::Ping).await,
        Path::Open | Path::Refused | Path::Hung | Path::Stranger => sleep(latency).await,
    }
    match world.path(store) {
        Path::Open => Ok(latency),
        Path::Hung | Path::Stranger if by_path => Ok(latency),
        Path::Refused => Err(ProbeFailure::Refused),
        Path::Stranger => Err(ProbeFailure::WrongPeer("another".into())),
        Path::Silent | Path::Hung | Path::Unreachable => silent(Stage::Ping).await,
    }
}

/// Tells of the kept connections that end.
async fn watch(world: Rc<World>, kept: Kept) {
    let mut changes = world.changes();
    while changes.changed().await.is_ok() {
        let all: Vec<usize> = kept.borrow().keys().copied().collect();
        for store in all {
            let ended = matches!(
                world.path(store),
                Path::Refused | Path::Stranger | Path::Unreachable
            );
            let Some((round, to)) = ended.then(|| kept.borrow_mut().remove(&store)).flatten()
            else {
                continue;
            };
            to.do_send(ProbeAnswer {
                round,
                identity: world.mailserver(store).identity,
                news: News::Closed,
            });
        }
    }
}

impl Handler<QueryStore> for Prober {
    type Result = ResponseFuture<Result<StoreAnswer, FailedQuery>>;

    fn handle(&mut self, query: QueryStore, _: &mut Context<Self>) -> Self::Result {
        let world = self.world.clone();
        Box::pin(async move { ask(&world, query).await.map_err(FailedQuery::uncounted) })
    }
}

async fn ask(world: &World, query: QueryStore) -> Result<StoreAnswer, StoreFailure> {
    let target = &query.mailserver;
    ping(world, target, DIAL_LIMIT, Proof::Life).await?;
    let Some(store) = world.find(&target.identity) else {
        return Err(StoreFailure::Unsupported);
    };
    sleep(world.latency(store)).await;
    let stores = world.stores.borrow();
    if !stores[store].setup.answers_queries {
        return Err(StoreFailure::Unsupported);
    }
    if stores[store].breaks_off {
        return Err(StoreFailure::Broken("stream reset".into()));
    }
    let messages = world.messages.borrow();
    let asked: BTreeSet<_> = query.topics.iter().cloned().collect();
    let held = stores[store].answer(query.period, world.now(), |it| messages[it].sent);
    let held = held
        .into_iter()
        .filter(|it| asked.contains(&topic(messages[*it].topic)));
    let mut hashes: Vec<_> = held.map(hash).collect();
    let most = match query.extent {
        Extent::All => usize::try_from(query.most_bytes / BYTES).unwrap_or(usize::MAX),
        Extent::Any => 1,
    };
    let more = hashes.len() > most;
    hashes.truncate(most);
    let count = hashes.len() as u64;
    let pages = count / PAGE + 1;
    Ok(StoreAnswer {
        hashes,
        bytes: 1_000 + count * BYTES,
        pages: u32::try_from(pages).unwrap_or(u32::MAX),
        more,
    })
}

//! Names and their addresses, remembered: a broken resolver must not mean "no mailservers".
//!
//! One lookup per name is under way at a time, however many ask, because each one blocks a thread of the
//! system's resolver for as long as that takes. Answers are used for a minute; after that they are only the
//! fallback, for when the resolver fails or dawdles.
//!
//! The system is asked, as the node asks it: names that only its own services know (mDNS, a VPN) must be found here
//! too. A resolver with sockets of its own would not find them, and forgets an answer when its time is over.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use actors::model::{
    address::{Endpoint, Host},
    probe::{ProbeFailure, Stage},
};
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use tokio::time::{Instant, timeout};

/// How long an answer is used without asking again.
const FRESH: Duration = Duration::from_secs(60);

/// How long a failure is believed.
const FAILED: Duration = Duration::from_secs(5);

/// How long the resolver may take while there is an old answer: a fifth of the usual limit of a ping.
pub(super) const PATIENCE: Duration = Duration::from_millis(100);

/// The most names that are remembered.
const MOST_NAMES: usize = 512;

/// The most addresses of one name that are used.
const MOST_ADDRESSES: usize = 4;

/// The most addresses of one name that are remembered, of both kinds.
const MOST_KEPT: usize = 16;

/// What a resolver says of a name; a failure for people.
pub(super) type Found = Result<Vec<IpAddr>, Arc<str>>;

type Lookup = Shared<BoxFuture<'static, Found>>;

/// Finds addresses. Clones share what is remembered.
#[derive(Clone)]
pub(super) struct Resolver(Arc<Inner>);

struct Inner {
    look_up: Box<dyn Fn(String) -> BoxFuture<'static, Found> + Send + Sync>,
    names: Mutex<BTreeMap<String, Name>>,
}

struct Name {
    /// The last good answer, and when it came.
    good: Option<(Instant, Vec<IpAddr>)>,
    failed: Option<(Instant, Arc<str>)>,
    pending: Option<Lookup>,
    asked: Instant,
}

impl Resolver {
    /// Asks the system.
    pub(super) fn system() -> Self {
        Self::new(|name| {
            async move {
                // The port is not looked up.
                let found = tokio::net::lookup_host((name.as_str(), 0)).await;
                let found = found.map_err(|error| Arc::from(error.to_string()))?;
                Ok(found.map(|address| address.ip()).collect())
            }
            .boxed()
        })
    }

    /// Asks this function.
    pub(super) fn new(
        look_up: impl Fn(String) -> BoxFuture<'static, Found> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Inner {
            look_up: Box::new(look_up),
            names: Mutex::default(),
        }))
    }

    /// The socket addresses of an endpoint, at most [`MOST_ADDRESSES`]; waits no longer than `limit`.
    pub(super) async fn resolve(
        &self,
        endpoint: &Endpoint,
        limit: Duration,
    ) -> Result<Vec<SocketAddr>, ProbeFailure> {
        let (name, wants_ip4) = match &endpoint.host {
            Host::Ip(ip) => return Ok(vec![SocketAddr::new(*ip, endpoint.port)]),
            Host::Dns4(name) => (name, true),
            Host::Dns6(name) => (name, false),
        };
        let usable: Vec<_> = self
            .find(name, limit)
            .await?
            .into_iter()
            .filter(|ip| ip.is_ipv4() == wants_ip4)
            .take(MOST_ADDRESSES)
            .map(|ip| SocketAddr::new(ip, endpoint.port))
            .collect();
        match usable.is_empty() {
            true => Err(ProbeFailure::Unresolved(format!(
                "{name}: no address of this kind"
            ))),
            false => Ok(usable),
        }
    }

    async fn find(&self, name: &str, limit: Duration) -> Result<Vec<IpAddr>, ProbeFailure> {
        let (lookup, old) = match self.0.begin(name) {
            Begun::Known(addresses) => return Ok(addresses),
            Begun::Failed(reason) => return Err(unresolved(name, &reason)),
            Begun::Asked { lookup, old } => (lookup, old),
        };
        let patience = match old {
            Some(_) => limit.min(PATIENCE),
            None => limit,
        };
        let found = timeout(patience, lookup.clone()).await;
        if let Ok(found) = &found {
            self.0.end(name, &lookup, found);
        }
        match (found, old) {
            (Ok(Ok(addresses)), _) => Ok(addresses),
            (_, Some(old)) => Ok(old),
            (Ok(Err(reason)), None) => Err(unresolved(name, &reason)),
            (Err(_), None) => Err(ProbeFailure::Silent(Stage::Name)),
        }
    }
}

fn unresolved(name: &str, reason: &str) -> ProbeFailure {
    ProbeFailure::Unresolved(format!("{name}: {reason}"))
}

/// How a question begins.
enum Begun {
    Known(Vec<IpAddr>),
    Failed(Arc<str>),
    Asked {
        lookup: Lookup,
        old: Option<Vec<IpAddr>>,
    },
}

impl Inner {
    fn names(&self) -> MutexGuard<'_, BTreeMap<String, Name>> {
        // Each change is a single assignment: a panic leaves nothing half done.
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, name: &str) -> Begun {
        let now = Instant::now();
        let mut names = self.names();
        if !names.contains_key(name) {
            make_room(&mut names);
        }
        let entry = names.entry(name.to_owned()).or_insert_with(|| Name {
            good: None,
            failed: None,
            pending: None,
            asked: now,
        });
        entry.asked = now;
        if let Some((at, addresses)) = &entry.good
            && now.duration_since(*at) < FRESH
        {
            return Begun::Known(addresses.clone());
        }
        let old = entry.good.as_ref().map(|(_, addresses)| addresses.clone());
        if let Some((at, reason)) = &entry.failed
            && now.duration_since(*at) < FAILED
        {
            return old.map_or_else(|| Begun::Failed(reason.clone()), Begun::Known);
        }
        // Nobody may be left to poll it, yet it stays: the thread that it blocks is blocked anyway.
        let begin = || (self.look_up)(name.to_owned()).shared();
        let lookup = entry.pending.get_or_insert_with(begin).clone();
        Begun::Asked { lookup, old }
    }

    /// Remembers what came of a lookup. All who waited for it report it; the first one counts.
    fn end(&self, name: &str, lookup: &Lookup, found: &Found) {
        let mut names = self.names();
        let Some(entry) = names.get_mut(name) else {
            return;
        };
        let pending = entry.pending.as_ref();
        if !pending.is_some_and(|pending| pending.ptr_eq(lookup)) {
            return;
        }
        entry.pending = None;
        match found {
            // An answer without addresses is the word of a resolver that knows nothing.
            Ok(addresses) if !addresses.is_empty() => {
                let kept = addresses.iter().copied().take(MOST_KEPT).collect();
                entry.good = Some((Instant::now(), kept));
                entry.failed = None;
            }
            Ok(_) => entry.failed = Some((Instant::now(), "no address".into())),
            Err(reason) => entry.failed = Some((Instant::now(), reason.clone())),
        }
    }
}

/// Forgets the name that nobody has asked for the longest.
fn make_room(names: &mut BTreeMap<String, Name>) {
    if names.len() < MOST_NAMES {
        return;
    }
    let oldest = names.iter().min_by_key(|(_, entry)| entry.asked);
    if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
        names.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use actors::model::address::Transport;
    use futures_util::future::join_all;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(500);

    fn endpoint(name: &str) -> Endpoint {
        Endpoint {
            host: Host::Dns4(name.into()),
            port: 7,
            transport: Transport::Tcp,
        }
    }

    /// A resolver that takes 30 ms and answers in turn with these, the last one again and again; `None`: never.
    fn scripted(answers: Vec<Option<Found>>) -> (Resolver, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let resolver = Resolver::new(move |_| {
            let turn = count.fetch_add(1, SeqCst).min(answers.len() - 1);
            let answer = answers[turn].clone();
            async move {
                tokio::time::sleep(Duration::from_millis(30)).await;
                match answer {
                    Some(answer) => answer,
                    None => std::future::pending().await,
                }
            }
            .boxed()
        });
        (resolver, asked)
    }

    fn good(last: u8) -> Option<Found> {
        Some(Ok(vec![[10, 0, 0, last].into()]))
    }

    fn bad() -> Option<Found> {
        Some(Err("no servers".into()))
    }

    fn at(last: u8) -> Result<Vec<SocketAddr>, ProbeFailure> {
        Ok(vec![SocketAddr::new([10, 0, 0, last].into(), 7)])
    }

    #[actix::test]
    async fn twenty_who_ask_at_once_cost_one_lookup_and_a_minute_costs_no_other() {
        tokio::time::pause();
        let (resolver, asked) = scripted(vec![good(1), good(2)]);
        let place = endpoint("a.example");
        let all = join_all((0..20).map(|_| resolver.resolve(&place, LIMIT))).await;
        assert_eq!(all, vec![at(1); 20]);
        tokio::time::advance(Duration::from_secs(59)).await;
        assert_eq!(resolver.resolve(&place, LIMIT).await, at(1));
        assert_eq!(asked.load(SeqCst), 1);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(resolver.resolve(&place, LIMIT).await, at(2));
        assert_eq!(asked.load(SeqCst), 2);
    }

    #[actix::test]
    async fn a_broken_resolver_means_the_old_address_and_is_asked_rarely() {
        tokio::time::pause();
        let (resolver, asked) = scripted(vec![good(1), bad(), good(3)]);
        let place = endpoint("a.example");
        assert_eq!(resolver.resolve(&place, LIMIT).await, at(1));
        tokio::time::advance(Duration::from_secs(3600)).await;
        for _ in 0..10 {
            assert_eq!(resolver.resolve(&place, LIMIT).await, at(1));
        }
        assert_eq!(asked.load(SeqCst), 2, "a failure is believed for a while");
        tokio::time::advance(FAILED).await;
        assert_eq!(resolver.resolve(&place, LIMIT).await, at(3));
    }

    #[actix::test]
    async fn a_dead_resolver_costs_a_fifth_of_the_limit_and_one_thread() {
        tokio::time::pause();
        let (resolver, asked) = scripted(vec![good(1), None]);
        let place = endpoint("a.example");
        assert_eq!(resolver.resolve(&place, LIMIT).await, at(1));
        tokio::time::advance(FRESH).await;
        for _ in 0..50 {
            let begun = Instant::now();
            assert_eq!(resolver.resolve(&place, LIMIT).await, at(1));
            assert!(begun.elapsed() <= PATIENCE + Duration::from_millis(1));
        }
        assert_eq!(asked.load(SeqCst), 2);
    }

    #[actix::test]
    async fn without_an_old_answer_failures_and_silence_are_told_apart() {
        tokio::time::pause();
        let (broken, asked) = scripted(vec![bad()]);
        for _ in 0..3 {
            let outcome = broken.resolve(&endpoint("a.example"), LIMIT).await;
            let reason = "a.example: no servers".into();
            assert_eq!(outcome, Err(ProbeFailure::Unresolved(reason)));
        }
        assert_eq!(asked.load(SeqCst), 1);
        let (dead, _) = scripted(vec![None]);
        let outcome = dead.resolve(&endpoint("a.example"), LIMIT).await;
        assert_eq!(outcome, Err(ProbeFailure::Silent(Stage::Name)));
    }

    #[actix::test]
    async fn addresses_of_the_other_kind_are_none_and_numbers_are_not_looked_up() {
        tokio::time::pause();
        let (resolver, asked) = scripted(vec![Some(Ok(vec!["::1".parse().unwrap()]))]);
        let outcome = resolver.resolve(&endpoint("a.example"), LIMIT).await;
        assert!(matches!(outcome, Err(ProbeFailure::Unresolved(_))));
        let number = Endpoint {
            host: Host::Ip([10, 0, 0, 9].into()),
            ..endpoint("")
        };
        assert_eq!(resolver.resolve(&number, LIMIT).await, at(9));
        assert_eq!(asked.load(SeqCst), 1);
    }

    #[actix::test]
    async fn names_are_bounded() {
        tokio::time::pause();
        let (resolver, _) = scripted(vec![good(1)]);
        for number in 0..MOST_NAMES + 10 {
            let place = endpoint(&format!("{number}.example"));
            resolver.resolve(&place, LIMIT).await.unwrap();
        }
        let names = resolver.0.names();
        assert_eq!(names.len(), MOST_NAMES);
        assert!(!names.contains_key("0.example"));
    }
}

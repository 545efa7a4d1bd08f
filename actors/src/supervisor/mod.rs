//! Starts actors, restarts those that panic or stop, drives the tick.
//!
//! actix alone does not restart an actor that panics: its future is gone for good. [`supervise`]
//! drives that future itself and catches the panic. After a pause the actor is restarted in place:
//! its address and the messages in its queue stay, only the message in work is lost, and
//! [`Supervised::restarting`] resets its state. Each actor has a budget of restarts; when it is
//! spent, the process is to end, so that the service manager takes over.

use std::{
    any::Any,
    collections::{BTreeMap, VecDeque},
    panic::AssertUnwindSafe,
    time::Duration,
};

use actix::{dev::ContextFut, prelude::*};
use futures_util::FutureExt;
use tokio::sync::mpsc;

use crate::{
    Instant,
    messages::{
        events::{Event, Publish},
        supervision::{GetHealth, Health, Report, Tick},
    },
    model::backoff::Backoff,
};

/// How restarts are limited, and how fast the heart beats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The pause between two ticks.
    pub tick: Duration,
    /// So many restarts of one actor are allowed …
    pub restarts: usize,
    /// … in this time.
    pub window: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            tick: Duration::from_secs(10),
            restarts: 5,
            window: Duration::from_secs(60),
        }
    }
}

/// Pauses before restarts.
const PAUSES: Backoff = Backoff {
    initial: Duration::from_millis(50),
    max: Duration::from_secs(5),
};

/// An actor failed more often than its budget allows: the process should end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("actor {actor} failed {failures} times within {window:?}, last: {reason}")]
pub struct BudgetSpent {
    /// Its name.
    pub actor: &'static str,
    /// Failures within the window.
    pub failures: usize,
    /// The window.
    pub window: Duration,
    /// What ended it last.
    pub reason: String,
}

/// A place for an actor that has an address already, so that others can be given it before the
/// actor itself exists.
pub struct Slot<A: Actor<Context = Context<A>>> {
    context: Context<A>,
}

impl<A: Actor<Context = Context<A>>> Default for Slot<A> {
    fn default() -> Self {
        Self {
            context: Context::new(),
        }
    }
}

impl<A: Actor<Context = Context<A>>> Slot<A> {
    /// The address that the actor will have.
    #[must_use]
    pub fn address(&self) -> Addr<A> {
        self.context.address()
    }
}

/// What every runner needs.
#[derive(Clone)]
pub struct Overseer {
    /// The budget.
    pub config: Config,
    /// The supervisor.
    pub reports: Recipient<Report>,
    /// Where the end of a budget is told.
    pub spent: mpsc::UnboundedSender<BudgetSpent>,
}

/// Runs an actor in its slot, restarting it whenever it panics or stops, within its budget.
pub fn supervise<A>(name: &'static str, slot: Slot<A>, actor: A, overseer: &Overseer) -> Addr<A>
where
    A: Supervised + Actor<Context = Context<A>>,
{
    let address = slot.address();
    let future = slot.context.into_future(actor);
    actix_rt::spawn(keep_running(name, future, overseer.clone()));
    address
}

async fn keep_running<A>(
    actor: &'static str,
    mut future: ContextFut<A, Context<A>>,
    overseer: Overseer,
) where
    A: Supervised + Actor<Context = Context<A>>,
{
    let mut budget = Budget::new(overseer.config);
    overseer.reports.do_send(Report::Started(actor));
    loop {
        let ended = AssertUnwindSafe(&mut future).catch_unwind().await;
        let reason = ended.map_or_else(|panic| panic_text(&*panic), |()| "stopped".to_owned());
        let restarted = restart(actor, &mut future, reason, &mut budget, &overseer).await;
        let Some(reason) = restarted else {
            return;
        };
        overseer.reports.do_send(Report::Restarted {
            actor,
            reason,
            restarts: budget.failures.len(),
        });
    }
}

/// Restarts an actor after a pause. Gives what ended it last, or nothing if it is not to run again.
async fn restart<A>(
    actor: &'static str,
    future: &mut ContextFut<A, Context<A>>,
    mut reason: String,
    budget: &mut Budget,
    overseer: &Overseer,
) -> Option<String>
where
    A: Supervised + Actor<Context = Context<A>>,
{
    loop {
        let Some(pause) = budget.spend(Instant::now()) else {
            let spent = BudgetSpent {
                actor,
                failures: budget.failures.len(),
                window: overseer.config.window,
                reason,
            };
            // Nobody listens only when the process ends anyway.
            let _ = overseer.spent.send(spent);
            return None;
        };
        overseer.reports.do_send(Report::Failed {
            actor,
            reason: reason.clone(),
        });
        tokio::time::sleep(pause).await;
        // `restarting` is the actor's own code: if it panics, the state was not reset.
        match std::panic::catch_unwind(AssertUnwindSafe(|| future.restart())) {
            Ok(true) => return Some(reason),
            // Nobody holds its address any more.
            Ok(false) => return None,
            Err(panic) => reason = panic_text(&*panic),
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|it| (*it).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.map_or_else(|| "panicked".to_owned(), |text| format!("panicked: {text}"))
}

/// The failures of one actor within the window.
#[derive(Debug)]
struct Budget {
    config: Config,
    failures: VecDeque<Instant>,
}

impl Budget {
    fn new(config: Config) -> Self {
        Self {
            config,
            failures: VecDeque::new(),
        }
    }

    /// The pause before the restart, or `None` if there are to be no more.
    fn spend(&mut self, now: Instant) -> Option<Duration> {
        let old = |failed: &Instant| now.saturating_duration_since(*failed) >= self.config.window;
        while self.failures.front().is_some_and(old) {
            self.failures.pop_front();
        }
        self.failures.push_back(now);
        let allowed = self.failures.len() <= self.config.restarts;
        allowed.then(|| PAUSES.pause(self.failures.len() as u32))
    }
}

/// The actor: it knows the health of all, and it is the heart.
pub struct Supervisor {
    config: Config,
    tick: Recipient<Tick>,
    events: Recipient<Publish>,
    health: BTreeMap<&'static str, Health>,
}

impl Supervisor {
    /// A supervisor whose ticks go to the connector.
    #[must_use]
    pub fn new(config: Config, tick: Recipient<Tick>, events: Recipient<Publish>) -> Self {
        Self {
            config,
            tick,
            events,
            health: BTreeMap::new(),
        }
    }

    fn beat(&mut self, ctx: &mut Context<Self>) {
        // Armed anew each time: an interval would make up for a late tick by a burst.
        ctx.run_later(self.config.tick, |supervisor, ctx| {
            supervisor.tick.do_send(Tick);
            supervisor.beat(ctx);
        });
    }
}

impl Actor for Supervisor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.beat(ctx);
    }
}

impl Supervised for Supervisor {}

impl Handler<Report> for Supervisor {
    type Result = ();

    fn handle(&mut self, report: Report, _: &mut Context<Self>) {
        match report {
            Report::Started(actor) => self.health.entry(actor).or_default().running = true,
            Report::Failed { actor, reason } => {
                let health = self.health.entry(actor).or_default();
                health.running = false;
                health.last_failure = Some(reason);
            }
            Report::Restarted {
                actor,
                reason,
                restarts,
            } => {
                let health = self.health.entry(actor).or_default();
                health.running = true;
                health.restarts += 1;
                self.events.do_send(Publish(Event::ActorRestarted {
                    actor: actor.to_owned(),
                    reason,
                    restarts,
                }));
            }
        }
    }
}

impl Handler<GetHealth> for Supervisor {
    type Result = MessageResult<GetHealth>;

    fn handle(&mut self, _: GetHealth, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.health.clone())
    }
}

//! The simulated node, a status-go as a model in memory: what of it survives its process, and its process.
//!
//! It behaves as the one behind real sockets (`src/sim`) does, whose facts are recorded.

mod cycle;
mod history;
mod peers;
mod process;
mod sync;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    rc::Rc,
    task::Poll,
    time::Duration,
};

use actors::{
    messages::node::{HistorySignal, NodeSwitched},
    model::{
        moment::Moment,
        node::{Connectedness, Mode, NodeError},
    },
};
use futures_util::future::LocalBoxFuture;
use rand::{SeedableRng, rngs::StdRng};
use tokio::{
    sync::{mpsc, oneshot},
    task::LocalSet,
};

use crate::{schedule::Setup, world::World};

pub(crate) use peers::NotConnected;
pub(crate) use process::Process;

/// What the node says without being asked.
#[derive(Clone, Debug)]
pub(crate) enum Signal {
    /// Its peers, by the numbers of the mailservers.
    Peers(BTreeSet<usize>),
    /// How well it is connected.
    Connection(Connectedness),
    History(HistorySignal),
    Switched(NodeSwitched),
    /// So many messages reached it.
    Messages(u64),
}

/// What survives the process.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) received: BTreeSet<usize>,
    /// Of each topic: what was sent before was asked for.
    pub(crate) markers: Vec<Moment>,
    /// The mailserver that it is told to use, where it chooses by itself.
    pub(crate) pinned: Option<usize>,
}

/// A request of the node that was answered to its end.
#[derive(Debug)]
pub(crate) struct Fetch {
    pub(crate) at: Moment,
    pub(crate) store: usize,
    /// Of each topic: what was sent before was not asked for.
    from: Vec<Moment>,
}

impl Fetch {
    /// Whether it asked for what was sent then in this topic.
    pub(crate) fn asks_for(&self, topic: usize, sent: Moment) -> bool {
        self.from[topic] <= sent && sent <= self.at
    }
}

/// What is wrong with the node.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    pub(crate) deaf: Cell<bool>,
    pub(crate) poor_mesh: Cell<bool>,
    pub(crate) null_answers: Cell<bool>,
    pub(crate) signals_lost: Cell<bool>,
}

type Call = Box<dyn FnOnce(Rc<Process>) -> LocalBoxFuture<'static, ()>>;

/// The node, running or not.
pub(crate) struct Node {
    pub(crate) world: Rc<World>,
    pub(crate) mode: Mode,
    /// A classic node without a sidecar: its own cycle is switched on.
    pub(crate) alone: bool,
    pub(crate) database: RefCell<Database>,
    pub(crate) faults: Faults,
    /// All that it has fetched.
    pub(crate) fetches: RefCell<Vec<Fetch>>,
    pub(crate) random: RefCell<StdRng>,
    running: RefCell<Option<Running>>,
    /// Driven while it is polled, apart from the rest: a call may come while it is.
    set: RefCell<Option<LocalSet>>,
    hangs: Cell<bool>,
}

struct Running {
    process: Rc<Process>,
    calls: mpsc::UnboundedSender<Call>,
}

impl Node {
    pub(crate) fn new(world: &Rc<World>, setup: &Setup, alone: bool) -> Rc<Self> {
        let database = Database {
            received: BTreeSet::new(),
            markers: vec![world.now(); setup.topics],
            pinned: None,
        };
        Rc::new(Self {
            world: world.clone(),
            mode: setup.mode,
            alone,
            database: RefCell::new(database),
            faults: Faults::default(),
            fetches: RefCell::default(),
            random: RefCell::new(StdRng::seed_from_u64(!setup.seed)),
            running: RefCell::default(),
            set: RefCell::default(),
            hangs: Cell::default(),
        })
    }

    /// Starts the process; somebody is logged in a few seconds later.
    pub(crate) fn start(self: &Rc<Self>) {
        let set = LocalSet::new();
        let (calls, called) = mpsc::unbounded_channel();
        let process = Rc::new(Process::new(self.clone()));
        set.spawn_local(serve(process.clone(), called));
        set.spawn_local(process.clone().live());
        *self.running.borrow_mut() = Some(Running { process, calls });
        *self.set.borrow_mut() = Some(set);
    }

    /// Starts the process, unless it runs.
    pub(crate) fn start_if_down(self: &Rc<Self>) {
        let down = self.running.borrow().is_none();
        if down {
            self.start();
        }
    }

    /// Kills the process.
    pub(crate) fn kill(&self) {
        let running = self.running.borrow_mut().take();
        if let Some(running) = running {
            running.process.die();
        }
        self.set.borrow_mut().take();
    }

    /// Stops the process, or continues it.
    pub(crate) fn hang(&self, hangs: bool) {
        self.hangs.set(hangs);
        if !hangs {
            self.with(|process| process.thaw());
        }
    }

    /// The machine woke up: what was connected is not any more.
    pub(crate) fn wake(&self) {
        self.with(|process| process.disconnect_all());
    }

    /// The network of the machine changed.
    pub(crate) fn network_changed(&self) {
        self.with(|process| process.link_changed());
    }

    /// What is wrong with it changed.
    pub(crate) fn faults_changed(&self) {
        self.with(|process| process.note());
    }

    /// A message is sent: it reaches the node if somebody passes it on.
    pub(crate) fn relay(&self, message: usize) {
        if !self.world.asleep.get() {
            self.with(|process| process.hear(message, self.hangs.get()));
        }
    }

    fn with(&self, act: impl FnOnce(&Rc<Process>)) {
        let process = self.running.borrow().as_ref().map(|it| it.process.clone());
        if let Some(process) = process {
            act(&process);
        }
    }

    /// Lets the process go on.
    pub(crate) fn poll(&self, cx: &mut std::task::Context<'_>) {
        if self.hangs.get() {
            return;
        }
        let set = self.set.borrow_mut().take();
        if let Some(mut set) = set {
            let _: Poll<()> = std::pin::Pin::new(&mut set).poll(cx);
            *self.set.borrow_mut() = Some(set);
        }
    }

    /// A call to the process, as a request over HTTP: it goes on when its caller is gone.
    ///
    /// # Errors
    /// Nobody listens, or the process dies meanwhile, or there is no answer within the limit.
    pub(crate) async fn call<T, F>(
        &self,
        limit: Duration,
        method: impl FnOnce(Rc<Process>) -> F + 'static,
    ) -> Result<T, NodeError>
    where
        T: 'static,
        F: Future<Output = Result<T, NodeError>> + 'static,
    {
        let refused = || NodeError::Transport("connection refused".into());
        let calls = self.running.borrow().as_ref().map(|it| it.calls.clone());
        let (answer, answered) = oneshot::channel();
        let call: Call = Box::new(move |process| {
            Box::pin(async move {
                let outcome = match process.is_logged_in() {
                    true => method(process).await,
                    false => Err(NodeError::NotLoggedIn),
                };
                drop(answer.send(outcome));
            })
        });
        calls
            .ok_or_else(refused)?
            .send(call)
            .map_err(|_| refused())?;
        match tokio::time::timeout(limit, answered).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(NodeError::Transport("connection reset".into())),
            Err(_) => Err(NodeError::Timeout(limit)),
        }
    }

    /// Opens a socket for signals; nothing if nobody listens.
    pub(crate) fn subscribe(&self) -> Option<mpsc::UnboundedReceiver<Signal>> {
        let mut opened = None;
        self.with(|process| opened = Some(process.subscribe()));
        opened
    }
}

async fn serve(process: Rc<Process>, mut called: mpsc::UnboundedReceiver<Call>) {
    while let Some(call) = called.recv().await {
        tokio::task::spawn_local(call(process.clone()));
    }
}

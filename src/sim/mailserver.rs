//! One mailserver behind the simulated node: it really listens, keeps messages, and fails as it is told.

use std::{
    cell::{Cell, Ref, RefCell},
    collections::BTreeMap,
    future::{pending, poll_fn},
    io,
    net::SocketAddr,
    rc::{Rc, Weak},
    task::Poll,
    time::{Duration, SystemTime},
};

use actors::model::moment::Moment;
use futures_util::{SinkExt, StreamExt};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    time::sleep,
};
use tokio_util::compat::TokioAsyncReadCompatExt as _;

use super::{
    batch::Batch,
    identity::Identity,
    keeping::Keeping,
    libp2p::{self, Keys},
    message::Message,
    port::{AFTER_FAILED_ACCEPT, BlackHole, Port},
    shelf::Shelf,
    tasks::Tasks,
    wire::{self, Lines, Query, Reply},
};

/// What is wrong with a mailserver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// The process is gone (`kill -9`): connections are refused, open ones close.
    Killed,
    /// The process is stopped (`SIGSTOP`): the system still accepts connections, nobody answers. Pings
    /// by TCP succeed; the node drops it from its peers only after a while.
    Hung,
    /// The host is cut off: packets vanish, connecting times out. Open connections stay silent.
    Isolated,
    /// Another node lives at the address: dials are refused by protocol, open connections close.
    Refusing,
    /// Each answer takes this long.
    Slow(Duration),
    /// Pings and dials succeed, history requests fail with an error.
    HistoryFails,
    /// Pings and dials succeed, history requests are never answered.
    HistoryHangs,
    /// History requests are answered with nothing although messages exist.
    HistoryEmpty,
}

/// Live messages that may wait for one connection; the rest is left to history requests.
const LIVE_LIMIT: usize = 1024;

/// The first byte of multistream-select: the length of its first line.
const MULTISTREAM: u8 = 0x13;

/// Bytes that may wait for their time on one connection.
const DELAYED_LIMIT: usize = 64 << 10;

/// How long a libp2p peer may take to say which cluster it belongs to, beside what our own latency costs it.
const METADATA_PATIENCE: Duration = Duration::from_secs(1);

/// The text of a store that answers with an error (recorded on status-go 2024-10).
const STORE_ERROR: &str = "503 - SERVICE_UNAVAILABLE";

/// A mailserver.
#[derive(Debug)]
pub(crate) struct Mailserver {
    pub(crate) id: String,
    pub(crate) fleet: String,
    pub(crate) identity: Identity,
    /// Who answers in its place when it is [`Fault::Refusing`].
    impostor: Identity,
    /// Of the mailserver and of the impostor.
    keys: [Keys; 2],
    latency: Duration,
    port: Port,
    entrance: RefCell<Entrance>,
    fault: Cell<Fault>,
    pub(crate) keeping: Keeping,
    /// How many libp2p connections were made to it.
    pub(crate) libp2p_connections: Cell<usize>,
    frozen: watch::Sender<bool>,
    pub(crate) messages: RefCell<BTreeMap<u64, Message>>,
    pub(crate) shelf: Shelf,
    pub(crate) communities: RefCell<BTreeMap<String, String>>,
    pub(crate) live: RefCell<Vec<mpsc::Sender<Reply>>>,
    connections: Tasks,
}

/// What becomes of new connections.
///
/// The accepting task only borrows the listener, so that replacing the value closes the port at once
/// and not at the task's next turn.
#[derive(Debug)]
enum Entrance {
    Refused,
    Swallowed(#[expect(dead_code, reason = "held so that it swallows")] BlackHole),
    Open(#[expect(dead_code, reason = "held so that it listens")] Rc<TcpListener>),
}

impl Mailserver {
    /// Starts one on a port of its own.
    pub(crate) fn start(
        id: String,
        fleet: String,
        identities: [Identity; 2],
        latency: Duration,
    ) -> io::Result<Rc<Self>> {
        let [identity, impostor] = identities;
        let keys = [
            Keys::new(&identity.keypair())?,
            Keys::new(&impostor.keypair())?,
        ];
        let mailserver = Rc::new(Self {
            id,
            fleet,
            identity,
            impostor,
            keys,
            latency,
            port: Port::reserve()?,
            entrance: RefCell::new(Entrance::Refused),
            fault: Cell::default(),
            keeping: Keeping::default(),
            libp2p_connections: Cell::default(),
            frozen: watch::Sender::new(false),
            messages: RefCell::default(),
            shelf: Shelf::default(),
            communities: RefCell::default(),
            live: RefCell::default(),
            connections: Tasks::default(),
        });
        mailserver.set_fault(Fault::None)?;
        Ok(mailserver)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.port.address()
    }

    pub(crate) fn multiaddr(&self) -> String {
        let port = self.address().port();
        format!("/ip4/127.0.0.1/tcp/{port}/p2p/{}", self.identity.peer_id)
    }

    pub(crate) fn enode(&self) -> String {
        format!("enode://{}@{}", self.identity.public_key, self.address())
    }

    /// What is wrong with it.
    pub(crate) fn fault(&self) -> Fault {
        self.fault.get()
    }

    /// How long it takes to answer.
    pub(crate) fn latency(&self) -> Duration {
        match self.fault.get() {
            Fault::Slow(latency) => latency,
            _ => self.latency,
        }
    }

    /// Whether it takes part in the network.
    pub(crate) fn is_live(&self) -> bool {
        use Fault::{Hung, Isolated, Killed, Refusing};
        !matches!(self.fault.get(), Killed | Hung | Isolated | Refusing)
    }

    /// Breaks it, or mends it.
    pub(crate) fn set_fault(self: &Rc<Self>, fault: Fault) -> io::Result<()> {
        self.fault.set(fault);
        if matches!(fault, Fault::Killed | Fault::Refusing) {
            *self.entrance.borrow_mut() = Entrance::Refused;
            self.connections.abort_all();
            self.live.borrow_mut().clear();
        }
        let frozen = matches!(fault, Fault::Hung | Fault::Isolated);
        self.frozen.send_replace(frozen);
        match fault {
            Fault::Killed => {}
            Fault::Isolated => self.swallow()?,
            _ => self.open()?,
        }
        Ok(())
    }

    fn swallow(&self) -> io::Result<()> {
        let mut entrance = self.entrance.borrow_mut();
        *entrance = Entrance::Refused;
        *entrance = Entrance::Swallowed(self.port.swallow()?);
        Ok(())
    }

    fn open(self: &Rc<Self>) -> io::Result<()> {
        let mut entrance = self.entrance.borrow_mut();
        if !matches!(*entrance, Entrance::Open(_)) {
            *entrance = Entrance::Refused;
            let listener = Rc::new(self.port.listen()?);
            self.connections
                .spawn(self.clone().accept(Rc::downgrade(&listener)));
            *entrance = Entrance::Open(listener);
        }
        Ok(())
    }

    /// Ends everything that runs for it.
    pub(crate) fn shut_down(&self) {
        *self.entrance.borrow_mut() = Entrance::Refused;
        self.connections.abort_all();
    }

    async fn accept(self: Rc<Self>, listener: Weak<TcpListener>) {
        let next = || {
            poll_fn(|context| match listener.upgrade() {
                Some(listener) => listener.poll_accept(context).map(Some),
                None => Poll::Ready(None),
            })
        };
        while let Some(accepted) = next().await {
            match accepted {
                Ok((stream, _)) => drop(self.connections.spawn(self.clone().receive(stream))),
                Err(_) => sleep(AFTER_FAILED_ACCEPT).await,
            }
        }
    }

    /// Finds out by the first byte what is spoken.
    async fn receive(self: Rc<Self>, stream: TcpStream) {
        let mut first = [0];
        match stream.peek(&mut first).await {
            Ok(1..) if first[0] == wire::BEGINNING => self.converse(stream).await,
            Ok(1..) if first[0] == MULTISTREAM => self.serve(stream).await,
            Ok(1..) => {
                // A live node cannot read it, and closes.
                sleep(self.latency()).await;
                self.thawed().await;
            }
            Ok(0) | Err(_) => {}
        }
    }

    /// Speaks libp2p until either side has enough.
    async fn serve(&self, stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        self.libp2p_connections.update(|it| it + 1);
        let [own, impostor] = &self.keys;
        let keys = match self.fault.get() {
            Fault::Refusing => impostor,
            _ => own,
        };
        let (from, answers) = stream.into_split();
        let (questions, to) = tokio::io::simplex(DELAYED_LIMIT);
        let delaying = libp2p::delay(from, to, || self.latency(), || self.thawed());
        let stream = tokio::io::join(questions, answers).compat();
        let patience = async {
            sleep(METADATA_PATIENCE + 4 * self.latency()).await;
            self.thawed().await;
        };
        let shelf = self.shelf.with(|| self.held());
        let serving = libp2p::serve(stream, keys, &shelf, patience);
        // Who is gone, or broke off, is not waited for.
        let delaying = async {
            let _ = delaying.await;
            pending().await
        };
        tokio::select! {
            _ = serving => {}
            () = delaying => {}
        }
    }

    /// Talks to one node until either side is gone.
    async fn converse(self: Rc<Self>, stream: TcpStream) {
        let mut lines = wire::lines(stream);
        if !matches!(lines.next().await, Some(Ok(_))) {
            return;
        }
        let (live, mut messages) = mpsc::channel(LIVE_LIMIT);
        if !self.greet(&mut lines).await {
            return;
        }
        self.live.borrow_mut().push(live);
        loop {
            let replies = tokio::select! {
                line = lines.next() => match line {
                    Some(Ok(line)) => self.answer(&line).await,
                    _ => return,
                },
                Some(message) = messages.recv() => vec![message],
            };
            self.thawed().await;
            for reply in replies {
                if lines.feed(wire::encode(&reply)).await.is_err() {
                    return;
                }
            }
            if SinkExt::<String>::flush(&mut lines).await.is_err() {
                return;
            }
        }
    }

    /// Says who it is, or who it is not. Whether the conversation goes on.
    async fn greet(&self, lines: &mut Lines) -> bool {
        sleep(self.latency()).await;
        self.thawed().await;
        let refusing = self.fault.get() == Fault::Refusing;
        let who = match refusing {
            true => &self.impostor,
            false => &self.identity,
        };
        let peer = who.peer_id.clone();
        let hello = wire::encode(&Reply::Hello { peer });
        lines.send(hello).await.is_ok() && !refusing
    }

    async fn thawed(&self) {
        let mut frozen = self.frozen.subscribe();
        // It can only fail when the sender is gone, and `self` holds it.
        let _ = frozen.wait_for(|frozen| !frozen).await;
    }

    async fn answer(&self, line: &str) -> Vec<Reply> {
        let query = match serde_json::from_str(line) {
            Ok(Query::Hello) => return Vec::new(),
            Ok(Query::Ping) => return vec![Reply::Pong],
            Ok(query) => query,
            Err(_) => return Vec::new(),
        };
        sleep(self.latency()).await;
        match query {
            Query::Hello | Query::Ping => Vec::new(),
            Query::History { number, batch } => self.history(number, &batch),
            Query::Community { number, id } => {
                let name = self.communities.borrow().get(&id).cloned();
                vec![Reply::Community { number, name }]
            }
        }
    }

    fn history(&self, number: u64, batch: &Batch) -> Vec<Reply> {
        let done = Reply::Done { number };
        match self.fault.get() {
            Fault::HistoryHangs => return Vec::new(),
            Fault::HistoryEmpty => return vec![done],
            Fault::HistoryFails => {
                let reason = STORE_ERROR.to_owned();
                return vec![Reply::Failed { number, reason }];
            }
            _ => {}
        }
        let messages = self.held();
        let wanted = messages
            .iter()
            .filter(|(_, message)| batch.asks_for(message));
        let wanted = wanted.map(|(&sequence, message)| Reply::Message {
            query: Some(number),
            sequence,
            message: message.clone(),
        });
        wanted.chain([done]).collect()
    }

    /// The messages that it holds now.
    pub(crate) fn held(&self) -> Ref<'_, BTreeMap<u64, Message>> {
        if let Some(retention) = self.keeping.retention.get() {
            let oldest = Moment::from(SystemTime::now()).before(retention);
            let mut messages = self.messages.borrow_mut();
            messages.retain(|_, message| message.sent > oldest);
        }
        self.messages.borrow()
    }
}

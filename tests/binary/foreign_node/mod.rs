//! A small scripted node that knows nothing of the sidecar's code: it answers from recordings of real
//! nodes, notes every call, and is broken by the tests in the ways in which nodes break.

mod answers;
mod mailservers;
mod recordings;
mod server;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
};

use serde_json::{Map, Value, json};
use tokio::sync::broadcast;

pub(crate) use self::{
    mailservers::{FLEET, Mailserver},
    recordings::Generation,
};
use self::{recordings::Recordings, server::Server};
use crate::waiting::until;

/// A call as it came.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) params: Value,
}

/// What is sent over the signal socket.
#[derive(Clone, Debug)]
pub(crate) enum Frame {
    Text(String),
    Binary(Vec<u8>),
    /// One text message in so many frames.
    Fragments(Vec<String>),
    Ping,
}

/// What a test may change.
pub(crate) struct State {
    pub(crate) mailservers: Vec<Mailserver>,
    pub(crate) calls: Vec<Call>,
    /// The identities that are connected.
    pub(crate) peers: BTreeSet<String>,
    /// waku1: the identities that are dialled until they are connected or removed.
    wanted: BTreeSet<String>,
    pub(crate) account: String,
    pub(crate) fleet: String,
    pub(crate) pins: BTreeMap<String, String>,
    pub(crate) logged_in: bool,
    /// Answers everything with a web page.
    pub(crate) html: bool,
    /// Never answers requests for history.
    pub(crate) history_hangs: bool,
    /// Asks for history by itself after a switch (generation pin).
    pub(crate) asks_itself: bool,
    /// When history was asked for last, in seconds since 1970: the markers of its topics.
    marker: Option<u64>,
    pub(crate) subscribers: usize,
    /// Pings that the clients of the signal socket answered.
    pub(crate) pongs: usize,
}

/// What the server's thread and the test share.
pub(crate) struct Shared {
    recordings: Recordings,
    generation: Generation,
    state: Mutex<State>,
    frames: broadcast::Sender<Frame>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn send(&self, frame: Frame) {
        // Nobody may be listening.
        let _ = self.frames.send(frame);
    }

    /// Connects to those that are wanted and live, and says so.
    fn connect_wanted(&self) {
        let mut state = self.state();
        let living = state.mailservers.iter().filter(|it| it.lives());
        let wanted = living.map(|it| it.identity.clone());
        let wanted: Vec<_> = wanted.filter(|it| state.wanted.contains(it)).collect();
        let before = state.peers.len();
        state.peers.extend(wanted);
        let more = state.peers.len() > before;
        drop(state);
        if more {
            self.tell_peers();
        }
    }

    /// Tells of the peers, as a node does at each change of them.
    fn tell_peers(&self) {
        let peers = self.state().listed();
        self.send(Frame::Text(self.recordings.peers_signal(&peers)));
    }
}

impl State {
    fn listed(&self) -> Vec<(String, String)> {
        let listed = self
            .mailservers
            .iter()
            .filter(|it| self.peers.contains(&it.identity));
        listed
            .map(|it| (it.identity.clone(), it.address.clone()))
            .collect()
    }
}

/// A scripted node that serves on loopback.
pub(crate) struct ForeignNode {
    pub(crate) generation: Generation,
    shared: Arc<Shared>,
    server: Option<Server>,
    address: SocketAddr,
}

impl ForeignNode {
    /// A node with so many mailservers, all of them alive, and no peers.
    pub(crate) fn start(generation: Generation, mailservers: usize) -> Self {
        let mailservers = (0..mailservers).map(|index| Mailserver::start(generation, index, FLEET));
        let state = State {
            mailservers: mailservers.collect(),
            calls: Vec::new(),
            peers: BTreeSet::new(),
            wanted: BTreeSet::new(),
            account: "0x01".into(),
            fleet: FLEET.into(),
            pins: BTreeMap::new(),
            logged_in: true,
            html: false,
            history_hangs: false,
            asks_itself: true,
            marker: None,
            subscribers: 0,
            pongs: 0,
        };
        let shared = Arc::new(Shared {
            recordings: Recordings::of(generation),
            generation,
            state: Mutex::new(state),
            frames: broadcast::channel(64).0,
        });
        let server = Server::start(shared.clone(), "127.0.0.1:0".parse().unwrap());
        Self {
            generation,
            address: server.address,
            shared,
            server: Some(server),
        }
    }

    pub(crate) fn rpc_url(&self) -> String {
        format!("http://{}/statusgo/CallRPC", self.address)
    }

    pub(crate) fn signals_url(&self) -> String {
        format!("ws://{}/signals", self.address)
    }

    /// What a test looks at or changes; not to be held across an await.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }

    /// Writes all mailservers as a fleet file of the time.
    pub(crate) fn write_fleets(&self, path: &Path) {
        let mut fleets = Map::new();
        for Mailserver {
            id, fleet, address, ..
        } in &self.state().mailservers
        {
            let entry = fleets.entry(fleet).or_insert_with(|| json!({}));
            if self.generation == Generation::Waku1 {
                entry["mail"][id] = address.clone().into();
            } else {
                let store = json!({"id": id, "addr": address, "fleet": fleet});
                match entry["storeNodes"].as_array_mut() {
                    Some(stores) => stores.push(store),
                    None => {
                        *entry = json!({"clusterId": 16, "wakuNodes": [], "storeNodes": [store]})
                    }
                }
            }
        }
        let file = match self.generation {
            Generation::Waku1 => json!({ "fleets": fleets }),
            Generation::Waku2 | Generation::Pin => Value::Object(fleets),
        };
        std::fs::write(path, file.to_string()).unwrap();
    }

    /// Its index among the mailservers, given an id, an identity or an address.
    pub(crate) fn index_of(&self, name: &str) -> usize {
        let state = self.state();
        let named = |it: &Mailserver| it.id == name || it.identity == name || it.address == name;
        let index = state.mailservers.iter().position(named);
        index.unwrap_or_else(|| panic!("no mailserver {name:?}"))
    }

    pub(crate) fn id(&self, index: usize) -> String {
        self.state().mailservers[index].id.clone()
    }

    pub(crate) fn identity(&self, index: usize) -> String {
        self.state().mailservers[index].identity.clone()
    }

    pub(crate) fn address(&self, index: usize) -> String {
        self.state().mailservers[index].address.clone()
    }

    /// A mailserver leaves the peer list, though it answers pings and dials as before.
    pub(crate) fn lose(&self, index: usize) {
        let identity = self.identity(index);
        self.state().peers.remove(&identity);
        self.shared.tell_peers();
    }

    /// A mailserver dies: it answers nothing any more and leaves the peer list.
    pub(crate) fn kill(&self, index: usize) {
        self.state().mailservers[index].stop();
        self.lose(index);
    }

    /// A dead mailserver is there again; only a waku1 node that was told to use it connects by itself.
    pub(crate) fn revive(&self, index: usize) {
        self.state().mailservers[index].revive();
        self.shared.connect_wanted();
    }

    pub(crate) fn send(&self, frame: Frame) {
        self.shared.send(frame);
    }

    /// How many mailservers a ping was for.
    pub(crate) fn pinged(&self, ping: &Call) -> usize {
        let addresses = ping.params[0]["addresses"].as_array();
        addresses.map_or(0, Vec::len)
    }

    /// The signal that tells of the peers at present.
    pub(crate) fn peers_signal(&self) -> String {
        let peers = self.state().listed();
        self.shared.recordings.peers_signal(&peers)
    }

    pub(crate) fn say_login(&self) {
        let login = self.shared.recordings.signal("node.login", json!({}));
        self.send(Frame::Text(login));
    }

    /// The calls that drive a node, without those that read its settings and peers, and without those with
    /// which its generation is found out.
    pub(crate) fn driving_calls(&self) -> Vec<Call> {
        let state = self.state();
        let drives = |call: &&Call| {
            let reads = call.method.starts_with("settings_")
                || call.method == "mailservers_getMailservers"
                || call.method.ends_with("_peers");
            !reads && !is_question(call)
        };
        state.calls.iter().filter(drives).cloned().collect()
    }

    /// Closes the port: the process of the node is gone, with all its connections to mailservers.
    pub(crate) async fn stop(&mut self) {
        let server = self.server.take().expect("the node runs");
        server.stop().await;
        let mut state = self.state();
        state.subscribers = 0;
        state.peers.clear();
        state.wanted.clear();
    }

    /// Starts it again on the same port.
    pub(crate) fn restart(&mut self) {
        self.server = Some(Server::start(self.shared.clone(), self.address));
    }

    /// Waits until the signal socket is open.
    pub(crate) async fn until_subscribed(&self) {
        until("the sidecar subscribes", || self.state().subscribers > 0).await;
    }
}

/// Calls that the sidecar makes to find out what it has: without parameters, or to a peer without an id.
fn is_question(call: &Call) -> bool {
    let bare = call.params == json!([]) && call.method != "wakuext_requestAllHistoricMessages";
    bare || call.params == json!(["/ip4/127.0.0.1/tcp/1"])
}

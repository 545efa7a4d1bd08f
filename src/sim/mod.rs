//! A simulated status-go with mailservers behind it, over real loopback sockets.
//!
//! As far as the sidecar can tell it is a node: it answers JSON-RPC, sends signals, connects to
//! mailservers over TCP, loses them, asks them for history. For tests, benchmarks and trying things by
//! hand, in four modes:
//!
//! | mode | imitates | recorded on |
//! |---|---|---|
//! | `waku1` | a classic node of waku v1 | v0.94.12 |
//! | `waku2` | a classic node of waku v2 | v0.94.12 |
//! | `pin` | a node with a mailserver cycle of its own | develop of 2024-10 |
//! | `observe` | a node since mid-2026: no cycle, a store is picked for each query | nothing: read in status-go's source |
//!
//! **Imitated**, because the sidecar depends on it: names, parameters, results, error codes and texts of
//! the methods in `methods`, `classic`, `modern` and `cycleless`; the signals about peers, mailservers, history,
//! messages and communities; which call connects, how long it takes and how it fails ([`Fault`]); that a
//! silent peer stays listed for a while; `dial backoff`; null results that mean "nothing was done"; pings
//! that collapse and shuffle their answers; pins that are ignored; `available` for dead mailservers; a
//! node that stays offline; a subscriber that freezes everything, or is cut off. Of a node since mid-2026 also: the status
//! that is told once and never again, peers without messages, syncs that refuse others, and have no end when they fail.
//!
//! Nodes since 2024 are logged in as a status-backend is (`statusgo`), with all that can go wrong there ([`LoginFault`]): an
//! answer that says nothing, accounts of the first directory alone, wrong passwords that are told by a signal, a login
//! too many that stops the node, a key uid that spoils the process, a messenger that must be started as well, and a
//! process that comes back logged out. The requests are kept as they came ([`Simulation::logins`]). Recorded was a login
//! that succeeds (2024-10); how it fails is read in status-go's source.
//!
//! Mailservers also answer libp2p pings and store queries by others (noise, yamux, ping, identify, store) with their keys,
//! their messages and their latency, and close the connection of a peer that does not say which cluster it belongs to.
//!
//! **Not imitated:** devp2p, and libp2p between the node and its mailservers (they speak lines of JSON, see
//! `wire`); IPv6, DNS, ENRs, WebSocket transports; wallets and their signals; what several accounts have each for
//! themselves (they share messages and settings); profiles on keycards; days and pages into which requests are cut; mailservers
//! that copy from each other what they lack; markers that a node since mid-2026 moves on while it is connected, and syncs
//! that it repeats while its mesh is poor; TLS. A connect on one host takes no time, so
//! a mailserver's latency shows in the node's pings, in libp2p pings, in dials and in requests, but not in a plain
//! TCP connect by somebody else. Classic nodes have no signal socket; here they have one, at the same place
//! as the others.
//!
//! A message that is published reaches every live mailserver, and through those it is connected to, the
//! node, unless either is deaf ([`Simulation::set_deaf`], [`Simulation::set_node_deaf`]). What the node misses it gets by
//! history requests: [`Simulation::missing`] tells what it still lacks. A mailserver that was not live lacks the message
//! for ever ([`Simulation::holders`]), and a request that it answered is not repeated elsewhere.
//!
//! A request asks for what was sent since the markers of the node's topics, which go on to its begin when it succeeds;
//! with [`Settings::overlap`] it goes back a little further, as real ones do. Markers are read and set over RPC
//! (`topics`): set back, they make the node ask again. What lies between two requests is a gap, and told as one (`chats`).
//! How requests go wrong is for `history_controls` to say; [`Simulation::history_requests`] and [`Simulation::repeats`] tell what was
//! asked for, and what twice.
//!
//! [`playground`] shows one to others while it runs, and lets them break it, from any thread.
//!
//! All of it runs on the thread that started it, inside its `LocalSet` (as under `actix_rt`), and ends
//! when the [`Simulation`] is dropped.

mod accounts;
mod address;
mod ailment;
mod announcing;
mod archive;
mod asking;
mod batch;
mod build;
mod chat;
mod chats;
mod classic;
mod clock;
mod community;
mod connection_status;
mod controls;
mod cycle;
mod cycleless;
mod dialling;
mod discovery;
mod endpoint;
mod fleet_file;
mod gap;
mod history;
mod history_controls;
mod history_faults;
mod history_signals;
mod identity;
mod journal;
mod keeping;
mod ledger;
mod libp2p;
mod link;
mod login;
mod mailserver;
mod markers;
mod message;
mod methods;
mod modern;
mod node;
mod peer;
mod peers;
mod ping;
mod plan;
pub mod playground;
mod port;
mod publishing;
mod rpc;
mod session;
mod settings;
mod shelf;
mod signals;
mod statusgo;
mod sync;
mod sync_state;
mod tasks;
mod topics;
mod wire;

use std::{cell::RefCell, io, rc::Rc, time::Duration};

use actors::model::node::Mode;

pub use self::{
    ailment::{Ailment, NodeAilment},
    endpoint::RpcFault,
    fleet_file::MailserverInfo,
    journal::{Call, LoginCall},
    ledger::{HistoryRequest, Purpose},
    libp2p::store::StoreFault,
    login::LoginFault,
    mailserver::Fault,
    settings::{AccountSettings, Settings},
    signals::Frame,
};
use self::{endpoint::Endpoint, node::Node, tasks::Tasks};

/// A running simulation; dropping it ends everything.
pub struct Simulation {
    node: Rc<Node>,
    endpoint: Endpoint,
    published: RefCell<Vec<(u64, String)>>,
    /// Messages on their way into slow mailservers.
    ingesting: Tasks,
}

impl Simulation {
    /// Starts the mailservers, then the node.
    ///
    /// # Errors
    ///
    /// If the system gives no ports.
    pub fn start(settings: Settings) -> io::Result<Self> {
        let endpoint = Endpoint::new()?;
        let simulation = Self {
            node: build::build(settings)?,
            endpoint,
            published: RefCell::default(),
            ingesting: Tasks::default(),
        };
        simulation.boot()?;
        Ok(simulation)
    }

    /// Which node is imitated.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.node.setup.mode
    }

    /// Where calls are posted to.
    #[must_use]
    pub fn rpc_url(&self) -> String {
        format!("http://{}/statusgo/CallRPC", self.endpoint.address())
    }

    /// Where a node since 2024 is logged in: `InitializeApplication`, `LoginAccount` and `Logout` follow.
    #[must_use]
    pub fn statusgo_url(&self) -> String {
        format!("http://{}/statusgo/", self.endpoint.address())
    }

    /// Where signals are sent.
    #[must_use]
    pub fn signals_url(&self) -> String {
        format!("ws://{}/signals", self.endpoint.address())
    }

    /// The fleets as a file would hold them: the classic schema for waku1, else the node's.
    #[must_use]
    pub fn fleet_file_json(&self) -> String {
        fleet_file::json(&self.node)
    }

    /// The mailservers, in the order in which they are numbered from 0.
    #[must_use]
    pub fn mailservers(&self) -> Vec<MailserverInfo> {
        fleet_file::mailservers(&self.node)
    }

    /// Breaks a mailserver, or mends it with [`Fault::None`].
    ///
    /// # Errors
    ///
    /// If its port cannot be opened again.
    ///
    /// # Panics
    ///
    /// If there is no mailserver of that number.
    pub fn set_fault(&self, index: usize, fault: Fault) -> io::Result<()> {
        let mailserver = &self.node.mailservers[index];
        tracing::info!(mailserver = mailserver.id, ?fault, "fault set");
        mailserver.set_fault(fault)
    }

    /// Makes the node's HTTP side misbehave, or behave again.
    pub fn set_rpc_fault(&self, fault: RpcFault) {
        self.endpoint.set_fault(fault);
    }

    /// The mailserver that the node asks for history: its id, or what the node was given if it is none of
    /// ours.
    #[must_use]
    pub fn used_mailserver(&self) -> Option<String> {
        let used = self.node.state.borrow().used.clone()?;
        Some(self.id_of(&used))
    }

    /// The connected peers, by id where they are mailservers of ours.
    #[must_use]
    pub fn peers(&self) -> Vec<String> {
        let peers = &self.node.state.borrow().peers;
        peers.keys().map(|key| self.id_of(key)).collect()
    }

    /// The id of the mailserver with this key, or the key itself.
    fn id_of(&self, key: &str) -> String {
        let mailserver = self.node.mailserver(key);
        mailserver
            .map_or(key, |mailserver| &mailserver.id)
            .to_owned()
    }

    /// The open signal sockets.
    #[must_use]
    pub fn subscribers(&self) -> usize {
        self.node.signals.subscribers()
    }

    /// Sends any frame to all subscribers.
    pub fn send_frame(&self, frame: impl Into<Frame>) {
        self.node.signals.send(frame.into());
    }

    /// Sends a well-formed `messages.new` of about so many megabytes.
    pub fn send_huge_signal(&self, megabytes: usize) {
        let text = r#"{"id":"0x00","text":"lorem ipsum dolor sit amet","contentType":1},"#;
        let messages = text.repeat(megabytes * 1_000_000 / text.len());
        let messages = messages.trim_end_matches(',');
        let signal = format!(r#"{{"type":"messages.new","event":{{"messages":[{messages}]}}}}"#);
        self.send_frame(signal);
    }

    /// Every call that the node received, the oldest first.
    #[must_use]
    pub fn journal(&self) -> Vec<Call> {
        self.node.journal.calls()
    }

    /// Forgets the calls so far.
    pub fn clear_journal(&self) {
        self.node.journal.clear();
    }

    /// Waits until `condition` holds; it is looked at after everything that happens to the node (a call, a
    /// peer, a message, a subscriber). False if it does not come to hold within `limit`.
    pub async fn wait_for(
        &self,
        limit: Duration,
        mut condition: impl FnMut(&Self) -> bool,
    ) -> bool {
        self.node.journal.wait_for(limit, || condition(self)).await
    }

    fn boot(&self) -> io::Result<()> {
        self.endpoint.open(&self.node)?;
        let writing = self.node.clone();
        self.node
            .tasks
            .spawn(async move { writing.signals.write().await });
        match self.node.setup.mode {
            Mode::Waku1 | Mode::Observe => {}
            Mode::Waku2 => drop(self.node.tasks.spawn(self.node.clone().redial())),
            Mode::Pin => drop(self.node.tasks.spawn(self.node.clone().repeat_peerstats())),
        }
        if self.node.state.borrow().login.is_in() {
            self.node.enter();
            self.node.start_messenger();
        }
        Ok(())
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        self.endpoint.close();
        self.node.rest();
        self.node.tasks.abort_all();
        for mailserver in &self.node.mailservers {
            mailserver.shut_down();
        }
    }
}

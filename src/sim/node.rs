//! The state of the simulated node, and what it tells about itself by signals.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    time::Duration,
};

use actors::model::node::Mode;
use rand::rngs::StdRng;
use serde_json::{Map, Value, json};
use tokio::task::AbortHandle;

use super::{
    accounts::{Account, Accounts},
    chat::Chats,
    clock::Clock,
    connection_status::Status,
    gap::Gaps,
    history_faults::HistoryFaults,
    journal::Journal,
    ledger::Ledger,
    login::{Login, LoginFault, Process},
    mailserver::Mailserver,
    markers::Markers,
    message::Message,
    peer::{Known, Peer},
    settings::Settings,
    signals::Signals,
    sync_state::Syncs,
    tasks::Tasks,
};

/// A status-go, as far as the simulation knows it.
pub(crate) struct Node {
    /// What it was made of.
    pub(crate) setup: Settings,
    pub(crate) mailservers: Vec<Rc<Mailserver>>,
    /// The newest sequence number of all messages ever sent.
    pub(crate) now: Cell<u64>,
    pub(crate) clock: Clock,
    pub(crate) ledger: Ledger,
    pub(crate) random: RefCell<StdRng>,
    pub(crate) state: RefCell<State>,
    pub(crate) signals: Signals,
    pub(crate) journal: Journal,
    /// What ends with the process.
    pub(crate) tasks: Tasks,
    /// What ends with the login.
    pub(crate) session: Tasks,
}

/// What changes.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) login: Login,
    /// Logins since the simulation began.
    pub(crate) attempts: u64,
    pub(crate) login_fault: LoginFault,
    pub(crate) process: Process,
    pub(crate) accounts: Accounts,
    /// False: the node has lost its network.
    pub(crate) network: bool,
    /// Live messages do not reach it.
    pub(crate) poor_mesh: bool,
    /// Its first dials after login are under way.
    pub(crate) connecting: bool,
    /// The fleet of the account.
    pub(crate) fleet: String,
    /// What was saved by `settings_saveSetting`.
    pub(crate) settings: Map<String, Value>,
    /// What was saved by `mailservers_addMailserver`.
    pub(crate) saved: Vec<Value>,
    /// The mailserver that history is asked of: a peer id, or an enode's public key, or whatever it
    /// was set to.
    pub(crate) used: Option<String>,
    pub(crate) peers: BTreeMap<String, Peer>,
    pub(crate) known: BTreeMap<String, Known>,
    /// waku1: the peers it was told to keep, each with the task that dials it.
    pub(crate) wanted: BTreeMap<String, AbortHandle>,
    pub(crate) cycle: Option<AbortHandle>,
    /// The messages that it has.
    pub(crate) received: BTreeMap<u64, Message>,
    pub(crate) markers: Markers,
    pub(crate) chats: Chats,
    pub(crate) gaps: Gaps,
    pub(crate) history_faults: HistoryFaults,
    /// Nothing live reaches it, whatever it says of its connections.
    pub(crate) deaf: bool,
    pub(crate) asked_communities: BTreeSet<String>,
    /// The communities that it knows, by id.
    pub(crate) communities: BTreeMap<String, String>,
    pub(crate) messenger_started: bool,
    /// Since mid-2026: the last status that was told.
    pub(crate) status: Option<Status>,
    /// Since mid-2026: what it remembers of its syncs.
    pub(crate) syncs: Syncs,
}

impl State {
    /// The account that is logged in, if it is one that is listed.
    pub(crate) fn logged_in_account(&self) -> Option<&Account> {
        match &self.login {
            Login::In { key_uid } => self.accounts.find(key_uid.as_deref()?),
            Login::Out | Login::Starting { .. } => None,
        }
    }
}

/// The protocols of a store node of 2022 (recorded on status-go v0.94).
const PROTOCOLS_2022: [&str; 7] = [
    "/vac/waku/store/2.0.0-beta4",
    "/vac/waku/relay/2.0.0",
    "/vac/waku/lightpush/2.0.0-beta1",
    "/vac/waku/filter/2.0.0-beta1",
    "/ipfs/id/1.0.0",
    "/ipfs/ping/1.0.0",
    "/meshsub/1.1.0",
];

/// The protocols of a store node of 2024 (recorded on status-go 2024-10).
const PROTOCOLS_2024: [&str; 8] = [
    "/vac/waku/store/2.0.0-beta4",
    "/vac/waku/store-query/3.0.0",
    "/vac/waku/relay/2.0.0",
    "/vac/waku/lightpush/2.0.0-beta1",
    "/vac/waku/filter-subscribe/2.0.0-beta1",
    "/vac/waku/metadata/1.0.0",
    "/ipfs/id/1.0.0",
    "/ipfs/ping/1.0.0",
];

impl Node {
    /// A recorded duration at the speed of this simulation.
    pub(crate) fn scaled(&self, recorded: Duration) -> Duration {
        recorded.div_f64(self.setup.speed)
    }

    /// Whether it speaks as nodes do since 2024.
    pub(crate) fn is_modern(&self) -> bool {
        matches!(self.setup.mode, Mode::Pin | Mode::Observe)
    }

    /// Whether its own cycle chooses the mailserver, and always does.
    pub(crate) fn has_cycle(&self) -> bool {
        self.setup.mode == Mode::Pin
    }

    /// The mailservers of the account's fleet: those the node has built in.
    pub(crate) fn fleet(&self) -> Vec<Rc<Mailserver>> {
        let fleet = self.state.borrow().fleet.clone();
        let all = self.mailservers.iter();
        all.filter(|mailserver| mailserver.fleet == fleet)
            .cloned()
            .collect()
    }

    /// Keeps the pins of a call, `null` for none.
    pub(crate) fn save_pins(&self, pins: &Value) {
        let pins = match pins {
            Value::Null => json!({}),
            pins => pins.clone(),
        };
        let mut state = self.state.borrow_mut();
        state.settings.insert("pinned-mailservers".into(), pins);
    }

    /// The key by which a mailserver is a peer.
    pub(crate) fn key_of<'a>(&self, mailserver: &'a Mailserver) -> &'a str {
        match self.setup.mode {
            Mode::Waku1 => &mailserver.identity.public_key,
            _ => &mailserver.identity.peer_id,
        }
    }

    /// The mailserver with that key, if it is one of the simulation's.
    pub(crate) fn mailserver(&self, key: &str) -> Option<&Rc<Mailserver>> {
        let mut all = self.mailservers.iter();
        all.find(|mailserver| self.key_of(mailserver) == key)
    }

    /// Switches "use mailservers" off or on.
    pub(crate) fn save_use_mailservers(&self, on: bool) {
        let mut state = self.state.borrow_mut();
        state.settings.insert("use-mailservers?".into(), on.into());
    }

    /// The user's "use mailservers" switch, on until it is switched off.
    pub(crate) fn uses_mailservers(&self) -> bool {
        let state = self.state.borrow();
        let switch = state.settings.get("use-mailservers?");
        switch.is_none_or(|value| value.as_bool() == Some(true))
    }

    /// The peers as `admin_peers` and `discovery.summary` list them, or as `wakuext_peers` and
    /// `wakuv2.peerstats` do.
    pub(crate) fn peer_list(&self) -> Value {
        let state = self.state.borrow();
        let peers = state.peers.iter();
        match self.setup.mode {
            Mode::Waku1 => peers.map(|(key, peer)| devp2p_peer(key, peer)).collect(),
            Mode::Waku2 => {
                let peers = peers.map(|(key, _)| (key.clone(), json!(PROTOCOLS_2022)));
                Value::Object(peers.collect())
            }
            Mode::Pin | Mode::Observe => {
                let peers = peers.map(|(key, peer)| {
                    let address = format!(
                        "/ip4/{}/tcp/{}/p2p/{key}",
                        peer.address.ip(),
                        peer.address.port()
                    );
                    let peer = json!({"protocols": PROTOCOLS_2024, "addresses": [address]});
                    (key.clone(), peer)
                });
                Value::Object(peers.collect())
            }
        }
    }

    /// Tells that the peers are now these.
    pub(crate) fn announce_peers(&self) {
        self.journal.note();
        match self.setup.mode {
            // Without discovery nothing is ever told (recorded on status-go v0.94).
            Mode::Waku1 if !self.setup.discovery => {}
            Mode::Waku1 => self.signals.emit("discovery.summary", || self.peer_list()),
            Mode::Waku2 => self.signals.emit("wakuv2.peerstats", || {
                let online = !self.state.borrow().peers.is_empty();
                json!({"isOnline": online, "hasHistory": online, "peers": self.peer_list()})
            }),
            Mode::Pin => self.signals.emit("wakuv2.peerstats", || {
                let online = !self.state.borrow().peers.is_empty();
                json!({"isOnline": online, "peers": self.peer_list()})
            }),
            Mode::Observe => self.tell_status(),
        }
    }

    /// What a node since mid-2026 would say of its connections now.
    pub(crate) fn status(&self) -> Status {
        let state = self.state.borrow();
        Status::of(state.peers.len(), state.poor_mesh)
    }

    /// Since mid-2026: tells the status if it is another one than the last that was told.
    pub(crate) fn tell_status(&self) {
        if self.setup.mode != Mode::Observe {
            return;
        }
        let status = self.status();
        let mut state = self.state.borrow_mut();
        if !state.messenger_started || state.status.replace(status) == Some(status) {
            return;
        }
        if status != Status::Connected {
            // What is sent now may be missed: it is asked for afterwards.
            state.syncs.due = true;
        }
        drop(state);
        let event = || status.event();
        self.signals.emit("waku.connection.status.change", event);
        self.journal.note();
    }
}

fn devp2p_peer(key: &str, peer: &Peer) -> Value {
    json!({
        "enode": format!("enode://{key}@{}", peer.address),
        // A hash of the key on real nodes; only the key inside the enode identifies the peer.
        "id": &key[..64],
        "name": "Statusd/linux-amd64/go1.19.8",
        "caps": ["waku/0", "waku/1"],
        "network": {
            "localAddress": "127.0.0.1:30303",
            "remoteAddress": peer.address.to_string(),
            "inbound": false,
            "trusted": false,
            "static": true,
        },
        "protocols": {"waku": "unknown"},
    })
}

//! What a simulation is made of.

use std::time::Duration;

use actors::model::{node::Mode, topic::Topic};

/// What a simulation is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Which node is imitated.
    pub mode: Mode,
    /// The fleet of the account that is logged in.
    pub fleet: String,
    /// How many mailservers that fleet has.
    pub mailservers: usize,
    /// Further fleets with the numbers of their mailservers, for accounts that use them.
    pub more_fleets: Vec<(String, usize)>,
    /// How long each mailserver takes to answer, in their order; the last one goes for all further ones.
    /// None: 1 ms each.
    pub latencies: Vec<Duration>,
    /// The topics that the node listens to, at least one; a chat is on each.
    pub topics: Vec<Topic>,
    /// By how much history requests overlap: 60 s on real nodes. None here, unless it is wanted: what a mailserver lacked
    /// stays missed, however soon another one is asked.
    pub overlap: Duration,
    /// Keys and random choices follow from it.
    pub seed: u64,
    /// How much faster than recorded the node's timers run (dials, detection of silent peers, redials,
    /// backoff, heartbeats). Latencies are as set. Must be positive.
    pub speed: f64,
    /// waku1: whether discovery is on; without it `discovery.summary` is never sent.
    pub discovery: bool,
    /// Classic nodes: whether their own cycle is switched on and fights an outside driver.
    pub own_cycle: bool,
    /// Whether an account is logged in from the start, and its messenger started.
    pub logged_in: bool,
    /// Nodes since 2024: whether they connect to their fleet by themselves at login, as they do. If not, they never
    /// do, unless `first_peer_after` says when.
    pub connects_at_login: bool,
    /// Nodes since 2024: how long it takes until they connect to their fleet by themselves, whatever
    /// `connects_at_login` says (users tell of 1 to 15 minutes). Zero: at once, if at all.
    pub first_peer_after: Duration,
    /// Nodes since mid-2026: whether they list their peers (`wakuext_peers`).
    pub lists_peers: bool,
    /// Nodes since mid-2026: whether they still can be made to dial (`wakuext_dialPeer`).
    pub offers_dial: bool,
    /// Nodes since mid-2026: whether they ask for history by themselves, as they do; if not, what others ask for
    /// shows.
    pub asks_itself: bool,
    /// Nodes since 2024: the accounts in their data directory, the newest login first. The first one is logged in
    /// from the start.
    pub accounts: Vec<AccountSettings>,
    /// Nodes since 2024: where these accounts are.
    pub data_dir: String,
    /// Nodes since 2024: how long a login takes from its answer to `node.login`.
    pub login_takes: Duration,
    /// Nodes since 2024: whether they come back logged out after they were stopped, as they do. If not, somebody
    /// logs them in at once.
    pub login_lost_at_restart: bool,
}

/// An account of a status-backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSettings {
    /// What identifies it: `0x` and 64 hex digits.
    pub key_uid: String,
    /// As it was given when the account was made.
    pub password: String,
    /// How often the password is hashed: 3200 or 256000 on real nodes.
    pub kdf_iterations: u64,
}

impl Default for AccountSettings {
    fn default() -> Self {
        Self {
            key_uid: format!("0x{}", "5a".repeat(32)),
            password: "password".into(),
            kdf_iterations: 3200,
        }
    }
}

impl Settings {
    /// The usual node of a mode with eight mailservers, at the recorded speed.
    #[must_use]
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            fleet: "sim.test".into(),
            mailservers: 8,
            more_fleets: Vec::new(),
            latencies: Vec::new(),
            topics: vec![Topic {
                pubsub: usual_pubsub(mode).into(),
                content: "/waku/1/0x77739787/rfc26".into(),
            }],
            overlap: Duration::ZERO,
            seed: 1,
            speed: 1.0,
            discovery: true,
            own_cycle: false,
            logged_in: true,
            connects_at_login: true,
            first_peer_after: Duration::ZERO,
            lists_peers: true,
            offers_dial: false,
            asks_itself: false,
            accounts: vec![AccountSettings::default()],
            data_dir: "/sim/data".into(),
            login_takes: Duration::from_millis(400),
            login_lost_at_restart: false,
        }
    }
}

/// The pubsub topic that nodes of a mode use unless a community has its own: those of 2022 know no shards.
fn usual_pubsub(mode: Mode) -> &'static str {
    match mode {
        Mode::Waku1 | Mode::Waku2 => "/waku/2/default-waku/proto",
        Mode::Pin | Mode::Observe => "/waku/2/rs/16/32",
    }
}

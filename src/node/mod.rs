//! The adapter to the node: JSON-RPC, signals, and the modes in which nodes of several generations are driven.
//!
//! | module | what it is |
//! |---|---|
//! | [`driver`] | the actor that answers the port to the node |
//! | `session` | the life of a session: wait, detect, read, seed, follow, start over |
//! | [`detect`] | which mode a node wants, asked with as few calls as possible |
//! | `waku1`, `waku2`, `pin`, `observe` | what is sent in each mode |
//! | `history_port` | the part of that port that is about history |
//! | `history`, `rewind`, `running` | history requests, how a node is made to go back, and when it must not be |
//! | `topics`, `chats`, `communities` | what a node listens to, and how more of it is fetched |
//! | `pin_memory` | which pins are the sidecar's own |
//! | `profile` | what the node's settings say |
//! | `login`, `logins`, `login_failure`, `password` | logging an account in, who is told of it, what went wrong, and the password |
//! | [`rpc`], `answer` | calls, and what their answers mean |
//! | [`signals`], `peers`, `stores`, `arrivals`, `login_signal` | which signals are needed and what they say |
//! | [`frames`], `socket`, `inbox` | WebSocket frames, the reader that never stops, what waits to be read |
//! | `signal_dispatch` | which actor is told of which signal |

mod answer;
mod arrivals;
mod chats;
mod communities;
mod config;
pub mod detect;
pub mod driver;
pub mod frames;
mod history;
mod history_port;
mod inbox;
mod link;
mod login;
mod login_failure;
mod login_signal;
mod logins;
mod observe;
mod password;
mod pause;
mod peers;
mod pin;
mod pin_memory;
mod profile;
mod rewind;
pub mod rpc;
mod running;
mod session;
mod signal_dispatch;
pub mod signals;
mod socket;
mod stores;
mod topics;
mod traffic;
mod waku1;
mod waku2;

pub(crate) use config::check_range;
pub use config::{Config, ConfiguredMode, Invalid, Signals};
pub use driver::{Attach, Driver};
pub use link::Listeners;
pub use login::LoginConfig;
pub use password::{PasswordFile, PasswordHash};
pub use peers::MOST_PEERS;
pub use pin_memory::{PinMemory, PinRecord};
pub(crate) use rpc::CALL_RPC;
pub use rpc::RpcClient;
pub use traffic::SignalCounts;

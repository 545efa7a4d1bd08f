//! mailserver-sidecar: keeps a status-go node connected to a working mailserver.
//!
//! | module | what it is |
//! |---|---|
//! | [`service`] | the service as a whole: what it opens, and how it ends |
//! | [`wiring`] | the only place where actors meet adapters and each other |
//! | [`settings`] | the layered configuration |
//! | [`node`], [`probe`] | adapters to the node and to mailservers |
//! | [`clock`], [`network`] | what the system knows of sleep and of the network |
//! | [`fleets`] | fleet files |
//! | [`state`], [`database`], [`memory`], [`journal_store`], [`state_store`] | what survives a restart |
//! | [`control`] | the control API and how it is served |
//! | [`cli`], [`ping_command`], [`shutdown`], [`exit`] | the command line, and how the process ends |
//! | [`reload`], [`service_manager`] | `SIGHUP`, and what systemd is told |
//! | [`sim`], [`demo`], [`simulate`] | a simulated node, and what is shown with it; what both tell a sidecar beside it is in `simulated` |
//!
//! The actors themselves are in the crate [`actors`].

pub mod cli;
pub mod clock;
pub mod control;
pub mod database;
pub mod demo;
pub mod exit;
pub mod fleets;
pub mod journal_store;
pub mod memory;
pub mod network;
pub mod node;
pub mod ping_command;
pub mod probe;
pub mod reload;
pub mod secret_file;
pub mod service;
pub mod service_manager;
pub mod settings;
pub mod shutdown;
pub mod sim;
pub mod simulate;
mod simulated;
pub mod state;
pub mod state_store;
pub mod wiring;

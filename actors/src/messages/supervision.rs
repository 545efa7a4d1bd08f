//! The supervisor and those it watches over: the tick, and the health of all.

use std::collections::BTreeMap;

use actix::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

/// The heartbeat of the loop.
#[derive(Message, Clone, Copy, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct Tick;

/// The health of one actor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Health {
    /// Whether it runs now (`false` during the pause before a restart).
    pub running: bool,
    /// Restarts since the start of the process.
    pub restarts: u64,
    /// What ended it last, for people.
    pub last_failure: Option<String>,
}

/// The health of all, by name.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "BTreeMap<&'static str, Health>")]
pub struct GetHealth;

/// What happened to a supervised actor. Sent by its runner.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub enum Report {
    /// It runs for the first time.
    Started(&'static str),
    /// It ended and is restarted after a pause.
    Failed {
        /// Its name.
        actor: &'static str,
        /// What ended it.
        reason: String,
    },
    /// It runs again.
    Restarted {
        /// Its name.
        actor: &'static str,
        /// What had ended it.
        reason: String,
        /// Restarts within the window, this one included.
        restarts: usize,
    },
}

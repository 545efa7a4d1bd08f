//! Who may be chosen, for what, and what became of it.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{
    mailserver::{Identity, Mailserver, MailserverRef},
    probe::ProbeFailure,
};

/// Who may be chosen, and what is known of it before it is pinged.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Who.
    pub mailserver: Mailserver,
    /// How much it is trusted.
    pub tier: Tier,
    /// The node has it as a peer.
    pub listed: bool,
}

/// How much a candidate is trusted, the best first: a worse tier is used only if nobody in a better one can be.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// It has worked, or it is of the fleet, and nothing speaks against it.
    Healthy,
    /// Nothing is known of it that would be evidence.
    Unknown,
    /// It failed lately: a hung server answers pings too (v0.94).
    Cooling,
}

/// One candidate in a decision.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Considered {
    /// Who.
    pub mailserver: MailserverRef,
    /// The identity.
    pub identity: Identity,
    /// The measured round-trip time.
    #[serde(rename = "rtt_ms", serialize_with = "as_milliseconds")]
    #[schemars(with = "Option<f64>")]
    pub rtt: Option<Duration>,
    /// The tier in which it counted.
    pub tier: Tier,
    /// The node has it as a peer.
    pub listed: bool,
    /// What became of it.
    pub verdict: Standing,
}

/// What became of a candidate.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "verdict", content = "detail")]
pub enum Standing {
    /// Drawn from the pool.
    Chosen,
    /// In the pool, but another was drawn.
    NotDrawn,
    /// Usable, but slower than the pool.
    Slower,
    /// Answered, but failed lately while another had not.
    Cooling,
    /// Usable, but nothing is known of it, while a healthy one answered.
    Unproven,
    /// In the pool, but not a peer of the node, and another in the pool was. Of a standby only.
    NotListed,
    /// Had not answered yet when the answers of others had settled the choice.
    Pending,
    /// Did not answer.
    NoReply(ProbeFailure),
}

fn as_milliseconds<S: serde::Serializer>(rtt: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    match rtt {
        Some(rtt) => to.serialize_some(&(rtt.as_micros() as f64 / 1000.0)),
        None => to.serialize_none(),
    }
}

/// What a choice is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To be used at once: decided as early as it is settled.
    Active,
    /// To show that mailservers can be reached, where the node picks one for each query: decided as early as it is
    /// settled. Nobody is used.
    Reach,
    /// To be used when the active one is lost: the whole round is waited for, and in the pool a peer of the
    /// node is preferred, for it need not be dialled.
    Standby,
}

impl Purpose {
    /// Whether it is decided as soon as it is settled, without waiting for the silent.
    #[must_use]
    pub fn is_urgent(self) -> bool {
        self != Self::Standby
    }
}

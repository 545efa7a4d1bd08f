//! The choice of a mailserver: the connector orders it, the selector answers with its reasons.

use std::collections::BTreeSet;

use actix::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    Instant,
    model::{
        candidate::{Candidate, Considered, Purpose},
        mailserver::{Identity, MailserverRef},
        probe::Reply,
    },
};

/// Choose one of the candidates; answered by a [`Decision`] with the same number, and later by a [`Surveyed`].
///
/// It takes the place of an earlier one for the same purpose that is not decided yet: that one gets no decision.
#[derive(Message, Clone, Debug, PartialEq)]
#[rtype(result = "()")]
pub struct Select {
    /// Counts the selections of the connector.
    pub round: u64,
    /// Who may be chosen.
    pub candidates: Vec<Candidate>,
    /// Those of them of whom a path is no proof: they must react like the living.
    pub witnesses: BTreeSet<Identity>,
    /// What the choice is for.
    pub purpose: Purpose,
    /// The decision is no news: those before it came to nothing.
    pub quiet: bool,
    /// Our own probes tell nothing now: whoever the node lists as a peer is usable without an answer.
    pub blind: bool,
}

/// A choice and its reasons.
#[derive(Message, Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[rtype(result = "()")]
pub struct Decision {
    /// The number of the [`Select`].
    #[schemars(description = "The number of the selection.")]
    pub round: u64,
    /// What the choice is for.
    pub purpose: Purpose,
    /// The chosen one; `None` if nobody was usable.
    pub chosen: Option<MailserverRef>,
    /// The identity of the chosen one.
    pub identity: Option<Identity>,
    /// Every candidate with its time and what became of it; the best tier first and in it the fastest
    /// bucket first, the silent last.
    pub considered: Vec<Considered>,
    /// How many the pool held: the first so many of `considered`. In an early decision those that were
    /// already certain to be in it.
    pub pool: usize,
    /// The place of the chosen one in the pool and in `considered`, from 0.
    pub drawn: Option<usize>,
    /// Some had not answered yet, and could not have changed anything.
    pub early: bool,
    /// From the order to the decision.
    pub took_ms: u64,
}

/// What a round found, for whoever remembers it: once per round when it is complete, after the [`Decision`]. A round
/// whose order lost its place has no decision, but its replies are as true.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct Surveyed {
    /// The number of the [`Select`].
    pub round: u64,
    /// What the choice was for.
    pub purpose: Purpose,
    /// When it began: the first probes were sent then.
    pub begun: Instant,
    /// Who answered how, in the order of the candidates; nothing if the pinger died.
    pub replies: Vec<Reply>,
}

/// The last [urgent](Purpose::is_urgent) decision, for the status page.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "Option<Decision>")]
pub struct LastDecision;

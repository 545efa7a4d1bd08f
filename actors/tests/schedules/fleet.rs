//! The mailservers of the schedules, and what a node says of itself.

use actors::{
    messages::selection::Select,
    model::{
        candidate::Candidate,
        mailserver::{Identity, Mailserver},
        node::{Mode, NodeError, NodeState, Profile},
    },
    testing,
};
use std::sync::LazyLock;

pub(crate) static ALL: LazyLock<Vec<Mailserver>> =
    LazyLock::new(|| (0..MAILSERVERS).map(testing::mailserver).collect());
/// So many mailservers there are in the world of a schedule.
pub(crate) const MAILSERVERS: usize = 5;

pub(crate) fn mailserver(index: usize) -> Mailserver {
    ALL[index].clone()
}

pub(crate) fn identity(index: usize) -> Identity {
    ALL[index].identity.clone()
}

pub(crate) fn index(identity: &Identity) -> usize {
    let found = ALL.iter().position(|it| it.identity == *identity);
    found.expect("one of the test's mailservers")
}

pub(crate) fn index_of(id: &str) -> usize {
    let found = ALL.iter().position(|it| it.id == id);
    found.expect("one of the test's mailservers")
}

/// The first of the best tier among those that reply.
pub(crate) fn best(selection: &Select, replies: impl Fn(usize) -> bool) -> Option<usize> {
    let place = |it: &Candidate| index(&it.mailserver.identity);
    let replied = selection.candidates.iter().filter(|it| replies(place(it)));
    replied.min_by_key(|it| it.tier).map(place)
}

pub(crate) fn ready(mode: Mode, use_mailservers: bool) -> NodeState {
    let profile = Profile {
        use_mailservers,
        ..testing::profile(mode)
    };
    NodeState::Ready { profile }
}

pub(crate) fn dial_failed() -> NodeError {
    NodeError::Node {
        code: -32000,
        message: "connection refused".into(),
    }
}

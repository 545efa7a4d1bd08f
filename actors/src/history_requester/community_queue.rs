//! Communities that are asked for one after the other, until they are found or given up.

use std::collections::{BTreeSet, VecDeque};

use crate::messages::history::QueueError;

/// How often a community is asked for before it is given up: a node answers null for ever once it
/// asked in vain (recorded on waku2, v0.94).
const MOST_TRIES: u32 = 3;

/// The most communities that can wait.
pub const MOST_COMMUNITIES: usize = 256;

#[derive(Debug)]
struct Community {
    id: String,
    tries: u32,
}

/// The communities that wait; the first one is asked for.
#[derive(Debug, Default)]
pub(super) struct CommunityQueue {
    waiting: VecDeque<Community>,
    /// Found since the mailserver is connected.
    found: BTreeSet<String>,
}

impl CommunityQueue {
    /// Their ids, the next one first.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.waiting.iter().map(|it| it.id.as_str())
    }

    /// Takes one more, unless it is known already.
    ///
    /// # Errors
    ///
    /// If the id is not one, or if too many wait already.
    pub(super) fn queue(&mut self, id: String) -> Result<(), QueueError> {
        if !is_community_id(&id) {
            return Err(QueueError::BadId(id));
        }
        // To ask for a known one can make every later history request hang (recorded on waku1, v0.94).
        if self.found.contains(&id) || self.ids().any(|it| it == id) {
            return Ok(());
        }
        if self.waiting.len() >= MOST_COMMUNITIES {
            return Err(QueueError::Full(MOST_COMMUNITIES));
        }
        self.waiting.push_back(Community { id, tries: 0 });
        Ok(())
    }

    /// The first one was found.
    pub(super) fn found(&mut self) {
        if let Some(Community { id, .. }) = self.waiting.pop_front() {
            tracing::info!(community = id, "community found");
            if self.found.len() < MOST_COMMUNITIES {
                self.found.insert(id);
            }
        }
    }

    /// The first one was not found: it waits behind the others, or is given up. How often it was tried.
    pub(super) fn not_found(&mut self, tried: bool) -> u32 {
        let Some(mut community) = self.waiting.pop_front() else {
            return 0;
        };
        community.tries += u32::from(tried);
        let tries = community.tries;
        if tries < MOST_TRIES {
            self.waiting.push_back(community);
        } else {
            let id = community.id;
            tracing::warn!(community = id, "community given up: nobody has it");
        }
        tries
    }

    /// Another mailserver may be asked for all of them again.
    pub(super) fn forget_found(&mut self) {
        self.found.clear();
    }
}

/// A compressed secp256k1 public key in hex, as status-go names communities.
fn is_community_id(id: &str) -> bool {
    let digits = id.strip_prefix("0x").unwrap_or_default();
    let compressed = digits.starts_with("02") || digits.starts_with("03");
    compressed && digits.len() == 66 && digits.bytes().all(|it| it.is_ascii_hexdigit())
}

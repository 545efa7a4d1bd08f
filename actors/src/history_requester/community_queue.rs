//! Communities that are asked for one after the other, until they are found or given up.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use crate::{
    Instant,
    messages::history::{CommunityProgress, KeptCommunity, QueueError},
    model::{
        backoff::Backoff,
        moment::{Moment, WallClock},
    },
};

/// For how long a community is asked for. After it the next try in vain is the last one: nobody is given up while there
/// was nobody to ask.
pub const DEADLINE: Duration = Duration::from_secs(24 * 3600);

/// The pauses of each community. A node that asked in vain answers null until it is restarted (recorded on waku2, v0.94),
/// and whoever has the description sends it again only every few minutes.
const PAUSES: Backoff = Backoff {
    initial: Duration::from_secs(2),
    max: Duration::from_secs(600),
};

/// The most communities that can wait.
pub const MOST_COMMUNITIES: usize = 256;

#[derive(Debug)]
struct Community {
    id: String,
    /// `None` until the wall clock was read.
    queued: Option<Moment>,
    /// How often it was asked for in vain.
    tries: u32,
    /// The same in a row from the same mailserver, with the calls that a node was not there for.
    failures: u32,
    /// It is not asked for before.
    next: Instant,
    last: Option<String>,
}

/// The communities that wait. The one that is being asked for is the first one.
#[derive(Debug, Default)]
pub(super) struct CommunityQueue {
    waiting: VecDeque<Community>,
    /// Found since the mailserver is connected.
    found: BTreeSet<String>,
    clock: Option<WallClock>,
    /// Since it was kept.
    changed: bool,
}

impl CommunityQueue {
    /// Takes what an earlier process kept.
    pub(super) fn restore(&mut self, kept: Vec<KeptCommunity>, now: Instant) {
        let kept = kept.into_iter().filter(|it| is_community_id(&it.id));
        let kept = kept.map(|kept| Community {
            queued: Some(kept.queued),
            tries: kept.tries,
            ..Community::new(kept.id, now)
        });
        self.waiting.extend(kept.take(MOST_COMMUNITIES));
    }

    /// How each of them goes on.
    pub(super) fn progress(&self) -> Vec<CommunityProgress> {
        let progress = self.waiting.iter().map(|it| CommunityProgress {
            id: it.id.clone(),
            tries: it.tries,
            queued: it.queued,
            next_try: self.clock.map(|clock| clock.at(it.next)),
            last: it.last.clone(),
        });
        progress.collect()
    }

    /// What is to be kept across restarts, if it is not what was kept before.
    pub(super) fn poll_kept(&mut self) -> Option<Vec<KeptCommunity>> {
        if !std::mem::take(&mut self.changed) {
            return None;
        }
        let kept = self.waiting.iter().filter_map(|it| {
            Some(KeptCommunity {
                id: it.id.clone(),
                queued: it.queued?,
                tries: it.tries,
            })
        });
        Some(kept.collect())
    }

    /// The wall clock was read.
    pub(super) fn set_clock(&mut self, wall: Moment, now: Instant) {
        self.clock = Some(WallClock::new(wall, now));
        for community in &mut self.waiting {
            if community.queued.is_none() {
                community.queued = Some(wall);
                self.changed = true;
            }
        }
    }

    /// Takes one more, unless it is known already.
    ///
    /// # Errors
    ///
    /// If the id is not one, or if too many wait already.
    pub(super) fn queue(&mut self, id: String, now: Instant) -> Result<(), QueueError> {
        if !is_community_id(&id) {
            return Err(QueueError::BadId(id));
        }
        // To ask for a known one can make every later history request hang (recorded on waku1, v0.94).
        if self.found.contains(&id) || self.waiting.iter().any(|it| it.id == id) {
            return Ok(());
        }
        if self.waiting.len() >= MOST_COMMUNITIES {
            return Err(QueueError::Full(MOST_COMMUNITIES));
        }
        self.waiting.push_back(Community {
            queued: self.clock.map(|clock| clock.at(now)),
            ..Community::new(id, now)
        });
        self.changed = true;
        Ok(())
    }

    /// When the first of them may be asked for.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.waiting.iter().map(|it| it.next).min()
    }

    /// The one that may be asked for now, and is the first one from now on.
    pub(super) fn begin(&mut self, now: Instant) -> Option<String> {
        let index = self.waiting.iter().position(|it| it.next <= now)?;
        let community = self.waiting.remove(index)?;
        let id = community.id.clone();
        self.waiting.push_front(community);
        Some(id)
    }

    /// The first one was found.
    pub(super) fn found(&mut self) {
        if let Some(Community { id, .. }) = self.waiting.pop_front() {
            tracing::info!(community = id, "community found");
            self.changed = true;
            if self.found.len() < MOST_COMMUNITIES {
                self.found.insert(id);
            }
        }
    }

    /// The first one was not found, for this reason: it waits behind the others, or is given up.
    pub(super) fn not_found(&mut self, reason: String, tried: bool, now: Instant) {
        let Some(mut community) = self.waiting.pop_front() else {
            return;
        };
        self.changed |= tried;
        community.tries += u32::from(tried);
        if tried && self.is_over(&community, now) {
            let Community { id, tries, .. } = community;
            tracing::warn!(community = id, tries, reason, "community given up");
            return;
        }
        community.failures += 1;
        community.next = now + PAUSES.pause(community.failures);
        community.last = Some(reason);
        self.waiting.push_back(community);
    }

    fn is_over(&self, community: &Community, now: Instant) -> bool {
        let times = self.clock.zip(community.queued);
        times.is_some_and(|(clock, queued)| clock.at(now).since(queued) >= DEADLINE)
    }

    /// The mailserver is gone: another one may have what this one did not, and may be asked for all of them again.
    pub(super) fn begin_anew(&mut self, now: Instant) {
        self.found.clear();
        for community in &mut self.waiting {
            (community.failures, community.next) = (0, now);
        }
    }
}

impl Community {
    fn new(id: String, now: Instant) -> Self {
        Self {
            id,
            queued: None,
            tries: 0,
            failures: 0,
            next: now,
            last: None,
        }
    }
}

/// A compressed secp256k1 public key in hex, as status-go names communities.
fn is_community_id(id: &str) -> bool {
    let digits = id.strip_prefix("0x").unwrap_or_default();
    let compressed = digits.starts_with("02") || digits.starts_with("03");
    compressed && digits.len() == 66 && digits.bytes().all(|it| it.is_ascii_hexdigit())
}

//! Which pins in the node are the sidecar's own, remembered across its restarts.
//!
//! The node keeps one pin for each fleet, and a user may have set it. So what is written there by the
//! sidecar is remembered, together with what it replaced: a pin that is not ours is the user's.

use serde::{Deserialize, Serialize};

/// The pin that the sidecar set for a fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinRecord {
    /// The id that was set.
    pub set: String,
    /// The user's own pin that it replaced.
    #[serde(default)]
    pub replaced: Option<String>,
    /// Ids that the sidecar set before, and that the node may have still: it did not say that it took this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub perhaps: Vec<String>,
}

/// Of more attempts in a row the first ones are kept: what the node had before them is among those.
const MOST_PERHAPS: usize = 32;

impl PinRecord {
    /// What is remembered before `set` is sent to a node of which `before` is known. A call can fail, or the sidecar end
    /// in it: then the node has one of those before.
    pub(crate) fn attempt(set: &str, replaced: Option<String>, before: Option<Self>) -> Self {
        let before = before.into_iter();
        let mut perhaps: Vec<_> = before.flat_map(Self::into_own).collect();
        perhaps.retain(|it| it != set);
        perhaps.truncate(MOST_PERHAPS);
        Self {
            set: set.to_owned(),
            replaced,
            perhaps,
        }
    }

    /// The node took it.
    pub(crate) fn taken(self) -> Self {
        Self {
            perhaps: Vec::new(),
            ..self
        }
    }

    fn into_own(self) -> impl Iterator<Item = String> {
        self.perhaps.into_iter().chain([self.set])
    }

    fn is_own(&self, pin: &str) -> bool {
        self.set == pin || self.perhaps.iter().any(|it| it == pin)
    }
}

/// Remembers, across restarts of the sidecar, which pins are its own.
pub trait PinMemory {
    /// What was stored for a fleet.
    fn load(&self, fleet: &str) -> Option<PinRecord>;

    /// Stores it; called before the pin is sent to the node.
    ///
    /// # Errors
    /// Why it was not stored, for people. The pin is sent all the same.
    fn store(&self, fleet: &str, record: &PinRecord) -> Result<(), String>;
}

/// The user's pin, given what the node has and what is remembered.
pub(crate) fn user_pin(in_node: Option<&str>, ours: Option<PinRecord>) -> Option<String> {
    match (in_node, ours) {
        (Some(pin), Some(ours)) if ours.is_own(pin) => ours.replaced,
        (pin, _) => pin.map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_that_is_not_ours_is_the_users() {
        let ours = |replaced: Option<&str>| {
            Some(PinRecord {
                set: "store-01".into(),
                replaced: replaced.map(str::to_owned),
                perhaps: Vec::new(),
            })
        };
        assert_eq!(
            user_pin(Some("store-01"), None).as_deref(),
            Some("store-01")
        );
        assert_eq!(user_pin(Some("store-01"), ours(None)), None);
        assert_eq!(
            user_pin(Some("store-02"), ours(None)).as_deref(),
            Some("store-02")
        );
        // A fallback does not make the user's pin forgotten; taking it away in the node does.
        assert_eq!(
            user_pin(Some("store-01"), ours(Some("mine"))).as_deref(),
            Some("mine")
        );
        assert_eq!(user_pin(None, ours(Some("mine"))), None);
    }

    /// Recorded on 2024-10: right after a login the call crashes, and the node has the pin that it had.
    #[test]
    fn a_pin_that_failed_does_not_make_our_earlier_one_the_users() {
        let mut record = PinRecord::attempt("store-02", None, None).taken();
        for failed in ["store-05", "store-03"] {
            record = PinRecord::attempt(failed, None, Some(record));
        }
        assert_eq!(user_pin(Some("store-02"), Some(record.clone())), None);
        assert_eq!(
            user_pin(Some("store-01"), Some(record.clone())).as_deref(),
            Some("store-01")
        );
        // Once the node took one, the earlier ones can be the user's again.
        let taken = PinRecord::attempt("store-03", None, Some(record)).taken();
        assert_eq!(
            user_pin(Some("store-02"), Some(taken)).as_deref(),
            Some("store-02")
        );
    }

    #[test]
    fn many_attempts_are_bounded_and_the_first_is_kept() {
        let mut record = PinRecord::attempt("had", None, None).taken();
        for number in 0..1_000 {
            record = PinRecord::attempt(&format!("store-{number}"), None, Some(record));
        }
        assert!(record.perhaps.len() <= MOST_PERHAPS);
        assert_eq!(user_pin(Some("had"), Some(record)), None);
    }
}

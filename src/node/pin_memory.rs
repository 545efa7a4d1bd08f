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
        (Some(pin), Some(ours)) if pin == ours.set => ours.replaced,
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
}

//! Who a mailserver is.

use std::{fmt, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What makes a mailserver the same one wherever it is named: the public key of an enode
/// (128 lower-case hex digits) or a libp2p peer id (base58).
///
/// Never the whole URL: the node reports other hosts, ports and `?discport=` than it was given
/// (recorded on status-go v0.94).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Identity(Arc<str>);

impl Identity {
    /// Wraps a text that is already in the normal form described above.
    pub fn new(normal_form: impl Into<Arc<str>>) -> Self {
        Self(normal_form.into())
    }

    /// The identity as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tail = self.0.len().saturating_sub(8);
        write!(f, "Identity(…{})", &self.0[tail..])
    }
}

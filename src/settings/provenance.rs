//! Where a value came from.

/// One value and where it came from.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Provenance {
    /// The key with its section: `cycle.tick`.
    pub key: String,
    /// The value as it was written.
    pub value: serde_json::Value,
    /// `default`, `file …`, `environment variable …` or `--set`.
    pub origin: String,
}

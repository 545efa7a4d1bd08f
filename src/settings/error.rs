//! What can be wrong with a configuration.

/// Why a configuration was refused. Every one is a matter for the user: exit code 64.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A file that was named could not be read.
    #[error("file {file}: {reason}")]
    Unreadable {
        /// As it was named.
        file: String,
        /// The system's text.
        reason: String,
    },
    /// A layer is not TOML.
    #[error("{origin}: {reason}")]
    Malformed {
        /// Where it came from.
        origin: String,
        /// The parser's text, with line and column.
        reason: String,
    },
    /// A key that does not exist.
    #[error("{origin}: unknown key {key}{}", hint(.similar.as_deref()))]
    UnknownKey {
        /// Where it came from.
        origin: String,
        /// The key with its section.
        key: String,
        /// A key that exists and looks like it.
        similar: Option<String>,
    },
    /// A value that cannot be used.
    #[error("{origin}: {key} = {value}: {reason}")]
    BadValue {
        /// Where it came from.
        origin: String,
        /// The key with its section.
        key: String,
        /// The value as it was written.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A `--set` that is not `KEY=VALUE`.
    #[error("--set {0}: not of the form KEY=VALUE")]
    NotAnAssignment(String),
}

fn hint(similar: Option<&str>) -> String {
    similar
        .map(|key| format!(", did you mean {key}?"))
        .unwrap_or_default()
}

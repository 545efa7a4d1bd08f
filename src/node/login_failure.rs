//! Why a login failed, read from what nodes say.

use actors::{
    messages::login::{LONGEST_TEXT, LoginError},
    model::node::NodeError,
};

/// Parts of what nodes say of a wrong password, in lower case. To 2026-07 it is what the database says that the password
/// does not open; accounts with a key of their own for the data, since 2026-08, have words for it.
const REFUSED: [&str; 6] = [
    "file is not a database",
    "incorrect password",
    "wrong password",
    "invalid password",
    "key-encryption key",
    "could not decrypt key",
];

/// Parts of what nodes say of a data directory that another process uses: up to 2025-08 the node's own lock, later only
/// the database.
const LOCKED: [&str; 2] = ["resource temporarily unavailable", "database is locked"];

/// What the text of a node means that was given the password.
pub(super) fn of_login(text: &str) -> LoginError {
    match says(text, &REFUSED) {
        true => LoginError::WrongPassword,
        false => without_password(text),
    }
}

/// What it means where no password was needed: a database may be broken too.
pub(super) fn without_password(text: &str) -> LoginError {
    match says(text, &LOCKED) {
        true => LoginError::Locked(shorten(text)),
        false => LoginError::Failed(shorten(text)),
    }
}

fn says(text: &str, parts: &[&str]) -> bool {
    let text = text.to_lowercase();
    parts.iter().any(|part| text.contains(part))
}

/// What a call that failed means for a login.
pub(super) fn of_node(error: &NodeError) -> LoginError {
    LoginError::Unreachable(shorten(&error.to_string()))
}

/// Errors are kept and shown: a node's text is bounded.
pub(super) fn shorten(text: &str) -> String {
    text.chars().take(LONGEST_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_password_in_the_words_of_every_generation() {
        for text in [
            "failed to open database: failed to set `journal_mode` pragma: file is not a database",
            "incorrect password provided",
            "envelope: invalid key-encryption key",
            "failed to select account: could not decrypt key with given password",
        ] {
            assert_eq!(of_login(text), LoginError::WrongPassword, "{text}");
            assert_eq!(without_password(text), LoginError::Failed(text.into()));
        }
    }

    #[test]
    fn a_locked_directory_and_whatever_else_may_pass() {
        for text in [
            "failed to start node: failed to create database at /x: resource temporarily unavailable",
            "database is locked",
        ] {
            assert_eq!(of_login(text), LoginError::Locked(text.into()));
        }
        let text = "failed to start node: node is already running";
        assert_eq!(of_login(text), LoginError::Failed(text.into()));
        let LoginError::Failed(long) = of_login(&"x".repeat(5000)) else {
            panic!("unknown")
        };
        assert_eq!(long.len(), LONGEST_TEXT);
    }
}

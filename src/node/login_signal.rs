//! How a login ended, as `node.login` tells it.
//!
//! The same signal tells both outcomes. Of a success its event holds the settings of the account, the mnemonic among
//! them: nothing but the error is read, and what cannot be read is never quoted.

use serde::Deserialize;

/// The part that matters. The member is absent after a success.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Event {
    error: Option<String>,
}

/// The longest text that is kept of a failure, in characters.
const LONGEST: usize = 500;

/// Reads the event of the signal.
///
/// # Errors
/// The node's text, shortened: the login failed, and nobody is logged in by it.
pub(super) fn read(event: &str) -> Result<(), String> {
    let event = serde_json::from_str::<Option<Event>>(event).unwrap_or_default();
    let error = event.unwrap_or_default().error.unwrap_or_default();
    match error.is_empty() {
        true => Ok(()),
        false => Err(error.chars().take(LONGEST).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_without_an_error_succeeded() {
        for event in [
            "null",
            "{}",
            r#"{"error":""}"#,
            r#"{"settings":{"mnemonic":"abandon abandon"},"account":{}}"#,
            // Not what any node says: it is no failure, and not quoted.
            r#""abandon abandon""#,
        ] {
            assert_eq!(read(event), Ok(()), "{event}");
        }
    }

    #[test]
    fn a_failure_is_told_in_the_words_of_the_node_but_not_without_end() {
        let reason = "failed to open database: file is not a database";
        let event = format!(r#"{{"error":"{reason}","settings":null}}"#);
        assert_eq!(read(&event), Err(reason.to_owned()));
        let long = format!(r#"{{"error":"{}"}}"#, "é".repeat(5000));
        assert_eq!(read(&long), Err("é".repeat(LONGEST)));
    }
}

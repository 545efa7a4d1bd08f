//! What people are told of a login: one line for each outcome.

use std::{fmt, time::Duration};

use crate::messages::login::LoginError;

/// How a login went on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// This account was logged in, which took so long.
    LoggedIn { key_uid: String, took: Duration },
    /// Nobody was, for this reason.
    Failed(LoginError),
    /// The node has said nothing for so long.
    Slow(Duration),
    /// The password was wrong so many times.
    GivenUp(u32),
}

impl Outcome {
    /// Whether there is nothing for people to do.
    fn is_good(&self) -> bool {
        matches!(
            self,
            Self::LoggedIn { .. } | Self::Failed(LoginError::LoggedIn)
        )
    }

    /// Writes the line.
    pub(super) fn log(&self) {
        match self.is_good() {
            true => tracing::info!("login: {self}"),
            false => tracing::warn!("login: {self}"),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LoggedIn { key_uid, took } => {
                let key_uid = shorten(key_uid);
                write!(f, "{key_uid} logged in after {:.1} s", took.as_secs_f64())
            }
            Self::Failed(error) => error.fmt(f),
            Self::Slow(silent) => write!(
                f,
                "the node has said nothing for {} s: the login may still go on, and nothing else is sent until it ends",
                silent.as_secs()
            ),
            Self::GivenUp(tries) => write!(
                f,
                "given up after {tries} tries with this password: correct login.password_file, which is looked at again \
                 and again, or log in by hand"
            ),
        }
    }
}

/// The beginning and the end of a key uid: enough to tell one account from another.
fn shorten(key_uid: &str) -> String {
    match (
        key_uid.get(..6),
        key_uid.get(key_uid.len().saturating_sub(4)..),
    ) {
        (Some(head), Some(tail)) if key_uid.len() > 12 => format!("{head}…{tail}"),
        _ => key_uid.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_told_by_the_ends_of_its_key() {
        let key_uid = format!("0x12ab{}cdef", "0".repeat(56));
        let took = Duration::from_millis(1240);
        let line = Outcome::LoggedIn { key_uid, took };
        assert_eq!(line.to_string(), "0x12ab…cdef logged in after 1.2 s");
        assert_eq!(shorten("0x12"), "0x12");
    }
}

//! How the process ends: one code for each kind of failure, after `sysexits.h`.

use std::process::ExitCode;

/// The exit codes of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Wrong usage or configuration: only the user can change that.
    Usage = 64,
    /// The node or the sidecar could not be reached where the command needs it.
    Unreachable = 69,
    /// A failure of the service itself.
    Internal = 70,
    /// A port or file that the configuration names cannot be used.
    Unusable = 71,
}

impl Exit {
    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// A failure with this code.
    pub fn because(self, reason: impl ToString) -> Failure {
        Failure {
            exit: self,
            reason: reason.to_string(),
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why the process ends, and with which code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Failure {
    /// The code.
    pub exit: Exit,
    /// For people, on stderr.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_that_service_managers_are_told() {
        let all = [
            Exit::Done,
            Exit::Usage,
            Exit::Unreachable,
            Exit::Internal,
            Exit::Unusable,
        ];
        assert_eq!(all.map(Exit::code), [0, 64, 69, 70, 71]);
    }
}

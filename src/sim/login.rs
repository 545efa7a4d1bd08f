//! What a login comes to: the decision alone, without what is told of it.
//!
//! The order of the checks is that of status-go: databases first, then the node.

use super::{accounts::Accounts, settings::AccountSettings};

/// What is wrong with logging in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LoginFault {
    /// Nothing.
    #[default]
    None,
    /// `LoginAccount` is answered, and nothing follows.
    Hangs,
    /// Another process holds the data directory.
    Locked,
    /// `InitializeApplication` answers with this error.
    InitializeFails(String),
}

/// How far the process has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Login {
    /// Nobody is logged in.
    #[default]
    Out,
    /// The node is started, the account not yet selected: methods that need one crash.
    Starting {
        /// Which login it is, counted from 1.
        attempt: u64,
    },
    /// An account is logged in.
    In {
        /// Whose; `None` where no account has one.
        key_uid: Option<String>,
    },
}

impl Login {
    /// Whether an account is logged in.
    pub(crate) fn is_in(&self) -> bool {
        matches!(self, Self::In { .. })
    }
}

/// What a process of status-backend remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Process {
    /// The directory of its first `InitializeApplication`: its accounts are listed from then on.
    pub(crate) accounts_of: Option<String>,
    /// The directory of the last one.
    pub(crate) data_dir: String,
    /// Databases of an account that does not exist are open, and taken for those of any account.
    pub(crate) wrong_databases: bool,
}

impl Process {
    /// `InitializeApplication`.
    pub(crate) fn initialize(&mut self, data_dir: &str) {
        self.accounts_of.get_or_insert_with(|| data_dir.to_owned());
        data_dir.clone_into(&mut self.data_dir);
    }
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) key_uid: String,
    pub(crate) password: String,
    /// 0: not said.
    pub(crate) kdf_iterations: u64,
}

/// What it meets.
pub(crate) struct Circumstances<'a> {
    pub(crate) fault: &'a LoginFault,
    pub(crate) login: &'a Login,
    pub(crate) process: &'a Process,
    pub(crate) accounts: &'a Accounts,
    /// Where the accounts are.
    pub(crate) data_dir: &'a str,
    /// Whether the iterations are looked up where they are not said (since 2025).
    pub(crate) looks_up_iterations: bool,
}

/// What it comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is logged in.
    Succeeds,
    /// Nothing is heard of it again.
    Hangs,
    /// No data directory was named.
    NotInitialized,
    /// A node is running: it is stopped.
    StopsTheRunning,
    /// The data directory is held by another process.
    Locked,
    /// There is no such account: databases are made for it.
    UnknownAccount,
    /// The password does not fit, or the number of iterations.
    WrongPassword,
}

/// What a login comes to.
pub(crate) fn outcome(wanted: &Credentials, met: &Circumstances<'_>) -> Outcome {
    if *met.fault == LoginFault::Hangs {
        return Outcome::Hangs;
    }
    if met.process.accounts_of.is_none() {
        return Outcome::NotInitialized;
    }
    if *met.login != Login::Out {
        return Outcome::StopsTheRunning;
    }
    if *met.fault == LoginFault::Locked {
        return Outcome::Locked;
    }
    let found = met.accounts.find(&wanted.key_uid);
    match found.filter(|_| met.process.data_dir == met.data_dir) {
        _ if met.process.wrong_databases => Outcome::UnknownAccount,
        None => Outcome::UnknownAccount,
        Some(account) if opens(wanted, &account.settings, met.looks_up_iterations) => {
            Outcome::Succeeds
        }
        Some(_) => Outcome::WrongPassword,
    }
}

/// What 2024 takes where no number of iterations is given.
const REDUCED_ITERATIONS: u64 = 3200;

fn opens(wanted: &Credentials, account: &AccountSettings, looks_up: bool) -> bool {
    let iterations = match wanted.kdf_iterations {
        0 if looks_up => account.kdf_iterations,
        0 => REDUCED_ITERATIONS,
        given => given,
    };
    wanted.password == account.password && iterations == account.kdf_iterations
}

//! The login of a node that came back logged out: what the adapter is told to do, and how it ends.
//!
//! The password is in none of these messages: the adapter reads it when it is needed.

use std::time::SystemTime;

use actix::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

/// The longest text of a node that is kept, in characters.
pub const LONGEST_TEXT: usize = 500;

/// An account of the node's data directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Which one: `0x` and 64 hexadecimal digits.
    pub key_uid: String,
    /// How often its key is derived. Another number makes the right password a wrong one (status-go 2024-10).
    pub kdf_iterations: u64,
    /// A card opens it: no password does.
    pub keycard: bool,
}

/// Which content of the password file was looked at: that of another stamp is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// When it was written.
    pub modified: Option<SystemTime>,
    /// Its length, in bytes.
    pub length: u64,
    /// Where it lies: a file that takes the place of another lies elsewhere.
    pub inode: u64,
}

/// Why nobody was logged in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// The node refuses the password.
    #[error(
        "the node refuses the password: what login.password_file holds is not that of the account, or \
         login.password_hash is not how it was set"
    )]
    WrongPassword,
    /// The login led to nothing, and there are no signals by which the node could say why: it may be the password.
    #[error(
        "the login led to nothing, and without signals (node.signals) the node cannot tell why: the password may be \
         wrong"
    )]
    Unheard,
    /// There is none in the data directory.
    #[error("there is no account in login.data_dir: name the directory that the node used before")]
    NoAccount,
    /// There are several, and none was named.
    #[error("there are several accounts, name one in login.key_uid: {}", .0.join(", "))]
    SeveralAccounts(Vec<String>),
    /// The one that was named is not there.
    #[error("login.key_uid is not among the accounts of login.data_dir: {}", .0.join(", "))]
    UnknownAccount(Vec<String>),
    /// A card opens it.
    #[error("the account is opened by a keycard, not by a password: log in by hand")]
    Keycard,
    /// Another process uses the data directory.
    #[error("the data directory is in use, end the other process: {0}")]
    Locked(String),
    /// Nothing was heard of it. It may still be under way.
    #[error("the node said nothing more of the login: if it hangs, restart it")]
    TimedOut,
    /// Somebody is logged in already: no failure.
    #[error("somebody is logged in already")]
    LoggedIn,
    /// The node does not answer.
    #[error("the node went away: {0}")]
    Unreachable(String),
    /// The password cannot be read.
    #[error("login.password_file: {0}")]
    PasswordFile(String),
    /// Somebody is logged in now, but the node receives no messages.
    #[error(
        "logged in, but the messenger did not start, so that nothing is received: restart the node: {0}"
    )]
    NotStarted(String),
    /// Whatever else the node said.
    #[error("the node could not log in: {0}")]
    Failed(String),
}

/// The adapter died with the call.
impl From<MailboxError> for LoginError {
    fn from(error: MailboxError) -> Self {
        match error {
            MailboxError::Closed => Self::Unreachable("the call was lost".into()),
            MailboxError::Timeout => Self::TimedOut,
        }
    }
}

/// Prepare the node for a login, if nobody is logged in, and read which accounts there are. Sent by the login actor.
#[derive(Message, Clone, Copy, Debug, PartialEq, Eq)]
#[rtype(result = "Result<Vec<Account>, LoginError>")]
pub struct ReadAccounts;

/// Log an account in, if nobody is. It must be one that the node has listed: of any other a node of 2024-10 creates
/// empty databases, and uses them from then on. Sent by the login actor; answered once the account is logged in and
/// receives messages, or the node says that it is not, or nothing was heard for long.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "Result<(), LoginError>")]
pub struct LogIn {
    /// Which one, as it was listed.
    pub key_uid: String,
    /// As it was listed.
    pub kdf_iterations: u64,
}

/// Look whether the password file is another one. Sent by the login actor.
#[derive(Message, Clone, Copy, Debug, PartialEq, Eq)]
#[rtype(result = "Result<Stamp, LoginError>")]
pub struct PasswordStamp;

/// The messages of the adapter, as the login actor is given them.
#[derive(Clone)]
pub struct LoginPort {
    /// See [`ReadAccounts`].
    pub read_accounts: Recipient<ReadAccounts>,
    /// See [`LogIn`].
    pub log_in: Recipient<LogIn>,
    /// See [`PasswordStamp`].
    pub password_stamp: Recipient<PasswordStamp>,
}

/// Ask how the login stands, for the status page.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "Status")]
pub struct GetStatus;

/// What is being done about a node that is logged out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "LoginState")]
pub enum State {
    /// It is not configured: nobody is ever logged in.
    #[default]
    Off,
    /// Nothing: the node is not logged out, or it was just logged in.
    Idle,
    /// The accounts are read, or the password file is looked at.
    Reading,
    /// A login is under way.
    LoggingIn,
    /// It is tried again after a pause.
    Pausing,
    /// The password was wrong too often: it waits for another one.
    GivenUp,
}

/// How the login stands, for the status page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "LoginStatus")]
pub struct Status {
    /// What is being done.
    pub state: State,
    /// Tries with the password that the file holds now that failed as a wrong one does.
    pub tries: u32,
    /// How the last try ended, for people.
    pub last_outcome: Option<String>,
}

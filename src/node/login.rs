//! Logging an account in over the endpoints of status-backend, in the order of the apps: `InitializeApplication`,
//! `LoginAccount`, the signal `node.login`, `wakuext_startMessenger`.
//!
//! What is known of nodes (status-go 2024-10 to 2026), and shapes all of it:
//!
//! - `LoginAccount` is answered at once; whether somebody is logged in is told by `node.login`, and never by a time: it
//!   has no upper bound.
//! - A second one while an account is logged in stops the healthy node. So nobody may be logged in right before it is
//!   sent, and none is sent while one may go on.
//! - Of an account that it has not listed a node creates empty databases, and uses them from then on.
//! - `wakuext_startMessenger` crashes for a moment before and after `node.login`; without it nothing is received.
//!
//! The password is read when it is sent. Our copies of it are wiped. Those that the HTTP client and the system make on the
//! way to the socket are not: they are freed with the connection, which serves this one request.

use std::time::Duration;

use actors::{
    messages::login::{Account, LogIn, LoginError, Stamp},
    model::node::NodeError,
};
use bytes::Bytes;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::json;
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{Instant, sleep, sleep_until},
};
use zeroize::Zeroizing;

use crate::secret_file::SecretError;

use crate::node::{
    Signals,
    inbox::SessionEvent,
    link::Link,
    login_failure::{self, of_node, shorten},
    logins::LoginNews,
    password::{LONGEST_PASSWORD, PasswordFile, redact},
    pause::GrowingPause,
    profile,
};

/// For how long the end of a login is waited for. Told people earlier, it is not given up earlier: to send another one
/// while the first goes on would stop the node.
const LIMIT: Duration = Duration::from_secs(360);

/// How often it is looked whether somebody is logged in, while signals tell it, and while nothing does.
const LOOK_HEARING: Duration = Duration::from_secs(10);
const LOOK_DEAF: Duration = Duration::from_millis(500);

/// A socket that is closed during a login most often means that the node was restarted: if nobody is logged in after
/// this time, what was sent is lost. A login takes a second or two.
const RESTARTED: Duration = Duration::from_secs(3);

/// So many calls in a row that fail mean that the node is away.
const AWAY: u32 = 2;

/// For how long the messenger is asked to start. Some builds start it by themselves, and do not have the method; others
/// have it only a moment after the login.
const STARTING: Duration = Duration::from_secs(60);
const NO_METHOD: Duration = Duration::from_secs(3);

/// So many accounts are read.
const MOST_ACCOUNTS: usize = 256;

/// How a node is logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginConfig {
    /// The node's data directory, absolute, as the node sees it.
    pub data_dir: String,
    /// The password.
    pub password: PasswordFile,
}

/// An account as `InitializeApplication` lists it.
#[derive(Deserialize)]
struct Listed {
    #[serde(rename = "key-uid", default)]
    key_uid: String,
    /// Absent where it is 0.
    #[serde(rename = "kdfIterations", default)]
    kdf_iterations: u64,
    #[serde(rename = "keycard-pairing", default)]
    keycard: Option<String>,
}

/// The answer of any endpoint.
#[derive(Deserialize)]
struct Answered {
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    accounts: Option<Vec<Listed>>,
}

/// The request of `LoginAccount`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    key_uid: &'a str,
    password: &'a str,
    kdf_iterations: u64,
}

/// Names the data directory to the node, and reads which accounts it has there.
///
/// # Errors
/// Somebody is logged in (the directory of such a node must not be touched), or the node does not list any.
pub(crate) async fn read_accounts(
    link: &Link,
    config: &LoginConfig,
) -> Result<Vec<Account>, LoginError> {
    let _own = link.inbox.logins.begin().ok_or_else(under_way)?;
    nobody_is_logged_in(link).await?;
    let body = json!({ "dataDir": config.data_dir }).to_string();
    let answered = post(link, "InitializeApplication", body.into()).await?;
    answered.refusal(login_failure::without_password)?;
    let accounts = answered.accounts.unwrap_or_default().into_iter();
    let accounts = accounts
        .filter(|it| !it.key_uid.is_empty())
        .map(|it| Account {
            key_uid: it.key_uid,
            kdf_iterations: it.kdf_iterations,
            keycard: it.keycard.is_some_and(|pairing| !pairing.is_empty()),
        });
    Ok(accounts.take(MOST_ACCOUNTS).collect())
}

/// Logs an account in and starts its messenger; the session is told then.
///
/// # Errors
/// See [`LoginError`].
pub(crate) async fn log_in(
    link: &Link,
    config: &LoginConfig,
    order: &LogIn,
) -> Result<(), LoginError> {
    let own = link.inbox.logins.begin().ok_or_else(under_way)?;
    nobody_is_logged_in(link).await?;
    let mut news = link.inbox.logins.listen();
    send(link, config, order).await?;
    until_ended(link, &mut news).await?;
    let started = start_messenger(link).await;
    // Perhaps no signal said so. It begins once this login is over.
    link.inbox.notify_session(SessionEvent::LoggedIn);
    drop(own);
    started
}

/// Which content the password file has.
///
/// # Errors
/// The password cannot be used.
pub(crate) fn stamp(config: &LoginConfig) -> Result<Stamp, LoginError> {
    config.password.stamp().map_err(unusable)
}

fn unusable(error: SecretError) -> LoginError {
    LoginError::PasswordFile(error.to_string())
}

fn under_way() -> LoginError {
    LoginError::Failed("a login is under way already".into())
}

async fn nobody_is_logged_in(link: &Link) -> Result<(), LoginError> {
    match profile::account(&link.rpc).await {
        Ok(_) => Err(LoginError::LoggedIn),
        Err(NodeError::NotLoggedIn) => Ok(()),
        Err(error) => Err(of_node(&error)),
    }
}

/// Sends the password. It stays in memory until the answer is there, which is at once: so that no error can repeat it.
async fn send(link: &Link, config: &LoginConfig, order: &LogIn) -> Result<(), LoginError> {
    let password = config.password.read().map_err(unusable)?;
    let body = request(order, &password)?;
    let answered = post(link, "LoginAccount", body).await?;
    answered.refusal(|error| login_failure::of_login(&redact(error, &password)))
}

/// Wiped as soon as the HTTP client has dropped it.
fn request(order: &LogIn, password: &SecretString) -> Result<Bytes, LoginError> {
    let request = Request {
        key_uid: &order.key_uid,
        password: password.expose_secret(),
        kdf_iterations: order.kdf_iterations,
    };
    // With room for every character escaped: a buffer that grows leaves copies behind.
    let room = 6 * LONGEST_PASSWORD + order.key_uid.len() + 256;
    let mut body = Zeroizing::new(Vec::with_capacity(room));
    serde_json::to_writer(&mut *body, &request)
        .map_err(|_| LoginError::Failed("no request can be made of it".into()))?;
    Ok(Bytes::from_owner(body))
}

/// Posts to an endpoint, and reads what every endpoint answers. An answer that cannot be read is never quoted: whoever
/// answers there may repeat the request.
async fn post(link: &Link, endpoint: &str, body: Bytes) -> Result<Answered, LoginError> {
    let answer = link.rpc.post_beside(endpoint, body).await;
    let answer = answer.map_err(|error| of_node(&error))?;
    match serde_json::from_slice::<Answered>(&answer.body) {
        Ok(answered) if (200..300).contains(&answer.status) => Ok(answered),
        _ => {
            let (status, length) = (answer.status, answer.body.len());
            Err(LoginError::Failed(format!(
                "{endpoint} was answered with HTTP {status} and {length} bytes that are not status-backend's"
            )))
        }
    }
}

impl Answered {
    /// What the error means, if there is one.
    fn refusal(&self, meaning: impl Fn(&str) -> LoginError) -> Result<(), LoginError> {
        match self.error.as_deref() {
            None | Some("") => Ok(()),
            Some(error) => Err(meaning(error)),
        }
    }
}

/// Waits for the end of a login: what is heard tells it, and where nothing is heard, that the settings are served.
async fn until_ended(link: &Link, news: &mut Receiver<LoginNews>) -> Result<(), LoginError> {
    let limit = Instant::now() + LIMIT;
    let mut closed = None;
    let mut failures = 0;
    loop {
        let pause = match link.hears() && closed.is_none() {
            true => LOOK_HEARING,
            false => LOOK_DEAF,
        };
        let look = async {
            sleep(pause).await;
            profile::account(&link.rpc).await
        };
        let lost = |closed: Option<Instant>| closed.is_some_and(|at| at.elapsed() >= RESTARTED);
        tokio::select! {
            heard = news.recv() => match heard {
                Ok(LoginNews::Ended(ended)) => {
                    return ended.map_err(|text| login_failure::of_login(&text));
                }
                Ok(LoginNews::Closed) => closed = Some(Instant::now()),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return Err(nothing_heard(link, true)),
            },
            answer = look => match answer {
                Ok(_) => return Ok(()),
                Err(NodeError::NotLoggedIn) if lost(closed) => return Err(restarted()),
                Err(error @ NodeError::Transport(_)) if failures + 1 >= AWAY => {
                    return Err(of_node(&error));
                }
                Err(NodeError::Transport(_)) => failures += 1,
                Err(_) => failures = 0,
            },
            () = sleep_until(limit) => return Err(nothing_heard(link, closed.is_some())),
        }
    }
}

fn restarted() -> LoginError {
    LoginError::Unreachable("it closed its signal socket, and nobody is logged in".into())
}

/// Only a socket that was open all the time shows that the node said nothing.
fn nothing_heard(link: &Link, closed: bool) -> LoginError {
    let socket = matches!(link.config.signals, Signals::Socket(_));
    match socket && link.hears() && !closed {
        true => LoginError::TimedOut,
        false => LoginError::Unheard,
    }
}

async fn start_messenger(link: &Link) -> Result<(), LoginError> {
    let begun = Instant::now();
    let mut pause = GrowingPause::new(Duration::from_millis(100), Duration::from_secs(2));
    let mut failures = 0;
    loop {
        let answer = link
            .rpc
            .call::<IgnoredAny>("wakuext_startMessenger", json!([]))
            .await;
        let error = match answer {
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        match &error {
            NodeError::Node { message, .. } if is_started(message) => return Ok(()),
            NodeError::UnknownMethod(_) if begun.elapsed() >= NO_METHOD => return Ok(()),
            NodeError::Transport(_) => failures += 1,
            _ => failures = 0,
        }
        if failures >= AWAY {
            return Err(of_node(&error));
        }
        if begun.elapsed() >= STARTING {
            return Err(LoginError::NotStarted(shorten(&error.to_string())));
        }
        sleep(pause.grow()).await;
    }
}

/// `messenger already started` (2024-10); the words of newer nodes may differ.
fn is_started(message: &str) -> bool {
    message.contains("already") && message.contains("start")
}

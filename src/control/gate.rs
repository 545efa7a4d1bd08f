//! Who may ask, where a token is wanted: whoever shows it, or the cookie of a session that was opened with it.

use std::{
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use actix_web::{
    dev::RequestHead,
    http::header::{AUTHORIZATION, COOKIE},
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::Instant;

use super::{error::ApiError, sessions::Sessions, token::Fingerprint};

/// What is served to everybody: what service managers ask, which tells nothing, and the files of the dashboard, which
/// hold nothing. Paths as they were sent, so that no other spelling of another path is among them.
const PUBLIC: [&str; 4] = ["/", "/favicon.ico", "/health/live", "/health/ready"];

/// What begins so is served to everybody as well: files of the dashboard.
const PUBLIC_FOLDER: &str = "/assets/";

/// Whether others than this machine can ask, if this is where it listens.
#[must_use]
pub fn is_open_to_others(address: Option<SocketAddr>) -> bool {
    address.is_some_and(|it| !it.ip().to_canonical().is_loopback())
}

/// Whether this path is served to everybody.
pub(super) fn is_public(path: &str) -> bool {
    PUBLIC.contains(&path) || path.starts_with(PUBLIC_FOLDER)
}

/// Whether a token is wanted, and which. All clones are one.
#[derive(Clone, Default)]
pub struct Gate(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// `None`: everybody may ask.
    token: Option<Fingerprint>,
    sessions: Sessions,
}

impl Gate {
    /// Wants this token; with `None`, everybody may ask.
    #[must_use]
    pub fn new(token: Option<&SecretString>) -> Self {
        let gate = Self::default();
        gate.change(token);
        gate
    }

    /// Wants this token from now on; returns whether it is another one than before. Then the sessions that were opened
    /// with the one before end; answers and event streams on their way go on.
    pub fn change(&self, token: Option<&SecretString>) -> bool {
        let token = token.map(|it| Fingerprint::of(it.expose_secret().as_bytes()));
        let mut state = self.state();
        let same = match (&state.token, &token) {
            (Some(old), Some(new)) => old.matches(new),
            (old, new) => old.is_none() && new.is_none(),
        };
        if !same {
            *state = State {
                token,
                sessions: Sessions::default(),
            };
        }
        !same
    }

    /// Whether this request may be served; `port` is ours, which names the cookie.
    pub(super) fn check(&self, head: &RequestHead, port: u16) -> Result<(), ApiError> {
        let state = self.state();
        let Some(token) = &state.token else {
            return Ok(());
        };
        if is_public(head.uri.path()) {
            return Ok(());
        }
        let now = Instant::now();
        let shown = bearer(head).is_some_and(|it| token.matches(&it));
        let known = |it: Fingerprint| state.sessions.knows(&it, now);
        match shown || cookie(head, port).is_some_and(known) {
            true => Ok(()),
            false => Err(ApiError::NoToken),
        }
    }

    /// Opens a session; returns what the browser has to show.
    pub(super) fn open_session(&self) -> Result<String, ApiError> {
        let mut state = self.state();
        if state.token.is_none() {
            return Err(ApiError::Conflict(
                "no session is needed: control.token_file is not set".to_owned(),
            ));
        }
        let secret: [u8; 32] = rand::random();
        let secret: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let fingerprint = Fingerprint::of(secret.as_bytes());
        state.sessions.open(fingerprint, Instant::now());
        Ok(secret)
    }

    /// Ends the session whose cookie is shown.
    pub(super) fn end_session(&self, head: &RequestHead, port: u16) {
        if let Some(shown) = cookie(head, port) {
            self.state().sessions.end(&shown);
        }
    }

    /// What is kept is whole at any time: whoever panicked with it left nothing half done.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gate")
    }
}

/// What the `Authorization` header shows (RFC 6750, 2.1).
fn bearer(head: &RequestHead) -> Option<Fingerprint> {
    let header = head.headers().get(AUTHORIZATION)?;
    let (scheme, token) = header.to_str().ok()?.split_once(' ')?;
    let token = token.trim_matches(' ').as_bytes();
    (scheme.eq_ignore_ascii_case("bearer")).then(|| Fingerprint::of(token))
}

/// What the cookie of our session shows (RFC 6265, 4.2).
fn cookie(head: &RequestHead, port: u16) -> Option<Fingerprint> {
    let name = cookie_name(port);
    let headers = head.headers().get_all(COOKIE);
    let mut pairs = headers
        .filter_map(|it| it.to_str().ok())
        .flat_map(|it| it.split(';'))
        .filter_map(|it| it.trim().split_once('='));
    let (_, secret) = pairs.find(|(told, _)| *told == name)?;
    Some(Fingerprint::of(secret.as_bytes()))
}

/// Browsers do not tell the ports of a host apart, and there may be a sidecar at each.
pub(super) fn cookie_name(port: u16) -> String {
    format!("mailserver-sidecar-{port}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_any_other_machine_is_open_to_others() {
        let open = |it: &str| is_open_to_others(Some(it.parse().unwrap()));
        assert!(open("0.0.0.0:1") && open("192.0.2.1:1") && open("[::]:1"));
        assert!(!open("127.0.0.1:1") && !open("[::1]:1") && !open("[::ffff:127.0.0.1]:1"));
        assert!(!is_open_to_others(None));
    }
}

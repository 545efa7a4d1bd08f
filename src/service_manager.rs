//! What a service manager (systemd, `Type=notify`) is told: that the service is up, that its loop runs, what it is doing.
//!
//! Where there is none (`NOTIFY_SOCKET` is not set) nothing is said to anybody.

use std::time::Duration;

use actix::Recipient;
use actors::{messages::connection::GetStatus, model::node::NodeState};
use sd_notify::NotifyState;
use tokio::task::JoinHandle;

/// How long the loop may take to tell its state.
const ANSWER_LIMIT: Duration = Duration::from_secs(1);

/// The pause between two looks at the loop where nobody waits for a sign of life.
const PAUSE: Duration = Duration::from_secs(15);

/// Told as long as it lives.
pub struct ServiceManager {
    telling: JoinHandle<()>,
}

impl ServiceManager {
    /// Tells that the service is up, then goes on telling how it is. With a tick that is too slow for the watchdog the
    /// answer of the loop is the sign of life, in place of its ticks.
    #[must_use]
    pub fn tell(connector: Recipient<GetStatus>, tick: Duration) -> Self {
        notify(&[NotifyState::Ready]);
        let telling = actix_rt::spawn(go_on(connector, tick));
        Self { telling }
    }
}

impl Drop for ServiceManager {
    fn drop(&mut self) {
        self.telling.abort();
        notify(&[NotifyState::Stopping]);
    }
}

/// Tells that the configuration is read again, for as long as it takes.
pub(crate) fn reloading(reload: impl FnOnce()) {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "monotonic clock"),
    }
    reload();
    notify(&[NotifyState::Ready]);
}

async fn go_on(connector: Recipient<GetStatus>, tick: Duration) {
    let watchdog = sd_notify::watchdog_enabled();
    let pause = watchdog.map_or(PAUSE, |limit| (limit / 4).min(PAUSE));
    let by_ticks = watchdog.is_some_and(|limit| tick * 2 <= limit);
    let mut last = None;
    loop {
        let status = tokio::time::timeout(ANSWER_LIMIT, connector.send(GetStatus)).await;
        if let Ok(Ok(status)) = status {
            let ticks = status.counts.ticks;
            if watchdog.is_some() && (!by_ticks || last != Some(ticks)) {
                notify(&[NotifyState::Watchdog]);
            }
            last = Some(ticks);
            let active = status.active.as_ref().map(|it| it.mailserver.id.as_str());
            let reached = status.reach.as_ref().and_then(|it| it.mailserver.as_ref());
            let words = words(&status.node, active.or(reached.map(|it| it.id.as_str())));
            notify(&[NotifyState::Status(&words)]);
        }
        tokio::time::sleep(pause).await;
    }
}

/// One line for `systemctl status`.
fn words(node: &NodeState, mailserver: Option<&str>) -> String {
    match (node, mailserver) {
        (NodeState::Unreachable { .. }, _) => "the node is not reachable".to_owned(),
        (NodeState::LoggedOut, _) => "nobody is logged in to the node".to_owned(),
        (NodeState::Ready { .. }, Some(mailserver)) => format!("served by {mailserver}"),
        (NodeState::Ready { .. }, None) => "no mailserver answers".to_owned(),
    }
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "service manager");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_says_how_it_is() {
        let reason = "refused".to_owned();
        let away = NodeState::Unreachable { reason };
        assert_eq!(words(&away, Some("store")), "the node is not reachable");
        let out = words(&NodeState::LoggedOut, None);
        assert_eq!(out, "nobody is logged in to the node");
    }
}

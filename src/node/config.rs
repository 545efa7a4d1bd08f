//! The `[node]` part of the configuration.

use std::{ops::RangeInclusive, time::Duration};

use serde::{Deserialize, Serialize};
use url::Url;

/// How the node is reached and driven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where JSON-RPC calls are posted. Default: status-backend's `CallRPC` on port 12345.
    pub rpc_url: String,
    /// How signals reach the sidecar. Default: status-backend's socket on port 12345.
    pub signals: Signals,
    /// How the node is driven. Default: what the node's own answers say.
    pub mode: ConfiguredMode,
    /// The limit for one call, from connecting to the last byte of the answer; history, community and
    /// ping calls have their own. 100 ms to 10 min. Default: 30 s.
    #[serde(with = "humantime_serde")]
    pub rpc_timeout: Duration,
    /// The pause between two looks at the peer table while no signals arrive. 50 ms to 1 h. Default: 5 s,
    /// which is how often a node of 2024 sends its own summary.
    #[serde(with = "humantime_serde")]
    pub poll_interval: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            rpc_url: "http://127.0.0.1:12345/statusgo/CallRPC".into(),
            signals: Signals::Socket("ws://127.0.0.1:12345/signals".into()),
            mode: ConfiguredMode::Auto,
            rpc_timeout: Duration::from_secs(30),
            poll_interval: Duration::from_secs(5),
        }
    }
}

/// How signals reach the sidecar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Signals {
    /// A WebSocket at this URL is read.
    Socket(String),
    /// There are none: the peer table is asked for every `poll_interval`.
    Poll,
    /// The host application forwards each one to the control API.
    Push,
}

impl From<String> for Signals {
    fn from(text: String) -> Self {
        match text.as_str() {
            "poll" => Self::Poll,
            "push" => Self::Push,
            _ => Self::Socket(text),
        }
    }
}

impl From<Signals> for String {
    fn from(signals: Signals) -> Self {
        match signals {
            Signals::Socket(url) => url,
            Signals::Poll => "poll".into(),
            Signals::Push => "push".into(),
        }
    }
}

/// How the node is to be driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConfiguredMode {
    /// In the mode that its answers tell.
    Auto,
    /// As a classic waku v1 node, whatever it says.
    Waku1,
    /// As a classic waku v2 node, whatever it says.
    Waku2,
    /// Through its pin, whatever it says.
    Pin,
    /// Not at all: it is only watched.
    Observe,
}

/// A value that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {reason}")]
pub struct Invalid {
    /// The key, as it is written in the configuration: `node.rpc_url`.
    pub key: &'static str,
    /// The value, as it is written in the configuration.
    pub value: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Config {
    /// Checks what the types cannot.
    ///
    /// # Errors
    /// The first key whose value cannot be used.
    pub fn validate(&self) -> Result<(), Invalid> {
        check_url("node.rpc_url", &self.rpc_url, "http")?;
        if let Signals::Socket(url) = &self.signals {
            check_url("node.signals", url, "ws")?;
        }
        check_range(
            "node.rpc_timeout",
            self.rpc_timeout,
            Duration::from_millis(100)..=Duration::from_secs(600),
        )?;
        check_range(
            "node.poll_interval",
            self.poll_interval,
            Duration::from_millis(50)..=Duration::from_secs(3600),
        )
    }
}

fn check_url(key: &'static str, value: &str, scheme: &str) -> Result<(), Invalid> {
    let invalid = |reason: String| Invalid {
        key,
        value: value.into(),
        reason,
    };
    let url = Url::parse(value).map_err(|error| invalid(format!("not a URL: {error}")))?;
    let secure = format!("{scheme}s");
    if url.scheme() == secure && !cfg!(feature = "tls") {
        return Err(invalid(format!(
            "{secure} needs a build with the feature \"tls\""
        )));
    }
    if url.scheme() != scheme && url.scheme() != secure {
        let others = if scheme == "ws" {
            ", \"poll\" or \"push\""
        } else {
            ""
        };
        return Err(invalid(format!("must begin with {scheme}://{others}")));
    }
    match url.host_str() {
        Some(host) if !host.is_empty() => Ok(()),
        _ => Err(invalid("has no host".into())),
    }
}

/// Refuses a duration outside its range.
pub(crate) fn check_range(
    key: &'static str,
    value: Duration,
    range: RangeInclusive<Duration>,
) -> Result<(), Invalid> {
    if range.contains(&value) {
        return Ok(());
    }
    let (least, most) = (
        humantime::format_duration(*range.start()),
        humantime::format_duration(*range.end()),
    );
    let value = humantime::format_duration(value).to_string();
    Err(Invalid {
        key,
        value,
        reason: format!("must be from {least} to {most}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(toml: &str) -> Result<Config, String> {
        config::Config::builder()
            .add_source(config::File::from_str(toml, config::FileFormat::Toml))
            .build()
            .and_then(config::Config::try_deserialize)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn reads_the_documented_keys() {
        let config = read(
            "rpc_url = 'http://127.0.0.1:8545/'\nsignals = 'push'\nmode = 'waku2'\nrpc_timeout = '3s'\npoll_interval = '500ms'",
        )
        .unwrap();
        assert_eq!(config.signals, Signals::Push);
        assert_eq!(config.mode, ConfiguredMode::Waku2);
        assert_eq!(config.rpc_timeout, Duration::from_secs(3));
        assert_eq!(config.validate(), Ok(()));
        assert_eq!(Config::default().validate(), Ok(()));
        assert!(read("url = 'x'").unwrap_err().contains("unknown field"));
        assert!(read("mode = 'waku3'").unwrap_err().contains("waku3"));
    }

    #[test]
    fn refuses_what_cannot_work_naming_the_key() {
        let reason = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            let invalid = config.validate().unwrap_err();
            (invalid.key, invalid.reason)
        };
        assert_eq!(
            reason(|c| c.rpc_url = "ftp://x/".into()),
            ("node.rpc_url", "must begin with http://".into())
        );
        let (key, text) = reason(|c| c.signals = Signals::Socket("pull".into()));
        assert!(
            key == "node.signals" && text.contains("not a URL"),
            "{text}"
        );
        assert_eq!(
            reason(|c| c.rpc_timeout = Duration::ZERO).0,
            "node.rpc_timeout"
        );
        assert_eq!(
            reason(|c| c.poll_interval = Duration::from_secs(7200)).0,
            "node.poll_interval"
        );
        if !cfg!(feature = "tls") {
            assert!(
                reason(|c| c.rpc_url = "https://x/".into())
                    .1
                    .contains("tls")
            );
        }
    }
}

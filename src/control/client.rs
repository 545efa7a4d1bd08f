//! The other end of the control API: how the command line talks to a running sidecar.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    time::Duration,
};

use actix_web::http::{
    Method, StatusCode,
    header::{AUTHORIZATION, HeaderValue},
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::time::timeout;
use url::Url;
use zeroize::Zeroizing;

/// An answer may take this long, its body included: a change can wait for a disk.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);

/// A stream that is silent for longer than three of its keep-alive comments is dead.
const SILENCE_LIMIT: Duration = Duration::from_secs(45);

/// A status of 10,000 candidates fits; nothing larger is a sidecar's.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// A decision over 10,000 candidates fits.
const MAX_EVENT_BYTES: usize = 4 * 1024 * 1024;

/// Why a running sidecar did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody answers.
    #[error("no sidecar answers at {address}: {reason}")]
    Unreachable {
        /// The address that was tried.
        address: SocketAddr,
        /// What happened.
        reason: String,
    },
    /// Something answers that is no sidecar.
    #[error("what answers at {address} is no sidecar: {reason}")]
    Foreign {
        /// The address that was tried.
        address: SocketAddr,
        /// What is wrong with the answer.
        reason: String,
    },
    /// The sidecar refused.
    #[error("{reason}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The sidecar's reason.
        reason: String,
    },
}

/// A client of one sidecar. To be used inside a `LocalSet` (as everything under `actix_rt`).
pub struct Client {
    address: SocketAddr,
    http: awc::Client,
}

impl Client {
    /// A client of the sidecar whose `control.listen` this is.
    #[must_use]
    pub fn new(listen: SocketAddr) -> Self {
        // "All addresses" is where to listen, not where to connect.
        let ip = match listen.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        Self {
            address: SocketAddr::new(ip, listen.port()),
            http: awc::Client::builder().timeout(ANSWER_LIMIT).finish(),
        }
    }

    /// The same client, which shows this token.
    #[must_use]
    pub fn showing(self, token: &SecretString) -> Self {
        let shown = Zeroizing::new(format!("Bearer {}", token.expose_secret()));
        let Ok(mut header) = HeaderValue::from_str(&shown) else {
            // A token with which no sidecar can have been started.
            return self;
        };
        header.set_sensitive(true);
        let http = awc::Client::builder().timeout(ANSWER_LIMIT);
        let http = http.add_default_header((AUTHORIZATION, header)).finish();
        Self { http, ..self }
    }

    /// Sends a request to `/api/v1/…` and reads the answer; `Null` for one without a body.
    ///
    /// # Errors
    ///
    /// If nobody answers, or something else than a sidecar, or the sidecar refuses.
    pub async fn request(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&Value>,
    ) -> Result<Value, ClientError> {
        let request = self.http.request(method, self.url(path).as_str());
        let exchange = async {
            let sent = match body {
                Some(body) => request.send_json(body).await,
                None => request.send().await,
            };
            let mut response = sent.map_err(|error| self.unreachable(&error))?;
            let bytes = response.body().limit(MAX_ANSWER_BYTES).await;
            Ok((
                response.status(),
                bytes.map_err(|error| self.unreachable(&error))?,
            ))
        };
        let answer = timeout(ANSWER_LIMIT, exchange).await;
        let (status, bytes) = answer.map_err(|elapsed| self.unreachable(&elapsed))??;
        self.read(status, &bytes)
    }

    /// Opens the event stream: only new events, or first those after a sequence number.
    ///
    /// # Errors
    ///
    /// As [`Client::request`].
    pub async fn events(&self, after: Option<u64>) -> Result<Events, ClientError> {
        let mut request = self.http.get(self.url(&["events"]).as_str());
        if let Some(after) = after {
            request = request.insert_header(("last-event-id", after.to_string()));
        }
        let sent = timeout(ANSWER_LIMIT, request.send()).await;
        let sent = sent.map_err(|elapsed| self.unreachable(&elapsed))?;
        let mut response = sent.map_err(|error| self.unreachable(&error))?;
        if response.status() != StatusCode::OK {
            let bytes = timeout(ANSWER_LIMIT, response.body().limit(MAX_ANSWER_BYTES)).await;
            let bytes = bytes.map_err(|elapsed| self.unreachable(&elapsed))?;
            let bytes = bytes.map_err(|error| self.unreachable(&error))?;
            let refused = self.read(response.status(), &bytes).err();
            return Err(refused.unwrap_or_else(|| self.foreign(&"not an event stream")));
        }
        Ok(Events {
            address: self.address,
            chunks: Box::pin(response.map_err(|error| error.to_string())),
            frames: Frames::default(),
        })
    }

    fn read(&self, status: StatusCode, bytes: &[u8]) -> Result<Value, ClientError> {
        let body = match bytes {
            [] => Value::Null,
            bytes => serde_json::from_slice(bytes).map_err(|error| self.foreign(&error))?,
        };
        if status.is_success() {
            return Ok(body);
        }
        match body["detail"].as_str() {
            Some(reason) => Err(ClientError::Refused {
                status: status.as_u16(),
                reason: reason.to_owned(),
            }),
            None => Err(self.foreign(&format_args!("status {status}"))),
        }
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = Url::parse(&format!("http://{}/api/v1", self.address))
            .expect("a socket address is an authority");
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(path);
        }
        url
    }

    fn unreachable(&self, reason: &dyn ToString) -> ClientError {
        ClientError::Unreachable {
            address: self.address,
            reason: reason.to_string(),
        }
    }

    fn foreign(&self, reason: &dyn ToString) -> ClientError {
        ClientError::Foreign {
            address: self.address,
            reason: reason.to_string(),
        }
    }
}

/// An event as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// The sequence number.
    pub id: String,
    /// The name.
    pub name: String,
    /// The JSON text.
    pub data: String,
}

/// An open event stream.
pub struct Events {
    address: SocketAddr,
    chunks: Pin<Box<dyn Stream<Item = Result<Bytes, String>>>>,
    frames: Frames,
}

impl Events {
    /// The next event; `None` once the sidecar has ended the stream.
    ///
    /// # Errors
    ///
    /// If the connection broke or went silent.
    pub async fn next(&mut self) -> Result<Option<Received>, ClientError> {
        let unreachable = |reason: String| ClientError::Unreachable {
            address: self.address,
            reason,
        };
        loop {
            if let Some(event) = self.frames.take() {
                return Ok(Some(event));
            }
            if self.frames.pending.len() > MAX_EVENT_BYTES {
                return Err(unreachable("an event without end".to_owned()));
            }
            match timeout(SILENCE_LIMIT, self.chunks.next()).await {
                Ok(Some(Ok(chunk))) => self.frames.pending.extend_from_slice(&chunk),
                Ok(Some(Err(reason))) => return Err(unreachable(reason)),
                Ok(None) => return Ok(None),
                Err(elapsed) => return Err(unreachable(elapsed.to_string())),
            }
        }
    }
}

/// Cuts the stream into events.
#[derive(Default)]
struct Frames {
    pending: Vec<u8>,
}

impl Frames {
    fn take(&mut self) -> Option<Received> {
        while let Some(end) = self.pending.windows(2).position(|pair| pair == b"\n\n") {
            let frame: Vec<u8> = self.pending.drain(..end + 2).collect();
            let event = parse(&String::from_utf8_lossy(&frame));
            // Comments and `retry` alone are no event.
            if !event.data.is_empty() {
                return Some(event);
            }
        }
        None
    }
}

fn parse(frame: &str) -> Received {
    let mut event = Received::default();
    for line in frame.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => value.clone_into(&mut event.id),
            "event" => value.clone_into(&mut event.name),
            "data" => event.data.push_str(value),
            _ => {}
        }
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_cut_out_of_any_chunks() {
        let stream = "retry: 1000\n: connected\n\nid: 7\nevent: decision\ndata: {\"a\":1}\n\n: keep-alive\n\nid: 8\n\
                      event: online\ndata: {}\n\nid: 9\n";
        let mut frames = Frames::default();
        let mut events = Vec::new();
        for byte in stream.bytes() {
            frames.pending.push(byte);
            events.extend(frames.take());
        }
        let read: Vec<_> = events
            .iter()
            .map(|event| (event.id.as_str(), event.name.as_str(), event.data.as_str()))
            .collect();
        assert_eq!(
            read,
            [("7", "decision", "{\"a\":1}"), ("8", "online", "{}")]
        );
    }

    #[test]
    fn names_are_escaped_and_all_addresses_means_this_machine() {
        let client = Client::new("0.0.0.0:8765".parse().unwrap());
        let url = client.url(&["mailservers", "a/b c?ü"]);
        assert_eq!(
            url.as_str(),
            "http://127.0.0.1:8765/api/v1/mailservers/a%2Fb%20c%3F%C3%BC"
        );
        let client = Client::new("[::]:1".parse().unwrap());
        assert_eq!(client.url(&["pin"]).as_str(), "http://[::1]:1/api/v1/pin");
    }
}

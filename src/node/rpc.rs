//! JSON-RPC over HTTP, as status-backend (`/statusgo/CallRPC`) and the geth port of older nodes speak it.

use std::{rc::Rc, time::Duration};

use actors::model::node::NodeError;
use awc::http::Uri;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::node::{answer, config::Config, traffic::Counters};

/// The longest answer that is read, in bytes. History answers hold whole chats, so it is generous; what
/// is longer is a transport error, and its connection is dropped.
pub const LONGEST_ANSWER: usize = 8 * 1024 * 1024;

/// Where status-backend answers JSON-RPC, and what it is the last part of: its other endpoints lie beside it.
pub(crate) const CALL_RPC: &str = "/statusgo/CallRPC";
const BASE: &str = "/statusgo/";

/// Calls methods of the node. Clones share counters.
///
/// Each call has a connection of its own: they are rare, and one that the node closed meanwhile would
/// cost a call that may be needed at once.
#[derive(Clone)]
pub struct RpcClient {
    client: awc::Client,
    url: Uri,
    timeout: Duration,
    counters: Rc<Counters>,
}

impl RpcClient {
    /// A client for the node at `config.rpc_url`.
    ///
    /// # Errors
    /// The URL is not one that can be posted to.
    pub fn new(config: &Config) -> Result<Self, NodeError> {
        let url = config
            .rpc_url
            .parse()
            .map_err(|_| NodeError::Transport(format!("not a URL: {}", config.rpc_url)))?;
        // awc's own timeout ends with the head of an answer, so the one around the whole call replaces it.
        let client = awc::Client::builder()
            .disable_timeout()
            .disable_redirects()
            .finish();
        Ok(Self {
            client,
            url,
            timeout: config.rpc_timeout,
            counters: Rc::default(),
        })
    }

    /// The counters of everything that goes to and comes from the node.
    pub(crate) fn counters(&self) -> &Rc<Counters> {
        &self.counters
    }

    /// Calls a method within the configured limit; `params` is the array of its parameters.
    ///
    /// # Errors
    /// See [`NodeError`]; a result of another shape than `T` is a transport error.
    pub async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        params: Value,
    ) -> Result<T, NodeError> {
        self.call_with_timeout(method, params, self.timeout).await
    }

    /// Calls a method that has a limit of its own.
    ///
    /// # Errors
    /// As for [`RpcClient::call`].
    pub async fn call_with_timeout<T: DeserializeOwned>(
        &self,
        method: &str,
        params: Value,
        limit: Duration,
    ) -> Result<T, NodeError> {
        let sent = self.counters.call_sent();
        // The id is required by some nodes, ignored by others (recorded on status-go 2024-10).
        let body = serde_json::json!({"jsonrpc": "2.0", "id": sent.id, "method": method, "params": params});
        let call = self.post(self.url.clone(), body.to_string().into());
        let outcome = match tokio::time::timeout(limit, call).await {
            Ok(Ok(answer)) => answer
                .successful()
                .and_then(|body| answer::read(method, &body)),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(NodeError::Timeout(limit)),
        };
        sent.ended(method, &outcome);
        if let Err(error) = &outcome {
            tracing::debug!(method, %error, "rpc");
        }
        outcome
    }

    /// Posts to an endpoint beside `CallRPC`, within the configured limit, and reads the answer whatever its status.
    ///
    /// # Errors
    /// A transport error or a timeout. Nothing of the answer is quoted in it.
    pub(crate) async fn post_beside(
        &self,
        endpoint: &str,
        body: Bytes,
    ) -> Result<Answer, NodeError> {
        let sent = self.counters.call_sent();
        let outcome = match self.beside(endpoint) {
            Err(error) => Err(error),
            Ok(url) => tokio::time::timeout(self.timeout, self.post(url, body))
                .await
                .unwrap_or(Err(NodeError::Timeout(self.timeout))),
        };
        sent.ended(endpoint, &outcome);
        outcome
    }

    /// `…/statusgo/InitializeApplication` for `…/statusgo/CallRPC`.
    fn beside(&self, endpoint: &str) -> Result<Uri, NodeError> {
        let url = self.url.to_string();
        let base = url
            .strip_suffix(CALL_RPC)
            .map(|base| format!("{base}{BASE}{endpoint}"));
        base.and_then(|url| url.parse().ok())
            .ok_or_else(|| NodeError::Transport(format!("no {CALL_RPC} in {url}")))
    }

    /// Posts a request and reads the answer to its end.
    async fn post(&self, url: Uri, body: Bytes) -> Result<Answer, NodeError> {
        let request = self
            .client
            .post(url)
            // The geth port of v0.94 answers 415 to anything else.
            .content_type("application/json")
            .force_close()
            .send_body(body);
        let mut response = request
            .await
            .map_err(|error| NodeError::Transport(error.to_string()))?;
        let mut body = BytesMut::new();
        while let Some(chunk) = response.next().await {
            let chunk =
                chunk.map_err(|error| NodeError::Transport(format!("answer cut off: {error}")))?;
            if body.len() + chunk.len() > LONGEST_ANSWER {
                return Err(NodeError::Transport(format!(
                    "answer longer than {LONGEST_ANSWER} bytes"
                )));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status: response.status().as_u16(),
            body: body.freeze(),
        })
    }
}

/// A whole answer.
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The body, unless the status says that it is no answer.
    fn successful(self) -> Result<Bytes, NodeError> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        let excerpt = answer::excerpt(&self.body);
        let status = self.status;
        Err(NodeError::Transport(format!("HTTP {status}: {excerpt}")))
    }
}

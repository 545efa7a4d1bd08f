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
        let id = self.counters.call_sent();
        // The id is required by some nodes, ignored by others (recorded on status-go 2024-10).
        let body =
            serde_json::json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        let outcome = match tokio::time::timeout(limit, self.post(body.to_string())).await {
            Ok(Ok(body)) => answer::read(method, &body),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(NodeError::Timeout(limit)),
        };
        if let Err(error) = &outcome {
            self.counters.call_failed();
            tracing::debug!(method, %error, "rpc");
        }
        outcome
    }

    /// Posts a request and reads the answer to its end.
    async fn post(&self, body: String) -> Result<Bytes, NodeError> {
        let request = self
            .client
            .post(self.url.clone())
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
        if response.status().is_success() {
            return Ok(body.freeze());
        }
        let excerpt = answer::excerpt(&body);
        Err(NodeError::Transport(format!(
            "HTTP {}: {excerpt}",
            response.status().as_u16()
        )))
    }
}

//! Community requests: only for what the node does not know.

use std::time::Duration;

use actors::model::{
    address::Network,
    node::{CommunityAnswer, Generation, NodeError},
};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, json};

use crate::node::{detect::Driving, link::Link};

/// How long a community request may take: 15 s for one that nobody has (v0.94), 62 s without a
/// mailserver (2024-10), which is not waited for.
const TIMEOUT: Duration = Duration::from_secs(30);

/// One of the communities that a node knows, joined or not.
#[derive(Deserialize)]
struct Known {
    /// Its compressed public key in hexadecimal.
    #[serde(default)]
    id: String,
}

/// Asks for a community, unless the node knows it.
///
/// # Errors
/// As for [`RpcClient::call`](crate::node::RpcClient::call).
pub(crate) async fn request(
    link: &Link,
    driving: Driving,
    id: &str,
) -> Result<CommunityAnswer, NodeError> {
    let known = match is_known(link, id).await {
        // Asking a waku1 node for one that it knows makes every later history request hang (recorded on v0.94).
        Err(error) if driving.network == Network::Waku1 => return Err(error),
        Err(error) if error.is_absence() => return Err(error),
        known => known.unwrap_or(false),
    };
    // Null: it was asked before, and answers so from then on though it has found it (recorded on v0.94); or nobody has
    // it.
    let found = known
        || fetch(link, driving.generation, id).await?
        || is_known(link, id).await.unwrap_or(false);
    Ok(match found {
        true => CommunityAnswer::Found,
        false => CommunityAnswer::Unknown,
    })
}

/// Whether the node lists it; not if it has no list.
async fn is_known(link: &Link, id: &str) -> Result<bool, NodeError> {
    let list = link
        .rpc
        .call::<Option<Vec<Known>>>("wakuext_communities", json!([]));
    match list.await {
        Ok(list) => {
            let mut list = list.unwrap_or_default().into_iter();
            Ok(list.any(|known| known.id.eq_ignore_ascii_case(id)))
        }
        Err(NodeError::UnknownMethod(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Has the node ask its mailserver; whether it was found.
async fn fetch(link: &Link, generation: Generation, id: &str) -> Result<bool, NodeError> {
    let classic = ("wakuext_requestCommunityInfoFromMailserver", json!([id]));
    let modern = json!([{"communityKey": id, "tryDatabase": false, "waitForResponse": true}]);
    let modern = ("wakuext_fetchCommunity", modern);
    let (first, second) = match generation {
        Generation::Classic => (classic, modern),
        Generation::OwnCycle | Generation::PerQuery => (modern, classic),
    };
    let call = |(method, params): (&'static str, Value)| {
        link.rpc
            .call_with_timeout::<Option<IgnoredAny>>(method, params, TIMEOUT)
    };
    let answer = match call(first).await {
        Err(NodeError::UnknownMethod(_)) => call(second).await,
        answer => answer,
    };
    Ok(answer?.is_some())
}

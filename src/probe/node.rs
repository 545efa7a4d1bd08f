//! The node's own ping (classic nodes): a TCP connect from where the node is.

use std::{collections::BTreeSet, time::Duration};

use actors::model::{
    mailserver::Mailserver,
    node::NodeError,
    probe::{ProbeFailure, Stage},
};
use serde::Deserialize;
use serde_json::json;

use crate::node::RpcClient;

/// What the node may take beyond the limit that it was given: it answers when the last target has been
/// silent for that long (recorded on v0.94: 503 ms for a limit of 500).
const GRACE: Duration = Duration::from_secs(1);

/// Why a whole call came to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The node has no such method.
    #[error("the node has no ping")]
    Unable,
    /// Anything else.
    #[error("the node did not ping: {0}")]
    Call(NodeError),
}

/// Splits targets so that no call names a host and port twice: the node would give one answer for both
/// (recorded on v0.94).
pub(super) fn batches<T>(targets: Vec<(Mailserver, T)>) -> Vec<Vec<(Mailserver, T)>> {
    let mut batches: Vec<(BTreeSet<_>, Vec<_>)> = Vec::new();
    for target in targets {
        let place = target
            .0
            .address
            .endpoints()
            .first()
            .map(|first| (first.host.clone(), first.port));
        match batches
            .iter_mut()
            .find(|(places, _)| !places.contains(&place))
        {
            Some((places, batch)) => {
                places.insert(place);
                batch.push(target);
            }
            None => batches.push((BTreeSet::from([place]), vec![target])),
        }
    }
    batches.into_iter().map(|(_, batch)| batch).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    address: String,
    #[serde(default)]
    rtt_ms: Option<f64>,
    #[serde(default)]
    error: Option<String>,
}

/// Pings a batch; the outcomes in the order of the targets.
pub(super) async fn ask(
    rpc: &RpcClient,
    ping: &str,
    batch: &[Mailserver],
    timeout: Duration,
) -> Result<Vec<Result<Duration, ProbeFailure>>, Failure> {
    let addresses: Vec<&str> = batch.iter().map(|target| target.address.dial()).collect();
    // Whole milliseconds; a limit of 0 fails every target (recorded on v0.94).
    let limit = u64::try_from(timeout.as_millis())
        .unwrap_or(u64::MAX)
        .max(1);
    let query = json!([{"addresses": addresses, "timeoutMs": limit}]);
    match rpc
        .call_with_timeout::<Option<Vec<Answer>>>(ping, query, timeout + GRACE)
        .await
    {
        Ok(answers) => Ok(match_answers(
            &addresses,
            &answers.unwrap_or_default(),
            timeout,
        )),
        Err(NodeError::UnknownMethod(_)) => Err(Failure::Unable),
        Err(error) => Err(Failure::Call(error)),
    }
}

/// Answers come in any order (recorded on v0.94): they are matched by the text of the address.
fn match_answers(
    addresses: &[&str],
    answers: &[Answer],
    timeout: Duration,
) -> Vec<Result<Duration, ProbeFailure>> {
    let outcome = |address: &&str| match answers.iter().find(|answer| answer.address == *address) {
        Some(answer) => judge(answer, timeout),
        None => Err(ProbeFailure::Other("the node gave no answer for it".into())),
    };
    addresses.iter().map(outcome).collect()
}

fn judge(answer: &Answer, timeout: Duration) -> Result<Duration, ProbeFailure> {
    // 0 ms is a time: the unit is whole milliseconds.
    let rtt = answer
        .rtt_ms
        .map(|ms| Duration::try_from_secs_f64(ms / 1000.0));
    match (rtt, answer.error.as_deref().unwrap_or_default()) {
        (Some(Ok(rtt)), _) if rtt < timeout => Ok(rtt),
        (Some(Ok(_)), _) => Err(ProbeFailure::Silent(Stage::Connect)),
        (_, text) if text.contains("timeout") => Err(ProbeFailure::Silent(Stage::Connect)),
        (_, text) if text.contains("refused") => Err(ProbeFailure::Refused),
        (_, text) => Err(ProbeFailure::Other(text.chars().take(200).collect())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_in_any_order_with_every_kind_of_outcome() {
        let text = r#"[
            {"address":"d","rttMs":500,"error":null},
            {"address":"b","rttMs":null,"error":"tcp check timeout: I/O timeout"},
            {"address":"c","rttMs":null,"error":"connection refused"},
            {"address":"a","rttMs":0,"error":null},
            {"address":"e","rttMs":null,"error":"protocol not found in multiaddr"}]"#;
        let answers: Vec<Answer> = serde_json::from_str(text).unwrap();
        let outcomes = match_answers(
            &["a", "b", "c", "d", "e", "f"],
            &answers,
            Duration::from_millis(500),
        );
        assert_eq!(
            outcomes,
            [
                Ok(Duration::ZERO),
                Err(ProbeFailure::Silent(Stage::Connect)),
                Err(ProbeFailure::Refused),
                Err(ProbeFailure::Silent(Stage::Connect)),
                Err(ProbeFailure::Other(
                    "protocol not found in multiaddr".into()
                )),
                Err(ProbeFailure::Other("the node gave no answer for it".into())),
            ]
        );
    }
}

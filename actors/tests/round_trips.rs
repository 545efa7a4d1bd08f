//! How fast mailservers answered, as it is told.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use actix::Actor;
use actors::{
    Instant,
    messages::{
        round_trips::{GetRoundTrips, Sample},
        selection::Surveyed,
        watch::Measured,
    },
    model::{
        address::Address,
        candidate::Purpose,
        mailserver::Identity,
        probe::{ProbeFailure, Reply},
    },
    round_trips::RoundTripLog,
};

fn identity(number: u8) -> Identity {
    let id = format!("enode://{number:0>128x}@192.0.2.7:30303");
    let address: Address = id.parse().unwrap();
    address.identity().clone()
}

#[actix::test]
async fn rounds_and_the_watch_are_told_together() {
    tokio::time::pause();
    let log = RoundTripLog::default().start();
    let begun = Instant::now();
    let reply = |number, outcome| Reply {
        identity: identity(number),
        outcome,
    };
    log.send(Surveyed {
        round: 1,
        purpose: Purpose::Active,
        begun,
        replies: vec![
            reply(1, Ok(Duration::from_millis(40))),
            reply(2, Err(ProbeFailure::Refused)),
        ],
    })
    .await
    .unwrap();
    tokio::time::advance(Duration::from_secs(30)).await;
    log.send(Measured {
        identity: identity(1),
        rtt: Duration::from_millis(50),
        sent: Instant::now(),
    })
    .await
    .unwrap();
    let told = log.send(GetRoundTrips).await.unwrap();
    assert_eq!(told.answered.count(), 2, "silence takes no time");
    assert_eq!(told.answered.sum(), Duration::from_millis(90));
    let sample = |ago_ms, rtt_ms| Sample { ago_ms, rtt_ms };
    let first = [sample(30_000, Some(40.0)), sample(0, Some(50.0))];
    assert_eq!(told.recent[&identity(1)], first);
    assert_eq!(told.recent[&identity(2)], [sample(30_000, None)]);
}

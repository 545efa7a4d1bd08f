//! Up to when history is complete, and having it fetched.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use actors::{
    messages::journal::{Counts, Report},
    model::{
        mailserver::Identity,
        moment::Moment,
        window::{Attempt, Reason, Shortage, State, Window, WindowId},
    },
};
use serde_json::json;

use crate::{server::Server, stubs::Stub};

pub(crate) fn window(id: u64, from: Moment, state: State) -> Window {
    Window {
        id: WindowId(id),
        from,
        until: Some(from + Duration::from_secs(60)),
        reasons: BTreeSet::from([Reason::NodeOffline]),
        state,
        attempts: vec![Attempt {
            at: from,
            mailserver: Some("store-1".to_owned()),
            rewound: true,
            failure: Some("timed out".to_owned()),
            messages: 3,
        }],
        requests: 1,
        fetched_from: Vec::new(),
        audit: None,
        shortage: None,
    }
}

fn shortage() -> Shortage {
    Shortage {
        missing: 2,
        at: vec!["store-1".to_owned()],
        fetched_from: vec!["store-2".to_owned()],
    }
}

/// Two windows were fetched and are checked, of which one is the oldest of all; one has to be fetched.
pub(crate) fn report(now: Moment) -> Report {
    let ago = |seconds| now.before(Duration::from_secs(seconds));
    let wanted = vec![Identity::new("16Uiu2a")];
    let fetched = State::Fetched { at: ago(10) };
    Report {
        since: Some(ago(9000)),
        covered_until: Some(ago(900)),
        requesting: true,
        next_try_ms: Some(4000),
        open: vec![
            window(1, ago(900), fetched.clone()),
            window(2, ago(600), State::Open { wanted }),
            window(3, ago(300), fetched),
        ],
        recent: vec![Window {
            shortage: Some(shortage()),
            ..window(4, ago(2000), State::Covered { at: ago(1900) })
        }],
        counts: Counts {
            opened: 4,
            found_missing: 2,
            ..Counts::default()
        },
    }
}

async fn serve() -> (Server, Moment) {
    let now = Moment::from(SystemTime::now());
    let report = report(now);
    let stub = Stub {
        report,
        ..Stub::default()
    };
    (Server::start(stub).await, now)
}

#[actix::test]
async fn the_windows_are_told_with_what_became_of_them() {
    let (server, now) = serve().await;
    let history = server.get("/api/v1/history").await.json();
    assert!(history["now_ms"].as_u64() >= Some(now.as_millis()));
    let until = now.before(Duration::from_secs(900));
    assert_eq!(history["covered_until_ms"], json!(until));
    assert_eq!(history["next_try_ms"], 4000);
    let open = &history["open"][1];
    assert_eq!(open["reasons"], json!(["node_offline"]));
    let state = json!({ "state": "open", "wanted": ["16Uiu2a"] });
    assert_eq!(open["state"], state);
    assert_eq!(open["attempts"][0]["failure"], "timed out");
    assert_eq!(history["recent"][0]["state"]["state"], "covered");
    let shortage = json!({ "missing": 2, "at": ["store-1"], "fetched_from": ["store-2"] });
    assert_eq!(history["recent"][0]["shortage"], shortage);
    assert_eq!(history["counts"]["found_missing"], 2);
}

#[actix::test]
async fn status_and_metrics_tell_of_the_oldest_that_is_still_to_be_fetched() {
    let (server, now) = serve().await;
    let journal = server.get("/api/v1/status").await.json()["journal"].take();
    assert_eq!(
        (&journal["open"], &journal["being_checked"]),
        (&json!(1), &json!(2))
    );
    let oldest =
        json!({ "from_ms": now.before(Duration::from_secs(600)), "reasons": ["node_offline"] });
    assert_eq!(journal["oldest"], oldest);
    assert_eq!(journal["requesting"], true);
    let metrics = server.get("/metrics").await.body;
    for line in [
        "mailserver_sidecar_windows_open 1\n",
        "mailserver_sidecar_windows_being_checked 2\n",
        "mailserver_sidecar_windows_opened_total 4\n",
        "mailserver_sidecar_messages_found_missing_total 2\n",
    ] {
        assert!(metrics.contains(line), "{line}{metrics}");
    }
    let name = "\nmailserver_sidecar_oldest_open_window_seconds ";
    let age: f64 = metrics
        .split(name)
        .nth(1)
        .unwrap()
        .lines()
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert!(age >= 600.0, "{age}");
}

#[actix::test]
async fn a_period_is_asked_for_again() {
    let server = Server::start(Stub::default()).await;
    let hour = Duration::from_secs(3600);
    let from = Moment::from(SystemTime::now()).before(hour);
    let to = from + Duration::from_secs(60);
    let expected = format!("history {from} to {to}");
    let bodies = [
        json!({ "from": from.to_string(), "to": to.to_string() }),
        json!({ "from": from, "to": to }),
    ];
    for body in bodies {
        let answer = server.post("/api/v1/history", &body.to_string()).await;
        let accepted = json!({ "accepted": 1, "window": 7 });
        assert_eq!((answer.status, answer.json()), (202, accepted));
    }
    assert_eq!(server.heard(), [expected.clone(), expected]);
}

#[actix::test]
async fn a_period_that_makes_no_sense_is_refused() {
    let server = Server::start(Stub::default()).await;
    for (body, field) in [
        (json!({ "to": "2026-11-27T10:40:00Z" }), "`from`"),
        (json!({ "from": 1 }), "from: "),
        (json!({ "from": "yesterday" }), "from: "),
        (json!({ "from": 1, "until": 2 }), "`until`"),
    ] {
        let answer = server.post("/api/v1/history", &body.to_string()).await;
        assert_eq!((answer.status, &*answer.problem()), (400, "invalid"));
        let detail = answer.detail();
        assert!(detail.contains(field), "{detail}");
    }
    // A body of another type is not taken for none: something else was meant.
    let request = "POST /api/v1/history HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n{}";
    assert_eq!(server.raw(request).await.status, 415);
    assert!(server.heard().is_empty());
    let none = "POST /api/v1/history HTTP/1.1\r\nhost: localhost\r\n\r\n";
    assert_eq!(server.raw(none).await.status, 202);
    assert_eq!(server.heard(), ["history"]);
}

//! What can be asked of the service, and what it refuses.

use actors::messages::candidates::RegistryError;
use serde_json::json;

use crate::{
    server::Server,
    stubs::{STORE, Stub},
};

#[actix::test]
async fn signals_are_handed_on_in_push_only() {
    let server = Server::start(Stub::default()).await;
    let one = r#"{"type":"wakuv2.peerstats","event":{"peers":{}}}"#;
    let answer = server.post("/api/v1/signals", one).await;
    assert_eq!(
        (answer.status, answer.json()),
        (202, json!({ "accepted": 1 }))
    );
    let answer = server
        .post("/api/v1/signals", &format!("[{one},{one}]"))
        .await;
    assert_eq!(answer.json(), json!({ "accepted": 2 }));
    assert_eq!(
        server.heard(),
        [format!("signals {one}"), format!("signals {one} {one}")]
    );
    for body in ["", "{", "5", "[[]]", r#"{"event":1}"#, r#"[{"type":1}]"#] {
        let answer = server.post("/api/v1/signals", body).await;
        assert_eq!(
            (answer.status, answer.problem()),
            (400, "invalid".to_owned()),
            "{body}"
        );
    }
    assert_eq!(server.heard().len(), 2);
    let other = Server::start(Stub {
        polls: true,
        ..Stub::default()
    })
    .await;
    assert_eq!(other.post("/api/v1/signals", one).await.status, 409);
}

#[actix::test]
async fn bodies_have_a_type_and_a_limit() {
    let server = Server::start(Stub::default()).await;
    let huge = format!(
        r#"{{"type":"x","event":"{}"}}"#,
        "y".repeat(4 * 1024 * 1024)
    );
    let answer = server.post("/api/v1/signals", &huge).await;
    assert_eq!(
        (answer.status, answer.problem()),
        (413, "too_large".to_owned())
    );
    let large = format!(r#"{{"id":"{}"}}"#, "y".repeat(64 * 1024));
    assert_eq!(
        server.request("PUT", "/api/v1/pin", &large).await.status,
        413
    );
    let allowed = format!(r#"{{"type":"x","event":"{}"}}"#, "y".repeat(4_000_000));
    assert_eq!(server.post("/api/v1/signals", &allowed).await.status, 202);
    for (head, status) in [
        ("content-type: text/plain\r\n", 415),
        ("content-type: application/x-www-form-urlencoded\r\n", 415),
        ("", 415),
        ("content-type: Application/JSON; charset=utf-8\r\n", 202),
    ] {
        let body = r#"{"type":"x"}"#;
        let length = body.len();
        let request = format!(
            "POST /api/v1/signals HTTP/1.1\r\nhost: localhost\r\n{head}content-length: {length}\r\n\r\n{body}"
        );
        assert_eq!(server.raw(&request).await.status, status, "{head}");
    }
}

#[actix::test]
async fn mailservers_are_listed_added_and_removed() {
    let server = Server::start(Stub::default()).await;
    let list = server.get("/api/v1/mailservers").await.json();
    assert_eq!(
        (&list["fleet"], &list["mailservers"][0]["id"]),
        (&json!("status.prod"), &json!("store-1"))
    );
    assert_eq!(list["mailservers"][0]["pinned"], true);
    let body = json!({ "id": "mine", "address": STORE }).to_string();
    let added = server.post("/api/v1/mailservers", &body).await;
    assert_eq!(
        (
            added.status,
            added.json()["id"].clone(),
            added.json()["address"].clone()
        ),
        (201, json!("mine"), json!(STORE))
    );
    assert_eq!(
        server
            .request("DELETE", "/api/v1/mailservers/a%2Fb%20%C3%BC", "")
            .await
            .status,
        204
    );
    assert_eq!(server.heard(), ["add mine status.prod", "remove a/b ü"]);
    for body in [
        r#"{"id":"x"}"#,
        r#"{"id":"x","address":"a","port":1}"#,
        "[]",
    ] {
        assert_eq!(
            server.post("/api/v1/mailservers", body).await.status,
            400,
            "{body}"
        );
    }
}

#[actix::test]
async fn what_the_registry_refuses_is_told_by_status_and_reason() {
    let id = || "x".to_owned();
    for (error, status) in [
        (
            RegistryError::Address(
                "garbage"
                    .parse::<actors::model::address::Address>()
                    .unwrap_err()
                    .into(),
            ),
            400,
        ),
        (
            RegistryError::Id {
                id: id(),
                reason: "empty".to_owned(),
            },
            400,
        ),
        (RegistryError::Unknown(id()), 404),
        (
            RegistryError::NotAdded {
                id: id(),
                origin: "the fleet".to_owned(),
            },
            409,
        ),
        (RegistryError::Full(256), 507),
        (RegistryError::NotSaved("disk full".to_owned()), 500),
    ] {
        let reason = error.to_string();
        let server = Server::start(Stub {
            refuse: Some(error),
            ..Stub::default()
        })
        .await;
        for answer in [
            server
                .post(
                    "/api/v1/mailservers",
                    r#"{"id":"x","address":"a","fleet":"f"}"#,
                )
                .await,
            server.request("DELETE", "/api/v1/mailservers/x", "").await,
            server.request("PUT", "/api/v1/pin", r#"{"id":"x"}"#).await,
            server.request("DELETE", "/api/v1/pin", "").await,
        ] {
            assert_eq!(
                (answer.status, answer.detail()),
                (status, reason.to_string())
            );
        }
    }
}

#[actix::test]
async fn pin_history_and_communities_reach_their_actors() {
    let server = Server::start(Stub::default()).await;
    assert_eq!(
        server
            .request("PUT", "/api/v1/pin", r#"{"id":"store-1"}"#)
            .await
            .json()["id"],
        "store-1"
    );
    assert_eq!(
        server.request("DELETE", "/api/v1/pin", "").await.status,
        204
    );
    assert_eq!(server.post("/api/v1/history", "").await.status, 202);
    assert_eq!(
        server.post("/api/v1/communities/0x02ab", "").await.status,
        202
    );
    assert_eq!(server.post("/api/v1/communities/bad", "").await.status, 400);
    assert_eq!(
        server.post("/api/v1/communities/full", "").await.status,
        503
    );
    let heard = [
        "pin store-1",
        "unpin",
        "history",
        "community 0x02ab",
        "community bad",
        "community full",
    ];
    assert_eq!(server.heard(), heard);
}

//! What is served where a token is wanted, and to whom.

use std::{fs, os::unix::fs::PermissionsExt as _};

use mailserver_sidecar::{
    cli::{Command, CommandLine, run_remote},
    control::Gate,
    exit::{Exit, Failure},
    settings::{Listen, Settings},
};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{
    server::{Answer, EventLines, Server},
    stubs::{Stub, peer},
};

const TOKEN: &str = "a-token-of-some-length";

async fn guarded() -> (Server, Gate) {
    let gate = Gate::new(Some(&TOKEN.into()));
    let server = Server::start_with(Stub::default(), gate.clone()).await;
    (server, gate)
}

async fn ask(server: &Server, request: &str, header: &str) -> Answer {
    let head = format!("{request} HTTP/1.1\r\nhost: localhost\r\n{header}\r\n");
    server.raw(&head).await
}

fn bearer(token: &str) -> String {
    format!("authorization: Bearer {token}\r\n")
}

#[actix::test]
async fn nothing_is_told_or_done_without_the_token() {
    let (server, _) = guarded().await;
    for request in [
        "GET /api/v1/status",
        "GET /api/v1/events",
        "GET /api/v1/events/ws",
        "GET /api/v1/mailservers",
        "DELETE /api/v1/pin",
        "POST /api/v1/history",
        "POST /api/v1/session",
        "GET /metrics",
        "GET /nothing",
    ] {
        for shown in [
            String::new(),
            bearer("a-token-of-some-lengtH"),
            bearer("a-token-of-some-length-and-more"),
            bearer("a-token-of-some"),
            bearer(""),
            format!("authorization: Basic {TOKEN}\r\n"),
            format!("authorization: {TOKEN}\r\n"),
            format!(
                "cookie: mailserver-sidecar-{}={TOKEN}\r\n",
                server.address.port()
            ),
            format!("cookie: mailserver-sidecar-{}=\r\n", server.address.port()),
        ] {
            let answer = ask(&server, request, &shown).await;
            assert_eq!(answer.problem(), "no_token", "{request} {shown}");
            assert_eq!(answer.status, 401);
            assert!(answer.head.contains("\r\nwww-authenticate: bearer"));
        }
    }
    assert!(server.heard().is_empty());
    for scheme in ["Bearer", "bearer"] {
        let shown = format!("authorization: {scheme} {TOKEN}\r\n");
        let answer = ask(&server, "DELETE /api/v1/pin", &shown).await;
        assert_eq!(answer.status, 204);
    }
    assert_eq!(server.heard(), ["unpin", "unpin"]);
}

#[actix::test]
async fn whether_it_lives_is_told_to_everybody_and_nothing_else_by_any_spelling() {
    let (server, _) = guarded().await;
    for path in ["/", "/health/live", "/health/ready"] {
        let answer = ask(&server, &format!("GET {path}"), "").await;
        assert_eq!(answer.status, 200, "{path}");
    }
    for path in [
        "/%61pi/v1/status",
        "//api/v1/status",
        "/api//v1/status",
        "/./api/v1/status",
        "/assets/../api/v1/status",
        "/assets/%2e%2e/api/v1/status",
        "/health/live/../../api/v1/status",
        "/health/live%2f..%2f..%2fapi/v1/status",
        "/?/../api/v1/status",
        "http://localhost/api/v1/status",
    ] {
        let answer = ask(&server, &format!("GET {path}"), "").await;
        let told = answer.body.contains("\"mode\"");
        assert!(!told, "{path}: {}", answer.head);
    }
}

#[actix::test]
async fn a_page_opens_a_session_and_follows_the_events_with_its_cookie() {
    let (server, gate) = guarded().await;
    let opened = ask(&server, "POST /api/v1/session", &bearer(TOKEN)).await;
    assert_eq!(opened.status, 204);
    let cookie = opened
        .head
        .lines()
        .find_map(|it| it.strip_prefix("set-cookie: "));
    let cookie = cookie.unwrap();
    for attribute in ["path=/api/", "max-age=43200", "httponly", "samesite=strict"] {
        assert!(cookie.split("; ").any(|it| it == attribute), "{cookie}");
    }
    let (pair, _) = cookie.split_once(';').unwrap();
    let shown = format!("cookie: theme=dark; {pair}\r\n");
    let request = format!("GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n{shown}\r\n");
    let mut stream = EventLines::open(&server, &request).await;
    server.publish(peer("one")).await;
    assert_eq!(stream.event().await[0], "id: 1");
    let foreign = format!("{shown}origin: http://localhost:1\r\n");
    let answer = ask(&server, "DELETE /api/v1/pin", &foreign).await;
    assert_eq!(answer.problem(), "foreign_origin");
    assert_eq!(ask(&server, "DELETE /api/v1/pin", &shown).await.status, 204);

    let ended = ask(&server, "DELETE /api/v1/session", &shown).await;
    assert!(ended.head.contains("; max-age=0;"), "{}", ended.head);
    assert_eq!(ask(&server, "GET /api/v1/status", &shown).await.status, 401);

    let again = ask(&server, "POST /api/v1/session", &bearer(TOKEN)).await;
    let shown = again.head.lines().find_map(|it| it.strip_prefix("set-"));
    let shown = format!("{}\r\n", shown.unwrap().split_once(';').unwrap().0);
    assert_eq!(ask(&server, "GET /api/v1/status", &shown).await.status, 200);
    assert!(!gate.change(Some(&TOKEN.into())), "it is the same");
    assert_eq!(ask(&server, "GET /api/v1/status", &shown).await.status, 200);
    assert!(gate.change(Some(&"another-token-of-some-length".into())));
    for header in [shown, bearer(TOKEN)] {
        assert_eq!(
            ask(&server, "GET /api/v1/status", &header).await.status,
            401
        );
    }
}

#[actix::test]
async fn without_a_token_no_session_is_needed() {
    let server = Server::start(Stub::default()).await;
    let answer = server.post("/api/v1/session", "").await;
    assert_eq!(answer.problem(), "conflict");
}

#[actix::test]
async fn the_commands_show_the_token_and_tell_where_it_is_wanted() {
    let (server, _) = guarded().await;
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("token");
    fs::write(&path, TOKEN).unwrap();
    let mut settings = Settings::default();
    settings.control.listen = Listen::At(server.address);
    let none = status(&settings).await.unwrap_err();
    assert_eq!(none.exit, Exit::Unreachable);
    assert!(none.reason.contains("control.token_file=FILE"), "{none}");
    settings.control.token_file = path.clone();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let shared = status(&settings).await.unwrap_err();
    assert_eq!(shared.exit, Exit::Usage);
    let told = format!(
        "control.token_file = {}: readable by others",
        path.display()
    );
    assert!(shared.reason.starts_with(&told), "{shared}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    status(&settings).await.unwrap();
    fs::write(&path, "a-wrong-token-of-some-length").unwrap();
    let wrong = status(&settings).await.unwrap_err();
    assert_eq!(wrong.exit, Exit::Unreachable);
}

async fn status(settings: &Settings) -> Result<(), Failure> {
    let line = ["mailserver-sidecar", "status"].map(Into::into);
    let Command::Remote(command) = CommandLine::read(line).unwrap().wanted() else {
        panic!("status is remote")
    };
    run_remote(&command, settings).await
}

/// A client that is refused need not send what it announced.
#[actix::test]
async fn a_body_without_a_token_is_not_waited_for() {
    let (server, _) = guarded().await;
    let mut socket = server.connect().await;
    let head = "POST /api/v1/mailservers HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                content-length: 60000\r\n\r\n{";
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    socket.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 401");
}

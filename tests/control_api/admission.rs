//! Who gets in, and what is told to the rest.

use mailserver_sidecar::control;

use crate::{server::Server, stubs::Stub};

#[actix::test]
async fn foreign_hosts_and_origins_get_nothing() {
    let server = Server::start(Stub::default()).await;
    let port = server.address.port();
    for (head, status) in [
        (format!("GET /api/v1/status HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n"), 200),
        ("GET /api/v1/status HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned(), 200),
        (format!("GET /api/v1/status HTTP/1.1\r\nhost: localhost\r\norigin: http://localhost:{port}\r\n\r\n"), 200),
        (format!("GET http://127.0.0.1:{port}/api/v1/status HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n"), 200),
        (format!("GET /api/v1/status HTTP/1.1\r\nhost: evil.example:{port}\r\n\r\n"), 403),
        (format!("GET /api/v1/events HTTP/1.1\r\nhost: evil.example:{port}\r\n\r\n"), 403),
        (format!("GET http://evil.example:{port}/api/v1/status HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n"), 403),
        ("GET /api/v1/status HTTP/1.0\r\n\r\n".to_owned(), 403),
        ("GET /api/v1/status HTTP/1.1\r\nhost: 192.0.2.1\r\n\r\n".to_owned(), 403),
        ("GET /nothing HTTP/1.1\r\nhost: evil.example\r\n\r\n".to_owned(), 403),
        ("GET /api/v1/status HTTP/1.1\r\nhost: localhost\r\norigin: http://evil.example\r\n\r\n".to_owned(), 403),
        ("POST /api/v1/history HTTP/1.1\r\nhost: localhost\r\norigin: null\r\ncontent-length: 0\r\n\r\n".to_owned(), 403),
    ] {
        let answer = server.raw(&head).await;
        assert_eq!(answer.status, status, "{head}");
        assert!(status == 200 || answer.detail().len() > 5, "{head}");
    }
    assert!(server.heard().is_empty());
}

#[actix::test]
async fn whatever_is_not_there_is_told_in_json() {
    let server = Server::start(Stub::default()).await;
    let unknown = server.get("/api/v2/status").await;
    assert_eq!(
        (unknown.status, unknown.problem()),
        (404, "not_found".to_owned())
    );
    let method = server.post("/api/v1/status", "").await;
    assert_eq!(
        (method.status, method.problem()),
        (405, "method_not_allowed".to_owned())
    );
    assert!(server.get("/").await.body.contains("/assets/main.js"));
    let head = server
        .raw("HEAD /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[actix::test]
async fn a_port_in_use_is_named() {
    let server = Server::start(Stub::default()).await;
    let error = control::bind(server.address).await.unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("control.listen = {}: ", server.address)),
        "{error}"
    );
}

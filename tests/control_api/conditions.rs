//! Two writers of the list of mailservers (RFC 9110, 13).

use crate::{
    server::{Answer, Server},
    stubs::{STORE, Stub},
};

const LIST: &str = "/api/v1/mailservers";

/// Each way to change the list.
fn changes() -> [(&'static str, &'static str, String); 4] {
    [
        (
            "POST",
            LIST,
            format!(r#"{{"id":"mine","address":"{STORE}"}}"#),
        ),
        ("DELETE", "/api/v1/mailservers/mine", String::new()),
        ("PUT", "/api/v1/pin", r#"{"id":"store-1"}"#.to_owned()),
        ("DELETE", "/api/v1/pin", String::new()),
    ]
}

fn tag(answer: &Answer) -> String {
    let tag = answer.field("etag").unwrap().to_owned();
    assert!(tag.starts_with('"') && tag.len() > 2, "{tag}");
    tag
}

#[actix::test]
async fn of_two_writers_who_read_the_same_list_one_changes_it() {
    for (method, path, body) in changes() {
        let server = Server::start(Stub::default()).await;
        let read = tag(&server.get(LIST).await);
        let condition = format!("if-match: {read}\r\n");
        let write = || server.request_with(method, path, &condition, &body);
        let (one, other) = tokio::join!(write(), write());
        let mut answers = [one, other];
        answers.sort_by_key(|it| it.status);
        let [done, refused] = answers;
        assert!((200..300).contains(&done.status), "{done:?}");
        assert_eq!(
            (refused.status, refused.problem()),
            (412, "outdated".to_owned())
        );
        assert_eq!(server.heard().len(), 1, "{method} {path}");
        // The one whose change was made may go on from there.
        let written = tag(&done);
        assert_ne!(written, read);
        assert_eq!(written, tag(&server.get(LIST).await));
        let condition = format!("if-match: \"other\", {written}\r\n");
        let again = server.request_with(method, path, &condition, &body).await;
        assert_eq!(again.status, done.status);
    }
}

#[actix::test]
async fn whoever_names_no_list_changes_any() {
    for (method, path, body) in changes() {
        let server = Server::start(Stub::default()).await;
        for lines in ["", "if-match: *\r\n"] {
            let answer = server.request_with(method, path, lines, &body).await;
            assert!((200..300).contains(&answer.status), "{answer:?}");
            assert_eq!(tag(&answer), tag(&server.get(LIST).await));
        }
        assert_eq!(server.heard().len(), 2);
    }
}

#[actix::test]
async fn a_list_that_is_known_is_not_told_again() {
    let server = Server::start(Stub::default()).await;
    let tag = tag(&server.get(LIST).await);
    let condition = format!("if-none-match: {tag}\r\n");
    for method in ["GET", "HEAD"] {
        let known = server.request_with(method, LIST, &condition, "").await;
        assert_eq!((known.status, known.body.as_str()), (304, ""));
        assert_eq!(known.field("etag"), Some(tag.as_str()));
    }
    server.request("DELETE", "/api/v1/pin", "").await;
    let told = server.request_with("GET", LIST, &condition, "").await;
    assert_eq!(
        (told.status, told.json()["fleet"].as_str()),
        (200, Some("status.prod"))
    );
}

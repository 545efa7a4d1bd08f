//! The password, searched for in everything that the sidecar ever wrote.

use actors::model::node::Mode;
use mailserver_sidecar::sim::LoginFault;

use crate::login::rig::{PASSWORD, Rig, logged_out, node};

/// The password as it is, as JSON and Rust write it, and the middle of it, in case that its ends were cut off.
fn forms(password: &str) -> Vec<Vec<u8>> {
    let quoted = serde_json::Value::from(password).to_string();
    let twice = serde_json::Value::from(quoted.clone()).to_string();
    let middle = &password[2..password.len() - 2];
    let all = [
        password,
        quoted.trim_matches('"'),
        twice.trim_matches('"'),
        middle,
    ];
    let hexadecimal = password.bytes().map(|byte| format!("{byte:02x}"));
    let debugged = format!("{:?}", password.as_bytes());
    let mut all: Vec<Vec<u8>> = all.iter().map(|it| it.as_bytes().to_vec()).collect();
    all.push(hexadecimal.collect::<String>().into_bytes());
    all.push(debugged.trim_matches(['[', ']']).as_bytes().to_vec());
    all
}

async fn assert_unseen(it: &Rig, password: &str) {
    let everything = it.everything().await;
    assert!(everything.len() > 10, "the log, the state, the answers");
    for (place, content) in everything {
        for form in forms(password) {
            let mut windows = content.windows(form.len());
            let at = windows.position(|window| window == form);
            assert_eq!(at, None, "{place} has the password");
        }
        let words = b"abandon ability able";
        let found = content.windows(words.len()).any(|it| it == words);
        assert!(!found, "{place} has the mnemonic");
    }
}

#[actix::test]
async fn a_password_that_is_right_is_never_seen() {
    for mode in [Mode::Pin, Mode::Observe] {
        let it = Rig::serve(node(mode)).await;
        it.restart_node("while it was away").await;
        it.nothing_missing().await;
        it.outcome("logged in").await;
        assert_eq!(it.logins()[0].body["password"], PASSWORD);
        assert_unseen(&it, PASSWORD).await;
    }
}

#[actix::test]
async fn a_password_that_is_wrong_is_never_seen() {
    let wrong = r#"wr0ng"horse\battery"#;
    let it = Rig::serve_with(logged_out(), wrong, &[]).await;
    it.until("given up", |it| it["state"] == "given_up").await;
    assert_eq!(it.logins().len(), 3);
    assert_unseen(&it, wrong).await;
}

#[actix::test]
async fn a_password_that_is_hashed_is_never_seen_and_neither_is_its_hash() {
    let it = Rig::serve_with(logged_out(), "password", &["login.password_hash=keccak"]).await;
    it.outcome("given up").await;
    // keccak256("password")
    let hash = "0xb68fe43f0d1a0d7aef123722670be50268e15365401c442f8806ef83b612976b";
    assert_eq!(it.logins()[0].body["password"], hash);
    assert_unseen(&it, hash).await;
}

#[actix::test]
async fn a_password_that_was_sent_for_nothing_is_never_seen() {
    let it = Rig::serve(node(Mode::Pin)).await;
    it.nothing_missing().await;
    it.sim.set_login_fault(LoginFault::Locked);
    it.restart_node("while it was away").await;
    it.outcome("in use").await;
    it.sim.set_login_fault(LoginFault::Hangs);
    it.until("it goes on", |it| it["state"] == "logging_in")
        .await;
    it.sim.stop_node().await;
    it.outcome("went away").await;
    assert_unseen(&it, PASSWORD).await;
}

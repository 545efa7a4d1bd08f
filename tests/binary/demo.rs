//! The demonstration, as a new user runs it.

use crate::sidecar::run;

async fn succeeds(mode: &str) {
    let arguments = ["demo", "--mode", mode, "--speed", "20", "--seed", "1"];
    let (code, stdout, stderr) = run(&arguments).await;
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert_eq!(stderr, "", "nothing but the story is told");
    for line in stdout.lines() {
        assert!(line.chars().count() <= 80, "{line}");
        assert!(!line.contains('\u{1b}'), "not plain in a pipe: {line}");
    }
}

#[actix::test]
async fn waku1() {
    succeeds("waku1").await;
}

#[actix::test]
async fn waku2() {
    succeeds("waku2").await;
}

#[actix::test]
async fn pin() {
    succeeds("pin").await;
}

#[actix::test]
async fn observe() {
    succeeds("observe").await;
}

//! The demonstration, as a new user runs it.

use crate::sidecar::run;

const CHAPTER: &str = "\nmissed    ";

/// The chapter about what was missed, without line breaks.
async fn succeeds(mode: &str) -> String {
    let arguments = ["demo", "--mode", mode, "--speed", "20", "--seed", "1"];
    let (code, stdout, stderr) = run(&arguments).await;
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert_eq!(stderr, "", "nothing but the story is told");
    for line in stdout.lines() {
        assert!(line.chars().count() <= 80, "{line}");
        assert!(!line.contains('\u{1b}'), "not plain in a pipe: {line}");
    }
    let (_, chapter) = stdout.split_once(CHAPTER).expect("the chapter is told");
    let words: Vec<&str> = chapter.split_whitespace().collect();
    words.join(" ")
}

/// The parts are told in this order.
fn tells(chapter: &str, parts: &[&str]) {
    let mut left = chapter;
    for part in parts {
        let found = left.find(part);
        let at = found.unwrap_or_else(|| panic!("not told: {part}\n{chapter}"));
        left = &left[at + part.len()..];
    }
}

#[actix::test]
async fn waku1() {
    let parts = [
        "nobody can be asked which messages it holds: next is mail-",
        "| covered up to ",
        " open since ",
        "12 of 12 are there",
        "| covered up to now",
        "asked twice, then of mail-",
        "second opinion",
        "nothing was asked for twice without need",
    ];
    tells(&succeeds("waku1").await, &parts);
}

/// What a node is told whose mailservers can be compared.
const COMPARED: [&str; 9] = [
    "it is over: 8 of 12 are there, from store-",
    "fetched, being checked",
    " mailservers were compared: store-",
    "is short, 4 missing; next is store-",
    " open since ",
    "12 of 12 are there",
    "| covered up to now",
    "mailserver short",
    "nothing was asked for twice without need",
];

#[actix::test]
async fn waku2() {
    tells(&succeeds("waku2").await, &COMPARED);
}

#[actix::test]
async fn pin() {
    tells(&succeeds("pin").await, &COMPARED);
}

#[actix::test]
async fn observe() {
    let parts = [
        "missing, and nobody can find out",
        "12 of 12 are there",
        "| covered up to now",
        "asked twice, then of one that the node picked: asked for",
        "nothing was asked for twice without need",
    ];
    tells(&succeeds("observe").await, &parts);
}

/// Without a second opinion the first mailserver is believed, and the demonstration says what that costs.
#[actix::test]
async fn without_a_second_opinion_it_fails() {
    let unchecked = ["--set", "audit.enabled=false"];
    let arguments = ["demo", "--speed", "20", "--seed", "1"];
    let (code, stdout, stderr) = run(&[&arguments[..], &unchecked].concat()).await;
    assert_eq!(code, 70, "{stdout}{stderr}");
    let told = "4 missing, though the journal says covered";
    assert!(stderr.contains(told), "{stderr}");
}

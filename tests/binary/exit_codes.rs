//! How commands end, and whether their message says what is wrong.

use std::{net::TcpListener, path::Path};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{
    foreign_node::{ForeignNode, Generation},
    sidecar::{Sidecar, run, run_with},
    waiting::until,
};

/// Settings with which `run` would start.
fn startable(directory: &Path) -> Vec<String> {
    let state = directory.join("state");
    [
        "--set".into(),
        format!("state.dir={}", state.display()),
        "--set".into(),
        "control.listen=127.0.0.1:0".into(),
    ]
    .to_vec()
}

async fn fails(arguments: &[&str], code: i32, named: &[&str]) {
    let directory = TempDir::new().unwrap();
    let base = startable(directory.path());
    let base = base.iter().map(String::as_str);
    let all: Vec<&str> = base.chain(arguments.iter().copied()).collect();
    let (ended, stdout, stderr) = run(&all).await;
    assert_eq!(ended, code, "{arguments:?}: {stderr}");
    assert_eq!(stdout, "", "{arguments:?}");
    for text in named {
        assert!(
            stderr.contains(text),
            "{arguments:?}: no {text:?} in {stderr}"
        );
    }
    assert!(!stderr.contains("panicked"), "{stderr}");
}

#[actix::test]
async fn wrong_settings_are_64_and_named() {
    fails(&["--set", "cycle.tock=1s"], 64, &["cycle.tock", "--set"]).await;
    fails(&["--set", "cycle.tick=often"], 64, &["cycle.tick", "often"]).await;
    fails(&["--set", "cycle.tick=1ms"], 64, &["cycle.tick", "100ms"]).await;
    fails(&["--set", "cycle.tick"], 64, &["cycle.tick"]).await;
    fails(&["--set", "node.mode=waku3"], 64, &["node.mode", "waku3"]).await;
    fails(
        &["--set", "node.signals=ftp://x/"],
        64,
        &["node.signals", "ftp"],
    )
    .await;
    fails(
        &["--set", "control.listen=nowhere"],
        64,
        &["control.listen", "nowhere"],
    )
    .await;
    fails(&["--set", "ping.method=icmp"], 64, &["ping.method", "icmp"]).await;
    let fleet = "fleet.name=atlantis";
    fails(
        &["--set", fleet],
        64,
        &["fleet.name", "atlantis", "status.prod"],
    )
    .await;
    fails(
        &["--set", "fleet.file=/nonexistent/f.json"],
        64,
        &["/nonexistent/f.json"],
    )
    .await;
    fails(
        &["--config", "/nonexistent/c.toml"],
        64,
        &["/nonexistent/c.toml"],
    )
    .await;
    fails(&["--log", "[nonsense"], 64, &["--log", "[nonsense"]).await;
}

#[actix::test]
async fn wrong_files_are_64_and_named() {
    let directory = TempDir::new().unwrap();
    for (name, text, named) in [
        ("unknown.toml", "[cycle]\ntock = \"1s\"", "cycle.tock"),
        (
            "type.toml",
            "[cycle]\nreactive = \"perhaps\"",
            "cycle.reactive",
        ),
        ("syntax.toml", "[cycle\n", "syntax.toml"),
        ("section.toml", "cycle = 5", "cycle"),
    ] {
        let file = directory.path().join(name);
        std::fs::write(&file, text).unwrap();
        let file = file.to_str().unwrap();
        fails(&["--config", file], 64, &[name, named]).await;
        fails(&["--config", file, "check"], 64, &[name, named]).await;
    }
    let fleets = directory.path().join("fleets.json");
    for text in ["", "[]", "{\"a\": 5", "<html>"] {
        std::fs::write(&fleets, text).unwrap();
        let setting = format!("fleet.file={}", fleets.display());
        fails(&["--set", &setting], 64, &["fleets.json"]).await;
    }
}

#[actix::test]
async fn wrong_usage_is_64_and_help_is_0() {
    fails(&["--nonsense"], 64, &["--nonsense"]).await;
    fails(&["dance"], 64, &["dance"]).await;
    let (code, stdout, stderr) = run(&["--help"]).await;
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(stdout.contains("demo") && stdout.contains("simulate"));
    let (code, stdout, _) = run(&["check", "--json"]).await;
    assert_eq!(code, 0);
    let values: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert!(values.to_string().contains("cycle.tick"), "{values}");
}

#[actix::test]
async fn a_port_in_use_is_71() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("control.listen={}", taken.local_addr().unwrap());
    fails(&["--set", &listen], 71, &[&listen.replace('=', " = ")]).await;
}

#[actix::test]
async fn a_state_directory_in_use_is_71() {
    let node = ForeignNode::start(Generation::Waku2, 1);
    let directory = TempDir::new().unwrap();
    let _first = Sidecar::serve_in(directory.path(), &node, &[]).await;
    let state = format!("state.dir={}", directory.path().join("state").display());
    fails(&["--set", &state], 71, &["state.dir", "state"]).await;
}

#[actix::test]
async fn commands_for_a_sidecar_that_is_not_there_are_69() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let listen = format!("control.listen={address}");
    for command in ["status", "mailservers", "unpin", "events"] {
        let next = "mailserver-sidecar run";
        fails(&[command, "--set", &listen], 69, &[&address, next]).await;
    }
    fails(&["pin", "x", "--set", &listen], 69, &[&address]).await;
}

#[actix::test]
async fn commands_for_a_running_sidecar_are_answered() {
    let node = ForeignNode::start(Generation::Waku2, 3);
    let sidecar = Sidecar::serve(&node, &[]).await;
    let active = sidecar.settled(0).await;
    let listen = format!("control.listen={}", sidecar.address);
    let ask = async |arguments: &[&str]| {
        let all: Vec<&str> = arguments
            .iter()
            .copied()
            .chain(["--set", &listen])
            .collect();
        let (code, stdout, stderr) = run(&all).await;
        assert_eq!((code, &*stderr), (0, ""), "{arguments:?}: {stdout}");
        for line in stdout.lines().filter(|_| !arguments.contains(&"--json")) {
            assert!(line.chars().count() <= 80, "{line}");
        }
        stdout
    };
    assert!(ask(&["status"]).await.contains(&active));
    let status: serde_json::Value =
        serde_json::from_str(&ask(&["status", "--json"]).await).unwrap();
    assert_eq!(status["active"]["id"], *active);
    assert!(ask(&["mailservers"]).await.contains("rig-store-2"));
    ask(&["pin", "rig-store-1"]).await;
    ask(&["unpin"]).await;
    // On a terminal alone, of which a variable may speak, and never where nobody wants them.
    let forced = ("CLICOLOR_FORCE", "1");
    for (environment, command, coloured) in [
        (&[][..], &["status"][..], false),
        (&[forced], &["status"], true),
        (&[forced], &["status", "--json"], false),
        (&[forced, ("NO_COLOR", "1")], &["status"], false),
    ] {
        let all = [command, &["--set", &listen]].concat();
        let (_, stdout, _) = run_with(environment, &all).await;
        assert_eq!(
            stdout.contains('\u{1b}'),
            coloured,
            "{environment:?} {command:?}: {stdout}"
        );
    }
}

#[actix::test]
async fn the_command_line_tells_of_itself_whatever_the_settings_are() {
    let wrong = ["--set", "cycle.tick=often"];
    let ask = async |arguments: &[&str]| run(&[arguments, &wrong].concat()).await;
    let (code, stdout, stderr) = ask(&["completions", "bash"]).await;
    assert_eq!((code, &*stderr), (0, ""));
    assert!(stdout.contains("mailservers") && stdout.contains("--config"));
    let (code, stdout, stderr) = ask(&["man"]).await;
    assert_eq!((code, &*stderr), (0, ""));
    assert!(stdout.contains(".TH mailserver-sidecar 1"), "{stdout}");
    fails(&["completions", "cmd"], 64, &["cmd", "bash"]).await;
    fails(&["man", "--directory", "/nowhere"], 71, &["/nowhere"]).await;
}

/// The stream of events is open all the while.
#[actix::test]
async fn a_signal_ends_it_in_time_with_0() {
    let node = ForeignNode::start(Generation::Waku2, 3);
    let mut sidecar = Sidecar::serve(&node, &[]).await;
    sidecar.settled(0).await;
    let started = std::time::Instant::now();
    sidecar.terminate();
    assert_eq!(sidecar.ended().await.code(), Some(0), "{}", sidecar.log());
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
    assert!(!sidecar.log().contains("cut off"), "{}", sidecar.log());
}

#[actix::test]
async fn a_signal_ends_it_while_the_node_is_away() {
    let mut node = ForeignNode::start(Generation::Waku2, 3);
    node.stop().await;
    let mut sidecar = Sidecar::serve(&node, &[]).await;
    sidecar.terminate();
    assert_eq!(sidecar.ended().await.code(), Some(0));
}

#[actix::test]
async fn a_second_signal_ends_it_at_once() {
    let node = ForeignNode::start(Generation::Waku2, 3);
    let mut sidecar = Sidecar::serve(&node, &[]).await;
    sidecar.settled(0).await;
    // A request whose body never comes is waited for in the grace time.
    let mut slow = tokio::net::TcpStream::connect(&sidecar.address)
        .await
        .unwrap();
    let head = format!(
        "POST /api/v1/mailservers HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n",
        sidecar.address
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    // Until then the server may know nothing of it, and would not wait.
    let mut invited = [0; 12];
    slow.read_exact(&mut invited).await.unwrap();
    assert_eq!(&invited, b"HTTP/1.1 100");
    sidecar.terminate();
    until("it is stopping", || sidecar.log().contains("stopping")).await;
    sidecar.terminate();
    assert_eq!(sidecar.ended().await.code(), Some(128 + 15));
}

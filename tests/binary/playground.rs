//! The playground, as a newcomer runs it: a simulated node, a sidecar beside it, and mailservers that are broken.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Child, Command},
    time::Duration,
};

use tempfile::TempDir;

use crate::{
    sidecar::{Event, PROGRAM, Sidecar, run},
    waiting::{LONG, until},
};

/// A playground, and where it writes.
struct Rig {
    sidecar: Sidecar,
    directory: TempDir,
}

impl Rig {
    /// Starts one on a free port.
    async fn start(arguments: &[&str]) -> Self {
        let listen = ["--set", "control.listen=127.0.0.1:0"];
        Self::start_as_it_is(&[arguments, &listen].concat()).await
    }

    async fn start_as_it_is(arguments: &[&str]) -> Self {
        let directory = TempDir::new().unwrap();
        let command = command(directory.path(), arguments);
        let sidecar = Sidecar::start(directory.path(), command).await;
        let rig = Self { sidecar, directory };
        let introduced = || rig.stdout().contains("Ctrl-C ends it.");
        until("it is introduced", introduced).await;
        rig
    }

    fn stdout(&self) -> String {
        stdout(self.directory.path())
    }

    /// Runs a command against it, which has to succeed.
    async fn does(&self, arguments: &[&str]) -> String {
        let (code, stdout, stderr) = self.runs(arguments).await;
        assert_eq!(code, 0, "{arguments:?}: {stderr}");
        stdout
    }

    async fn runs(&self, arguments: &[&str]) -> (i32, String, String) {
        let listen = format!("control.listen={}", self.sidecar.address);
        run(&[arguments, &["--set", &listen]].concat()).await
    }

    /// Waits until nothing of what was sent is missing.
    async fn has_every_message(&self) {
        let complete = async {
            loop {
                let all = self.sidecar.get("/api/v1/playground").await;
                if all["messages"]["sent"] != 0 && all["messages"]["missing"] == 0 {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let waited = tokio::time::timeout(LONG, complete).await;
        waited.expect("the node has every message");
    }

    async fn active(&self) -> String {
        let status = self.sidecar.status().await;
        status["active"]["id"].as_str().unwrap().to_owned()
    }
}

/// `simulate`, with its temporary files below this directory.
fn command(directory: &Path, arguments: &[&str]) -> Command {
    fs::create_dir(directory.join("tmp")).unwrap();
    let mut command = Command::new(PROGRAM);
    command.arg("simulate").args(arguments);
    command.env("TMPDIR", directory.join("tmp"));
    command
}

fn stdout(directory: &Path) -> String {
    fs::read_to_string(directory.join("stdout")).unwrap_or_default()
}

/// How many temporary files there are.
fn temporary(directory: &Path) -> usize {
    fs::read_dir(directory.join("tmp")).unwrap().count()
}

fn is_available_elsewhere(event: &Event, lost: &str) -> bool {
    event.name == "mailserverAvailable" && event.mailserver().is_some_and(|it| it != lost)
}

/// The active mailserver is broken, another is used, and it is mended.
async fn survives(mode: &str, fault: &str) {
    let rig = Rig::start(&["--mode", mode]).await;
    let lost = rig.sidecar.settled(0).await;
    let name = lost.strip_suffix(".sim.test").unwrap();
    let before = rig.sidecar.now();
    let told = rig.does(&["simulate", "break", name, fault]).await;
    assert!(told.contains(name) && told.contains(fault), "{told}");
    let other = |it: &Event| is_available_elsewhere(it, &lost);
    rig.sidecar
        .event(before, "another is available", other)
        .await;
    assert_ne!(rig.active().await, lost);
    rig.has_every_message().await;
    let shown = |state: &str| format!("{name:<11}{state}\n");
    assert!(
        rig.does(&["simulate", "show"])
            .await
            .contains(&shown(fault))
    );
    rig.does(&["simulate", "revive", name]).await;
    let all = rig.does(&["simulate", "show"]).await;
    assert!(all.contains(&shown("well")), "{all}");
    assert!(all.contains(", used by the node"), "{all}");
}

#[actix::test]
async fn waku1() {
    survives("waku1", "killed").await;
}

#[actix::test]
async fn waku2() {
    survives("waku2", "hung").await;
}

#[actix::test]
async fn pin() {
    survives("pin", "isolated").await;
}

#[actix::test]
async fn a_deaf_mailserver_is_left_once_history_is_wanted_of_it() {
    let rig = Rig::start(&["--set", "history.retry_initial=100ms"]).await;
    let lost = rig.sidecar.settled(0).await;
    rig.does(&["simulate", "break", &lost, "deaf"]).await;
    assert_eq!(rig.active().await, lost);
    let before = rig.sidecar.now();
    rig.does(&["history", "fetch"]).await;
    assert_ne!(rig.sidecar.settled(before).await, lost);
}

#[actix::test]
async fn a_node_that_comes_back_logged_out_is_logged_in() {
    let rig = Rig::start(&["--mode", "observe", "--set", "cycle.tick=300ms"]).await;
    rig.sidecar
        .event(0, "history is completed", completed)
        .await;
    let before = rig.sidecar.now();
    rig.does(&["simulate", "break", "node", "stopped"]).await;
    let missed = |it: &Event| it.name == "window:opened";
    rig.sidecar
        .event(before, "the node is missed", missed)
        .await;
    let before = rig.sidecar.now();
    rig.does(&["simulate", "revive", "node"]).await;
    rig.sidecar
        .event(before, "history is completed", completed)
        .await;
    let all = rig.does(&["simulate", "show"]).await;
    assert!(all.starts_with("node       well, observe, "), "{all}");
}

fn completed(event: &Event) -> bool {
    event.name == "history:completed"
}

#[actix::test]
async fn a_newcomer_is_told_what_to_do_and_nothing_stays_behind() {
    let mut rig = Rig::start(&["--mailservers", "5"]).await;
    let told = rig.stdout();
    for line in told.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let (page, port) = (rig.sidecar.url("/"), &rig.sidecar.address);
    for part in [
        "5 mailservers",
        &page,
        "mailserver-sidecar simulate break store-03 hung",
        &format!("--set control.listen={port}"),
    ] {
        assert!(told.contains(part), "no {part} in {told}");
    }
    assert_eq!(temporary(rig.directory.path()), 1);
    rig.sidecar.terminate();
    assert_eq!(rig.sidecar.ended().await.code(), Some(0));
    assert_eq!(temporary(rig.directory.path()), 0);
}

#[actix::test]
async fn a_port_in_use_is_left_to_who_has_it_unless_it_was_named() {
    // If it is taken already, so much the better.
    let _taken = TcpListener::bind("127.0.0.1:8765");
    let rig = Rig::start_as_it_is(&[]).await;
    assert_ne!(rig.sidecar.address, "127.0.0.1:8765");
    let address = format!("control.listen={}", rig.sidecar.address);
    assert!(rig.stdout().contains(&address));
    let (code, stdout, stderr) = run(&["simulate", "--set", &address]).await;
    assert_eq!((code, &*stdout), (71, ""), "{stderr}");
    assert!(stderr.contains(&rig.sidecar.address), "{stderr}");
}

#[actix::test]
async fn wrong_words_are_64_with_the_right_ones() {
    let rig = Rig::start(&[]).await;
    for (wrong, named) in [
        (["break", "store-99", "hung"], "store-01, store-02"),
        (["break", "store-01", "tired"], "isolated"),
        (["break", "store-01", "offline"], "isolated"),
        (["break", "node", "hung"], "logged-out"),
    ] {
        let (code, stdout, stderr) = rig.runs(&[&["simulate"], &wrong[..]].concat()).await;
        assert_eq!((code, &*stdout), (64, ""), "{wrong:?}");
        assert!(stderr.contains(named), "{wrong:?}: {stderr}");
    }
    let off = ["simulate", "--set", "control.listen=off"];
    let (code, _, stderr) = run(&off).await;
    assert_eq!(code, 64);
    assert!(stderr.contains("--alone"), "{stderr}");
    let (code, _, _) = run(&["simulate", "--alone", "show"]).await;
    assert_eq!(code, 64);
}

/// A process that is killed when it is dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[actix::test]
async fn a_node_alone_tells_how_to_run_a_sidecar_beside_it() {
    let directory = TempDir::new().unwrap();
    let mut command = command(directory.path(), &["--alone", "--mailservers", "3"]);
    let output = fs::File::create(directory.path().join("stdout")).unwrap();
    let mut alone = Killed(command.stdout(output).spawn().unwrap());
    let introduced = || stdout(directory.path()).contains("Ctrl-C ends it.");
    until("it is introduced", introduced).await;
    let told = stdout(directory.path());
    let begin = "A simulated node with 3 mailservers (store-01.sim.test …). Beside it, run:\n\n\
                 mailserver-sidecar --set node.rpc_url=http://127.0.0.1:";
    assert!(told.starts_with(begin), "{told}");
    let layers: Vec<&str> = told
        .split_whitespace()
        .filter(|it| it.contains('='))
        .collect();
    let settings = layers.iter().flat_map(|it| ["--set", *it]);
    // What is told is enough.
    let beside = TempDir::new().unwrap();
    let mut command = Command::new(PROGRAM);
    let state = format!("state.dir={}", beside.path().join("state").display());
    command.args(settings);
    command.args(["--set", &state, "--set", "control.listen=127.0.0.1:0"]);
    let sidecar = Sidecar::start(beside.path(), command).await;
    sidecar.settled(0).await;
    let (code, _) = sidecar.request("GET", "/api/v1/playground", "").await;
    assert_eq!(code, 404);
    let kill = format!("kill -TERM {}", alone.0.id());
    let done = Command::new("sh").args(["-c", &kill]).status().unwrap();
    assert!(done.success());
    let ended = || alone.0.try_wait().unwrap().is_some();
    until("it ends", ended).await;
    assert_eq!(temporary(directory.path()), 0);
}

//! Beside a service manager: what it is told, and what becomes of `SIGHUP`. systemd listens on a datagram socket.

use std::{
    fs,
    os::unix::{fs::PermissionsExt as _, net::UnixDatagram},
    path::Path,
};

use awc::Client;
use tempfile::TempDir;

use crate::{
    foreign_node::{ForeignNode, Generation},
    sidecar::{self, Sidecar},
    waiting::until,
};

/// The key that names it.
const TOKEN_FILE: &str = "control.token_file";

/// What was told so far.
struct Manager {
    socket: UnixDatagram,
    told: Vec<String>,
}

impl Manager {
    fn listen(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).unwrap();
        socket.set_nonblocking(true).unwrap();
        let told = Vec::new();
        Self { socket, told }
    }

    async fn hears(&mut self, line: &str) {
        until(line, || {
            let mut datagram = [0; 4096];
            while let Ok(length) = self.socket.recv(&mut datagram) {
                let text = String::from_utf8_lossy(&datagram[..length]);
                self.told.extend(text.lines().map(str::to_owned));
            }
            self.told.iter().any(|it| it.starts_with(line))
        })
        .await;
    }

    /// How often it was told something so far.
    fn count(&self, line: &str) -> usize {
        self.told.iter().filter(|it| *it == line).count()
    }
}

async fn start(directory: &Path, node: &ForeignNode, configuration: &Path) -> Sidecar {
    let mut command = sidecar::command(directory, node, &[]);
    command
        .env("NOTIFY_SOCKET", directory.join("notify"))
        // The loop is looked at four times as often as it must give a sign of life.
        .env("WATCHDOG_USEC", "2000000")
        .arg("--config")
        .arg(configuration);
    Sidecar::start(directory, command).await
}

#[actix::test]
async fn systemd_is_told_that_it_is_up_that_it_lives_and_that_it_ends() {
    let directory = TempDir::new().unwrap();
    let configuration = directory.path().join("sidecar.toml");
    fs::write(&configuration, "").unwrap();
    let mut manager = Manager::listen(&directory.path().join("notify"));
    let node = ForeignNode::start(Generation::Waku2, 3);
    let mut sidecar = start(directory.path(), &node, &configuration).await;
    manager.hears("READY=1").await;
    manager.hears("WATCHDOG=1").await;
    manager.hears("STATUS=served by ").await;
    assert_eq!(manager.count("STOPPING=1"), 0);
    sidecar.terminate();
    manager.hears("STOPPING=1").await;
    assert!(sidecar.ended().await.success());
}

#[actix::test]
async fn a_hangup_takes_over_what_can_be_and_names_the_rest() {
    let directory = TempDir::new().unwrap();
    let configuration = directory.path().join("sidecar.toml");
    fs::write(&configuration, "[ping]\ntimeout = \"500ms\"\n").unwrap();
    let mut manager = Manager::listen(&directory.path().join("notify"));
    let node = ForeignNode::start(Generation::Waku2, 3);
    let sidecar = start(directory.path(), &node, &configuration).await;
    // Whose fleet is known then.
    manager.hears("STATUS=served by ").await;
    let changed = format!(
        "[ping]\ntimeout = \"400ms\"\n[[mailservers]]\nid = \"mine\"\nname = \"\"\nfleet = \"{}\"\naddress = \"{}\"\n",
        sidecar.status().await["fleet"].as_str().unwrap(),
        "/ip4/127.0.0.1/tcp/1/p2p/16Uiu2HAmRUBhDKZTTx1LAZnkEHrVcxvQEUTNSrt15B3wUATo7TvM",
    );
    fs::write(&configuration, changed).unwrap();
    sidecar.signal("HUP");
    manager.hears("RELOADING=1").await;
    until("it tells what it took over", || {
        let log = sidecar.log();
        log.contains("read again, and in effect") && log.contains("mailservers[0].address")
    })
    .await;
    let log = sidecar.log();
    let line = log.lines().find(|it| it.contains("only after a restart"));
    assert!(line.unwrap().contains("ping.timeout"), "{log}");
    let listed = sidecar.get("/api/v1/mailservers").await.to_string();
    assert!(listed.contains("\"mine\""), "{listed}");

    // What is wrong changes nothing.
    fs::write(&configuration, "[ping]\ntimeot = \"1s\"\n").unwrap();
    sidecar.signal("HUP");
    until("it tells what is wrong", || {
        sidecar.log().contains("all stays as it was")
    })
    .await;
    assert!(sidecar.log().contains("timeot"));
    let listed = sidecar.get("/api/v1/mailservers").await.to_string();
    assert!(listed.contains("\"mine\""), "{listed}");
}

#[actix::test]
async fn a_hangup_has_a_token_wanted_and_not_wanted_any_more() {
    let directory = TempDir::new().unwrap();
    let configuration = directory.path().join("sidecar.toml");
    fs::write(&configuration, "").unwrap();
    let node = ForeignNode::start(Generation::Waku2, 3);
    let sidecar = start(directory.path(), &node, &configuration).await;
    let token = directory.path().join("token");
    fs::write(&token, "a-token-of-some-length").unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    let named = format!("[control]\ntoken_file = \"{}\"\n", token.display());
    for (content, status, told) in [(named.as_str(), 401, 1), ("", 200, 2)] {
        fs::write(&configuration, content).unwrap();
        sidecar.signal("HUP");
        until("it tells that the token is another", || {
            let log = sidecar.log();
            let lines = log.lines().filter(|it| it.contains("in effect"));
            lines.filter(|it| it.contains(TOKEN_FILE)).count() == told
        })
        .await;
        let answer = Client::new().get(sidecar.url("/api/v1/status")).send();
        assert_eq!(answer.await.unwrap().status().as_u16(), status);
    }
}

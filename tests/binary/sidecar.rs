//! The real binary as a process, and its control API as a client sees it.

use std::{
    cell::RefCell,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus},
    rc::Rc,
    time::Duration,
};

use awc::Client;
use futures_util::StreamExt as _;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    foreign_node::{ForeignNode, Generation},
    waiting::{LONG, until},
};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_mailserver-sidecar");

/// A sidecar that runs; killed when dropped.
pub(crate) struct Sidecar {
    process: Child,
    log: PathBuf,
    pub(crate) address: String,
    client: Client,
    events: Rc<RefCell<Vec<Event>>>,
    _directory: Option<TempDir>,
}

/// An event as it came over the wire.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) data: Value,
}

impl Event {
    /// `mailserver:changed rig-store-1`, `mailserver:changed null`, `history:completed rig-store-1`.
    pub(crate) fn told(&self) -> String {
        match self.data["mailserver"]["id"].as_str() {
            Some(id) => format!("{} {id}", self.name),
            None if self.name == "mailserver:changed" => format!("{} null", self.name),
            None => self.name.clone(),
        }
    }

    /// Whose event it is.
    pub(crate) fn mailserver(&self) -> Option<&str> {
        self.data["mailserver"]["id"].as_str()
    }
}

impl Sidecar {
    /// Serves a node, in a directory that is gone afterwards.
    pub(crate) async fn serve(node: &ForeignNode, settings: &[&str]) -> Self {
        let directory = TempDir::new().unwrap();
        let mut sidecar = Self::serve_in(directory.path(), node, settings).await;
        sidecar._directory = Some(directory);
        sidecar
    }

    /// Serves a node, with its state in this directory.
    pub(crate) async fn serve_in(directory: &Path, node: &ForeignNode, settings: &[&str]) -> Self {
        Self::start(directory, command(directory, node, settings)).await
    }

    /// Starts a command that serves, with what it writes in this directory.
    pub(crate) async fn start(directory: &Path, mut command: Command) -> Self {
        let log = directory.join("log");
        let process = command
            .stdout(fs::File::create(directory.join("stdout")).unwrap())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut sidecar = Self {
            process,
            log,
            address: String::new(),
            client: Client::builder().timeout(LONG).finish(),
            events: Rc::default(),
            _directory: None,
        };
        sidecar.find_address().await;
        sidecar.listen().await;
        sidecar
    }

    /// The port that the system chose is in the log.
    async fn find_address(&mut self) {
        let mut found = None;
        until("the control API is open", || {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            let line = log
                .lines()
                .find(|it| it.contains("control API open") && it.contains("address="));
            found = line.map(|line| line.rsplit("address=").next().unwrap_or("").to_owned());
            found.is_some()
        })
        .await;
        self.address = found.unwrap_or_default().trim().to_owned();
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Collects every event from the first.
    async fn listen(&self) {
        let events = self.events.clone();
        let request = self.client.get(self.url("/api/v1/events"));
        let request = request.insert_header(("last-event-id", "0"));
        let mut response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        actix_web::rt::spawn(async move {
            let mut text = String::new();
            while let Some(Ok(chunk)) = response.next().await {
                text.push_str(&String::from_utf8_lossy(&chunk));
                while let Some((frame, rest)) = text.split_once("\n\n") {
                    events.borrow_mut().extend(read_event(frame));
                    text = rest.to_owned();
                }
            }
        });
    }

    /// Every event so far.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.borrow().clone()
    }

    /// All events of these names so far.
    pub(crate) fn told(&self, names: &[&str]) -> Vec<String> {
        let events = self.events.borrow();
        let wanted = events.iter().filter(|it| names.contains(&&*it.name));
        wanted.map(Event::told).collect()
    }

    /// The history of the active mailserver.
    pub(crate) fn changes(&self) -> Vec<String> {
        self.told(&["mailserver:changed"])
    }

    /// Waits for an event after the first `after` of them, and returns it.
    pub(crate) async fn event(
        &self,
        after: usize,
        what: &str,
        wanted: impl Fn(&Event) -> bool,
    ) -> Event {
        let mut found = None;
        let find = || {
            let events = self.events.borrow();
            found = events.iter().skip(after).find(|it| wanted(it)).cloned();
            found.is_some()
        };
        let waiting = until(what, find);
        // What happened instead is what a failing test has to tell.
        let told = Told(self);
        waiting.await;
        told.forget();
        found.expect("waited for")
    }

    /// Waits until history was completed after the first `after` events; the mailserver that is in use.
    pub(crate) async fn settled(&self, after: usize) -> String {
        let done = |it: &Event| it.name == "history:completed";
        let event = self.event(after, "history is completed", done).await;
        event.mailserver().unwrap().to_owned()
    }

    /// A count of everything that was told so far, for [`Self::event`].
    pub(crate) fn now(&self) -> usize {
        self.events.borrow().len()
    }

    pub(crate) async fn status(&self) -> Value {
        self.get("/api/v1/status").await
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let mut response = self.client.get(self.url(path)).send().await.unwrap();
        response.json().limit(1 << 20).await.unwrap()
    }

    /// Sends a request with a JSON body; status and text of the answer.
    pub(crate) async fn request(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let headers = [("content-type", "application/json")];
        self.request_with(method, path, &headers, body).await
    }

    pub(crate) async fn request_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (u16, String) {
        let mut request = self.client.request(method.parse().unwrap(), self.url(path));
        for header in headers {
            request = request.insert_header(*header);
        }
        let mut response = request.send_body(body.to_owned()).await.unwrap();
        let text = response.body().limit(1 << 20).await.unwrap();
        let text = String::from_utf8(text.to_vec()).unwrap();
        (response.status().as_u16(), text)
    }

    /// Waits for so many ticks of the loop.
    pub(crate) async fn ticks(&self, count: u64) {
        let ticks = async || self.status().await["counts"]["ticks"].as_u64().unwrap();
        let last = ticks().await + count;
        let waiting = async {
            while ticks().await < last {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(LONG, waiting).await.expect("ticks");
    }

    /// What the system tells of the process.
    pub(crate) fn proc(&self, file: &str) -> String {
        let path = format!("/proc/{}/{file}", self.process.id());
        String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned()
    }

    /// The most memory that the process ever had, in MiB; 0 where the system does not tell: only Linux does.
    pub(crate) fn peak_memory(&self) -> u64 {
        if cfg!(not(target_os = "linux")) {
            return 0;
        }
        let status = self.proc("status");
        let line = status.lines().find(|it| it.starts_with("VmHWM:")).unwrap();
        let kilobytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kilobytes / 1024
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Sends `SIGTERM`.
    pub(crate) fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends a signal, by its name.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.process.id());
        let done = Command::new("sh").arg("-c").arg(kill).status().unwrap();
        assert!(done.success());
    }

    /// Waits for the end of the process.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        until("the process ends", || {
            status = self.process.try_wait().unwrap();
            status.is_some()
        })
        .await;
        status.expect("waited for")
    }
}

/// What serves a node, with its state in this directory.
pub(crate) fn command(directory: &Path, node: &ForeignNode, settings: &[&str]) -> Command {
    let fleets = directory.join("fleets.json");
    node.write_fleets(&fleets);
    // The mailservers of this node are doors that open, and nothing more: no libp2p.
    let ping = match node.generation {
        Generation::Pin => "tcp",
        Generation::Waku1 | Generation::Waku2 => "node",
    };
    let mut own = vec![
        format!("ping.method={ping}"),
        format!("node.rpc_url={}", node.rpc_url()),
        format!("node.signals={}", node.signals_url()),
        format!("fleet.file={}", fleets.display()),
        format!("state.dir={}", directory.join("state").display()),
        "control.listen=127.0.0.1:0".into(),
        "cycle.tick=300ms".into(),
    ];
    own.extend(settings.iter().map(|it| (*it).to_owned()));
    let mut command = Command::new(PROGRAM);
    for setting in own {
        command.arg("--set").arg(setting);
    }
    command.arg("run");
    command
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log of the sidecar\n{}", self.log());
        }
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Prints the events if it is dropped by a panic.
struct Told<'a>(&'a Sidecar);

impl Told<'_> {
    fn forget(self) {
        std::mem::forget(self);
    }
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        for event in self.0.events() {
            eprintln!("{} {}", event.id, event.told());
        }
    }
}

fn read_event(frame: &str) -> Option<Event> {
    let field = |name: &str| {
        let line = frame.lines().find_map(|line| line.strip_prefix(name))?;
        line.strip_prefix(": ").map(str::to_owned)
    };
    Some(Event {
        id: field("id")?.parse().unwrap(),
        name: field("event")?,
        data: serde_json::from_str(&field("data")?).unwrap(),
    })
}

/// Runs a command to its end: exit code, stdout, stderr.
pub(crate) async fn run(arguments: &[&str]) -> (i32, String, String) {
    run_with(&[], arguments).await
}

/// The same with this in its environment.
pub(crate) async fn run_with(
    environment: &[(&str, &str)],
    arguments: &[&str],
) -> (i32, String, String) {
    let directory = TempDir::new().unwrap();
    let file = |name: &str| directory.path().join(name);
    let mut process = Command::new(PROGRAM)
        .args(arguments)
        .env_remove("STATE_DIRECTORY")
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .envs(environment.iter().copied())
        .stdout(fs::File::create(file("stdout")).unwrap())
        .stderr(fs::File::create(file("stderr")).unwrap())
        .spawn()
        .unwrap();
    let mut status = None;
    until("the command ends", || {
        status = process.try_wait().unwrap();
        status.is_some()
    })
    .await;
    let code = status.and_then(|it| it.code()).expect("no signal ended it");
    let text = |name| fs::read_to_string(file(name)).unwrap();
    (code, text("stdout"), text("stderr"))
}

//! A sidecar that logs in a simulated status-backend, and everything that it ever wrote.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use actors::model::node::Mode;
use mailserver_sidecar::sim::{self, AccountSettings, LoginCall, Simulation};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    sidecar::{PROGRAM, Sidecar, run},
    waiting::LONG,
};

/// Found in nothing else by chance, and with characters that JSON escapes.
pub(crate) const PASSWORD: &str = r#"Tr0ub4dor"&3\horse"#;

pub(crate) struct Rig {
    pub(crate) sim: Simulation,
    pub(crate) sidecar: Sidecar,
    directory: TempDir,
}

/// An account whose key is made of this digit, with that password.
pub(crate) fn account(digit: char) -> AccountSettings {
    AccountSettings {
        key_uid: format!("0x{}", digit.to_string().repeat(64)),
        password: PASSWORD.into(),
        kdf_iterations: 256_000,
    }
}

/// A status-backend with one account, which nobody logs in by itself after a restart.
pub(crate) fn node(mode: Mode) -> sim::Settings {
    sim::Settings {
        mailservers: 5,
        accounts: vec![account('a')],
        login_lost_at_restart: true,
        ..sim::Settings::new(mode)
    }
}

/// The same, and nobody is logged in from the start.
pub(crate) fn logged_out() -> sim::Settings {
    sim::Settings {
        logged_in: false,
        ..node(Mode::Pin)
    }
}

impl Rig {
    /// Serves a node with the right password.
    pub(crate) async fn serve(node: sim::Settings) -> Self {
        Self::serve_with(node, PASSWORD, &[]).await
    }

    /// Serves a node with this password, and settings beside those that it needs.
    pub(crate) async fn serve_with(node: sim::Settings, password: &str, settings: &[&str]) -> Self {
        let directory = TempDir::new().unwrap();
        let file = directory.path().join("password");
        write_password(&file, password);
        let on = [
            format!("login.password_file={}", file.display()),
            format!("login.data_dir={}", node.data_dir),
        ];
        let on = on
            .iter()
            .map(String::as_str)
            .chain(settings.iter().copied());
        Self::start(directory, node, &on.collect::<Vec<_>>()).await
    }

    /// Serves a node that is never to be logged in.
    pub(crate) async fn serve_without(node: sim::Settings) -> Self {
        Self::start(TempDir::new().unwrap(), node, &[]).await
    }

    async fn start(directory: TempDir, node: sim::Settings, settings: &[&str]) -> Self {
        let sim = Simulation::start(node).unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("fleets.json"), sim.fleet_file_json()).unwrap();
        let own = [
            format!("node.rpc_url={}", sim.rpc_url()),
            format!("node.signals={}", sim.signals_url()),
            format!("fleet.file={}", at("fleets.json").display()),
            format!("state.dir={}", at("state").display()),
            "control.listen=127.0.0.1:0".into(),
            "cycle.tick=300ms".into(),
            "history.retry_initial=100ms".into(),
        ];
        let mut command = Command::new(PROGRAM);
        // Everything that any library has to say.
        command.args(["--log", "trace"]);
        for setting in own
            .iter()
            .map(String::as_str)
            .chain(settings.iter().copied())
        {
            command.args(["--set", setting]);
        }
        command.arg("run");
        let sidecar = Sidecar::start(directory.path(), command).await;
        Self {
            sim,
            sidecar,
            directory,
        }
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("password")
    }

    pub(crate) fn change_password(&self, password: &str) {
        write_password(&self.file(), password);
    }

    /// The logins that the node was asked for.
    pub(crate) fn logins(&self) -> Vec<LoginCall> {
        let all = self.sim.logins();
        let is_login = |it: &LoginCall| it.endpoint == "LoginAccount";
        all.into_iter().filter(is_login).collect()
    }

    /// Ends the node's process and starts it again; a message is published meanwhile.
    pub(crate) async fn restart_node(&self, message: &str) {
        self.sim.stop_node().await;
        self.sim.publish(message);
        self.sim.start_node().unwrap();
    }

    /// Waits until the node has every message.
    pub(crate) async fn nothing_missing(&self) {
        let complete = self
            .sim
            .wait_for(LONG, |sim| sim.missing().is_empty())
            .await;
        assert!(complete, "{:?}", self.sim.missing());
    }

    /// Waits until the status page says this of the login.
    pub(crate) async fn until(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let looked = async {
            loop {
                let login = self.sidecar.status().await["login"].take();
                if wanted(&login) {
                    return login;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let found = tokio::time::timeout(LONG, looked).await;
        found.unwrap_or_else(|_| panic!("not within {LONG:?}: {what}"))
    }

    /// Waits until the last outcome says this.
    pub(crate) async fn outcome(&self, part: &str) -> Value {
        let says = |it: &Value| {
            it["last_outcome"]
                .as_str()
                .is_some_and(|it| it.contains(part))
        };
        self.until(part, says).await
    }

    /// Waits until the node can be driven.
    pub(crate) async fn ready(&self) {
        let ready = async {
            while self.sidecar.request("GET", "/health/ready", "").await.0 != 200 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(LONG, ready)
            .await
            .expect("it is ready");
    }

    /// How often a line of the log says this.
    pub(crate) fn lines(&self, part: &str) -> usize {
        self.sidecar
            .log()
            .lines()
            .filter(|it| it.contains(part))
            .count()
    }

    /// Everything that the sidecar ever wrote, answered, or shows to the system: where, and what.
    pub(crate) async fn everything(&self) -> Vec<(String, Vec<u8>)> {
        let mut all = Vec::new();
        for path in [
            "/api/v1/status",
            "/api/v1/mailservers",
            "/health/live",
            "/health/ready",
            "/metrics",
            "/",
        ] {
            let (_, body) = self.sidecar.request("GET", path, "").await;
            all.push((path.to_owned(), body.into_bytes()));
        }
        all.push((
            "events".into(),
            format!("{:?}", self.sidecar.events()).into(),
        ));
        // Only Linux tells.
        let shown = ["cmdline", "environ"];
        for file in shown.iter().filter(|_| cfg!(target_os = "linux")) {
            all.push(((*file).into(), self.sidecar.proc(file).into_bytes()));
        }
        let listen = format!("control.listen={}", self.sidecar.address);
        let file = format!("login.password_file={}", self.file().display());
        let of_commands = ["login.data_dir=/sim/data", &listen, &file];
        for command in ["status", "check"] {
            let mut arguments = vec!["--log", "trace", command];
            arguments.extend(of_commands.iter().flat_map(|it| ["--set", *it]));
            let (code, stdout, stderr) = run(&arguments).await;
            assert_eq!(code, 0, "{command}: {stderr}");
            all.push((command.into(), (stdout + &stderr).into_bytes()));
        }
        for path in files(self.directory.path()) {
            if path != self.file() {
                all.push((path.display().to_string(), fs::read(&path).unwrap()));
            }
        }
        all
    }
}

fn write_password(file: &Path, password: &str) {
    // In its place, as people do: at no time is there half a password.
    let new = file.with_extension("new");
    fs::write(&new, format!("{password}\n")).unwrap();
    fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(new, file).unwrap();
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let (folders, mut all): (Vec<_>, Vec<_>) = entries.partition(|it| it.is_dir());
    all.extend(folders.iter().flat_map(|it| files(it)));
    all
}

//! The token of the control API: wanted where others could ask, and nowhere to be seen.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command},
};

use awc::Client;
use tempfile::TempDir;

use crate::{
    sidecar::{PROGRAM, run},
    waiting::{LONG, until},
};

const TOKEN: &str = "token-that-nobody-sees-7f3a";
const WRONG: &str = "wrong-token-of-somebody-91c2";

/// A sidecar without a node, which logs all that it can.
struct Guarded {
    process: Child,
    directory: TempDir,
    address: String,
}

impl Guarded {
    /// One whose `[control]` section is in a file: where it listens, with a token.
    async fn start(listen: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let file = |name: &str| directory.path().join(name);
        write_token(&file("token"), TOKEN, 0o600);
        let control = control_section(listen, Some(&file("token")));
        fs::write(file("sidecar.toml"), control).unwrap();
        let mut command = Command::new(PROGRAM);
        command.arg("--config").arg(file("sidecar.toml"));
        for setting in [
            format!("state.dir={}", file("state").display()),
            "node.rpc_url=http://127.0.0.1:1/statusgo/CallRPC".into(),
        ] {
            command.arg("--set").arg(setting);
        }
        let process = command
            .args(["--log", "trace", "run"])
            .stdout(fs::File::create(file("stdout")).unwrap())
            .stderr(fs::File::create(file("stderr")).unwrap())
            .spawn()
            .unwrap();
        let mut started = Self {
            process,
            directory,
            address: String::new(),
        };
        until("the control API is open", || {
            let log = started.read("stderr");
            let line = log.lines().find(|it| it.contains("control API open"));
            let address = line.and_then(|it| it.rsplit("address=").next());
            started.address = address.unwrap_or_default().trim().to_owned();
            !started.address.is_empty()
        })
        .await;
        started
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        let bytes = fs::read(self.path(name)).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Has it read its configuration again, and waits until it tells what came of it.
    async fn reload(&self, told: &str) {
        let before = self.read("stderr").len();
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args(["-HUP", &id]).status();
        assert!(sent.unwrap().success());
        until(told, || {
            let log = &self.read("stderr")[before..];
            let line = log.lines().find(|it| it.contains(told));
            line.is_some_and(|it| it.contains("control.token_file"))
        })
        .await;
    }

    /// What it answers to a request for the status with this field in its head.
    async fn status(&self, field: (&str, &str)) -> u16 {
        let port = self.address.rsplit(':').next().unwrap();
        let client = Client::builder().timeout(LONG).finish();
        let request = client.get(format!("http://127.0.0.1:{port}/api/v1/status"));
        let answer = request.insert_header(field).send().await.unwrap();
        answer.status().as_u16()
    }
}

fn control_section(listen: &str, token: Option<&Path>) -> String {
    let token = token.map_or(String::new(), |it| it.display().to_string());
    format!("[control]\nlisten = \"{listen}\"\ntoken_file = \"{token}\"\n")
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn write_token(path: &Path, token: &str, mode: u32) {
    fs::write(path, format!("{token}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[actix::test]
async fn no_log_status_or_error_shows_a_token_or_a_session() {
    let sidecar = Guarded::start("127.0.0.1:0").await;
    let client = Client::builder().timeout(LONG).finish();
    let url = |path: &str| format!("http://{}{path}", sidecar.address);
    let mut secrets = vec![TOKEN.to_owned(), WRONG.to_owned()];
    let mut told = Vec::new();

    for (method, path, token, status) in [
        ("GET", "/api/v1/status", TOKEN, 200),
        ("GET", "/api/v1/status", WRONG, 401),
        ("GET", "/metrics", TOKEN, 200),
        ("PUT", "/api/v1/pin", TOKEN, 415),
        ("POST", "/api/v1/session", TOKEN, 204),
    ] {
        let request = client.request(method.parse().unwrap(), url(path));
        let shown = ("authorization", format!("Bearer {token}"));
        let mut answer = request.insert_header(shown).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{method} {path}");
        let body = answer.body().limit(1 << 20).await.unwrap();
        told.push(String::from_utf8(body.to_vec()).unwrap());
        if let Some(cookie) = answer.headers().get("set-cookie") {
            let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
            secrets.push(cookie.split('=').nth(1).unwrap().to_owned());
            let request = client.get(url("/api/v1/status"));
            let answer = request.insert_header(("cookie", cookie)).send().await;
            assert_eq!(answer.unwrap().status().as_u16(), 200);
        }
    }
    assert_eq!(secrets.len(), 3, "a session was opened");

    let listen = format!("control.listen={}", sidecar.address);
    let (right, wrong) = (sidecar.path("token"), sidecar.path("wrong"));
    write_token(&wrong, WRONG, 0o600);
    for (file, code) in [(right, 0), (wrong, 69)] {
        let file = format!("control.token_file={}", file.display());
        for command in ["status", "check"] {
            let code = if command == "check" { 0 } else { code };
            let line = ["--log", "trace", "--set", &listen, "--set", &file, command];
            let (ended, stdout, stderr) = run(&line).await;
            assert_eq!(ended, code, "{stderr}");
            assert_eq!(code == 69, stderr.contains("control.token_file=FILE"));
            told.extend([stdout, stderr]);
        }
    }
    told.extend(["stdout", "stderr"].map(|it| sidecar.read(it)));
    for secret in secrets {
        for text in &told {
            let line = text.lines().find(|it| it.contains(&secret));
            assert_eq!(line, None, "{secret}");
        }
    }
}

#[actix::test]
async fn an_address_that_others_reach_is_64_without_a_token_that_is_nobody_elses() {
    let directory = TempDir::new().unwrap();
    let state = format!("state.dir={}", directory.path().join("state").display());
    let far = ["--set", "control.listen=0.0.0.0:0", "--set", &state];
    let fails = async |more: &[&str], told: &str| {
        let line: Vec<&str> = far.iter().chain(more).copied().collect();
        let (ended, _, stderr) = run(&line).await;
        assert_eq!(ended, 64, "{stderr}");
        assert!(stderr.contains(told), "{stderr}");
        assert!(!stderr.contains(TOKEN), "{stderr}");
    };
    fails(&["run"], "control.listen = \"0.0.0.0:0\": is not loopback").await;
    let file = directory.path().join("token");
    let named = format!("control.token_file={}", file.display());
    let told = |reason: &str| format!("control.token_file = {}: {reason}", file.display());
    for command in ["run", "check", "status"] {
        let more = ["--set", &named, command];
        let _ = fs::remove_file(&file);
        fails(&more, &told("No such file")).await;
        write_token(&file, TOKEN, 0o604);
        fails(&more, &told("readable by others (mode 0604)")).await;
        write_token(&file, "short", 0o600);
        fails(&more, &told("is shorter than 16 bytes")).await;
    }
}

#[actix::test]
async fn a_hangup_changes_the_token_and_never_takes_it_from_an_address_that_others_reach() {
    const IN_EFFECT: &str = "read again, and in effect";
    const RESTART: &str = "only after a restart";
    let sidecar = Guarded::start("0.0.0.0:0").await;
    let bearer = |token: &str| ("authorization", format!("Bearer {token}"));
    let old = bearer(TOKEN);
    let new = bearer("token-that-came-later-5e11");
    assert_eq!(sidecar.status((old.0, &old.1)).await, 200);

    write_token(&sidecar.path("token"), "token-that-came-later-5e11", 0o600);
    sidecar.reload(IN_EFFECT).await;
    assert_eq!(sidecar.status((old.0, &old.1)).await, 401);
    assert_eq!(sidecar.status((new.0, &new.1)).await, 200);

    // The address would change with a restart alone: until then others can ask.
    let configuration = sidecar.path("sidecar.toml");
    fs::write(&configuration, control_section("127.0.0.1:0", None)).unwrap();
    for _ in 0..2 {
        sidecar.reload(RESTART).await;
        assert_eq!(sidecar.status(("accept", "*/*")).await, 401);
        assert_eq!(sidecar.status((new.0, &new.1)).await, 200);
    }

    // Another file counts at once; one that others can read changes nothing.
    let other = sidecar.path("other");
    let listen = control_section("0.0.0.0:0", Some(&other));
    fs::write(&configuration, listen).unwrap();
    write_token(&other, TOKEN, 0o644);
    sidecar.reload("all stays as it was").await;
    assert_eq!(sidecar.status((old.0, &old.1)).await, 401);
    write_token(&other, TOKEN, 0o600);
    sidecar.reload(IN_EFFECT).await;
    assert_eq!(sidecar.status((old.0, &old.1)).await, 200);
    assert_eq!(sidecar.status((new.0, &new.1)).await, 401);
    assert!(!sidecar.read("stderr").contains("token-that-came-later"));
}

//! The endpoints by which a status-backend is logged in: `POST /statusgo/…`, always answered with 200.
//!
//! A login is answered at once; what came of it is told by `node.login` alone.

use std::{rc::Rc, time::Duration};

use actors::model::node::Mode;
use serde_json::{Map, Value, json};
use tokio::time::sleep;

use super::{
    login::{self, Circumstances, Credentials, Login, LoginFault, Outcome},
    methods,
    node::Node,
    rpc,
};

/// The endpoints.
pub(crate) const ENDPOINTS: [&str; 3] = ["InitializeApplication", "LoginAccount", "Logout"];

/// A node since mid-2026 waits this long for a database that another process holds.
const BUSY: Duration = Duration::from_secs(5);

/// Answers one request; the endpoint is one of [`ENDPOINTS`].
pub(crate) fn answer(node: &Rc<Node>, endpoint: &str, body: &[u8]) -> String {
    let parsed = serde_json::from_slice(body);
    let raw = || String::from_utf8_lossy(body).into_owned();
    let kept = parsed.as_ref().cloned().unwrap_or_else(|_| match body {
        [] => Value::Null,
        _ => raw().into(),
    });
    node.journal.record_login(endpoint, kept);
    if endpoint == "Logout" {
        return failure(log_out(node));
    }
    let members = match parsed {
        Ok(Value::Object(members)) => Members::new(members),
        Ok(other) => {
            let kind = rpc::kind(&other);
            return failure(&format!(
                "json: cannot unmarshal {kind} into Go value of type requests.{endpoint}"
            ));
        }
        Err(error) => return failure(&rpc::malformed(&error).message),
    };
    match endpoint {
        "InitializeApplication" => initialize(node, &members),
        _ => match credentials(&members) {
            Ok(credentials) => {
                node.tasks.spawn(log_in(node.clone(), credentials));
                failure("")
            }
            Err(reason) => failure(&reason),
        },
    }
}

/// What every endpoint answers that has nothing else to say; no text: no failure.
fn failure(reason: &str) -> String {
    json!({ "error": reason }).to_string()
}

/// The members of a body. Go's decoder does not mind the case of their names.
struct Members(Map<String, Value>);

impl Members {
    fn new(members: Map<String, Value>) -> Self {
        let lower = members.into_iter();
        Self(
            lower
                .map(|(name, value)| (name.to_lowercase(), value))
                .collect(),
        )
    }

    fn text(&self, name: &str) -> Result<&str, String> {
        match self.0.get(&name.to_lowercase()) {
            None | Some(Value::Null) => Ok(""),
            Some(Value::String(text)) => Ok(text),
            Some(other) => Err(mismatch(other, name, "string")),
        }
    }

    fn number(&self, name: &str) -> Result<u64, String> {
        match self.0.get(&name.to_lowercase()) {
            None | Some(Value::Null) => Ok(0),
            Some(value) => value.as_u64().ok_or_else(|| mismatch(value, name, "int")),
        }
    }
}

fn mismatch(value: &Value, name: &str, wanted: &str) -> String {
    let kind = rpc::kind(value);
    format!("json: cannot unmarshal {kind} into Go struct field .{name} of type {wanted}")
}

/// `InitializeApplication {"dataDir": …}`. A directory without accounts is as good as any other.
fn initialize(node: &Node, members: &Members) -> String {
    let data_dir = match members.text("dataDir") {
        Ok("") => return failure("initialize-centralized-metric: no dataDir"),
        Ok(data_dir) => data_dir,
        Err(reason) => return failure(&reason),
    };
    let mut state = node.state.borrow_mut();
    if let LoginFault::InitializeFails(reason) = &state.login_fault {
        return failure(reason);
    }
    let first = state.process.accounts_of.is_none();
    state.process.initialize(data_dir);
    let known = state.process.accounts_of.as_deref() == Some(&node.setup.data_dir);
    let accounts = if known {
        state.accounts.shown()
    } else {
        Value::Null
    };
    drop(state);
    if first {
        (node.signals).emit("mediaserver.started", || json!({"port": 42415}));
    }
    let metrics = json!({"enabled": false, "userConfirmed": false});
    json!({"accounts": accounts, "centralizedMetricsInfo": metrics}).to_string()
}

fn credentials(members: &Members) -> Result<Credentials, String> {
    let credentials = Credentials {
        key_uid: members.text("keyUid")?.to_owned(),
        password: members.text("password")?.to_owned(),
        kdf_iterations: members.number("kdfIterations")?,
    };
    match credentials.key_uid.is_empty() {
        true => Err("login: invalid key-uid".into()),
        false => Ok(credentials),
    }
}

/// `Logout`: what it answers, nothing if somebody was logged in.
fn log_out(node: &Node) -> &'static str {
    let mut state = node.state.borrow_mut();
    // Its databases are closed in any case.
    state.process.wrong_databases = false;
    if state.login == Login::Out {
        return "there is no running node";
    }
    drop(state);
    stop(node);
    ""
}

/// The node ends, the process goes on.
fn stop(node: &Node) {
    node.rest();
    node.state.borrow_mut().login = Login::Out;
    node.signals.emit("node.stopped", || Value::Null);
    node.journal.note();
}

/// Carries out a login that was answered.
async fn log_in(node: Rc<Node>, wanted: Credentials) {
    let takes = node.scaled(node.setup.login_takes);
    match outcome(&node, &wanted) {
        Outcome::Succeeds => succeed(&node, wanted.key_uid, takes).await,
        Outcome::Hangs => {}
        Outcome::Locked if node.setup.mode == Mode::Observe => {
            sleep(node.scaled(BUSY)).await;
            fail(&node, "database is locked");
        }
        failure => {
            sleep(takes).await;
            tell_failure(&node, failure);
        }
    }
}

fn tell_failure(node: &Node, failure: Outcome) {
    match failure {
        Outcome::Succeeds | Outcome::Hangs => {}
        Outcome::NotInitialized => {
            fail(
                node,
                "failed to open database: root datadir wasn't provided",
            );
        }
        Outcome::StopsTheRunning => crash(node, "node is already running", true),
        Outcome::Locked => {
            let directory = node.state.borrow().process.data_dir.clone();
            let create = format!("failed to create database at {directory}");
            crash(
                node,
                &format!("{create}: resource temporarily unavailable"),
                false,
            );
        }
        Outcome::UnknownAccount => {
            // The databases that it made stay open (read in the source of 2024-10 alone).
            node.state.borrow_mut().process.wrong_databases = node.has_cycle();
            fail(
                node,
                "failed to load node config: sql: no rows in result set",
            );
        }
        Outcome::WrongPassword if node.has_cycle() => {
            let pragma = "failed to set `journal_mode` pragma";
            fail(
                node,
                &format!("failed to open database: {pragma}: file is not a database"),
            );
        }
        Outcome::WrongPassword => fail(node, "incorrect password provided"),
    }
}

fn outcome(node: &Node, wanted: &Credentials) -> Outcome {
    let state = node.state.borrow();
    let met = Circumstances {
        fault: &state.login_fault,
        login: &state.login,
        process: &state.process,
        accounts: &state.accounts,
        data_dir: &node.setup.data_dir,
        looks_up_iterations: node.setup.mode == Mode::Observe,
    };
    login::outcome(wanted, &met)
}

fn begin(node: &Node) -> Login {
    let mut state = node.state.borrow_mut();
    state.attempts += 1;
    let attempt = state.attempts;
    state.login = Login::Starting { attempt };
    state.login.clone()
}

async fn succeed(node: &Rc<Node>, key_uid: String, takes: Duration) {
    let starting = begin(node);
    node.signals.emit("node.started", || Value::Null);
    node.signals.emit("node.ready", || Value::Null);
    sleep(takes).await;
    if node.state.borrow().login != starting {
        // Logged out meanwhile.
        return;
    }
    node.select_account(Some(key_uid), &node.setup.fleet);
    tell_login(node);
    node.enter();
}

/// The signal of a login that succeeded.
pub(crate) fn tell_login(node: &Node) {
    node.signals.emit("node.login", || {
        let mut event = json!({"settings": methods::settings(node)});
        let state = node.state.borrow();
        if let Some(account) = state.logged_in_account() {
            event["account"] = account.shown();
        }
        event
    });
    node.journal.note();
}

fn fail(node: &Node, reason: &str) {
    let event = || json!({ "error": reason });
    node.signals.emit("node.login", event);
    node.journal.note();
}

/// The node could not be started, and its clean-up stops whatever runs (read in status-go's source).
fn crash(node: &Node, reason: &str, running: bool) {
    let event = || json!({ "error": reason });
    node.signals.emit("node.crashed", event);
    if running {
        stop(node);
    }
    fail(node, &format!("failed to start node: {reason}"));
}

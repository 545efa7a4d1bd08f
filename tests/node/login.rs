//! Logging an account in: what is sent in which order, what ends it, and what never leaves the sidecar.

use std::{
    cell::{Cell, RefCell},
    fs,
    os::unix::fs::PermissionsExt as _,
    rc::Rc,
    time::Duration,
};

use ::actors::{
    messages::login::{Account, LogIn, LoginError, PasswordStamp, ReadAccounts},
    model::node::NodeState,
};
use actix::Addr;
use mailserver_sidecar::node::{
    Config, Driver, LoginConfig, PasswordFile, PasswordHash, RpcClient, Signals,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    ears::{Ears, Pins, drive_as},
    scripted::{LIMIT, Node, Reply, usual},
};

const PASSWORD: &str = r#"correct "horse" battery"#;
const KEY: &str = "0x1111111111111111111111111111111111111111111111111111111111111111";

/// What the node does with the two endpoints, and with the first calls after a login.
struct Backend {
    logged_in: Cell<bool>,
    accounts: RefCell<Reply>,
    login: RefCell<Reply>,
    messenger: RefCell<Vec<Reply>>,
}

struct Rig {
    node: Node,
    backend: Rc<Backend>,
    driver: Addr<Driver>,
    ears: Ears,
    password: PasswordFile,
    _directory: TempDir,
}

async fn rig() -> Rig {
    rig_with(|_| {}).await
}

/// A node to which nobody is logged in, and a driver that can change that.
async fn rig_with(change: impl FnOnce(&mut Config)) -> Rig {
    let backend = Rc::new(Backend {
        logged_in: Cell::new(false),
        accounts: RefCell::new(Reply::Body(listed().to_string())),
        login: RefCell::new(Reply::Body(r#"{"error":""}"#.into())),
        messenger: RefCell::default(),
    });
    let (mut usual, now) = (usual("pin"), backend.clone());
    let node = Node::start(move |method, params| match method {
        "InitializeApplication" => Some(now.accounts.borrow().clone()),
        "LoginAccount" => Some(now.login.borrow().clone()),
        "wakuext_startMessenger" => {
            let reply = now.messenger.borrow_mut().pop();
            Some(reply.unwrap_or(Reply::Result(json!({}))))
        }
        _ if now.logged_in.get() => usual(method, params),
        _ => Some(Reply::Body(
            r#"{"error":"JSON-RPC client is unavailable"}"#.into(),
        )),
    })
    .await;
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("password");
    fs::write(&path, format!("{PASSWORD}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let password = PasswordFile::new(path, PasswordHash::Plain);
    let login = LoginConfig {
        data_dir: "/data".into(),
        password: password.clone(),
    };
    let mut config = node.config();
    change(&mut config);
    let pins = Rc::new(Pins::default());
    let socket = matches!(config.signals, Signals::Socket(_));
    let (driver, ears) = drive_as(config, pins, |driver| driver.with_login(login));
    assert_eq!(ears.away().await, NodeState::LoggedOut);
    if socket {
        node.until_subscribed(1).await;
    }
    Rig {
        node,
        backend,
        driver,
        ears,
        password,
        _directory: directory,
    }
}

fn listed() -> Value {
    json!({
        "accounts": [
            {"name": "bot", "timestamp": 1, "key-uid": KEY, "kdfIterations": 256_000, "keycard-pairing": "", "images": []},
            {"name": "card", "key-uid": "0x22", "keycard-pairing": "abc"},
            {"name": "no key"},
        ],
        "centralizedMetricsInfo": {"enabled": false},
    })
}

fn order() -> LogIn {
    LogIn {
        key_uid: KEY.into(),
        kdf_iterations: 256_000,
    }
}

impl Rig {
    async fn accounts(&self) -> Result<Vec<Account>, LoginError> {
        self.driver.send(ReadAccounts).await.unwrap()
    }

    /// A login that goes on: the node has what it needs, and says nothing yet.
    async fn begin(&self) -> actix_rt::task::JoinHandle<Result<(), LoginError>> {
        let driver = self.driver.clone();
        let begun = self.node.calls("LoginAccount");
        let login = actix_rt::spawn(async move { driver.send(order()).await.unwrap() });
        self.node.until_called("LoginAccount", begun + 1).await;
        login
    }

    async fn say_login(&self, event: &Value) {
        let signal = json!({"type": "node.login", "event": event});
        self.node.signal(&signal.to_string()).await;
    }

    async fn refused(&self, error: &str) -> LoginError {
        let login = self.begin().await;
        self.say_login(&json!({"error": error, "settings": null}))
            .await;
        ended(login).await.unwrap_err()
    }
}

async fn ended(
    login: actix_rt::task::JoinHandle<Result<(), LoginError>>,
) -> Result<(), LoginError> {
    let ended = tokio::time::timeout(LIMIT, login).await;
    ended.expect("it ends").unwrap()
}

#[actix::test]
async fn an_account_is_logged_in_in_the_order_of_the_apps() {
    let it = rig().await;
    let bot = Account {
        key_uid: KEY.into(),
        kdf_iterations: 256_000,
        keycard: false,
    };
    let card = Account {
        key_uid: "0x22".into(),
        kdf_iterations: 0,
        keycard: true,
    };
    assert_eq!(it.accounts().await, Ok(vec![bot, card]));
    let named = json!({"dataDir": "/data"});
    assert_eq!(it.node.sent("InitializeApplication"), [named]);
    let login = it.begin().await;
    let request = json!({"keyUid": KEY, "password": PASSWORD, "kdfIterations": 256_000});
    assert_eq!(it.node.sent("LoginAccount"), [request]);
    assert_eq!(it.node.calls("wakuext_startMessenger"), 0, "too early");
    // It is not ready the moment it is logged in, and the session waits for that.
    let crashed = Reply::Error(-32000, "method handler crashed");
    *it.backend.messenger.borrow_mut() = vec![crashed.clone(), crashed];
    it.backend.logged_in.set(true);
    it.say_login(&json!({"settings": {"mnemonic": "abandon"}, "account": {}}))
        .await;
    it.node.until_called("wakuext_startMessenger", 2).await;
    assert_eq!(it.node.calls("settings_nodeConfig"), 0, "no session yet");
    assert_eq!(ended(login).await, Ok(()));
    assert_eq!(it.node.calls("wakuext_startMessenger"), 3);
    it.ears.ready().await;
}

#[actix::test]
async fn nobody_is_logged_in_over_somebody_who_is() {
    let it = rig().await;
    it.backend.logged_in.set(true);
    assert_eq!(it.accounts().await, Err(LoginError::LoggedIn));
    let login = it.driver.send(order()).await.unwrap();
    assert_eq!(login, Err(LoginError::LoggedIn));
    let touched = ["InitializeApplication", "LoginAccount"].map(|name| it.node.calls(name));
    assert_eq!(touched, [0, 0]);
}

#[actix::test]
async fn while_one_login_goes_on_there_is_no_other() {
    let it = rig().await;
    let login = it.begin().await;
    let second = it.driver.send(order()).await.unwrap();
    let under_way = Err(LoginError::Failed("a login is under way already".into()));
    assert_eq!(second, under_way);
    assert!(it.accounts().await.is_err());
    assert_eq!(it.node.calls("LoginAccount"), 1);
    assert_eq!(it.node.calls("InitializeApplication"), 0);
    it.say_login(&json!({"error": "no"})).await;
    assert_eq!(ended(login).await, Err(LoginError::Failed("no".into())));
    assert!(it.accounts().await.is_ok(), "it is over");
}

#[actix::test]
async fn a_failure_has_the_kind_that_its_words_say() {
    let it = rig().await;
    let wrong =
        "failed to open database: failed to set `journal_mode` pragma: file is not a database";
    assert_eq!(it.refused(wrong).await, LoginError::WrongPassword);
    let locked = "failed to start node: failed to create database at /data: resource temporarily unavailable";
    assert_eq!(it.refused(locked).await, LoginError::Locked(locked.into()));
    let long = LoginError::Failed("x".repeat(500));
    assert_eq!(it.refused(&"x".repeat(9000)).await, long);
    // Some are told at once.
    let refusal = Reply::Body(r#"{"error":"LoginAccount: incorrect password"}"#.into());
    *it.backend.login.borrow_mut() = refusal;
    let login = it.driver.send(order()).await.unwrap();
    assert_eq!(login, Err(LoginError::WrongPassword));
    let broken = Reply::Body(r#"{"error":"file is not a database"}"#.into());
    *it.backend.accounts.borrow_mut() = broken;
    let error = LoginError::Failed("file is not a database".into());
    assert_eq!(it.accounts().await, Err(error), "no password was asked for");
    *it.backend.accounts.borrow_mut() = Reply::Body(r#"{"accounts":null}"#.into());
    assert_eq!(it.accounts().await, Ok(vec![]));
}

#[actix::test]
async fn whoever_repeats_the_password_is_not_quoted() {
    let it = rig().await;
    let echo = json!({"keyUid": KEY, "password": PASSWORD});
    let error = json!({"error": format!("cannot read {echo}, password {PASSWORD}")});
    for reply in [
        Reply::Body(echo.to_string()),
        Reply::Body(format!("you sent {PASSWORD}")),
        Reply::Body(error.to_string()),
        Reply::Status(400, r#"you sent correct "horse" battery"#),
    ] {
        *it.backend.login.borrow_mut() = reply;
        let login = it.begin().await;
        // An answer without an error is that of a node: how it ends is to be heard.
        it.say_login(&json!({"error": "no"})).await;
        let told = format!("{:?}", ended(login).await.unwrap_err());
        for part in ["horse", "battery", "correct"] {
            assert!(!told.contains(part), "{told}");
        }
    }
}

#[actix::test]
async fn without_signals_the_settings_show_that_somebody_is_logged_in() {
    let it = rig_with(|config| config.signals = Signals::Poll).await;
    // By now the session looks only every few seconds.
    it.node.until_called("settings_getSettings", 5).await;
    let login = it.begin().await;
    it.backend.logged_in.set(true);
    assert_eq!(ended(login).await, Ok(()));
    assert_eq!(it.node.calls("wakuext_startMessenger"), 1);
    let ready = tokio::time::timeout(Duration::from_secs(1), it.ears.ready());
    ready.await.expect("it is not waited for the next look");
}

#[actix::test]
async fn a_node_that_dies_during_the_login_is_away() {
    let it = rig().await;
    let login = it.begin().await;
    it.node.stop().await;
    let error = ended(login).await.unwrap_err();
    assert!(matches!(error, LoginError::Unreachable(_)), "{error:?}");
    assert!(matches!(
        it.ears.away().await,
        NodeState::Unreachable { .. }
    ));
}

#[actix::test]
async fn a_node_that_is_restarted_during_the_login_has_forgotten_it() {
    let it = rig().await;
    let login = it.begin().await;
    // So fast that no call fails.
    it.node.stop().await;
    it.node.restart().await;
    it.node.until_subscribed(2).await;
    let error = ended(login).await.unwrap_err();
    assert!(matches!(error, LoginError::Unreachable(_)), "{error:?}");
    it.begin().await;
}

#[actix::test]
async fn a_messenger_that_runs_already_is_started() {
    let it = rig().await;
    let started = Reply::Error(-32000, "messenger already started");
    it.backend.messenger.borrow_mut().push(started);
    let login = it.begin().await;
    it.backend.logged_in.set(true);
    it.say_login(&json!({})).await;
    assert_eq!(ended(login).await, Ok(()));
    assert_eq!(it.node.calls("wakuext_startMessenger"), 1);
}

#[actix::test]
async fn a_password_that_others_can_read_is_not_sent() {
    let it = rig().await;
    let stamp = it.driver.send(PasswordStamp).await.unwrap();
    assert!(stamp.is_ok());
    let shared = fs::Permissions::from_mode(0o644);
    fs::set_permissions(it.password.path(), shared).unwrap();
    for error in [
        it.driver.send(PasswordStamp).await.unwrap().unwrap_err(),
        it.driver.send(order()).await.unwrap().unwrap_err(),
    ] {
        let told = error.to_string();
        assert!(told.contains("readable by others (mode 0644)"), "{told}");
    }
    assert_eq!(it.node.calls("LoginAccount"), 0);
}

#[actix::test]
async fn a_driver_without_a_login_logs_nobody_in() {
    let node = Node::start(usual("pin")).await;
    let config = node.config();
    let rpc = RpcClient::new(&config).unwrap();
    let pins = Rc::new(Pins::default());
    let driver = Driver::new(config, rpc, pins, Duration::from_secs(1));
    let driver = actix::Actor::start(driver);
    assert!(driver.send(ReadAccounts).await.unwrap().is_err());
    assert!(driver.send(order()).await.unwrap().is_err());
    assert!(driver.send(PasswordStamp).await.unwrap().is_err());
    assert_eq!(node.calls("LoginAccount"), 0);
}

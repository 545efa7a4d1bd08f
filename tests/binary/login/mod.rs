//! A status-backend that comes back logged out is logged in again, and what stands in the way of that.

mod rig;
mod secret;

use std::{fs, os::unix::fs::PermissionsExt as _, time::Duration};

use actors::model::node::Mode;
use mailserver_sidecar::sim::{LoginFault, Settings};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    login::rig::{PASSWORD, Rig, account, logged_out, node},
    sidecar::run,
    waiting::until,
};

#[actix::test]
async fn a_node_that_crashed_is_logged_in_and_nothing_is_missed() {
    for mode in [Mode::Pin, Mode::Observe] {
        let it = Rig::serve(node(mode)).await;
        it.nothing_missing().await;
        assert_eq!(it.sim.logins(), [], "somebody was logged in");
        for round in 1..=2 {
            it.restart_node(&format!("while it was away, {round}"))
                .await;
            it.nothing_missing().await;
            assert_eq!(it.logins().len(), round, "{mode:?}");
        }
        it.until("nothing is to be done", |it| it["state"] == "idle")
            .await;
        let all = it.sim.logins();
        let endpoints: Vec<&str> = all.iter().map(|it| it.endpoint.as_str()).collect();
        assert_eq!(
            endpoints,
            ["InitializeApplication", "LoginAccount"].repeat(2)
        );
        assert_eq!(all[0].body, json!({"dataDir": "/sim/data"}));
        let request = json!({
            "keyUid": account('a').key_uid, "password": PASSWORD, "kdfIterations": 256_000,
        });
        assert_eq!(all[1].body, request);
        assert_eq!(it.lines("login: 0xaaaa…aaaa logged in after"), 2);
    }
}

#[actix::test]
async fn a_wrong_password_is_tried_three_times_until_the_file_holds_another() {
    let it = Rig::serve_with(logged_out(), "another", &[]).await;
    let given_up = it.until("given up", |it| it["state"] == "given_up").await;
    assert_eq!(given_up["tries"], 3);
    assert_eq!(it.logins().len(), 3);
    it.sim.stop_node().await;
    let noticed = || it.lines("node not ready") >= 2;
    until("the node is away", noticed).await;
    it.sim.publish("while it was away");
    it.sim.start_node().unwrap();
    let noticed = || it.lines("node not ready") >= 3;
    until("the node is back", noticed).await;
    it.until("no further try", |it| it["state"] == "given_up")
        .await;
    assert_eq!(it.logins().len(), 3);
    it.change_password(PASSWORD);
    it.nothing_missing().await;
    let passwords = it.logins();
    let passwords: Vec<_> = passwords.iter().map(|it| &it.body["password"]).collect();
    assert_eq!(passwords, ["another", "another", "another", PASSWORD]);
    assert_eq!(it.lines("the node refuses the password"), 1, "told once");
    assert_eq!(it.lines("given up after 3 tries"), 1);
}

#[actix::test]
async fn without_an_account_nobody_is_logged_in() {
    let none = Settings {
        accounts: vec![],
        ..logged_out()
    };
    let it = Rig::serve(none).await;
    it.outcome("there is no account in login.data_dir").await;
    let calls = it.sim.logins();
    assert!(
        calls
            .iter()
            .all(|it| it.endpoint == "InitializeApplication")
    );
    // A directory that the node never used, and which has none for that reason.
    let it = Rig::serve_with(logged_out(), PASSWORD, &["login.data_dir=/sim/other"]).await;
    it.outcome("there is no account in login.data_dir").await;
    assert_eq!(it.logins(), []);
}

#[actix::test]
async fn of_two_accounts_one_has_to_be_named() {
    let two = || Settings {
        accounts: vec![account('a'), account('b')],
        ..logged_out()
    };
    let it = Rig::serve(two()).await;
    let (a, b) = (account('a').key_uid, account('b').key_uid);
    it.outcome(&format!("name one in login.key_uid: {a}, {b}"))
        .await;
    assert_eq!(it.logins(), []);
    drop(it);

    let named = format!("login.key_uid={b}");
    let it = Rig::serve_with(two(), PASSWORD, &[&named]).await;
    it.outcome("0xbbbb…bbbb logged in").await;
    let logins = it.logins();
    assert_eq!((logins.len(), &logins[0].body["keyUid"]), (1, &json!(b)));
    drop(it);

    let nobody = account('c').key_uid;
    let unknown = format!("login.key_uid={nobody}");
    let it = Rig::serve_with(two(), PASSWORD, &[&unknown]).await;
    it.outcome("is not among the accounts").await;
    assert_eq!(it.logins(), [], "the node would make databases for it");
}

#[actix::test]
async fn a_data_directory_that_is_in_use_is_waited_for() {
    let it = Rig::serve(logged_out()).await;
    it.nothing_missing().await;
    it.outcome("logged in").await;
    it.sim.set_login_fault(LoginFault::Locked);
    it.restart_node("while it was away").await;
    let login = it.outcome("the data directory is in use").await;
    assert_eq!(login["tries"], 0, "the password is not to blame");
    it.sim.set_login_fault(LoginFault::None);
    it.nothing_missing().await;
}

#[actix::test]
async fn while_a_login_hangs_no_other_is_sent_and_somebody_else_may_log_in() {
    let it = Rig::serve(node(Mode::Pin)).await;
    it.nothing_missing().await;
    it.sim.set_login_fault(LoginFault::Hangs);
    it.restart_node("while it was away").await;
    it.until("it goes on", |it| it["state"] == "logging_in")
        .await;
    let (ready, _) = it.sidecar.request("GET", "/health/ready", "").await;
    let online = it.sidecar.status().await["online"].take();
    assert_eq!((ready, &online["verdict"]), (503, &json!("waiting")));
    assert_eq!(online["reason"], "no account is logged in to the node");
    it.sidecar.ticks(12).await;
    assert_eq!(it.logins().len(), 1);
    it.sim.log_in("sim.test");
    it.nothing_missing().await;
    it.until("it is over", |it| it["state"] == "idle").await;
    assert_eq!(it.logins().len(), 1);
    it.ready().await;
}

#[actix::test]
async fn nobody_is_logged_in_over_somebody_who_was_faster() {
    let it = Rig::serve(node(Mode::Pin)).await;
    it.nothing_missing().await;
    it.sim.set_login_fault(LoginFault::Locked);
    it.restart_node("while it was away").await;
    it.until("it pauses", |it| it["state"] == "pausing").await;
    it.sim.set_login_fault(LoginFault::None);
    it.sim.log_in("sim.test");
    let logins = it.logins().len();
    it.nothing_missing().await;
    // Longer than the pause that it was in.
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(it.logins().len(), logins);
    // A login over it would have stopped the node.
    it.sim.publish("it lives");
    it.nothing_missing().await;
}

#[actix::test]
async fn nobody_is_ever_logged_in_unless_that_is_wanted() {
    let it = Rig::serve_without(logged_out()).await;
    it.sidecar.ticks(10).await;
    assert_eq!(it.sim.logins(), []);
    assert_eq!(it.sidecar.status().await["login"]["state"], "off");
    it.sim.log_in("sim.test");
    it.nothing_missing().await;
    it.restart_node("while it was away").await;
    until("it is logged out again", || it.lines("not logged in") >= 2).await;
    it.sidecar.ticks(10).await;
    assert_eq!(it.sim.logins(), []);
}

#[actix::test]
async fn a_password_that_cannot_be_used_is_64() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("password");
    let path = file.display().to_string();
    let settings = [
        format!("login.password_file={path}"),
        "login.data_dir=/sim/data".into(),
        "control.listen=off".into(),
        format!("state.dir={}", directory.path().join("state").display()),
    ];
    let refused = async |told: &str| {
        for command in ["run", "check"] {
            let mut arguments = vec![command];
            arguments.extend(settings.iter().flat_map(|it| ["--set", it]));
            let (code, _, stderr) = run(&arguments).await;
            assert_eq!(code, 64, "{command}: {stderr}");
            let line = format!("login.password_file = {path}: {told}");
            assert!(stderr.contains(&line), "{command}: {stderr}");
            assert!(!stderr.contains(PASSWORD), "{stderr}");
        }
    };
    refused("No such file").await;
    fs::write(&file, PASSWORD).unwrap();
    for (mode, told) in [(0o644, "0644"), (0o640, "0640"), (0o660, "0660")] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let told = format!("readable by others (mode {told}): chmod 600 {path}");
        refused(&told).await;
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&file, "\n").unwrap();
    refused("is empty").await;
}

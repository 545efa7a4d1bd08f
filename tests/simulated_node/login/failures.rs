//! What goes wrong when a status-backend is logged in, and how it tells.

use actors::model::node::Mode::{Observe, Pin};
use mailserver_sidecar::sim::{LoginFault, Settings};
use serde_json::{Value, json};

use super::{
    REQUEST, accepted, account, credentials, fresh, initialize, initialized, login,
    nobody_is_logged_in, params,
};
use crate::rig::{Rig, SPEED};

#[actix::test]
async fn a_wrong_password_and_a_wrong_number_of_iterations_look_the_same() {
    let known = account("a");
    for mode in [Pin, Observe] {
        let (rig, mut signals) = initialized(mode, std::slice::from_ref(&known)).await;
        let key = &known.key_uid;
        let expected = json!({"error": match mode {
            Pin => "failed to open database: failed to set `journal_mode` pragma: file is not a database",
            _ => "incorrect password provided",
        }});
        let wrong = [
            json!({"keyUid": key, "password": "other", "kdfIterations": 256_000}),
            json!({"keyUid": key, "password": known.password, "kdfIterations": 3200}),
            json!({"keyUid": key, "kdfIterations": 256_000}),
        ];
        for body in wrong {
            assert_eq!(rig.statusgo("LoginAccount", body).await, accepted());
            let told = signals.any().await;
            assert_eq!(told, json!({"type": "node.login", "event": expected}));
            assert!(nobody_is_logged_in(&rig, mode).await);
        }
        // Only the newer ones look the number up.
        let unsaid = json!({"KEYUID": key, "Password": known.password});
        let event = login(&rig, &mut signals, unsaid).await;
        match mode {
            Pin => assert_eq!(event, expected),
            _ => assert_eq!(event.get("error"), None),
        }
        if mode == Pin {
            let event = login(&rig, &mut signals, credentials(&known)).await;
            assert_eq!(event.get("error"), None, "it can be tried again");
        }
    }
}

#[actix::test]
async fn an_account_that_does_not_exist_spoils_the_process_of_2024() {
    let accounts = [account("a")];
    let (rig, mut signals) = initialized(Pin, &accounts).await;
    for (heal, name) in [(false, "a restart"), (true, "a logout")] {
        let event = login(&rig, &mut signals, credentials(&account("c"))).await;
        assert!(event["error"].is_string());
        let event = login(&rig, &mut signals, credentials(&accounts[0])).await;
        assert!(event["error"].is_string(), "before {name}");
        if heal {
            let answer = rig.statusgo("Logout", Value::Null).await;
            assert_eq!(answer, json!({"error": "there is no running node"}));
        } else {
            rig.sim.stop_node().await;
            rig.sim.start_node().unwrap();
            signals = rig.signals().await;
            initialize(&rig).await;
        }
        let event = login(&rig, &mut signals, credentials(&accounts[0])).await;
        assert_eq!(event.get("error"), None, "after {name}");
        rig.statusgo("Logout", Value::Null).await;
    }
    let (rig, mut signals) = initialized(Observe, &accounts).await;
    let event = login(&rig, &mut signals, credentials(&account("c"))).await;
    assert!(event["error"].is_string());
    let event = login(&rig, &mut signals, credentials(&accounts[0])).await;
    assert_eq!(event.get("error"), None);
}

#[actix::test]
async fn a_second_login_stops_the_running_node_whatever_the_password() {
    for mode in [Pin, Observe] {
        let rig = Rig::with(Settings {
            mailservers: 3,
            speed: SPEED,
            ..Settings::new(mode)
        });
        rig.until("the fleet", |sim| sim.peers().len() == 3).await;
        let mut signals = rig.signals().await;
        let body = credentials(&account("c"));
        assert_eq!(rig.statusgo("LoginAccount", body).await, accepted());
        let reason = json!({"error": "node is already running"});
        assert_eq!(signals.next("node.crashed").await, reason);
        assert_eq!(signals.next("node.stopped").await, Value::Null);
        let reason = json!({"error": "failed to start node: node is already running"});
        assert_eq!(signals.next("node.login").await, reason);
        assert!(nobody_is_logged_in(&rig, mode).await);
        assert_eq!(rig.sim.peers(), Vec::<String>::new());
    }
}

#[actix::test]
async fn a_login_without_a_directory_or_with_a_bad_body_fails() {
    let known = account("a");
    for mode in [Pin, Observe] {
        let rig = Rig::with(fresh(mode, std::slice::from_ref(&known)));
        let mut signals = rig.signals().await;
        let event = login(&rig, &mut signals, credentials(&known)).await;
        assert!(event["error"].is_string());
        let endpoint = "LoginAccount";
        for body in [json!({}), json!([]), json!({"keyUid": 5}), json!("text")] {
            let answer = rig.statusgo(endpoint, body.clone()).await;
            assert_ne!(answer["error"], "", "{body}");
        }
        let iterations = json!({"keyUid": known.key_uid, "kdfIterations": "3200"});
        let answer = rig.statusgo(endpoint, iterations).await;
        assert_ne!(answer["error"], "");
        let url = format!("{}{endpoint}", rig.sim.statusgo_url());
        let (status, text) = rig.post_to(url, "text/plain", "{x").await;
        assert_eq!(status, 200);
        assert!(text.starts_with(r#"{"error":"invalid character"#), "{text}");
    }
}

#[actix::test]
async fn a_login_can_hang_or_find_its_directory_held() {
    let known = account("a");
    for mode in [Pin, Observe] {
        let (rig, mut signals) = initialized(mode, std::slice::from_ref(&known)).await;
        rig.sim.set_login_fault(LoginFault::Locked);
        let body = credentials(&known);
        assert_eq!(rig.statusgo("LoginAccount", body).await, accepted());
        if mode == Pin {
            let reason = "failed to create database at /sim/data: resource temporarily unavailable";
            let crashed = json!({"type": "node.crashed", "event": {"error": reason}});
            assert_eq!(signals.any().await, crashed);
            let reason = format!("failed to start node: {reason}");
            assert_eq!(signals.any().await["event"], json!({"error": reason}));
        } else {
            let locked = json!({"error": "database is locked"});
            assert_eq!(signals.any().await["event"], locked);
        }
        rig.sim.set_login_fault(LoginFault::Hangs);
        let body = credentials(&known);
        assert_eq!(rig.statusgo("LoginAccount", body).await, accepted());
        rig.sim.set_login_fault(LoginFault::None);
        assert!(nobody_is_logged_in(&rig, mode).await);
        // The next one is the first of which anything is heard.
        let body = credentials(&known);
        assert_eq!(rig.statusgo("LoginAccount", body).await, accepted());
        let story = ["node.started", "node.ready", "node.login"];
        assert_eq!(signals.kinds(3).await, story);
        rig.sim
            .set_login_fault(LoginFault::InitializeFails("disk full".into()));
        assert_eq!(initialize(&rig).await, json!({"error": "disk full"}));
    }
}

#[actix::test]
async fn after_a_crash_it_comes_back_logged_out_and_tells_signals_before_login() {
    for mode in [Pin, Observe] {
        let rig = Rig::with(Settings {
            logged_in: true,
            ..fresh(mode, &[account("a")])
        });
        rig.until("the fleet", |sim| sim.peers().len() == 3).await;
        rig.sim.stop_node().await;
        rig.sim.publish("missed");
        rig.sim.start_node().unwrap();
        assert!(nobody_is_logged_in(&rig, mode).await);
        let mut signals = rig.signals().await;
        let event = login(&rig, &mut signals, credentials(&account("a"))).await;
        assert!(event["error"].is_string(), "no directory was named");
        initialize(&rig).await;
        let event = login(&rig, &mut signals, credentials(&account("a"))).await;
        assert_eq!(event.get("error"), None);
        rig.ok("wakuext_startMessenger", json!([])).await;
        rig.until("the fleet", |sim| sim.peers().len() == 3).await;
        rig.ok(REQUEST, params(mode)).await;
        rig.until("the message", |sim| sim.missing().is_empty())
            .await;
    }
}

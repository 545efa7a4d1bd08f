//! The pages as people see them.

use serde_json::json;

use super::*;

#[test]
fn a_page_for_people() {
    let expected = "\
sidecar    version 0.1.0, up 1h 2s
node       ready, mode waku2, fleet status.prod, says it is online
online     online for 1m: store-01.do-ams3.status.prod answers
active     store-01.do-ams3.status.prod, connected for 5s
           /dns4/store-01.do-ams3.status.prod/tcp/30303/p2p/16Uiu2
standby    store-02.do-ams3.status.prod, a peer of the node already
pin        mine, not in use: no reply in time
watch      every 2s, 7.5 KB/min, patience 201 ms; 3 of 900 probes missed
decision   store-01.do-ams3.status.prod, number 1 of a pool of 2
           2 of 3 replied; a full round of 501 ms
history    covered up to 10:40:12Z, 1m 53s ago; 1 window open since 10:40:12Z:
           node offline; next try in 4s
           3 answered, 1 failed; 2 communities wait, tried up to 4x
audit      12 audits, 1 short, 3 missing found; 5 sweeps; 2.0 MiB left
memory     42 history requests answered; failures: 3 dial, 2 short history
loop       2 selections, 2 connections, 0 failed, 1 lost
traffic    17 calls, 1 failed; 90 signals, 0 malformed
actors     pinger restarted 1x (panic: x)
no answer  selector

  candidate                    peer       rtt tier         last decision
* store-01.do-ams3.status.prod yes    13.3 ms healthy      chosen
  store-02.do-ams3.status.prod yes    14.0 ms healthy      in the pool
  mine                         no    ~80.0 ms cooling 59 s no reply: connect
  * in use; ~ remembered, not measured for this decision
";
    assert_eq!(page(&report()), expected);
}

#[test]
fn the_login_has_lines_only_where_it_is_on() {
    let mut report = report();
    report["login"] = json!({ "state": "off", "tries": 0, "last_outcome": null });
    assert!(!page(&report).contains("login"));
    report["login"] = json!({ "state": "logging_in", "tries": 0, "last_outcome": null });
    assert!(page(&report).contains("login      logging in\nonline"));
    report["login"] = json!({ "state": "given_up", "tries": 3, "last_outcome": "correct it" });
    let lines = "login      given up, password refused 3x\n           correct it\n";
    assert!(page(&report).contains(lines));
}

#[test]
fn what_an_older_sidecar_does_not_tell_is_unknown() {
    let mut older = report();
    older["online"] = false.into();
    let told = older.as_object_mut().unwrap();
    told.remove("standby");
    told.remove("watch");
    for one in older["candidates"].as_array_mut().unwrap() {
        let told = one.as_object_mut().unwrap();
        told.remove("successes");
        told.remove("failures");
    }
    let page = page(&older);
    for line in [
        "node       ready, mode waku2, fleet status.prod, says it is offline\n",
        "online     unknown\n",
        "standby    none\n",
        "watch      unknown\n",
        "memory     unknown\n",
    ] {
        assert!(page.contains(line), "{line}{page}");
    }
}

#[test]
fn the_standby_and_the_watch_at_other_times() {
    assert_eq!(standby(&json!({ "id": "a" })), "a");
    assert_eq!(
        standby(&json!({ "id": "a", "listed": false })),
        "a, to be dialled"
    );
    let nobody = json!({ "probes": 9, "misses": 1, "bytes_per_minute": 0, "interval_ms": null, "patience_ms": null });
    assert_eq!(
        watch(&nobody),
        "nobody is watched now; 1 of 9 probes missed"
    );
    let new = json!([{ "successes": 0, "failures": {} }]);
    assert_eq!(memory(&new), "0 history requests answered; no failures");
}

#[test]
fn a_page_of_nothing() {
    let page =
        page(&json!({ "uptime_ms": 5, "node": { "state": "unreachable", "reason": "refused" } }));
    assert!(page.contains("node       unreachable: refused\n"), "{page}");
    assert!(page.contains("active     none\n"), "{page}");
}

#[test]
fn one_screen_whatever_comes() {
    let mut report = report();
    let causes = [
        "dial",
        "lost",
        "probe",
        "request",
        "short_history",
        "wrong_id",
        "rate_limited",
    ];
    let failures: BTreeMap<_, _> = causes.iter().map(|it| (it, u64::MAX >> 10)).collect();
    let one = json!({ "id": "x".repeat(99), "state": "disconnected", "rtt_ms": 60_000.0, "cool_off_ms": 60_000,
        "tier": "z".repeat(99), "successes": 1, "failures": failures });
    report["candidates"] = vec![one; 300].into();
    report["online"]["reason"] = "w".repeat(300).into();
    report["standby"]["id"] = "v".repeat(300).into();
    report["journal"]["oldest"]["reasons"] = vec!["u\u{1b}".repeat(300); 9].into();
    report["gaps"]["failed"] = u64::MAX.into();
    report["pin"]["fallback_reason"] = "y".repeat(300).into();
    let page = page(&report);
    assert!(
        page.lines().all(|line| line.chars().count() <= WIDTH),
        "{page}"
    );
    assert!(page.lines().count() <= 40, "{page}");
    assert!(
        page.contains("\n  and 288 more: see status --json\n"),
        "{page}"
    );
}

#[test]
fn the_list_names_origin_fleet_and_pin() {
    let list = json!({ "fleet": "status.prod", "mailservers": [
        { "id": "a", "name": "My store", "address": "/ip4/192.0.2.1/tcp/1/p2p/a", "origin": "added",
          "fleet": "status.prod", "pinned": true },
    ]});
    let expected = "\
* a (My store), added, fleet status.prod
    /ip4/192.0.2.1/tcp/1/p2p/a
1 in all, fleet status.prod; * marks the pin
";
    assert_eq!(mailservers(&list), expected);
}

fn report() -> Value {
    let (id, next) = (
        "store-01.do-ams3.status.prod",
        "store-02.do-ams3.status.prod",
    );
    json!({
        "version": "0.1.0", "uptime_ms": 3_602_999, "mode": "waku2", "fleet": "status.prod",
        "node": { "state": "ready", "use_mailservers": true },
        "online": { "verdict": "online", "since_ms": 60_000, "reason": format!("{id} answers"), "node": true },
        "active": { "id": id, "address": format!("/dns4/{id}/tcp/30303/p2p/16Uiu2"), "state": "connected", "since_ms": 5400 },
        "standby": { "id": next, "listed": true },
        "watch": { "probes": 900, "misses": 3, "bytes_per_minute": 7_512, "interval_ms": 2000, "patience_ms": 201 },
        "pin": { "id": "mine", "fallback_reason": "no reply in time" },
        "candidates": [
            { "id": "mine", "state": "disconnected", "rtt_ms": 80.0, "smoothed_rtt_ms": 80.0, "tier": "healthy",
              "successes": 0, "failures": { "dial": 2, "short_history": 2 }, "cool_off_ms": 58_300 },
            { "id": id, "state": "connected", "rtt_ms": 13.26, "smoothed_rtt_ms": 12.0, "tier": "healthy",
              "successes": 42, "failures": { "dial": 1 }, "cool_off_ms": null },
            { "id": next, "state": "connected", "rtt_ms": 14.0, "smoothed_rtt_ms": 14.0, "tier": "healthy",
              "successes": 0, "failures": {}, "cool_off_ms": null },
        ],
        "counts": { "ticks": 9, "selections": 2, "connections": 2, "failed_connections": 0, "losses": 1 },
        "last_decision": {
            "chosen": { "id": id }, "pool": 2, "drawn": 0, "early": false, "took_ms": 501,
            "considered": [
                { "mailserver": { "id": id }, "rtt_ms": 13.26, "verdict": { "verdict": "chosen" } },
                { "mailserver": { "id": next }, "rtt_ms": 14.0, "verdict": { "verdict": "not_drawn" } },
                { "mailserver": { "id": "mine" }, "rtt_ms": null, "verdict": { "verdict": "no_reply",
                  "detail": { "failure": "silent", "detail": "connect" } } },
            ],
        },
        "history": { "owed": false, "completed": 3, "failed": 1, "last_failure": null, "communities": [
            { "id": "a", "tries": 4, "queued_ms": 1, "next_try_ms": 2, "last": "unknown" },
            { "id": "b", "tries": 0, "queued_ms": 1, "next_try_ms": 1, "last": null },
        ] },
        "journal": {
            "now_ms": 1_795_776_125_000_u64, "covered_until_ms": 1_795_776_012_000_u64, "open": 1, "being_checked": 0,
            "requesting": false, "next_try_ms": 4000,
            "oldest": { "from_ms": 1_795_776_012_000_u64, "reasons": ["node_offline"] },
        },
        "audit": { "enabled": true, "audits": 12, "short": 1, "missing": 3, "sweeps": 5, "budget_left": 2_097_152 },
        "gaps": { "waiting": 0, "filled": 4, "failed": 0 },
        "actors": {
            "connector": { "running": true, "restarts": 0, "last_failure": null },
            "pinger": { "running": true, "restarts": 1, "last_failure": "panic: x" },
        },
        "traffic": { "rpc_calls": 17, "rpc_failures": 1, "signals": 90, "signals_skipped": 80, "signals_malformed": 0, "signals_open": true },
        "unanswered": ["selector"],
    })
}

#[test]
fn a_node_that_picks_its_mailservers_has_none_that_is_active() {
    let mut report = report();
    report["mode"] = "observe".into();
    report["node"]["generation"] = "per_query".into();
    report["active"] = Value::Null;
    report["last_decision"]["purpose"] = "reach".into();
    let reached = json!({ "mailserver": { "id": "store-02" }, "since_ms": 61_000, "connection": "partiallyConnected", "hindrance": null });
    let lost = json!({ "mailserver": null, "since_ms": null, "connection": "disconnected", "hindrance": "it has no peer" });
    for (reach, line) in [
        (
            reached,
            "reach      store-02 answers, for 1m 1s; the node's mesh is poor\n",
        ),
        (
            lost,
            "reach      no: it has no peer; the node says it has no peer\n",
        ),
    ] {
        report["reach"] = reach;
        let page = page(&report);
        for line in [
            "           picks a mailserver for each query (nodes since mid-2026)\n",
            "active     none\n",
            line,
            "decision   none is made; store-01.do-ams3.status.prod answers\n",
            "  store-01.do-ams3.status.prod yes    13.3 ms healthy      answers\n",
        ] {
            assert!(page.contains(line), "{line}{page}");
        }
        for pretence in ["standby", "chosen\n", "history requests answered"] {
            assert!(!page.contains(pretence), "{pretence}{page}");
        }
    }
}

//! The page as people see it.

use serde_json::json;

use super::*;

/// 2026-11-27T10:42:05Z.
const NOW: u64 = 1_795_776_125_000;

const PAGE: &str = "\
covered up to 10:39:25Z, 2m 40s ago; 1 window open since 10:40:12Z: node
offline, request failed; next try in 4s

  open since   until      tries  why
  10:39:25Z    10:39:35Z      1  mailserver short
    fetched by store-02.do-ams3.status.prod, being checked
    3 messages found missing, 2 mailservers asked
  10:40:12Z    goes on        2  node offline, request failed
    wanted from 16Uiu2HA…9abcdef0 and 1 more
    last try: no answer within 90 s

  closed from  until      tries  why
  10:22:05Z    10:25:25Z      1  asleep
    covered by store-01.do-ams3.status.prod, 7 messages
    3 messages were missing at store-02.do-ams3.status.prod, fetched from
    store-01.do-ams3.status.prod and 1 more
  10:12:05Z    10:15:25Z      4  sidecar not running
    given up: no mailserver keeps it that long
";

fn report() -> Value {
    let key = "16Uiu2HAm123456789abcdef0";
    let fetched = json!([
        { "mailserver": "store-02.do-ams3.status.prod", "failure": null, "messages": 0 },
    ]);
    let failed =
        json!([{ "mailserver": "store-01", "failure": "no answer within 90 s", "messages": 0 }]);
    let covered = json!([
        { "mailserver": "store-02", "failure": "refused", "messages": 0 },
        { "mailserver": "store-01.do-ams3.status.prod", "failure": null, "messages": 7 },
    ]);
    let shortage = json!({
        "missing": 3, "at": ["store-02.do-ams3.status.prod"],
        "fetched_from": ["store-01.do-ams3.status.prod", "mine"],
    });
    json!({
        "now_ms": NOW, "covered_until_ms": NOW - 160_000, "requesting": false, "next_try_ms": 4000,
        "open": [
            { "id": 7, "from_ms": NOW - 113_000, "until_ms": null, "reasons": ["node_offline", "request_failed"],
              "state": { "state": "open", "wanted": [key, "16Uiu2other"] }, "requests": 2, "attempts": failed },
            { "id": 8, "from_ms": NOW - 160_000, "until_ms": NOW - 150_000, "reasons": ["mailserver_short"],
              "state": { "state": "fetched", "at_ms": NOW }, "requests": 1, "attempts": fetched,
              "audit": { "at_ms": NOW, "by": ["a", "b"], "held": 9, "missing": 3 } },
        ],
        "recent": [
            { "id": 6, "from_ms": NOW - 1_200_000, "until_ms": NOW - 1_000_000, "reasons": ["asleep"],
              "state": { "state": "covered", "at_ms": NOW }, "requests": 1, "attempts": covered,
              "audit": { "at_ms": NOW, "by": ["a"], "held": 9, "missing": 0 }, "shortage": shortage },
            { "id": 5, "from_ms": NOW - 1_800_000, "until_ms": NOW - 1_600_000, "reasons": ["sidecar_away"],
              "state": { "state": "given_up", "at_ms": NOW, "why": "no mailserver keeps it that long" },
              "requests": 4, "attempts": [], "audit": null },
        ],
    })
}

#[test]
fn open_windows_come_first_the_oldest_before_the_others() {
    assert_eq!(page(&report(), false), PAGE);
}

#[test]
fn all_is_well() {
    let report = json!({ "now_ms": NOW, "covered_until_ms": NOW, "open": [], "recent": [] });
    assert_eq!(page(&report, false), "covered up to now\n");
    assert_eq!(page(&json!({}), true), "nothing covered yet\n");
}

#[test]
fn ten_closed_windows_unless_all_are_wanted() {
    let mut report = report();
    report["recent"] = vec![report["recent"][0].clone(); 50].into();
    let covered = |page: &str| page.matches("covered by").count();
    let short = page(&report, false);
    assert_eq!(covered(&short), 10);
    assert!(short.ends_with("\n  and 40 more: see history --all\n"));
    assert_eq!(covered(&page(&report, true)), 50);
}

#[test]
fn nothing_of_others_breaks_the_page() {
    let mut report = report();
    let evil = "\u{1b}[31m".repeat(99);
    for window in report["open"].as_array_mut().unwrap() {
        window["reasons"] = vec![evil.clone(); 9].into();
        window["state"]["wanted"] = json!([evil, evil]);
        window["from_ms"] = 5.into();
        window["attempts"][0]["failure"] = evil.clone().into();
        window["attempts"][0]["mailserver"] = evil.clone().into();
    }
    report["recent"][0]["attempts"][1]["mailserver"] = evil.clone().into();
    report["recent"][1]["state"]["why"] = evil.clone().into();
    report["recent"][0]["shortage"]["at"][0] = evil.clone().into();
    report["recent"][0]["shortage"]["fetched_from"][0] = evil.clone().into();
    report["recent"][1]["until_ms"] = u64::MAX.into();
    let page = page(&report, true);
    assert!(!page.contains('\u{1b}'));
    assert!(page.lines().all(|it| it.chars().count() <= WIDTH), "{page}");
}

#[test]
fn what_was_asked_for_is_said() {
    assert_eq!(accepted(&json!({ "accepted": 1 })), "asked for\n");
    let answer = json!({ "accepted": 1, "window": 7 });
    assert_eq!(accepted(&answer), "asked for: window 7\n");
}

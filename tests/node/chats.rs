//! Topics, chats, gaps and communities: what a node is asked, and what its answers come to.

use ::actors::{
    messages::node::{
        ExtendChat, FillGaps, MessagesArrived, ReadChats, ReadTopics, RequestCommunity,
        RequestHistory,
    },
    model::{
        gap::{Chat, Gap},
        moment::{Moment, Period},
        node::{CommunityAnswer, HistoryAnswer, NodeError},
    },
};
use actix::Addr;
use mailserver_sidecar::node::Driver;
use serde_json::{Value, json};

use crate::{
    ears::{Ears, Heard, drive},
    scripted::{Node, Reply, usual},
};

/// A node that answers one method like that and the others as usual, and a driver that knows it.
async fn node_with(
    kind: &'static str,
    mut reply: impl FnMut(&str, &Value) -> Option<Reply> + 'static,
) -> (Node, Addr<Driver>, Ears) {
    let mut usual = usual(kind);
    let node =
        Node::start(move |method, params| reply(method, params).or_else(|| usual(method, params)))
            .await;
    let (driver, ears) = drive(node.polled());
    ears.ready().await;
    node.forget_calls();
    (node, driver, ears)
}

/// Answers this method like that.
fn only(name: &'static str, result: Value) -> impl FnMut(&str, &Value) -> Option<Reply> + 'static {
    move |method, _| (method == name).then(|| Reply::Result(result.clone()))
}

fn seconds(seconds: u64) -> Moment {
    Moment::from_seconds(seconds)
}

#[actix::test]
async fn gaps_in_the_answer_to_a_history_request_are_told_before_it() {
    let answer = json!({"chats": [{}], "messages": [
        {"id": "0x1", "contentType": 1, "gapParameters": {}},
        {"id": "0x2", "localChatId": "chat", "contentType": 10, "gapParameters": {"from": 5, "to": 9}},
    ]});
    let method = "wakuext_requestAllHistoricMessages";
    let (_node, driver, ears) = node_with("waku1", only(method, answer)).await;
    let done = driver.send(RequestHistory::default()).await.unwrap();
    assert_eq!(
        done,
        Ok(HistoryAnswer::Done {
            messages: 2,
            rewound: true
        })
    );
    let gap = Gap {
        chat: "chat".into(),
        message: "0x2".into(),
        period: Some(Period {
            from: seconds(5),
            until: seconds(9),
        }),
    };
    let told = Heard::Messages(MessagesArrived {
        messages: 1,
        gaps: vec![gap],
    });
    assert_eq!(ears.heard().last(), Some(&told));
}

#[actix::test]
async fn topics_are_read_as_a_mailserver_knows_them() {
    let table = json!([
        {"pubsubTopic": "", "topic": "0x77739787", "last-request": 7},
        {"pubsubTopic": "/waku/2/rs/16/64", "topic": "0x2617f162", "last-request": 8},
        {"topic": "0xe91d0f70", "last-request": 9},
        {"pubsubTopic": "", "topic": "nonsense", "last-request": 1},
    ]);
    for (kind, shards, default) in [
        ("pin", None, "/waku/2/rs/16/32"),
        ("pin", Some(true), "/waku/2/rs/16/32"),
        ("pin", Some(false), "/waku/2/default-waku/proto"),
    ] {
        let mut topics = only("mailservers_getMailserverTopics", table.clone());
        let config = json!({"WakuV2Config": {"Enabled": true, "UseShardAsDefaultTopic": shards}});
        let mut config = only("settings_nodeConfig", config);
        let reply = move |method: &str, params: &Value| {
            topics(method, params).or_else(|| config(method, params))
        };
        let (_node, driver, _ears) = node_with(kind, reply).await;
        let topics = driver.send(ReadTopics).await.unwrap().unwrap();
        let told: Vec<_> = topics
            .iter()
            .map(|it| {
                (
                    it.topic.pubsub.as_str(),
                    it.topic.content.as_str(),
                    it.last_request,
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                (default, "/waku/1/0x77739787/rfc26", seconds(7)),
                ("/waku/2/rs/16/64", "/waku/1/0x2617f162/rfc26", seconds(8)),
                (
                    "/waku/2/default-waku/proto",
                    "/waku/1/0xe91d0f70/rfc26",
                    seconds(9)
                ),
            ]
        );
    }
    let (node, driver, _ears) = node_with("waku1", |_, _| None).await;
    let refused = driver.send(ReadTopics).await.unwrap();
    assert_eq!(refused, Err(NodeError::NotPossible));
    assert_eq!(node.calls("mailservers_getMailserverTopics"), 0);
}

#[actix::test]
async fn gaps_are_filled_but_never_none() {
    let (node, driver, _ears) = node_with("waku2", |_, _| None).await;
    let fill = |messages: &[&str]| FillGaps {
        chat: "chat".into(),
        messages: messages.iter().map(|it| (*it).to_owned()).collect(),
    };
    let none = driver.send(fill(&[])).await.unwrap();
    assert_eq!(none, Err(NodeError::NotPossible));
    assert_eq!(driver.send(fill(&["0x1", "0x2"])).await.unwrap(), Ok(()));
    let sent = node.sent("wakuext_fillGaps");
    assert_eq!(sent, [json!(["chat", ["0x1", "0x2"]])]);
}

#[actix::test]
async fn active_chats_are_read_and_extended() {
    let chats = json!([
        {"id": "a", "active": true, "syncedFrom": 1_792_663_459, "lastClockValue": 1_795_341_875_509_u64, "members": []},
        {"id": "b", "active": false, "syncedFrom": 5, "lastClockValue": 5},
        {"id": "c", "syncedFrom": 0, "lastClockValue": 0},
    ]);
    for method in ["wakuext_activeChats", "wakuext_chats"] {
        let chats = chats.clone();
        let reply = move |called: &str, _: &Value| match called {
            "wakuext_activeChats" if method != called => {
                Some(Reply::Error(-32601, "the method does not exist"))
            }
            "wakuext_syncChatFromSyncedFrom" => Some(Reply::Result(json!(1_793_786_568))),
            _ => (called == method).then(|| Reply::Result(chats.clone())),
        };
        let (node, driver, _ears) = node_with("pin", reply).await;
        let chat = |id: &str, synced_from, last_message_ms| Chat {
            id: id.into(),
            synced_from,
            last_message_ms,
        };
        assert_eq!(
            driver.send(ReadChats).await.unwrap(),
            Ok(vec![
                chat("a", Some(seconds(1_792_663_459)), 1_795_341_875_509),
                chat("c", None, 0)
            ])
        );
        let extended = driver.send(ExtendChat("a".into())).await.unwrap();
        assert_eq!(extended, Ok(Some(seconds(1_793_786_568))));
        assert_eq!(node.sent("wakuext_syncChatFromSyncedFrom"), [json!(["a"])]);
    }
    let (_node, driver, _ears) = node_with("pin", |_, _| None).await;
    let extended = driver.send(ExtendChat("a".into())).await.unwrap();
    assert_eq!(extended, Ok(None), "null, or nothing was done");
}

const COMMUNITY: &str = "0x03ec3213148a51c8e445ee407d7b1c59efa747f67801dc1d7ed4e20b52040c267a";
const CLASSIC: &str = "wakuext_requestCommunityInfoFromMailserver";
const MODERN: &str = "wakuext_fetchCommunity";
const LIST: &str = "wakuext_communities";

async fn request(driver: &Addr<Driver>) -> Result<CommunityAnswer, NodeError> {
    let request = RequestCommunity(COMMUNITY.into());
    driver.send(request).await.unwrap()
}

#[actix::test]
async fn communities_are_fetched_as_each_generation_wants_it() {
    let fetch = json!([{"communityKey": COMMUNITY, "tryDatabase": false, "waitForResponse": true}]);
    for (kind, method, params) in [
        ("waku1", CLASSIC, json!([COMMUNITY])),
        ("waku2", CLASSIC, json!([COMMUNITY])),
        ("pin", MODERN, fetch),
    ] {
        let (node, driver, _ears) = node_with(kind, |_, _| None).await;
        assert_eq!(request(&driver).await, Ok(CommunityAnswer::Unknown));
        assert_eq!(node.sent(method), [params]);
        let found = json!({"id": COMMUNITY});
        let (_node, driver, _ears) = node_with(kind, only(method, found)).await;
        assert_eq!(request(&driver).await, Ok(CommunityAnswer::Found));
    }
}

#[actix::test]
async fn a_community_that_the_node_knows_is_never_asked_for() {
    let upper = COMMUNITY.to_uppercase().replacen("0X", "0x", 1);
    let list = json!([{"id": "0x02"}, {"id": upper, "members": {}}]);
    for kind in ["waku1", "waku2", "pin"] {
        let (node, driver, _ears) = node_with(kind, only(LIST, list.clone())).await;
        assert_eq!(request(&driver).await, Ok(CommunityAnswer::Found));
        assert_eq!((node.calls(CLASSIC), node.calls(MODERN)), (0, 0));
    }
}

#[actix::test]
async fn null_is_found_if_the_community_is_listed_by_then() {
    let mut asked = false;
    let reply = move |method: &str, _: &Value| match method {
        CLASSIC => {
            asked = true;
            None
        }
        LIST if asked => Some(Reply::Result(json!([{"id": COMMUNITY}]))),
        _ => None,
    };
    let (node, driver, _ears) = node_with("waku2", reply).await;
    assert_eq!(request(&driver).await, Ok(CommunityAnswer::Found));
    assert_eq!(node.calls(CLASSIC), 1);
}

#[actix::test]
async fn on_waku1_a_community_is_not_asked_for_unless_it_is_known_to_be_new() {
    let fails = |method: &str, _: &Value| {
        (method == LIST).then_some(Reply::Error(-32000, "member identity not set"))
    };
    for (kind, asked) in [("waku1", 0), ("waku2", 1)] {
        let (node, driver, _ears) = node_with(kind, fails).await;
        assert_eq!(request(&driver).await.is_err(), asked == 0, "{kind}");
        assert_eq!(node.calls(CLASSIC), asked, "{kind}");
    }
    // One without a list can only be asked.
    let gone = |method: &str, _: &Value| {
        (method == LIST).then_some(Reply::Error(-32601, "the method does not exist"))
    };
    let (node, driver, _ears) = node_with("waku1", gone).await;
    assert_eq!(request(&driver).await, Ok(CommunityAnswer::Unknown));
    assert_eq!(node.calls(CLASSIC), 1);
}

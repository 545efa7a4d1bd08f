//! Each operation of the document is called, and answers what the document says, each answer that it tells of included.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::SystemTime,
};

use actors::{
    messages::candidates::RegistryError,
    model::{
        moment::Moment,
        node::NodeState,
        window::{Audit, State, Window},
    },
};
use mailserver_sidecar::control::Gate;
use serde_json::{Value, json};

use crate::{
    history,
    schema::Document,
    server::{Answer, Server},
    sockets::UPGRADE,
    stubs::{STORE, Stub},
};

/// The status that takes the patience of the server for a body, which is tested with the body.
const TOO_SLOW: &str = "408";

/// The token of those that want one.
const TOKEN: &str = "a-token-of-twenty-signs";

/// The values of `{id}` in paths.
const ID: &str = "store-1";

/// A request, and whom it is sent to.
struct Call {
    method: &'static str,
    /// As the document names it.
    path: &'static str,
    id: String,
    lines: &'static str,
    body: String,
    stub: Stub,
    /// The actors died.
    dead: bool,
    /// A token is wanted.
    guarded: bool,
    status: u16,
}

fn call(status: u16, method: &'static str, path: &'static str) -> Call {
    Call {
        method,
        path,
        id: ID.to_owned(),
        lines: "",
        body: String::new(),
        stub: Stub::default(),
        dead: false,
        guarded: false,
        status,
    }
}

impl Call {
    fn with(self, body: &Value) -> Self {
        let body = body.to_string();
        Self { body, ..self }
    }

    fn of(self, id: &str) -> Self {
        let id = id.to_owned();
        Self { id, ..self }
    }

    fn under(self, lines: &'static str) -> Self {
        Self { lines, ..self }
    }

    fn to(self, stub: Stub) -> Self {
        Self { stub, ..self }
    }

    fn refused(self, error: RegistryError) -> Self {
        self.to(Stub {
            refuse: Some(error),
            ..Stub::default()
        })
    }

    fn guarded(self) -> Self {
        Self {
            guarded: true,
            ..self
        }
    }

    fn dead(self) -> Self {
        Self { dead: true, ..self }
    }
}

/// Whatever has to do with the state of the service.
fn questions() -> Vec<Call> {
    let mut report = history::report(Moment::from(SystemTime::now()));
    let (at, why) = (Moment::from_millis(1), "too old".to_owned());
    let audit = Some(Audit {
        at,
        by: vec!["store-2".to_owned()],
        held: 3,
        missing: 2,
    });
    let given_up = State::GivenUp { at, why };
    let window = history::window(9, at, given_up);
    report.recent.push(Window { audit, ..window });
    let with_windows = || Stub {
        report: report.clone(),
        ..Stub::default()
    };
    let node = |state| Stub {
        node: Some(state),
        ..Stub::default()
    };
    let away = || NodeState::Unreachable {
        reason: "refused".to_owned(),
    };
    let per_query = Stub {
        per_query: true,
        ..Stub::default()
    };
    vec![
        call(200, "get", "/"),
        call(200, "get", "/assets/{name}").of("main.js"),
        call(404, "get", "/assets/{name}"),
        call(200, "get", "/api/v1/round-trips"),
        call(503, "get", "/api/v1/round-trips").dead(),
        call(200, "get", "/metrics"),
        call(200, "get", "/health/live"),
        call(200, "get", "/api/v1/openapi.json"),
        call(200, "get", "/api/v1/status").to(with_windows()),
        call(200, "get", "/api/v1/status").to(per_query),
        call(200, "get", "/api/v1/status").to(node(away())),
        call(200, "get", "/api/v1/status").to(node(NodeState::LoggedOut)),
        call(200, "get", "/api/v1/status").dead(),
        call(200, "get", "/health/ready"),
        call(503, "get", "/health/ready").to(node(NodeState::LoggedOut)),
        call(503, "get", "/health/ready").dead(),
        call(200, "get", "/api/v1/history").to(with_windows()),
        call(503, "get", "/api/v1/history").dead(),
    ]
}

/// Whatever changes the list of mailservers.
fn changes() -> Vec<Call> {
    let id = || "x".to_owned();
    let conflict = || RegistryError::NotAdded {
        id: id(),
        origin: id(),
    };
    let addition = json!({ "id": "mine", "address": STORE, "fleet": "status.prod" });
    let choice = json!({ "id": "mine" });
    let add = |status| call(status, "post", "/api/v1/mailservers").with(&addition);
    let remove = |status| call(status, "delete", "/api/v1/mailservers/{id}");
    let pin = |status| call(status, "put", "/api/v1/pin").with(&choice);
    let unpin = |status| call(status, "delete", "/api/v1/pin");
    let list = |status| call(status, "get", "/api/v1/mailservers");
    let mut all = vec![
        list(200),
        list(304).under("if-none-match: *\r\n"),
        list(503).dead(),
        add(201),
        add(400).refused(RegistryError::Id {
            id: id(),
            reason: id(),
        }),
        add(409).refused(conflict()),
        add(507).refused(RegistryError::Full(256)),
        remove(204),
        remove(404).refused(RegistryError::Unknown(id())),
        remove(409).refused(conflict()),
        pin(200),
        pin(404).refused(RegistryError::Unknown(id())),
        unpin(204),
    ];
    let failed = || RegistryError::NotSaved("disk full".to_owned());
    for change in [&add as &dyn Fn(u16) -> Call, &remove, &pin, &unpin] {
        all.push(change(412).under("if-match: \"other\"\r\n"));
        all.push(change(500).refused(failed()));
        all.push(change(503).dead());
    }
    all
}

/// Whatever hands something on.
fn orders() -> Vec<Call> {
    let period = json!({ "from": Moment::from(SystemTime::now()) });
    let signal = json!({ "type": "wakuv2.peerstats", "event": {} });
    let polling = Stub {
        polls: true,
        ..Stub::default()
    };
    let history = |status| call(status, "post", "/api/v1/history");
    let signals = |status| call(status, "post", "/api/v1/signals").with(&signal);
    let community = |status| call(status, "post", "/api/v1/communities/{id}");
    vec![
        history(202),
        history(202).with(&period),
        history(400).with(&json!({ "from": "yesterday" })),
        history(503).dead(),
        signals(202),
        signals(409).to(polling),
        signals(503).dead(),
        community(202),
        community(400).of("bad"),
        community(503).of("full"),
        community(503).dead(),
        call(409, "post", "/api/v1/session"),
        call(204, "post", "/api/v1/session")
            .guarded()
            .under("authorization: Bearer a-token-of-twenty-signs\r\n"),
        call(204, "delete", "/api/v1/session"),
        // Another test reads the streams: they have no end.
        call(400, "get", "/api/v1/events").under("last-event-id: x\r\n"),
        call(503, "get", "/api/v1/events").dead(),
        call(400, "get", "/api/v1/events/ws"),
        call(503, "get", "/api/v1/events/ws").under(UPGRADE).dead(),
    ]
}

/// What goes for each operation, or for each that takes a body.
fn refusals(document: &Document) -> Vec<Call> {
    let leaked = |text: &str| -> &'static str { text.to_owned().leak() };
    let mut all = Vec::new();
    for (path, method, it) in document.operations() {
        let to = |status| call(status, leaked(method), leaked(path));
        all.push(to(403).under("origin: http://evil.example\r\n"));
        if it.get("security").is_none() {
            all.push(to(401).guarded());
        }
        if it.get("requestBody").is_some() {
            let large = "y".repeat(5 * 1024 * 1024);
            all.push(to(413).with(&json!({ "type": large })));
            all.push(
                to(415)
                    .with(&json!({}))
                    .under("content-type: text/plain\r\n"),
            );
            all.push(to(400).with(&json!(5)));
        }
    }
    all
}

async fn send(call: Call) -> Answer {
    let gate = match call.guarded {
        true => Gate::new(Some(&TOKEN.into())),
        false => Gate::default(),
    };
    let server = Server::start_with(call.stub, gate).await;
    if call.dead {
        server.kill_actors().await;
    }
    let path = call
        .path
        .replace("{id}", &call.id)
        .replace("{name}", &call.id);
    let (address, length) = (server.address, call.body.len());
    let typed = match call.lines.contains("content-type") {
        true => "",
        false => "content-type: application/json\r\n",
    };
    let head = format!(
        "{} {path} HTTP/1.1\r\nhost: {address}\r\n",
        call.method.to_uppercase()
    );
    let rest = format!("content-length: {length}\r\n\r\n{}", call.body);
    server
        .raw(&format!("{head}{}{typed}{rest}", call.lines))
        .await
}

/// What is wrong with an answer of which the document says this.
fn breaches(document: &Document, described: &Value, answer: &Answer) -> Vec<String> {
    let mut breaches = Vec::new();
    for (name, field) in described["headers"].as_object().into_iter().flatten() {
        let told = answer.field(&name.to_lowercase());
        if told.is_none() && field["required"] == true {
            breaches.push(format!("no {name}"));
        }
    }
    let media = answer
        .field("content-type")
        .map(|it| it.split(';').next().unwrap());
    let Some(contents) = described["content"].as_object() else {
        if !answer.body.is_empty() {
            breaches.push(format!("there is a body: {}", answer.body));
        }
        return breaches;
    };
    let Some(content) = media.and_then(|it| contents.get(it)) else {
        breaches.push(format!("content is {media:?}"));
        return breaches;
    };
    let is_json = media.is_some_and(|it| it.ends_with("json"));
    let value = match is_json {
        true => serde_json::from_str(&answer.body).unwrap(),
        false => json!(answer.body),
    };
    breaches.extend(document.breaches(&content["schema"], &value));
    breaches
}

#[actix::test]
async fn each_answer_is_as_it_is_described_and_each_that_is_described_is_given() {
    let document = Document::of(&Server::start(Stub::default()).await).await;
    let mut seen: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    let mut wrong = Vec::new();
    let calls = [questions(), changes(), orders(), refusals(&document)];
    for call in calls.into_iter().flatten() {
        let (method, path, status) = (call.method, call.path, call.status.to_string());
        let answer = send(call).await;
        let of = format!("{method} {path} {status}");
        assert_eq!(answer.status.to_string(), status, "{of}: {answer:?}");
        let described = &document.0["paths"][path][method]["responses"][&status];
        assert!(described.is_object(), "{of} is not described");
        let breaches = breaches(&document, described, &answer);
        wrong.extend(breaches.into_iter().map(|it| format!("{of}: {it}")));
        seen.entry((path.to_owned(), method.to_owned()))
            .or_default()
            .insert(status);
    }
    for (path, status) in [("/api/v1/events", "200"), ("/api/v1/events/ws", "101")] {
        let stream = (path.to_owned(), "get".to_owned());
        seen.entry(stream).or_default().insert(status.to_owned());
    }
    for (path, method, it) in document.operations() {
        let described = it["responses"].as_object().unwrap().keys().cloned();
        let seen = seen
            .remove(&(path.to_owned(), method.to_owned()))
            .unwrap_or_default();
        let missed: Vec<_> = described
            .filter(|it| !seen.contains(it) && it != TOO_SLOW)
            .collect();
        assert!(
            missed.is_empty(),
            "{method} {path} was never answered {missed:?}"
        );
    }
}

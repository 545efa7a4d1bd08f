//! A simulated node that is broken over the API, by hand and by command; and sidecars that have none.

use std::{net::SocketAddr, rc::Rc};

use actix::Actor as _;
use actors::model::node::Mode;
use mailserver_sidecar::{
    cli::{Command, CommandLine, run_simulate},
    control::PlaygroundPorts,
    exit::{Exit, Failure},
    settings::{Listen, Settings},
    sim::{self, Simulation, playground::Playground},
};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::{server::Server, stubs::Stub};

const ALL: &str = "/api/v1/playground";
const NODE: &str = "/api/v1/playground/node";

struct Rig {
    simulation: Rc<Simulation>,
    server: Server,
}

impl Rig {
    async fn start() -> Self {
        let simulation = Simulation::start(sim::Settings {
            mailservers: 3,
            ..sim::Settings::new(Mode::Waku2)
        });
        let simulation = Rc::new(simulation.unwrap());
        let playground = Playground::new(simulation.clone()).start();
        let ports = PlaygroundPorts {
            look: playground.clone().recipient(),
            treat: playground.clone().recipient(),
            treat_node: playground.recipient(),
        };
        let server = Server::start(Stub {
            playground: Some(ports),
            ..Stub::default()
        })
        .await;
        Self { simulation, server }
    }

    async fn faults(&self) -> Vec<Value> {
        let all = self.server.get(ALL).await.json();
        let all = all["mailservers"].as_array().unwrap().iter();
        all.map(|it| it["fault"].clone()).collect()
    }

    async fn node(&self) -> Value {
        self.server.get(ALL).await.json()["node"]["fault"].clone()
    }

    /// The body of a request that succeeds.
    async fn done(&self, method: &str, path: &str, body: &str) -> Value {
        let answer = self.server.request(method, path, body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    async fn connects(&self, index: usize) -> bool {
        let socket = self.simulation.mailservers()[index].socket;
        TcpStream::connect(socket).await.is_ok()
    }
}

fn mailserver(name: &str) -> String {
    format!("{ALL}/mailservers/{name}")
}

#[actix::test]
async fn a_mailserver_is_broken_and_mended_by_its_id_or_its_name() {
    let rig = Rig::start().await;
    let all = rig.server.get(ALL).await.json();
    assert_eq!(all["mode"], "waku2");
    // Nobody told the node to connect.
    let messages = json!({ "sent": 1, "missing": 1, "out_of_reach": 0 });
    assert_eq!(all["messages"], messages);
    assert_eq!(rig.faults().await, [Value::Null, Value::Null, Value::Null]);
    let killed = r#"{"fault":"killed"}"#;
    let state = rig.done("PUT", &mailserver("store-02"), killed).await;
    let expected =
        json!({"id":"store-02.sim.test","name":"store-02","fault":"killed","connected":false});
    assert_eq!(state, expected);
    assert!(!rig.connects(1).await && rig.connects(0).await);
    for word in ["hung", "isolated", "deaf", "slowed"] {
        let body = json!({ "fault": word }).to_string();
        let path = mailserver("store-03.sim.test");
        assert_eq!(rig.done("PUT", &path, &body).await["fault"], word);
        assert_eq!(
            rig.faults().await,
            [Value::Null, "killed".into(), word.into()]
        );
    }
    let state = rig.done("DELETE", &mailserver("store-02"), "").await;
    assert_eq!(state["fault"], Value::Null);
    assert!(rig.connects(1).await);
    assert_eq!(rig.faults().await[2], "slowed");
}

#[actix::test]
async fn the_node_is_broken_in_one_way_at_a_time() {
    let rig = Rig::start().await;
    let url: url::Url = rig.simulation.rpc_url().parse().unwrap();
    let address = url.socket_addrs(|| None).unwrap()[0];
    let answers = async || TcpStream::connect(address).await.is_ok();
    for (word, up) in [("offline", true), ("stopped", false), ("logged-out", true)] {
        let body = json!({ "fault": word }).to_string();
        assert_eq!(rig.done("PUT", NODE, &body).await["fault"], word);
        assert_eq!(rig.node().await, word);
        assert_eq!(answers().await, up, "{word}");
    }
    assert_eq!(rig.done("DELETE", NODE, "").await["fault"], Value::Null);
    assert_eq!(rig.node().await, Value::Null);
}

#[actix::test]
async fn what_is_not_there_is_refused_with_what_is() {
    let rig = Rig::start().await;
    let hung = r#"{"fault":"hung"}"#;
    let unknown = rig.server.request("PUT", &mailserver("x"), hung).await;
    assert_eq!((unknown.status, unknown.problem()), (404, "unknown".into()));
    assert!(unknown.detail().contains("store-01, store-02, store-03"));
    let path = mailserver("store-01");
    for body in [r#"{"fault":"tired"}"#, r#"{"fault":"offline"}"#] {
        let wrong = rig.server.request("PUT", &path, body).await;
        assert_eq!((wrong.status, wrong.problem()), (400, "invalid".into()));
        for word in ["killed", "hung", "isolated", "deaf", "slowed"] {
            assert!(wrong.detail().contains(word), "{word}: {}", wrong.detail());
        }
    }
    let wrong = rig.server.request("PUT", NODE, hung).await;
    assert_eq!(wrong.status, 400);
    assert!(wrong.detail().contains("logged-out"), "{}", wrong.detail());
    for body in ["", "{}", r#"{"fault":null}"#, r#"{"fault":"hung","for":5}"#] {
        assert_eq!(rig.server.request("PUT", &path, body).await.status, 400);
    }
    let post = rig.server.post(ALL, "").await;
    assert_eq!(
        (post.status, post.problem()),
        (405, "method_not_allowed".into())
    );
    assert_eq!(rig.faults().await, [Value::Null, Value::Null, Value::Null]);
}

#[actix::test]
async fn no_other_sidecar_has_it() {
    let server = Server::start(Stub::default()).await;
    let one = mailserver("store-01");
    for (method, path) in [
        ("GET", ALL),
        ("POST", ALL),
        ("PUT", &one),
        ("DELETE", &one),
        ("PUT", NODE),
        ("DELETE", NODE),
    ] {
        let answer = server.request(method, path, "").await;
        assert_eq!(answer.status, 404, "{method} {path}");
        let told = answer.detail();
        assert!(told.contains("mailserver-sidecar simulate"), "{told}");
    }
    for command in ["show", "break store-01 hung", "revive node"] {
        let failure = simulate(command, server.address).await.unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.reason.contains("is no playground"), "{failure}");
    }
    server.stop().await;
    let failure = simulate("show", server.address).await.unwrap_err();
    assert_eq!(failure.exit, Exit::Unreachable);
    let next = "`mailserver-sidecar simulate` starts one";
    assert!(failure.reason.contains(next), "{failure}");
}

#[actix::test]
async fn commands_do_the_same() {
    let rig = Rig::start().await;
    let address = rig.server.address;
    simulate("break store-03 isolated", address).await.unwrap();
    simulate("break node offline --json", address)
        .await
        .unwrap();
    assert_eq!(rig.faults().await[2], "isolated");
    assert_eq!(rig.node().await, "offline");
    simulate("show", address).await.unwrap();
    simulate("revive store-03", address).await.unwrap();
    simulate("revive node", address).await.unwrap();
    assert_eq!(rig.faults().await[2], Value::Null);
    assert_eq!(rig.node().await, Value::Null);
    let wrong = simulate("break node hung", address).await.unwrap_err();
    assert_eq!(wrong.exit, Exit::Usage);
    assert!(wrong.reason.contains("logged-out"), "{wrong}");
}

async fn simulate(command: &str, address: SocketAddr) -> Result<(), Failure> {
    let arguments = ["mailserver-sidecar", "simulate"].into_iter();
    let arguments = arguments.chain(command.split(' ')).map(Into::into);
    let Command::Simulate(options) = CommandLine::read(arguments).unwrap().wanted() else {
        panic!("{command} is not about a simulation")
    };
    let mut settings = Settings::default();
    settings.control.listen = Listen::At(address);
    run_simulate(&options.action.unwrap(), &settings).await
}

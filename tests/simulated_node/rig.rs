//! A simulation with a client beside it.

use std::time::Duration;

use actix_codec::Framed;
use actors::model::node::Mode;
use awc::{
    BoxedSocket, Client,
    ws::{Codec, Frame},
};
use futures_util::StreamExt;
use mailserver_sidecar::sim::{MailserverInfo, Settings, Simulation};
use serde_json::{Value, json};
use tokio::time::timeout;

/// Longer than anything here takes, however busy the machine is.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// How much faster than recorded the node's clocks run here.
pub(crate) const SPEED: f64 = 20.0;

/// The same where a test must be faster than they are.
pub(crate) const UNHURRIED: f64 = 2.0;

/// A simulation with a client beside it.
pub(crate) struct Rig {
    pub(crate) sim: Simulation,
    client: Client,
}

impl Rig {
    /// A node with three mailservers.
    pub(crate) fn start(mode: Mode) -> Self {
        Self::with(Settings {
            mailservers: 3,
            speed: SPEED,
            ..Settings::new(mode)
        })
    }

    pub(crate) fn with(settings: Settings) -> Self {
        Self {
            sim: Simulation::start(settings).unwrap(),
            client: Client::builder().timeout(LONG).finish(),
        }
    }

    pub(crate) fn mailserver(&self, index: usize) -> MailserverInfo {
        self.sim.mailservers()[index].clone()
    }

    /// Posts a call and returns status and text.
    pub(crate) async fn post(&self, content_type: &str, body: &str) -> (u16, String) {
        self.post_to(self.sim.rpc_url(), content_type, body).await
    }

    /// Posts to an endpoint of status-backend and returns what it says.
    pub(crate) async fn statusgo(&self, endpoint: &str, body: Value) -> Value {
        let url = format!("{}{endpoint}", self.sim.statusgo_url());
        let (status, text) = self.post_to(url, "text/plain", &body.to_string()).await;
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Posts a body and returns status and text.
    pub(crate) async fn post_to(
        &self,
        url: String,
        content_type: &str,
        body: &str,
    ) -> (u16, String) {
        let request = self.client.post(url);
        let request = request.insert_header(("content-type", content_type));
        let mut response = request.send_body(body.to_owned()).await.unwrap();
        let text = response.body().limit(64 << 20).await.unwrap();
        let text = String::from_utf8(text.to_vec()).unwrap();
        (response.status().as_u16(), text)
    }

    async fn call(&self, method: &str, params: Value) -> Value {
        let call = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params});
        let (status, text) = self.post("application/json", &call.to_string()).await;
        assert_eq!(status, 200, "{text}");
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(answer["id"], 7, "{answer}");
        answer
    }

    /// The result of a call that succeeds.
    pub(crate) async fn ok(&self, method: &str, params: Value) -> Value {
        let answer = self.call(method, params).await;
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// Code and text of a call that fails.
    pub(crate) async fn error(&self, method: &str, params: Value) -> (i64, String) {
        let answer = self.call(method, params).await;
        let error = &answer["error"];
        let message = error["message"].as_str();
        let message = message.unwrap_or_else(|| panic!("{method}: {answer}"));
        (error["code"].as_i64().unwrap(), message.to_owned())
    }

    /// waku2 and pin: dials a mailserver and uses it where that is done from outside.
    pub(crate) async fn dial(&self, index: usize) {
        let address = self.mailserver(index).address;
        assert_eq!(
            self.ok("wakuext_dialPeer", json!([address])).await,
            Value::Null
        );
    }

    /// waku2: dials a mailserver and has it asked for history from now on.
    pub(crate) async fn turn_to(&self, index: usize) {
        self.dial(index).await;
        let identity = self.mailserver(index).identity;
        self.ok("wakuext_setMailserver", json!([identity])).await;
    }

    /// A classic node: asks for all history that was missed.
    pub(crate) async fn ask_history(&self) -> Value {
        self.ok("wakuext_requestAllHistoricMessages", json!([]))
            .await
    }

    /// Sends a message that reaches the node only as history.
    pub(crate) fn publish_unheard(&self, topic: usize, text: &str) {
        self.sim.set_node_deaf(true);
        self.sim.publish_to(topic, text);
    }

    /// Waits for something to become true of the node.
    pub(crate) async fn until(&self, what: &str, condition: impl FnMut(&Simulation) -> bool) {
        assert!(self.sim.wait_for(LONG, condition).await, "{what}");
    }

    /// Opens a signal socket.
    pub(crate) async fn signals(&self) -> Signals {
        let before = self.sim.subscribers();
        let connecting = self.client.ws(self.sim.signals_url());
        let (_, socket) = connecting.max_frame_size(64 << 20).connect().await.unwrap();
        self.until("the socket is open", |sim| sim.subscribers() > before)
            .await;
        Signals(socket)
    }
}

/// The client's side of a signal socket.
pub(crate) struct Signals(Framed<BoxedSocket, Codec>);

impl Signals {
    /// The next signal, whatever it is.
    pub(crate) async fn any(&mut self) -> Value {
        match timeout(LONG, self.0.next())
            .await
            .expect("a signal in time")
        {
            Some(Ok(Frame::Text(text))) => serde_json::from_slice(&text).unwrap(),
            other => panic!("not a signal: {other:?}"),
        }
    }

    /// The event of the next signal of a type.
    pub(crate) async fn next(&mut self, kind: &str) -> Value {
        // Others may come for ever.
        let found = timeout(LONG, async {
            loop {
                let mut signal = self.any().await;
                if signal["type"] == kind {
                    break signal["event"].take();
                }
            }
        });
        found.await.unwrap_or_else(|_| panic!("no {kind}"))
    }

    /// The types of the next signals, whatever they are.
    pub(crate) async fn kinds(&mut self, count: usize) -> Vec<String> {
        let mut kinds = Vec::new();
        while kinds.len() < count {
            kinds.push(self.any().await["type"].as_str().unwrap().to_owned());
        }
        kinds
    }

    /// Waits until the node closes the socket; what it sent before is read and forgotten.
    pub(crate) async fn closed(&mut self) -> bool {
        let end = async { while let Some(Ok(_)) = self.0.next().await {} };
        timeout(LONG, end).await.is_ok()
    }

    /// The next signals other than `wakuv2.peerstats`: their types, with the id where they have one.
    pub(crate) async fn story(&mut self, length: usize) -> Vec<String> {
        let mut story = Vec::new();
        while story.len() < length {
            let signal = self.any().await;
            let kind = signal["type"].as_str().unwrap();
            match signal["event"]["id"].as_str() {
                _ if kind == "wakuv2.peerstats" => {}
                Some(id) => story.push(format!("{kind} {id}").trim_end().to_owned()),
                None => story.push(kind.to_owned()),
            }
        }
        story
    }
}

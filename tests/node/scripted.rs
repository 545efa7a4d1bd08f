//! A node that says what a test wants it to say, over HTTP and WebSocket on one loopback port.

use std::{
    cell::{Cell, RefCell},
    net::SocketAddr,
    rc::Rc,
    time::Duration,
};

use mailserver_sidecar::node::{Config, ConfiguredMode, RpcClient, Signals};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, tcp::OwnedWriteHalf},
    sync::Notify,
    task::JoinHandle,
};

pub(crate) use crate::wire::frame;
use crate::wire::header;

/// A test fails after this; nothing here takes that long.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// What the node does with a call.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Result(Value),
    Error(i64, &'static str),
    /// A whole body, whatever it is.
    Body(String),
    Status(u16, &'static str),
    /// Answers when it is told to.
    Late(Rc<Notify>, Value),
    /// Never answers.
    Hang,
    /// Answers the head and half of a body.
    Half,
}

type Script = Box<dyn FnMut(&str, &Value) -> Option<Reply>>;

struct Inner {
    address: SocketAddr,
    script: RefCell<Script>,
    calls: RefCell<Vec<(String, Value)>>,
    called: Notify,
    sockets: RefCell<Vec<OwnedWriteHalf>>,
    subscribed: Cell<usize>,
    from_socket: RefCell<Vec<u8>>,
    tasks: RefCell<Vec<JoinHandle<()>>>,
}

#[derive(Clone)]
pub(crate) struct Node(Rc<Inner>);

impl Node {
    /// A node that answers by a script; `None` is an unknown method.
    pub(crate) async fn start(script: impl FnMut(&str, &Value) -> Option<Reply> + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let node = Self(Rc::new(Inner {
            address: listener.local_addr().unwrap(),
            script: RefCell::new(Box::new(script)),
            calls: RefCell::default(),
            called: Notify::new(),
            sockets: RefCell::default(),
            subscribed: Cell::new(0),
            from_socket: RefCell::default(),
            tasks: RefCell::default(),
        }));
        node.serve(listener);
        node
    }

    pub(crate) fn script(&self, script: impl FnMut(&str, &Value) -> Option<Reply> + 'static) {
        *self.0.script.borrow_mut() = Box::new(script);
    }

    fn serve(&self, listener: TcpListener) {
        let node = self.clone();
        let task = actix_rt::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let connection = node.clone();
                let task = actix_rt::spawn(async move {
                    connection.connection(stream).await.unwrap_or_default()
                });
                node.0.tasks.borrow_mut().push(task);
            }
        });
        self.0.tasks.borrow_mut().push(task);
    }

    /// Closes everything, as a killed process does.
    pub(crate) async fn stop(&self) {
        let tasks: Vec<_> = self.0.tasks.borrow_mut().drain(..).collect();
        for task in tasks {
            task.abort();
            let _ = task.await;
        }
        self.0.sockets.borrow_mut().clear();
    }

    pub(crate) async fn restart(&self) {
        self.serve(TcpListener::bind(self.0.address).await.unwrap());
    }

    pub(crate) fn config(&self) -> Config {
        Config {
            rpc_url: format!("http://{}/statusgo/CallRPC", self.0.address),
            signals: Signals::Socket(format!("ws://{}/signals", self.0.address)),
            mode: ConfiguredMode::Auto,
            ..Config::default()
        }
    }

    /// Of a driver that hears no signals.
    pub(crate) fn polled(&self) -> Config {
        Config {
            signals: Signals::Poll,
            ..self.config()
        }
    }

    pub(crate) fn rpc(&self) -> RpcClient {
        RpcClient::new(&self.config()).unwrap()
    }

    /// All calls so far, without those that only look.
    pub(crate) fn orders(&self) -> Vec<(String, Value)> {
        let looks = [
            "settings_",
            "mailservers_get",
            "admin_peers",
            "wakuext_peers",
        ];
        let is_order = |(method, params): &&(String, Value)| {
            let looks = looks.iter().any(|look| method.starts_with(look));
            let probes = *params == json!([]) && method.contains("ailserver");
            let probes = probes || *params == json!([false, false]);
            !looks && !probes
        };
        self.0
            .calls
            .borrow()
            .iter()
            .filter(is_order)
            .cloned()
            .collect()
    }

    pub(crate) fn calls(&self, method: &str) -> usize {
        self.0
            .calls
            .borrow()
            .iter()
            .filter(|(called, _)| called == method)
            .count()
    }

    /// What was sent with the calls of this method so far.
    pub(crate) fn sent(&self, method: &str) -> Vec<Value> {
        let calls = self.0.calls.borrow();
        let sent = calls.iter().filter(|(called, _)| called == method);
        sent.map(|(_, params)| params.clone()).collect()
    }

    pub(crate) fn forget_calls(&self) {
        self.0.calls.borrow_mut().clear();
    }

    pub(crate) async fn until_called(&self, method: &str, times: usize) {
        let called = async {
            while self.calls(method) < times {
                self.0.called.notified().await;
            }
        };
        tokio::time::timeout(LIMIT, called)
            .await
            .unwrap_or_else(|_| panic!("{method} not called {times} times"));
    }

    pub(crate) async fn until_any_call(&self) {
        let called = self.0.called.notified();
        tokio::time::timeout(LIMIT, called)
            .await
            .expect("nothing called");
    }

    /// How many subscribed so far.
    pub(crate) fn subscribed(&self) -> usize {
        self.0.subscribed.get()
    }

    pub(crate) async fn until_subscribed(&self, times: usize) {
        let subscribed = async {
            while self.0.subscribed.get() < times {
                self.0.called.notified().await;
            }
        };
        tokio::time::timeout(LIMIT, subscribed)
            .await
            .expect("nobody subscribed");
    }

    /// Sends bytes to the subscriber, however they are framed.
    pub(crate) async fn send_raw(&self, bytes: &[u8]) {
        let mut sockets = std::mem::take(&mut *self.0.sockets.borrow_mut());
        for socket in &mut sockets {
            socket.write_all(bytes).await.unwrap();
        }
        self.0.sockets.borrow_mut().extend(sockets);
    }

    pub(crate) async fn signal(&self, text: &str) {
        self.send_raw(&frame(0x81, text.as_bytes())).await;
    }

    pub(crate) async fn peers(&self, ids: &[&str]) {
        let peers: serde_json::Map<_, _> =
            ids.iter().map(|id| ((*id).to_owned(), json!([]))).collect();
        self.signal(&format!(
            r#"{{"type":"wakuv2.peerstats","event":{}}}"#,
            json!({"isOnline": true, "peers": peers})
        ))
        .await;
    }

    /// Waits until the subscriber has sent so many bytes.
    pub(crate) async fn subscriber_sent(&self, length: usize) -> Vec<u8> {
        let enough = async {
            while self.0.from_socket.borrow().len() < length {
                self.0.called.notified().await;
            }
            self.0.from_socket.borrow().clone()
        };
        tokio::time::timeout(LIMIT, enough)
            .await
            .expect("the subscriber sent nothing")
    }

    async fn connection(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut buffer = Vec::new();
        loop {
            let end = loop {
                if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                    break end + 4;
                }
                if stream.read_buf(&mut buffer).await? == 0 {
                    return Ok(());
                }
            };
            let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
            buffer.drain(..end);
            if let Some(key) = header(&head, "sec-websocket-key") {
                return self.websocket(stream, &key).await;
            }
            assert_eq!(
                header(&head, "content-type").as_deref(),
                Some("application/json")
            );
            let length: usize = header(&head, "content-length").unwrap().parse().unwrap();
            while buffer.len() < length {
                stream.read_buf(&mut buffer).await?;
            }
            let body: Vec<u8> = buffer.drain(..length).collect();
            let target = head.split(' ').nth(1).unwrap_or_default();
            self.answer(&mut stream, target, &body).await?;
        }
    }

    /// Answers a call, or the request of another endpoint, which is written as a call of its name.
    async fn answer(
        &self,
        stream: &mut TcpStream,
        target: &str,
        body: &[u8],
    ) -> std::io::Result<()> {
        let request: Value = serde_json::from_slice(body).unwrap();
        let endpoint = target.strip_prefix("/statusgo/").unwrap_or("CallRPC");
        let is_call = endpoint == "CallRPC";
        let (method, params, id) = match is_call {
            true => (
                request["method"].as_str().unwrap(),
                &request["params"],
                &request["id"],
            ),
            false => (endpoint, &request, &Value::Null),
        };
        assert!(!is_call || (id.is_u64() && params.is_array()), "{request}");
        let reply = (self.0.script.borrow_mut())(method, params);
        self.0
            .calls
            .borrow_mut()
            .push((method.to_owned(), params.clone()));
        self.0.called.notify_waiters();
        let unknown = format!("the method {method} does not exist/is not available");
        let error = |code: i64, message: &str| {
            json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
                .to_string()
        };
        let reply = match reply {
            Some(Reply::Late(now, result)) => {
                now.notified().await;
                Some(Reply::Result(result))
            }
            reply => reply,
        };
        let (status, body) = match reply {
            None => (200, error(-32601, &unknown)),
            Some(Reply::Result(result)) => (
                200,
                json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string(),
            ),
            Some(Reply::Error(code, message)) => (200, error(code, message)),
            Some(Reply::Body(body)) => (200, body),
            Some(Reply::Status(status, body)) => (status, body.to_owned()),
            Some(Reply::Hang | Reply::Late(..)) => return std::future::pending().await,
            Some(Reply::Half) => {
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 40\r\n\r\n{\"jsonrpc\":")
                    .await?;
                return std::future::pending().await;
            }
        };
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body.as_bytes()).await
    }

    async fn websocket(&self, mut stream: TcpStream, key: &str) -> std::io::Result<()> {
        let accept = actix_http::ws::hash_key(key.as_bytes());
        let accept = String::from_utf8_lossy(&accept).into_owned();
        let head =
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n";
        stream
            .write_all(format!("{head}sec-websocket-accept: {accept}\r\n\r\n").as_bytes())
            .await?;
        let (mut from, to) = stream.into_split();
        self.0.sockets.borrow_mut().push(to);
        self.0.subscribed.set(self.0.subscribed.get() + 1);
        self.0.called.notify_waiters();
        let mut buffer = [0; 1024];
        loop {
            let length = from.read(&mut buffer).await?;
            if length == 0 {
                return Ok(());
            }
            self.0.from_socket.borrow_mut().extend(&buffer[..length]);
            self.0.called.notify_waiters();
        }
    }
}

/// What a classic or a pin node says when nothing special is wanted of it.
pub(crate) fn usual(kind: &'static str) -> impl FnMut(&str, &Value) -> Option<Reply> + 'static {
    move |method, params| {
        let bare = *params == json!([]);
        if kind == "observe" && is_gone(method) {
            return None;
        }
        Some(match method {
            "settings_getSettings" => Reply::Result(
                json!({"key-uid": "0x1", "fleet": "test.fleet", "use-mailservers?": true}),
            ),
            "wakuext_requestAllHistoricMessages" if kind == "observe" && !bare => {
                Reply::Error(-32602, "too many arguments, want at most 0")
            }
            "settings_nodeConfig" if kind != "pin" => Reply::Result(json!({
                "WakuV2Config": {"Enabled": kind == "waku2"}, "ShhextConfig": {"EnableMailserverCycle": false},
                "ClusterConfig": {"Fleet": "cluster.fleet"},
            })),
            "mailservers_getMailservers" => Reply::Result(Value::Null),
            "wakuext_setMailserver" | "wakuext_updateMailservers" if kind == "pin" => return None,
            "wakuext_setMailserver"
            | "wakuext_updateMailservers"
            | "wakuext_setPinnedMailservers"
                if bare =>
            {
                Reply::Error(-32602, "missing value for required argument 0")
            }
            "wakuext_dialPeer" if params[0] == "/ip4/127.0.0.1/tcp/1" => {
                Reply::Error(-32000, "invalid p2p multiaddr")
            }
            "admin_peers" => Reply::Result(json!([])),
            "wakuext_peers" => Reply::Result(json!({})),
            "admin_addPeer" | "admin_removePeer" => Reply::Result(json!(true)),
            method if method.starts_with("wakuext_") => Reply::Result(Value::Null),
            _ => return None,
        })
    }
}

/// What nodes since mid-2026 do not have any more (status-go pull requests 6846, 7528, 7532).
fn is_gone(method: &str) -> bool {
    let served = ["settings_getSettings", "wakuext_peers"];
    let kept = [
        "wakuext_requestAllHistoricMessages",
        "wakuext_fetchCommunity",
        "wakuext_startMessenger",
    ];
    !served.contains(&method) && !kept.contains(&method)
}

//! A server over the stub, and clients that speak raw HTTP.

use std::{cell::RefCell, net::SocketAddr, rc::Rc};

use actix::{Actor as _, Addr};
use actors::messages::events::{Event, Publish};
use mailserver_sidecar::control::{self, Config, Gate, Ports};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
};

use crate::stubs::{Die, Stub};

/// The API over a stub.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    stub: Addr<Stub>,
    heard: Rc<RefCell<Vec<String>>>,
    stop: RefCell<Option<oneshot::Sender<()>>>,
    ended: RefCell<Option<JoinHandle<std::io::Result<()>>>>,
}

impl Server {
    pub(crate) async fn start(stub: Stub) -> Self {
        Self::start_with(stub, Gate::default()).await
    }

    /// The same, for whom this lets in.
    pub(crate) async fn start_with(stub: Stub, gate: Gate) -> Self {
        let heard = stub.heard.clone();
        let config = Config {
            accept_signals: !stub.polls,
            playground: stub.playground.is_some(),
            gate,
        };
        let playground = stub.playground.clone();
        let stub = stub.start();
        let listener = control::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async { drop(stopped.await) };
        let ports = Ports {
            playground,
            ..ports(&stub)
        };
        let ended = actix_rt::spawn(control::serve(listener, config, ports, shutdown));
        let (stop, ended) = (RefCell::new(Some(stop)), RefCell::new(Some(ended)));
        Self {
            address,
            stub,
            heard,
            stop,
            ended,
        }
    }

    pub(crate) async fn stop(&self) {
        drop(self.stop.take());
        let ended = self.ended.take().unwrap();
        ended.await.unwrap().unwrap();
    }

    /// Whatever they are asked from now on, none of the actors answers.
    pub(crate) async fn kill_actors(&self) {
        self.stub.send(Die).await.unwrap();
    }

    /// What reached the stub.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.borrow().clone()
    }

    pub(crate) async fn publish(&self, event: Event) {
        self.stub.send(Publish(event)).await.unwrap();
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.raw(&format!(
            "GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n",
            self.address
        ))
        .await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        self.request("POST", path, body).await
    }

    pub(crate) async fn request(&self, method: &str, path: &str, body: &str) -> Answer {
        self.request_with(method, path, "", body).await
    }

    /// With further lines in the head, each with its end.
    pub(crate) async fn request_with(
        &self,
        method: &str,
        path: &str,
        lines: &str,
        body: &str,
    ) -> Answer {
        let (address, length) = (self.address, body.len());
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json"
        );
        let request = format!("{head}\r\n{lines}content-length: {length}\r\n\r\n{body}");
        self.raw(&request).await
    }

    /// Sends a text and reads until the server closes.
    pub(crate) async fn raw(&self, request: &str) -> Answer {
        let mut socket = self.connect().await;
        // A server that refuses a body need not read it to its end.
        let _ = socket.write_all(request.as_bytes()).await;
        let mut text = String::new();
        let _ = socket.read_to_string(&mut text).await;
        Answer::new(&text)
    }
}

fn ports(stub: &Addr<Stub>) -> Ports {
    Ports {
        connector: stub.clone().recipient(),
        candidates: stub.clone().recipient(),
        add_custom: stub.clone().recipient(),
        remove_custom: stub.clone().recipient(),
        pin: stub.clone().recipient(),
        unpin: stub.clone().recipient(),
        peers: stub.clone().recipient(),
        last_decision: stub.clone().recipient(),
        round_trips: stub.clone().recipient(),
        online: stub.clone().recipient(),
        watch: stub.clone().recipient(),
        history: stub.clone().recipient(),
        request_history: stub.clone().recipient(),
        ask_for: stub.clone().recipient(),
        report: stub.clone().recipient(),
        audit: stub.clone().recipient(),
        gaps: stub.clone().recipient(),
        queue_community: stub.clone().recipient(),
        login: Some(stub.clone().recipient()),
        health: stub.clone().recipient(),
        traffic: stub.clone().recipient(),
        push_signals: stub.clone().recipient(),
        subscribe: stub.clone().recipient(),
        playground: None,
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    fn new(text: &str) -> Self {
        let (head, body) = text
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("no answer: {text:?}"));
        Self {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }

    /// The value of a field of the head, in lower case.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields
            .find(|(told, _)| *told == name)
            .map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        self.of_type("application/json")
    }

    /// The word for what is wrong, of a problem document (RFC 9457) that is whole.
    pub(crate) fn problem(&self) -> String {
        let problem = self.of_type("application/problem+json");
        assert_eq!(problem["status"], self.status);
        for member in ["title", "detail"] {
            let told = problem[member].as_str();
            assert!(told.is_some_and(|it| !it.is_empty()), "{problem}");
        }
        let kind = problem["type"].as_str().unwrap();
        let word = kind.strip_prefix("urn:mailserver-sidecar:problem:");
        word.unwrap_or_else(|| panic!("{problem}")).to_owned()
    }

    /// What is wrong, for people.
    pub(crate) fn detail(&self) -> String {
        self.problem();
        let problem: Value = serde_json::from_str(&self.body).unwrap();
        problem["detail"].as_str().unwrap().to_owned()
    }

    fn of_type(&self, media: &str) -> Value {
        assert!(
            self.head.contains(&format!("content-type: {media}\r\n"))
                || self.head.ends_with(&format!("content-type: {media}")),
            "{}",
            self.head
        );
        serde_json::from_str(&self.body).unwrap()
    }
}

/// An event stream, line by line.
pub(crate) struct EventLines(BufReader<TcpStream>);

impl EventLines {
    /// Sends a request and reads up to the sign that the subscription stands.
    pub(crate) async fn open(server: &Server, request: &str) -> Self {
        let mut socket = server.connect().await;
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut stream = Self(BufReader::new(socket));
        assert_eq!(stream.line().await, "HTTP/1.1 200 OK");
        while stream.line().await != ": connected" {}
        assert_eq!(stream.line().await, "");
        stream
    }

    /// The lines of the next event.
    pub(crate) async fn event(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.line().await;
            // Between events there are the sizes of chunks as well.
            match line.split_once(": ") {
                Some(_) => lines.push(line),
                None if line.is_empty() && !lines.is_empty() => return lines,
                None => {}
            }
        }
    }

    /// Reads to the orderly end of the body.
    pub(crate) async fn end(mut self) {
        let mut rest = String::new();
        self.0.read_to_string(&mut rest).await.unwrap();
        assert!(rest.ends_with("0\r\n\r\n"), "{rest:?}");
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(
            self.0.read_line(&mut line).await.unwrap() > 0,
            "the stream ended"
        );
        line.trim_end().to_owned()
    }
}

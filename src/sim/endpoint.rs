//! The HTTP side of the simulated node: `POST /statusgo/CallRPC`, the endpoints by which a node since 2024 is logged in,
//! and the socket at `/signals`.
//!
//! Classic nodes have their JSON-RPC at `/` and no socket; the simulation gives all modes the same two.

use std::{cell::RefCell, fmt, io, net::SocketAddr, rc::Rc, time::Duration};

use actix_http::{HttpService, KeepAlive, Request as HttpHead, Response, body::MessageBody};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, map_config};
use actix_web::{
    App, Error, HttpRequest, HttpResponse,
    dev::AppConfig,
    http::header::{CONTENT_TYPE, ContentType},
    web,
};
use bytes::Bytes;
use serde_json::Value;
use tokio::{
    net::TcpListener,
    task::{JoinHandle, JoinSet},
};

use super::{
    login::Login,
    methods,
    node::Node,
    port::{AFTER_FAILED_ACCEPT, Port},
    rpc::{self, Refusal, Request},
    statusgo,
};

/// The largest call, in bytes (geth's limit).
const BODY_LIMIT: usize = 5 << 20;

/// Calls in one batch.
const BATCH_LIMIT: usize = 100;

/// How long a head may take. Nodes wait long: a subscriber that does not read is never cut off.
const HEAD_LIMIT: Duration = Duration::from_secs(30);

/// How long a connection is kept for the next call.
const KEPT: Duration = Duration::from_secs(120);

/// What is wrong with the node's HTTP side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RpcFault {
    /// Nothing.
    #[default]
    None,
    /// Calls are never answered.
    Hangs,
    /// Calls are answered with this text, as HTML.
    Html(String),
}

/// The node's port and what serves it.
pub(crate) struct Endpoint {
    port: Port,
    serving: RefCell<Option<JoinHandle<io::Result<()>>>>,
    fault: Rc<RefCell<RpcFault>>,
}

impl Endpoint {
    /// Takes a port; nothing listens yet.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            port: Port::reserve()?,
            serving: RefCell::default(),
            fault: Rc::default(),
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.port.address()
    }

    pub(crate) fn set_fault(&self, fault: RpcFault) {
        self.fault.replace(fault);
    }

    /// Opens the port.
    pub(crate) fn open(&self, node: &Rc<Node>) -> io::Result<()> {
        let listener = self.port.listen()?;
        let (calls, faults) = (node.clone(), self.fault.clone());
        let signals = node.clone();
        let call = move |request: HttpRequest, body: Bytes| {
            let (node, fault) = (calls.clone(), faults.borrow().clone());
            async move { answer(&node, fault, &request, &body).await }
        };
        let subscribe = move |request: HttpRequest, body: web::Payload| {
            let node = signals.clone();
            async move { subscribe(&node, &request, body) }
        };
        let mut app = App::new()
            .app_data(web::PayloadConfig::new(BODY_LIMIT))
            .route("/statusgo/CallRPC", web::post().to(call))
            .route("/signals", web::get().to(subscribe));
        for endpoint in statusgo::ENDPOINTS.iter().filter(|_| node.is_modern()) {
            let (node, faults) = (node.clone(), self.fault.clone());
            let administer = move |body: Bytes| {
                let (node, fault) = (node.clone(), faults.borrow().clone());
                async move { administer(&node, fault, endpoint, &body).await }
            };
            // Whatever the verb (read in status-go's source).
            app = app.route(&format!("/statusgo/{endpoint}"), web::to(administer));
        }
        let app = app.default_service(web::to(|| async {
            HttpResponse::NotFound().body("404 page not found\n")
        }));
        self.serving
            .replace(Some(actix_rt::spawn(serve(listener, app))));
        Ok(())
    }

    /// Whether it was opened, and not closed since.
    pub(crate) fn is_open(&self) -> bool {
        self.serving.borrow().is_some()
    }

    /// Closes the port and cuts every connection.
    pub(crate) fn close(&self) -> Option<JoinHandle<io::Result<()>>> {
        let serving = self.serving.take()?;
        serving.abort();
        Some(serving)
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.close();
    }
}

/// Serves until it is dropped, which cuts every connection. actix-web's server is none for this: its workers are
/// threads of their own, and the node, as all of the simulation, is one state on one thread.
async fn serve<I, S, B>(listener: TcpListener, app: I) -> io::Result<()>
where
    I: IntoServiceFactory<S, HttpHead>,
    S: ServiceFactory<HttpHead, Config = AppConfig, Error = Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>>,
    B: MessageBody + 'static,
{
    let http = HttpService::build()
        .keep_alive(KeepAlive::Timeout(KEPT))
        .client_request_timeout(HEAD_LIMIT)
        .h1_allow_half_closed(false)
        .h1(map_config(app, |()| AppConfig::default()))
        .new_service(())
        .await
        .map_err(|()| io::Error::other("the application could not be built"))?;
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => {
                let Ok((stream, peer)) = accepted else {
                    tokio::time::sleep(AFTER_FAILED_ACCEPT).await;
                    continue;
                };
                // It fails on macOS if the client is gone already.
                let _ = stream.set_nodelay(true);
                connections.spawn_local(http.call((stream, Some(peer))));
            }
        }
    }
}

fn subscribe(
    node: &Rc<Node>,
    request: &HttpRequest,
    body: web::Payload,
) -> actix_web::Result<HttpResponse> {
    let (response, session, incoming) = actix_ws::handle(request, body)?;
    let node = node.clone();
    actix_rt::spawn(async move {
        let signals = &node.signals;
        signals
            .subscribe(session, incoming, || node.journal.note())
            .await;
        node.journal.note();
    });
    Ok(response)
}

/// Answers to whatever it is, as the fault wants it; nothing if there is none.
async fn misbehave(fault: RpcFault) -> Option<HttpResponse> {
    match fault {
        RpcFault::None => None,
        RpcFault::Hangs => std::future::pending().await,
        RpcFault::Html(text) => {
            let mut answer = HttpResponse::Ok();
            Some(answer.content_type(ContentType::html()).body(text))
        }
    }
}

/// Answers what is about logging in.
async fn administer(node: &Rc<Node>, fault: RpcFault, endpoint: &str, body: &[u8]) -> HttpResponse {
    if let Some(misbehaviour) = misbehave(fault).await {
        return misbehaviour;
    }
    node.signals.flowing().await;
    json(statusgo::answer(node, endpoint, body))
}

fn json(text: impl Into<String>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::json())
        .body(text.into())
}

async fn answer(
    node: &Rc<Node>,
    fault: RpcFault,
    request: &HttpRequest,
    body: &[u8],
) -> HttpResponse {
    if let Some(misbehaviour) = misbehave(fault).await {
        return misbehaviour;
    }
    node.signals.flowing().await;
    let nobody = node.state.borrow().login == Login::Out;
    // Since mid-2026 there is a client, and it knows no method.
    if node.has_cycle() && nobody {
        return json(r#"{"error":"JSON-RPC client is unavailable"}"#);
    }
    if !node.is_modern() && !says_json(request) {
        let text = "invalid content type, only application/json is supported\n";
        return HttpResponse::UnsupportedMediaType().body(text);
    }
    json(respond(node, body).await)
}

fn says_json(request: &HttpRequest) -> bool {
    let header = request.headers().get(CONTENT_TYPE);
    let header = header
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    header
        .split(';')
        .next()
        .is_some_and(|kind| kind.trim() == "application/json")
}

async fn respond(node: &Rc<Node>, body: &[u8]) -> String {
    if body.trim_ascii_start().starts_with(b"[") {
        let batch: Vec<Request> = match serde_json::from_slice(body) {
            Ok(batch) => batch,
            Err(error) => return rpc::respond("0", &Err(rpc::malformed(&error))),
        };
        let mut answers = Vec::with_capacity(batch.len().min(BATCH_LIMIT));
        for request in batch.iter().take(BATCH_LIMIT) {
            answers.push(call(node, request).await);
        }
        return format!("[{}]", answers.join(","));
    }
    match serde_json::from_slice::<Request>(body) {
        Ok(request) => call(node, &request).await,
        Err(error) => rpc::respond("0", &Err(unreadable(body, &error))),
    }
}

async fn call(node: &Rc<Node>, request: &Request<'_>) -> String {
    let method = request.method.as_str();
    let answer = match request.params() {
        _ if method.is_empty() => Err(Refusal {
            code: -32600,
            message: "invalid request".into(),
        }),
        Ok(params) => {
            node.journal.record(method, Value::Array(params.clone()));
            methods::call(node, method, &params).await
        }
        Err(refusal) => Err(refusal),
    };
    request.respond(&answer)
}

/// What is JSON but no call, or no JSON.
fn unreadable(body: &[u8], error: &serde_json::Error) -> Refusal {
    match serde_json::from_slice::<Value>(body) {
        Ok(value) => Refusal {
            code: -32700,
            message: format!(
                "json: cannot unmarshal {} into Go value of type rpc.jsonrpcRequest",
                rpc::kind(&value)
            ),
        },
        Err(_) => rpc::malformed(error),
    }
}

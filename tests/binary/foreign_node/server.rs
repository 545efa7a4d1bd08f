//! The ports of the scripted node: JSON-RPC by POST, signals by WebSocket.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use actix_http::ws::Item;
use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    dev::ServerHandle,
    web::{Bytes, Data, Payload, PayloadConfig, get, post},
};
use actix_ws::{Message, Session};
use futures_util::StreamExt as _;
use serde_json::Value;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::{Call, Frame, Shared, answers};

/// What a proxy in front of a node says while the node is away.
const PAGE: &str =
    "<!DOCTYPE html><html><body><h1>Service temporarily unavailable</h1></body></html>";

/// A node listens.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    handle: ServerHandle,
}

impl Server {
    pub(crate) fn start(shared: Arc<Shared>, address: SocketAddr) -> Self {
        let app = move || {
            App::new()
                .app_data(Data::from(shared.clone()))
                .app_data(PayloadConfig::new(1 << 20))
                .route("/statusgo/CallRPC", post().to(call))
                .route("/signals", get().to(subscribe))
        };
        let server = HttpServer::new(app).workers(1).disable_signals();
        let server = server.bind(address).unwrap();
        let address = server.addrs()[0];
        let running = server.run();
        let handle = running.handle();
        actix_web::rt::spawn(running);
        Self { address, handle }
    }

    /// Closes the port and every connection.
    pub(crate) async fn stop(self) {
        self.handle.stop(false).await;
    }
}

async fn call(node: Data<Shared>, body: Bytes) -> HttpResponse {
    if node.state().html {
        return HttpResponse::Ok().content_type("text/html").body(PAGE);
    }
    let request: Value = serde_json::from_slice(&body).unwrap();
    let call = Call {
        method: request["method"].as_str().unwrap().to_owned(),
        params: request["params"].clone(),
    };
    node.state().calls.push(call.clone());
    let Some(mut answer) = answers::answer(&node, &call) else {
        return std::future::pending().await;
    };
    if answer.get("jsonrpc").is_some() {
        answer["id"] = request["id"].clone();
    }
    HttpResponse::Ok().json(answer)
}

async fn subscribe(
    node: Data<Shared>,
    request: HttpRequest,
    body: Payload,
) -> Result<HttpResponse, actix_web::Error> {
    let (response, session, mut messages) = actix_ws::handle(&request, body)?;
    let frames = node.frames.subscribe();
    node.state().subscribers += 1;
    actix_web::rt::spawn(forward(session, frames));
    actix_web::rt::spawn(async move {
        while let Some(Ok(message)) = messages.next().await {
            if matches!(message, Message::Pong(_)) {
                node.state().pongs += 1;
            }
        }
        let mut state = node.state();
        state.subscribers = state.subscribers.saturating_sub(1);
    });
    Ok(response)
}

async fn forward(mut session: Session, mut frames: Receiver<Frame>) {
    loop {
        let sent = match frames.recv().await {
            Ok(Frame::Text(text)) => session.text(text).await,
            Ok(Frame::Binary(bytes)) => session.binary(bytes).await,
            Ok(Frame::Ping) => session.ping(b"are you there").await,
            Ok(Frame::Fragments(parts)) => fragments(&mut session, parts).await,
            Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return,
        };
        if sent.is_err() {
            return;
        }
    }
}

async fn fragments(session: &mut Session, parts: Vec<String>) -> Result<(), actix_ws::Closed> {
    let last = parts.len() - 1;
    for (index, part) in parts.into_iter().enumerate() {
        let part = Bytes::from(part);
        let item = match index {
            0 => Item::FirstText(part),
            _ if index == last => Item::Last(part),
            _ => Item::Continue(part),
        };
        session.continuation(item).await?;
        // Each part in a packet of its own, and a ping between them, as is allowed.
        session.ping(b"between").await?;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

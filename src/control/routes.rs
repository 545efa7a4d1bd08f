//! The routes: what is served where, and which message answers it.

use std::future::{Ready, ready};

use actix_web::{
    HttpRequest, HttpResponse, ResponseError, guard,
    web::{self, Data, Json, Path},
};
use actors::{
    messages::{connection, history::QueueCommunity, node::PushSignals},
    model::node::NodeState,
};
use serde_json::{Value, json};

use super::{
    body, dashboard,
    error::ApiError,
    history, mailservers, metrics,
    ports::{ANSWER_LIMIT, CHANGE_LIMIT, Config, Ports, Started, ask},
    round_trips, signals,
    snapshot::Snapshot,
    status::Report,
    stream,
};

/// The largest body of signals: a whole burst of them, but none of the huge ones that nobody needs.
const MAX_SIGNALS_BYTES: usize = 4 * 1024 * 1024;

pub(super) fn register(routes: &mut web::ServiceConfig) {
    let resource = |path| web::resource(path).default_service(web::to(not_allowed));
    let read = || web::route().guard(guard::Any(guard::Get()).or(guard::Head()));
    routes
        .service(resource("/").route(read().to(dashboard::page)))
        .service(resource("/assets/{name}").route(read().to(dashboard::asset)))
        .service(resource("/api/v1/status").route(read().to(status)))
        .service(resource("/api/v1/round-trips").route(read().to(round_trips::tell)))
        .service(resource("/api/v1/events").route(web::get().to(stream::events)))
        .service(resource("/api/v1/signals").route(web::post().to(push_signals)))
        .service(
            resource("/api/v1/mailservers")
                .route(read().to(mailservers::list))
                .route(web::post().to(mailservers::add)),
        )
        .service(resource("/api/v1/mailservers/{id}").route(web::delete().to(mailservers::remove)))
        .service(
            resource("/api/v1/pin")
                .route(web::put().to(mailservers::pin))
                .route(web::delete().to(mailservers::unpin)),
        )
        .service(
            resource("/api/v1/history")
                .route(read().to(history::tell))
                .route(web::post().to(history::request)),
        )
        .service(resource("/api/v1/communities/{id}").route(web::post().to(queue_community)))
        .service(resource("/health/live").route(read().to(async || Json(json!({ "live": true })))))
        .service(resource("/health/ready").route(read().to(readiness)))
        .service(resource("/metrics").route(read().to(scrape)))
        .default_service(web::to(not_found));
}

fn not_found(request: HttpRequest) -> Ready<HttpResponse> {
    ready(ApiError::NotFound(request.path().to_owned()).error_response())
}

fn not_allowed(request: HttpRequest) -> Ready<HttpResponse> {
    let asked = format!("{} {}", request.method(), request.path());
    ready(ApiError::NotAllowed(asked).error_response())
}

async fn status(ports: Data<Ports>, started: Data<Started>) -> HttpResponse {
    let snapshot = Snapshot::take(&ports).await;
    HttpResponse::Ok().json(Report::new(&snapshot, started.0.elapsed()))
}

async fn scrape(ports: Data<Ports>, started: Data<Started>) -> Result<HttpResponse, ApiError> {
    let snapshot = Snapshot::take(&ports).await;
    let text = metrics::render(&snapshot, started.0.elapsed().as_secs_f64());
    let text = text.map_err(|error| ApiError::Failed(error.to_string()))?;
    Ok(HttpResponse::Ok()
        .content_type(metrics::CONTENT_TYPE)
        .body(text))
}

async fn readiness(ports: Data<Ports>) -> Result<Json<Value>, ApiError> {
    let status = ask(&ports.connector, connection::GetStatus, ANSWER_LIMIT).await;
    match status.ok_or(ApiError::Unanswered("connector"))?.node {
        NodeState::Ready { .. } => Ok(Json(json!({ "ready": true }))),
        NodeState::LoggedOut => Err(ApiError::NotReady(
            "no account is logged in to the node".to_owned(),
        )),
        NodeState::Unreachable { reason } => {
            Err(ApiError::NotReady(format!("node unreachable: {reason}")))
        }
    }
}

async fn push_signals(
    request: HttpRequest,
    payload: web::Payload,
    ports: Data<Ports>,
    config: Data<Config>,
) -> Result<HttpResponse, ApiError> {
    if !config.accept_signals {
        return Err(ApiError::Conflict(
            "signals are taken only if node.signals is \"push\"".to_owned(),
        ));
    }
    let body = body::bytes(&request, payload, MAX_SIGNALS_BYTES).await?;
    let signals = signals::split(&body).map_err(ApiError::Invalid)?;
    let accepted = signals.len();
    let answer = ask(&ports.push_signals, PushSignals(signals), CHANGE_LIMIT).await;
    answer.ok_or(ApiError::Unanswered("node adapter"))?;
    Ok(HttpResponse::Accepted().json(json!({ "accepted": accepted })))
}

async fn queue_community(id: Path<String>, ports: Data<Ports>) -> Result<HttpResponse, ApiError> {
    let answer = ask(
        &ports.queue_community,
        QueueCommunity(id.into_inner()),
        ANSWER_LIMIT,
    )
    .await;
    answer.ok_or(ApiError::Unanswered("history requester"))??;
    Ok(HttpResponse::Accepted().json(json!({ "accepted": 1 })))
}

//! The routes: what is served where, and which message answers it.

use std::{
    collections::BTreeMap,
    future::{Ready, ready},
    sync::LazyLock,
};

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::StatusCode,
    web::{self, Bytes, Data, Json, ServiceConfig},
};
use actors::{messages::connection, model::node::NodeState};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::{
    dashboard,
    error::{ApiError, Kind},
    history, mailservers, metrics,
    openapi::{self, Operation},
    playground,
    ports::{ANSWER_LIMIT, Ports, Started, ask},
    round_trips, session, signals,
    snapshot::Snapshot,
    status::Report,
    stream, websocket,
};

/// All operations. Whatever is added here is registered, and is in the document.
fn operations() -> Vec<Operation> {
    let mut all = vec![
        dashboard::page(),
        dashboard::asset(),
        telling_status(),
        round_trips::operation(),
        stream::operation(),
        websocket::operation(),
        signals::operation(),
    ];
    all.extend(mailservers::operations());
    all.extend(history::operations());
    all.extend(session::operations());
    all.extend([
        describing(),
        telling_life(),
        telling_readiness(),
        scraping(),
    ]);
    all
}

pub(super) fn register(routes: &mut ServiceConfig) {
    let mut resources = BTreeMap::new();
    for operation in operations() {
        let path = operation.path;
        let new = || web::resource(path).default_service(web::to(not_allowed));
        let resource = resources.remove(path).unwrap_or_else(new);
        resources.insert(path, resource.route(operation.route));
    }
    for resource in resources.into_values() {
        routes.service(resource);
    }
    // Of `simulate` alone, so that the document does not tell of it.
    routes.configure(playground::register);
    let misread = |error: String| ApiError::Invalid(error).into();
    routes
        .app_data(
            web::QueryConfig::default().error_handler(move |error, _| misread(error.to_string())),
        )
        .app_data(
            web::PathConfig::default().error_handler(move |error, _| misread(error.to_string())),
        )
        .default_service(web::to(not_found));
}

fn not_found(request: HttpRequest) -> Ready<HttpResponse> {
    ready(ApiError::NotFound(request.path().to_owned()).error_response())
}

fn not_allowed(request: HttpRequest) -> Ready<HttpResponse> {
    let asked = format!("{} {}", request.method(), request.path());
    ready(ApiError::NotAllowed(asked).error_response())
}

fn telling_status() -> Operation {
    Operation::read("/api/v1/status", "getStatus", status)
        .says(
            "What is going on, and why",
            "The whole state on one page. It is read from all parts at the same time.",
        )
        .answers::<Report<'_>>(StatusCode::OK, "The state.")
}

async fn status(ports: Data<Ports>, started: Data<Started>) -> HttpResponse {
    let snapshot = Snapshot::take(&ports).await;
    HttpResponse::Ok().json(Report::new(&snapshot, started.0.elapsed()))
}

fn describing() -> Operation {
    Operation::read("/api/v1/openapi.json", "getDescription", describe)
        .says("This document", "OpenAPI 3.1.")
        .content(
            StatusCode::OK,
            "The document.",
            "application/json",
            |_| json!({ "type": "object", "additionalProperties": true }),
        )
}

async fn describe() -> HttpResponse {
    /// Made when it is first asked for.
    static DOCUMENT: LazyLock<Bytes> =
        LazyLock::new(|| openapi::document(&operations()).to_string().into());
    HttpResponse::Ok()
        .content_type("application/json")
        .body(DOCUMENT.clone())
}

/// The process runs.
#[derive(Serialize, JsonSchema)]
struct Live {
    /// It does.
    live: bool,
}

fn telling_life() -> Operation {
    Operation::read("/health/live", "isLive", async || Json(Live { live: true }))
        .says(
            "Whether the process runs",
            "For service managers: if nothing comes back, restart it.",
        )
        .answers::<Live>(StatusCode::OK, "It runs.")
        .example(json!({ "live": true }))
}

/// The node can be driven.
#[derive(Serialize, JsonSchema)]
struct Readiness {
    /// It can.
    ready: bool,
}

fn telling_readiness() -> Operation {
    Operation::read("/health/ready", "isReady", readiness)
        .says(
            "Whether the node can be driven",
            "It answers, and an account is logged in.",
        )
        .answers::<Readiness>(StatusCode::OK, "It can.")
        .example(json!({ "ready": true }))
        .refuses(&[Kind::NotReady, Kind::Unanswered])
}

async fn readiness(ports: Data<Ports>) -> Result<Json<Readiness>, ApiError> {
    let status = ask(&ports.connector, connection::GetStatus, ANSWER_LIMIT).await;
    match status.ok_or(ApiError::Unanswered("connector"))?.node {
        NodeState::Ready { .. } => Ok(Json(Readiness { ready: true })),
        NodeState::LoggedOut => Err(ApiError::NotReady(
            "no account is logged in to the node".to_owned(),
        )),
        NodeState::Unreachable { reason } => {
            Err(ApiError::NotReady(format!("node unreachable: {reason}")))
        }
    }
}

fn scraping() -> Operation {
    Operation::read("/metrics", "getMetrics", scrape)
        .says(
            "Metrics for Prometheus",
            "Each is explained in its help text.",
        )
        .answers_text(
            StatusCode::OK,
            "OpenMetrics text.",
            "application/openmetrics-text",
        )
}

async fn scrape(ports: Data<Ports>, started: Data<Started>) -> Result<HttpResponse, ApiError> {
    let snapshot = Snapshot::take(&ports).await;
    let text = metrics::render(&snapshot, started.0.elapsed().as_secs_f64());
    let text = text.map_err(|error| ApiError::Failed(error.to_string()))?;
    Ok(HttpResponse::Ok()
        .content_type(metrics::CONTENT_TYPE)
        .body(text))
}

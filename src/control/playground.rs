//! `/api/v1/playground`: breaking the simulated node of a playground and its mailservers. No other sidecar has it.

use actix_web::{
    HttpRequest, HttpResponse, guard,
    web::{self, Data, Path},
};
use serde::Deserialize;

use super::{
    body,
    error::ApiError,
    ports::{ANSWER_LIMIT, CHANGE_LIMIT, PlaygroundPorts, Ports, ask},
};
use crate::sim::{
    Ailment, NodeAilment,
    playground::{Look, PlaygroundError, Treat, TreatNode},
};

pub(super) fn register(routes: &mut web::ServiceConfig) {
    let resource = |path| web::resource(path).default_service(web::to(not_allowed));
    let read = || web::route().guard(guard::Any(guard::Get()).or(guard::Head()));
    routes
        .service(resource("/api/v1/playground").route(read().to(look)))
        .service(
            resource("/api/v1/playground/mailservers/{id}")
                .route(web::put().to(break_mailserver))
                .route(web::delete().to(mend_mailserver)),
        )
        .service(
            resource("/api/v1/playground/node")
                .route(web::put().to(break_node))
                .route(web::delete().to(mend_node)),
        );
}

/// The playground, where this is one.
fn playground(ports: &Ports) -> Result<&PlaygroundPorts, ApiError> {
    ports.playground.as_ref().ok_or_else(|| {
        let none = "this sidecar is no playground: `mailserver-sidecar simulate` starts one";
        ApiError::Unknown(none.to_owned())
    })
}

async fn not_allowed(request: HttpRequest, ports: Data<Ports>) -> Result<HttpResponse, ApiError> {
    playground(&ports)?;
    let asked = format!("{} {}", request.method(), request.path());
    Err(ApiError::NotAllowed(asked))
}

async fn look(ports: Data<Ports>) -> Result<HttpResponse, ApiError> {
    let view = ask(&playground(&ports)?.look, Look, ANSWER_LIMIT).await;
    Ok(HttpResponse::Ok().json(view.ok_or(ApiError::Unanswered("playground"))?))
}

/// `PUT /api/v1/playground/…`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted<T> {
    fault: T,
}

async fn break_mailserver(
    id: Path<String>,
    request: HttpRequest,
    payload: web::Payload,
    ports: Data<Ports>,
) -> Result<HttpResponse, ApiError> {
    playground(&ports)?;
    let Wanted { fault } = body::json::<Wanted<Ailment>>(&request, payload).await?;
    treat(&ports, id.into_inner(), Some(fault)).await
}

async fn mend_mailserver(id: Path<String>, ports: Data<Ports>) -> Result<HttpResponse, ApiError> {
    treat(&ports, id.into_inner(), None).await
}

async fn treat(
    ports: &Ports,
    id: String,
    ailment: Option<Ailment>,
) -> Result<HttpResponse, ApiError> {
    let order = Treat { id, ailment };
    let answer = ask(&playground(ports)?.treat, order, CHANGE_LIMIT).await;
    let mailserver = answer.ok_or(ApiError::Unanswered("playground"))??;
    Ok(HttpResponse::Ok().json(mailserver))
}

async fn break_node(
    request: HttpRequest,
    payload: web::Payload,
    ports: Data<Ports>,
) -> Result<HttpResponse, ApiError> {
    playground(&ports)?;
    let Wanted { fault } = body::json::<Wanted<NodeAilment>>(&request, payload).await?;
    treat_node(&ports, Some(fault)).await
}

async fn mend_node(ports: Data<Ports>) -> Result<HttpResponse, ApiError> {
    treat_node(&ports, None).await
}

async fn treat_node(ports: &Ports, ailment: Option<NodeAilment>) -> Result<HttpResponse, ApiError> {
    let order = TreatNode(ailment);
    let answer = ask(&playground(ports)?.treat_node, order, CHANGE_LIMIT).await;
    let node = answer.ok_or(ApiError::Unanswered("playground"))??;
    Ok(HttpResponse::Ok().json(node))
}

impl From<PlaygroundError> for ApiError {
    fn from(error: PlaygroundError) -> Self {
        let reason = error.to_string();
        match error {
            PlaygroundError::Unknown { .. } => Self::Unknown(reason),
            PlaygroundError::Failed(_) => Self::Failed(reason),
        }
    }
}

//! `/api/v1/round-trips`: how fast each mailserver answered lately.

use actix_web::{HttpResponse, web};
use actors::messages::{
    candidates::Candidates,
    round_trips::{GetRoundTrips, Sample},
};
use serde::Serialize;

use super::{
    error::ApiError,
    ports::{ANSWER_LIMIT, Ports, ask},
};

/// `GET /api/v1/round-trips`.
#[derive(Serialize)]
struct Told {
    /// The candidates, in the order of the list.
    mailservers: Vec<Mailserver>,
}

#[derive(Serialize)]
struct Mailserver {
    id: String,
    /// The oldest first; of ten seconds only the worst.
    samples: Vec<Sample>,
}

pub(super) async fn tell(ports: web::Data<Ports>) -> Result<HttpResponse, ApiError> {
    let (registry, round_trips) = tokio::join!(
        ask(&ports.candidates, Candidates, ANSWER_LIMIT),
        ask(&ports.round_trips, GetRoundTrips, ANSWER_LIMIT),
    );
    let candidates = registry
        .ok_or(ApiError::Unanswered("fleet registry"))?
        .list
        .candidates;
    let mut recent = round_trips
        .ok_or(ApiError::Unanswered("round trips"))?
        .recent;
    let told = candidates.into_iter().map(|it| Mailserver {
        samples: recent.remove(&it.identity).unwrap_or_default(),
        id: it.id,
    });
    Ok(HttpResponse::Ok().json(Told {
        mailservers: told.collect(),
    }))
}

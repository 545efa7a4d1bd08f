//! `/api/v1/round-trips`: how fast each mailserver answered lately.

use actix_web::{HttpResponse, http::StatusCode, web};
use actors::messages::{
    candidates::Candidates,
    round_trips::{GetRoundTrips, Sample},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    error::{ApiError, Kind},
    openapi::Operation,
    ports::{ANSWER_LIMIT, Ports, ask},
};

/// `GET /api/v1/round-trips`.
#[derive(Serialize, JsonSchema)]
struct RecentRoundTrips {
    /// The candidates, in the order of the list.
    mailservers: Vec<RoundTripsOf>,
}

/// A candidate.
#[derive(Serialize, JsonSchema)]
struct RoundTripsOf {
    /// Its id.
    id: String,
    /// The oldest first; of ten seconds only the worst.
    samples: Vec<Sample>,
}

pub(super) fn operation() -> Operation {
    Operation::read("/api/v1/round-trips", "getRoundTrips", tell)
        .says(
            "How fast each mailserver answered lately",
            "What selections and the watch found, for ten minutes of a mailserver that is watched.",
        )
        .answers::<RecentRoundTrips>(StatusCode::OK, "The samples of each candidate.")
        .refuses(&[Kind::Unanswered])
}

async fn tell(ports: web::Data<Ports>) -> Result<HttpResponse, ApiError> {
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
    let told = candidates.into_iter().map(|it| RoundTripsOf {
        samples: recent.remove(&it.identity).unwrap_or_default(),
        id: it.id,
    });
    Ok(HttpResponse::Ok().json(RecentRoundTrips {
        mailservers: told.collect(),
    }))
}

//! What a request that cannot be served is answered: a status, and a problem document (RFC 9457).

use std::time::Duration;

use actix_web::{HttpResponse, ResponseError, body::BoxBody, http::StatusCode};
use actors::messages::{candidates::RegistryError, history::QueueError};
use serde::Serialize;

/// Why a request was not served.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ApiError {
    #[error("Host {0:?} is not this sidecar: use its IP address or localhost")]
    ForeignHost(String),
    #[error("pages of {0:?} may not talk to this sidecar")]
    ForeignOrigin(String),
    #[error("nothing is served at {0}")]
    NotFound(String),
    #[error("{0} is not possible")]
    NotAllowed(String),
    #[error("the body must be application/json")]
    NotJson,
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    #[error("the body did not arrive within {} s", .0.as_secs())]
    TooSlow(Duration),
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    Unknown(String),
    #[error("{0}")]
    Conflict(String),
    #[error("{0}")]
    Outdated(String),
    #[error("{0}")]
    Full(String),
    #[error("{0}")]
    Failed(String),
    #[error("{0}")]
    NotReady(String),
    #[error("the {0} does not answer")]
    Unanswered(&'static str),
    #[error("{0} event streams are open already")]
    TooManyStreams(usize),
}

/// The media type of a problem document (RFC 9457, 3).
const PROBLEM: &str = "application/problem+json";

/// What a problem document says (RFC 9457, 3.1).
#[derive(Debug, Serialize)]
struct Problem {
    /// Which kind of problem: [`KINDS`] and a word.
    #[serde(rename = "type")]
    kind: String,
    /// The same for people.
    title: String,
    /// That of the answer.
    status: u16,
    /// What is wrong with this request.
    detail: String,
}

/// Where the kinds of problems are named.
const KINDS: &str = "urn:mailserver-sidecar:problem:";

impl ApiError {
    fn status_and_word(&self) -> (StatusCode, &'static str) {
        match self {
            Self::ForeignHost(_) => (StatusCode::FORBIDDEN, "foreign_host"),
            Self::ForeignOrigin(_) => (StatusCode::FORBIDDEN, "foreign_origin"),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, "not_found"),
            Self::NotAllowed(_) => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::NotJson => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json"),
            Self::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            Self::TooSlow(_) => (StatusCode::REQUEST_TIMEOUT, "too_slow"),
            Self::Invalid(_) => (StatusCode::BAD_REQUEST, "invalid"),
            Self::Unknown(_) => (StatusCode::NOT_FOUND, "unknown"),
            Self::Conflict(_) => (StatusCode::CONFLICT, "conflict"),
            Self::Outdated(_) => (StatusCode::PRECONDITION_FAILED, "outdated"),
            Self::Full(_) => (StatusCode::INSUFFICIENT_STORAGE, "full"),
            Self::Failed(_) => (StatusCode::INTERNAL_SERVER_ERROR, "failed"),
            Self::NotReady(_) => (StatusCode::SERVICE_UNAVAILABLE, "not_ready"),
            Self::Unanswered(_) => (StatusCode::SERVICE_UNAVAILABLE, "unanswered"),
            Self::TooManyStreams(_) => (StatusCode::SERVICE_UNAVAILABLE, "too_many_streams"),
        }
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status_and_word().0
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let (status, word) = self.status_and_word();
        let problem = Problem {
            kind: format!("{KINDS}{word}"),
            title: word.replace('_', " "),
            status: status.as_u16(),
            detail: self.to_string(),
        };
        // A type that is there is kept.
        HttpResponse::build(status)
            .content_type(PROBLEM)
            .json(problem)
    }
}

impl From<RegistryError> for ApiError {
    fn from(error: RegistryError) -> Self {
        let reason = error.to_string();
        match error {
            RegistryError::Address(_) | RegistryError::Id { .. } => Self::Invalid(reason),
            RegistryError::Unknown(_) => Self::Unknown(reason),
            RegistryError::Taken { .. } | RegistryError::NotAdded { .. } => Self::Conflict(reason),
            RegistryError::Outdated => Self::Outdated(reason),
            RegistryError::Full(_) => Self::Full(reason),
            RegistryError::NotSaved(_) => Self::Failed(reason),
        }
    }
}

impl From<QueueError> for ApiError {
    fn from(error: QueueError) -> Self {
        let reason = error.to_string();
        match error {
            QueueError::BadId(_) => Self::Invalid(reason),
            QueueError::Full(_) => Self::NotReady(reason),
        }
    }
}

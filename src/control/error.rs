//! What a request that cannot be served is answered: a status, and a problem document (RFC 9457).

use std::time::Duration;

use actix_web::{
    HttpResponse, ResponseError,
    body::BoxBody,
    http::{StatusCode, header::WWW_AUTHENTICATE},
};
use actors::messages::{candidates::RegistryError, history::QueueError};
use schemars::JsonSchema;
use serde::Serialize;

/// Why a request was not served.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ApiError {
    #[error("Host {0:?} is not this sidecar: use its IP address or localhost")]
    ForeignHost(String),
    #[error("pages of {0:?} may not talk to this sidecar")]
    ForeignOrigin(String),
    #[error("Authorization: Bearer and the token of control.token_file are wanted")]
    NoToken,
    #[error("a connection takes one request")]
    SecondRequest,
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
pub(super) const PROBLEM: &str = "application/problem+json";

/// What a request that was not served is answered (RFC 9457).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Problem {
    /// Which kind of problem, for programs.
    #[serde(rename = "type")]
    kind: String,
    /// The same for people.
    title: String,
    /// That of the answer.
    status: u16,
    /// What is wrong with this request, for people.
    detail: String,
}

/// Where the kinds of problems are named.
const KINDS: &str = "urn:mailserver-sidecar:problem:";

/// The kinds of problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    ForeignHost,
    ForeignOrigin,
    NoToken,
    SecondRequest,
    NotFound,
    NotAllowed,
    NotJson,
    TooLarge,
    TooSlow,
    Invalid,
    Unknown,
    Conflict,
    Outdated,
    Full,
    Failed,
    NotReady,
    Unanswered,
    TooManyStreams,
}

impl Kind {
    /// The status of the answer, the word for programs, and what it means, for people.
    fn told(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as Status;
        match self {
            Self::ForeignHost => (
                Status::FORBIDDEN,
                "foreign_host",
                "Host names another machine.",
            ),
            Self::ForeignOrigin => (
                Status::FORBIDDEN,
                "foreign_origin",
                "A page of another site asks.",
            ),
            Self::NoToken => (
                Status::UNAUTHORIZED,
                "no_token",
                "The token is wanted, or a session that was opened with it.",
            ),
            Self::SecondRequest => (
                Status::BAD_REQUEST,
                "second_request",
                "One request is served on a connection.",
            ),
            Self::NotFound => (Status::NOT_FOUND, "not_found", "Nothing is served there."),
            Self::NotAllowed => (
                Status::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "Not with this method.",
            ),
            Self::NotJson => (
                Status::UNSUPPORTED_MEDIA_TYPE,
                "not_json",
                "The body is not application/json.",
            ),
            Self::TooLarge => (
                Status::PAYLOAD_TOO_LARGE,
                "too_large",
                "The body is too large.",
            ),
            Self::TooSlow => (
                Status::REQUEST_TIMEOUT,
                "too_slow",
                "The body did not arrive in time.",
            ),
            Self::Invalid => (
                Status::BAD_REQUEST,
                "invalid",
                "The request makes no sense.",
            ),
            Self::Unknown => (
                Status::NOT_FOUND,
                "unknown",
                "Nothing of that name is known.",
            ),
            Self::Conflict => (
                Status::CONFLICT,
                "conflict",
                "It does not fit what is there.",
            ),
            Self::Outdated => (
                Status::PRECONDITION_FAILED,
                "outdated",
                "The list is another one than If-Match names: nothing was changed.",
            ),
            Self::Full => (
                Status::INSUFFICIENT_STORAGE,
                "full",
                "There are as many as there can be.",
            ),
            Self::Failed => (
                Status::INTERNAL_SERVER_ERROR,
                "failed",
                "The sidecar could not do it.",
            ),
            Self::NotReady => (Status::SERVICE_UNAVAILABLE, "not_ready", "Not now."),
            Self::Unanswered => (
                Status::SERVICE_UNAVAILABLE,
                "unanswered",
                "A part of the sidecar did not answer in time.",
            ),
            Self::TooManyStreams => (
                Status::SERVICE_UNAVAILABLE,
                "too_many_streams",
                "Too many event streams are open.",
            ),
        }
    }

    pub(super) fn status(self) -> StatusCode {
        self.told().0
    }

    /// What it means, in one sentence.
    pub(super) fn meaning(self) -> &'static str {
        self.told().2
    }

    /// How a problem document names it.
    pub(super) fn uri(self) -> String {
        format!("{KINDS}{}", self.told().1)
    }
}

impl ApiError {
    fn kind(&self) -> Kind {
        match self {
            Self::ForeignHost(_) => Kind::ForeignHost,
            Self::ForeignOrigin(_) => Kind::ForeignOrigin,
            Self::NoToken => Kind::NoToken,
            Self::SecondRequest => Kind::SecondRequest,
            Self::NotFound(_) => Kind::NotFound,
            Self::NotAllowed(_) => Kind::NotAllowed,
            Self::NotJson => Kind::NotJson,
            Self::TooLarge(_) => Kind::TooLarge,
            Self::TooSlow(_) => Kind::TooSlow,
            Self::Invalid(_) => Kind::Invalid,
            Self::Unknown(_) => Kind::Unknown,
            Self::Conflict(_) => Kind::Conflict,
            Self::Outdated(_) => Kind::Outdated,
            Self::Full(_) => Kind::Full,
            Self::Failed(_) => Kind::Failed,
            Self::NotReady(_) => Kind::NotReady,
            Self::Unanswered(_) => Kind::Unanswered,
            Self::TooManyStreams(_) => Kind::TooManyStreams,
        }
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.kind().status()
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let kind = self.kind();
        let (status, word, _) = kind.told();
        let problem = Problem {
            kind: kind.uri(),
            title: word.replace('_', " "),
            status: status.as_u16(),
            detail: self.to_string(),
        };
        // A type that is there is kept.
        let mut answer = HttpResponse::build(status);
        if status == StatusCode::UNAUTHORIZED {
            answer.insert_header((WWW_AUTHENTICATE, "Bearer"));
        }
        answer.content_type(PROBLEM).json(problem)
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

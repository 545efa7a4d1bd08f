//! `/api/v1/mailservers` and `/api/v1/pin`: which mailservers may be chosen, and which one is wanted.
//!
//! What two writers could collide about has one entity tag, that of the list: a change may name it, and is made only
//! while the list is still the same.

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, ETag},
    },
    web::{Data, Path, Payload},
};
use actors::{
    messages::candidates::{
        AddCustom, Candidates, CandidatesChanged, Changed, Listed, Pin, RegistryError,
        RemoveCustom, Unpin,
    },
    model::{
        mailserver::{Identity, Mailserver},
        node::SavedMailserver,
    },
};
use serde::{Deserialize, Serialize};

use super::{
    body, conditions,
    error::ApiError,
    ports::{ANSWER_LIMIT, CHANGE_LIMIT, Ports, ask},
};

/// The mailservers that may be chosen.
#[derive(Serialize)]
pub(super) struct Mailservers<'a> {
    /// The fleet they are of; null before the node has told.
    fleet: Option<&'a str>,
    /// All of them, each once.
    mailservers: Vec<Choosable<'a>>,
}

/// A mailserver that may be chosen.
#[derive(Serialize)]
struct Choosable<'a> {
    #[serde(flatten)]
    mailserver: &'a Mailserver,
    /// Whether the user wants this one.
    pinned: bool,
}

impl<'a> Mailservers<'a> {
    fn new(list: &'a CandidatesChanged) -> Self {
        let choosable = |mailserver| Choosable::new(mailserver, list.pinned.as_ref());
        Self {
            fleet: list.fleet.as_deref(),
            mailservers: list.candidates.iter().map(choosable).collect(),
        }
    }
}

impl<'a> Choosable<'a> {
    fn new(mailserver: &'a Mailserver, pinned: Option<&Identity>) -> Self {
        Self {
            mailserver,
            pinned: pinned == Some(&mailserver.identity),
        }
    }
}

/// `GET /api/v1/mailservers`.
pub(super) async fn list(
    request: HttpRequest,
    ports: Data<Ports>,
) -> Result<HttpResponse, ApiError> {
    let Listed { list, revision } = listed(&ports).await?;
    let known = conditions::is_known(&request, revision);
    let mut answer = HttpResponse::build(match known {
        true => StatusCode::NOT_MODIFIED,
        false => StatusCode::OK,
    });
    answer.insert_header(ETag(conditions::tag(revision)));
    // It may be kept, and is asked for again each time.
    answer.insert_header((CACHE_CONTROL, "no-cache"));
    Ok(match known {
        true => answer.finish(),
        false => answer.json(Mailservers::new(&list)),
    })
}

async fn listed(ports: &Ports) -> Result<Listed, ApiError> {
    let answer = ask(&ports.candidates, Candidates, ANSWER_LIMIT).await;
    answer.ok_or(ApiError::Unanswered("fleet registry"))
}

/// A mailserver to be added.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Addition {
    /// A name for it that no other one has: 1 to 128 bytes.
    id: String,
    /// An enode, a multiaddr or an ENR.
    address: String,
    /// For people; the id if it is empty.
    #[serde(default)]
    name: String,
    /// The fleet for which it is used; that of the node if it is empty.
    #[serde(default)]
    fleet: String,
}

/// `POST /api/v1/mailservers`.
pub(super) async fn add(
    request: HttpRequest,
    payload: Payload,
    ports: Data<Ports>,
) -> Result<HttpResponse, ApiError> {
    let Addition {
        id,
        address,
        name,
        mut fleet,
    } = body::json(&request, payload).await?;
    if fleet.is_empty() {
        let current = listed(&ports).await?.list.fleet;
        fleet = current.ok_or_else(|| {
            ApiError::Invalid("fleet: name one, the node has not told its own yet".to_owned())
        })?;
    }
    let addition = AddCustom {
        mailserver: SavedMailserver {
            id,
            name,
            address,
            fleet,
        },
        expected: conditions::expected(&request),
    };
    let answer = ask(&ports.add_custom, addition, CHANGE_LIMIT).await;
    let (mut head, added) = changed(StatusCode::CREATED, answer)?;
    Ok(head.json(added))
}

/// `DELETE /api/v1/mailservers/{id}`.
pub(super) async fn remove(
    request: HttpRequest,
    id: Path<String>,
    ports: Data<Ports>,
) -> Result<HttpResponse, ApiError> {
    let removal = RemoveCustom {
        id: id.into_inner(),
        expected: conditions::expected(&request),
    };
    let answer = ask(&ports.remove_custom, removal, CHANGE_LIMIT).await;
    let (mut head, ()) = changed(StatusCode::NO_CONTENT, answer)?;
    Ok(head.finish())
}

/// The mailserver that is wanted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Choice {
    /// Its id, peer id, enode or multiaddr.
    id: String,
}

/// `PUT /api/v1/pin`.
pub(super) async fn pin(
    request: HttpRequest,
    payload: Payload,
    ports: Data<Ports>,
) -> Result<HttpResponse, ApiError> {
    let Choice { id } = body::json(&request, payload).await?;
    let pin = Pin {
        name: id,
        expected: conditions::expected(&request),
    };
    let answer = ask(&ports.pin, pin, CHANGE_LIMIT).await;
    let (mut head, pinned) = changed(StatusCode::OK, answer)?;
    Ok(head.json(pinned))
}

/// `DELETE /api/v1/pin`.
pub(super) async fn unpin(
    request: HttpRequest,
    ports: Data<Ports>,
) -> Result<HttpResponse, ApiError> {
    let expected = conditions::expected(&request);
    let answer = ask(&ports.unpin, Unpin { expected }, CHANGE_LIMIT).await;
    let (mut head, ()) = changed(StatusCode::NO_CONTENT, answer)?;
    Ok(head.finish())
}

/// What the registry answered to a change, if it answered, and how the answer begins.
fn changed<T>(
    status: StatusCode,
    answer: Option<Result<Changed<T>, RegistryError>>,
) -> Result<(HttpResponseBuilder, T), ApiError> {
    let Changed { answer, revision } = answer.ok_or(ApiError::Unanswered("fleet registry"))??;
    let mut head = HttpResponse::build(status);
    head.insert_header(ETag(conditions::tag(revision)));
    Ok((head, answer))
}

//! `/api/v1/mailservers` and `/api/v1/pin`: which mailservers may be chosen, and which one is wanted.
//!
//! What two writers could collide about has one entity tag, that of the list: a change may name it, and is made only
//! while the list is still the same.

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{
        Method, StatusCode,
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
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    body, conditions,
    error::{ApiError, Kind},
    openapi::Operation,
    ports::{ANSWER_LIMIT, CHANGE_LIMIT, Ports, ask},
};

const LIST: &str = "/api/v1/mailservers";
const PIN: &str = "/api/v1/pin";

/// What is served here.
pub(super) fn operations() -> Vec<Operation> {
    vec![listing(), adding(), removing(), pinning(), unpinning()]
}

fn listing() -> Operation {
    Operation::read(LIST, "listMailservers", list)
        .says(
            "The mailservers that may be chosen",
            "The tag of the answer goes into If-Match of a change.",
        )
        .may_name(
            "header",
            "If-None-Match",
            "Entity tags of lists that are known already.",
        )
        .answers::<Mailservers<'_>>(StatusCode::OK, "All of them.")
        .answers_nothing(
            StatusCode::NOT_MODIFIED,
            "The list is one of those that If-None-Match names.",
        )
        .tagged()
        .refuses(&[Kind::Unanswered])
}

fn adding() -> Operation {
    let example = json!({
        "id": "mine",
        "name": "My store",
        "address": "/dns4/store.example.org/tcp/30303/p2p/16Uiu2HAmRUBhDKZTTx1LAZnkEHrVcxvQEUTNSrt15B3wUATo7TvM",
        "fleet": "status.prod",
    });
    Operation::of(Method::POST, LIST, "addMailserver", add)
        .says(
            "Add a mailserver",
            "It is kept across restarts, and may be chosen if it is of the fleet in use.",
        )
        .takes::<Addition>("Which.", example)
        .answers::<Mailserver>(StatusCode::CREATED, "The mailserver that it became.")
        .conditional()
        .refuses(&[Kind::Conflict, Kind::Full, Kind::Failed, Kind::Unanswered])
}

fn removing() -> Operation {
    Operation::of(
        Method::DELETE,
        "/api/v1/mailservers/{id}",
        "removeMailserver",
        remove,
    )
    .says(
        "Remove a mailserver that was added",
        "One that comes from elsewhere has to be removed there.",
    )
    .id("Its id.")
    .answers_nothing(StatusCode::NO_CONTENT, "It is removed.")
    .conditional()
    .refuses(&[
        Kind::Unknown,
        Kind::Conflict,
        Kind::Failed,
        Kind::Unanswered,
    ])
}

fn pinning() -> Operation {
    Operation::of(Method::PUT, PIN, "pin", pin)
        .says("Use this mailserver", "It is kept across restarts, and goes before the pin of the configuration and of the node.")
        .takes::<Choice>("Which.", json!({ "id": "store-01.do-ams3.status.prod" }))
        .answers::<Mailserver>(StatusCode::OK, "The mailserver that is meant.")
        .conditional()
        .refuses(&[Kind::Unknown, Kind::Failed, Kind::Unanswered])
}

fn unpinning() -> Operation {
    Operation::of(Method::DELETE, PIN, "unpin", unpin)
        .says(
            "Use any mailserver again",
            "Whoever set the pin. It is kept across restarts.",
        )
        .answers_nothing(StatusCode::NO_CONTENT, "None is pinned.")
        .conditional()
        .refuses(&[Kind::Failed, Kind::Unanswered])
}

/// The mailservers that may be chosen.
#[derive(Serialize, JsonSchema)]
struct Mailservers<'a> {
    /// The fleet they are of; null before the node has told.
    fleet: Option<&'a str>,
    /// All of them, each once.
    mailservers: Vec<Choosable<'a>>,
}

/// A mailserver that may be chosen, as it is listed.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ListedMailserver")]
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
async fn list(request: HttpRequest, ports: Data<Ports>) -> Result<HttpResponse, ApiError> {
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
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Addition {
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
async fn add(
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
async fn remove(
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
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Choice {
    /// Its id, peer id, enode or multiaddr.
    id: String,
}

/// `PUT /api/v1/pin`.
async fn pin(
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
async fn unpin(request: HttpRequest, ports: Data<Ports>) -> Result<HttpResponse, ApiError> {
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

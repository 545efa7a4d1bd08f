//! `/api/v1/history`: up to when history is complete, and having it fetched now or again.

use std::time::{Duration, SystemTime};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode},
    web,
};
use actors::{
    messages::{
        history::{QueueCommunity, RequestNow},
        journal::{AskFor, GetReport, Report},
    },
    model::{
        moment::{Moment, Period},
        window::WindowId,
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    body,
    error::{ApiError, Kind},
    openapi::Operation,
    ports::{ANSWER_LIMIT, Ports, ask},
};

/// What lies further back no mailserver keeps: they hold messages for 30 days at most, two unless they are told.
const FURTHEST_BACK: Duration = Duration::from_secs(30 * 24 * 60 * 60);

const HISTORY: &str = "/api/v1/history";

/// What is served here.
pub(super) fn operations() -> Vec<Operation> {
    vec![telling(), requesting(), queueing()]
}

fn telling() -> Operation {
    Operation::read(HISTORY, "getHistory", tell)
        .says(
            "Up to when history is complete, and what is not",
            "A window is a period in which messages may have been missed.",
        )
        .answers::<Told>(
            StatusCode::OK,
            "How far history is complete, and the windows.",
        )
        .refuses(&[Kind::Unanswered])
}

fn requesting() -> Operation {
    let example = json!({ "from": "2026-11-27T10:40:00Z", "to": 1_795_776_125_000_u64 });
    Operation::of(Method::POST, HISTORY, "requestHistory", request)
        .says(
            "Request missed history now, or a period again",
            "Without a body all that is missing is requested. It is done when a mailserver can be asked.",
        )
        .may_take::<Wanted>("The period: 30 days back at most.", example)
        .answers::<Accepted>(StatusCode::ACCEPTED, "It will be requested.")
        .example(json!({ "accepted": 1, "window": 7 }))
        .refuses(&[Kind::Unanswered])
}

fn queueing() -> Operation {
    Operation::of(
        Method::POST,
        "/api/v1/communities/{id}",
        "requestCommunity",
        queue_community,
    )
    .says(
        "Request the description of a community",
        "It is asked for until it comes or a day has gone by.",
    )
    .id("Its id: `0x`, and 66 hexadecimal digits that begin with 02 or 03.")
    .answers::<Accepted>(StatusCode::ACCEPTED, "It waits to be asked for.")
    .example(json!({ "accepted": 1 }))
    .refuses(&[Kind::Invalid, Kind::NotReady, Kind::Unanswered])
}

/// What was taken on.
#[derive(Serialize, JsonSchema)]
pub(super) struct Accepted {
    /// How many requests or signals.
    accepted: usize,
    /// The number of the window that was opened for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<WindowId>,
}

impl Accepted {
    pub(super) const fn new(accepted: usize) -> Self {
        Self {
            accepted,
            window: None,
        }
    }
}

/// How far history is complete, and what is not.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "History")]
struct Told {
    /// The moments below are told by this clock.
    now_ms: Moment,
    #[serde(flatten)]
    report: Report,
}

/// `GET /api/v1/history`.
async fn tell(ports: web::Data<Ports>) -> Result<HttpResponse, ApiError> {
    let answer = ask(&ports.report, GetReport, ANSWER_LIMIT).await;
    let report = answer.ok_or(ApiError::Unanswered("journal"))?;
    let now_ms = SystemTime::now().into();
    Ok(HttpResponse::Ok().json(Told { now_ms, report }))
}

/// The period that is wanted.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "WantedPeriod")]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Its begin.
    #[schemars(with = "WrittenMoment")]
    from: Value,
    /// Its end; now if it is left out.
    #[schemars(with = "Option<WrittenMoment>")]
    to: Option<Value>,
}

/// How a moment may be written: `2026-11-27T10:40:00Z`, always in UTC, or in milliseconds since 1970.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(
    dead_code,
    reason = "what is read is told in more words than a derive has"
)]
enum WrittenMoment {
    /// In words.
    Text(String),
    /// In milliseconds.
    Milliseconds(u64),
}

/// `POST /api/v1/history`.
async fn request(
    request: HttpRequest,
    payload: web::Payload,
    ports: web::Data<Ports>,
) -> Result<HttpResponse, ApiError> {
    let Some(wanted) = body::optional_json::<Wanted>(&request, payload).await? else {
        let answer = ask(&ports.request_history, RequestNow, ANSWER_LIMIT).await;
        answer.ok_or(ApiError::Unanswered("journal"))?;
        return Ok(HttpResponse::Accepted().json(Accepted::new(1)));
    };
    let period = period(&wanted, SystemTime::now().into()).map_err(ApiError::Invalid)?;
    let answer = ask(&ports.ask_for, AskFor(period), ANSWER_LIMIT).await;
    let window = answer.ok_or(ApiError::Unanswered("journal"))?;
    Ok(HttpResponse::Accepted().json(Accepted {
        accepted: 1,
        window: Some(window),
    }))
}

/// `POST /api/v1/communities/{id}`.
async fn queue_community(
    id: web::Path<String>,
    ports: web::Data<Ports>,
) -> Result<HttpResponse, ApiError> {
    let queue = QueueCommunity(id.into_inner());
    let answer = ask(&ports.queue_community, queue, ANSWER_LIMIT).await;
    answer.ok_or(ApiError::Unanswered("history requester"))??;
    Ok(HttpResponse::Accepted().json(Accepted::new(1)))
}

/// The period that is wanted, or why there is none such.
fn period(wanted: &Wanted, now: Moment) -> Result<Period, String> {
    let from = moment("from", &wanted.from)?;
    let to = wanted.to.as_ref().map(|it| moment("to", it)).transpose()?;
    let until = to.unwrap_or(now);
    for (field, told) in [("from", from), ("to", until)] {
        if told > now {
            return Err(format!("{field}: {told} is in the future, it is {now}"));
        }
    }
    if from < now.before(FURTHEST_BACK) {
        return Err(format!("from: {from} is more than 30 days ago"));
    }
    if until < from {
        return Err(format!("to: {until} is before from, {from}"));
    }
    Ok(Period { from, until })
}

fn moment(field: &str, value: &Value) -> Result<Moment, String> {
    let text = value
        .as_str()
        .and_then(|text| humantime::parse_rfc3339(text).ok());
    let read = text.map(Moment::from);
    // Later than all that can be written in four digits: it could not be shown.
    let number = value.as_u64().filter(|it| *it < 253_402_300_800_000);
    read.or(number.map(Moment::from_millis)).ok_or_else(|| {
        let forms = "\"2026-11-27T10:40:00Z\" (UTC) or milliseconds since 1970";
        format!("{field}: write it as {forms}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-27T10:42:05Z.
    const NOW: Moment = Moment::from_millis(1_795_776_125_000);

    #[test]
    fn a_period_is_told_as_text_or_in_milliseconds() {
        let ten_forty = Moment::from_millis(1_795_776_000_000);
        for (body, until) in [
            (json!({ "from": "2026-11-27T10:40:00Z" }), NOW),
            (
                json!({ "from": "2026-11-27T10:40:00.000Z", "to": null }),
                NOW,
            ),
            (
                json!({ "from": 1_795_776_000_000_u64, "to": "2026-11-27T10:41:00Z" }),
                ten_forty + Duration::from_secs(60),
            ),
            (
                json!({ "from": "2026-11-27T10:40:00Z", "to": 1_795_776_000_000_u64 }),
                ten_forty,
            ),
        ] {
            let from = ten_forty;
            assert_eq!(read(body), Ok(Period { from, until }));
        }
    }

    #[test]
    fn a_refusal_names_the_field() {
        let from = "2026-11-27T10:40:00Z";
        for (body, reason) in [
            (json!({ "from": "10:40" }), "from: write it as"),
            (json!({ "from": -1 }), "from: write it as"),
            (json!({ "from": u64::MAX }), "from: write it as"),
            (json!({ "from": from, "to": [] }), "to: write it as"),
            (
                json!({ "from": from, "to": "2026-11-27T10:39:59Z" }),
                "to: 2026-11-27T10:39:59Z is before from",
            ),
            (
                json!({ "from": from, "to": "2026-11-27T10:42:06Z" }),
                "to: 2026-11-27T10:42:06Z is in the future",
            ),
            (
                json!({ "from": "2026-11-27T10:42:06Z" }),
                "from: 2026-11-27T10:42:06Z is in the future",
            ),
            (
                json!({ "from": "2026-10-28T10:42:04Z" }),
                "from: 2026-10-28T10:42:04Z is more than 30 days ago",
            ),
        ] {
            let refused = read(body).unwrap_err();
            assert!(refused.starts_with(reason), "{refused}");
        }
    }

    fn read(body: Value) -> Result<Period, String> {
        period(&serde_json::from_value(body).unwrap(), NOW)
    }
}

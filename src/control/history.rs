//! `/api/v1/history`: up to when history is complete, and having it fetched now or again.

use std::time::{Duration, SystemTime};

use actix_web::{HttpRequest, HttpResponse, web};
use actors::{
    messages::{
        history::RequestNow,
        journal::{AskFor, GetReport, Report},
    },
    model::moment::{Moment, Period},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    body,
    error::ApiError,
    ports::{ANSWER_LIMIT, Ports, ask},
};

/// What lies further back no mailserver keeps: they hold messages for 30 days at most, two unless they are told.
const FURTHEST_BACK: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// `GET /api/v1/history`.
#[derive(Serialize)]
struct Told {
    /// The moments below are told by this clock.
    now_ms: Moment,
    #[serde(flatten)]
    report: Report,
}

pub(super) async fn tell(ports: web::Data<Ports>) -> Result<HttpResponse, ApiError> {
    let answer = ask(&ports.report, GetReport, ANSWER_LIMIT).await;
    let report = answer.ok_or(ApiError::Unanswered("journal"))?;
    let now_ms = SystemTime::now().into();
    Ok(HttpResponse::Ok().json(Told { now_ms, report }))
}

/// `POST /api/v1/history`, unless it has no body: then all that is missing is wanted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    from: Value,
    /// Left out: now.
    to: Option<Value>,
}

pub(super) async fn request(
    request: HttpRequest,
    payload: web::Payload,
    ports: web::Data<Ports>,
) -> Result<HttpResponse, ApiError> {
    let Some(wanted) = body::optional_json::<Wanted>(&request, payload).await? else {
        let answer = ask(&ports.request_history, RequestNow, ANSWER_LIMIT).await;
        answer.ok_or(ApiError::Unanswered("journal"))?;
        return Ok(HttpResponse::Accepted().json(json!({ "accepted": 1 })));
    };
    let period = period(&wanted, SystemTime::now().into()).map_err(ApiError::Invalid)?;
    let answer = ask(&ports.ask_for, AskFor(period), ANSWER_LIMIT).await;
    let window = answer.ok_or(ApiError::Unanswered("journal"))?;
    Ok(HttpResponse::Accepted().json(json!({ "accepted": 1, "window": window })))
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

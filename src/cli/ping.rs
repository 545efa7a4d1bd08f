//! `ping`: one ping round over the candidates, as a table.

use actors::{
    messages::selection::Decision,
    model::{
        candidate::{Considered, Standing, Tier},
        probe::ProbeFailure,
    },
};
use serde_json::{Value, json};

use super::layout::{WIDTH, push_line, shorten};

/// A decision over the round as a table, or as a JSON array: in the order of preference, the pool first. Who was
/// drawn from it is not told, for nobody is used.
#[must_use]
pub fn render(decision: &Decision, json: bool) -> String {
    match json {
        true => as_json(decision),
        false => table(decision),
    }
}

fn table(decision: &Decision) -> String {
    let all = &decision.considered;
    let ids = all.iter().map(|one| one.mailserver.id.chars().count());
    let ids = ids.max().unwrap_or(0).min(40);
    let mut out = String::new();
    for (place, one) in all.iter().enumerate() {
        let in_pool = place < decision.pool;
        let mark = if in_pool { '*' } else { ' ' };
        let rtt = milliseconds(one).map_or_else(|| "-".to_owned(), |rtt| format!("{rtt:.1} ms"));
        let id = shorten(&one.mailserver.id, ids);
        let tier = tier(one.tier);
        let line = format!("{mark} {rtt:>11}  {id:<ids$}  {tier:<7}  ");
        let width = WIDTH - line.chars().count();
        push_line(&mut out, &(line + &shorten(&fate(one, in_pool), width)));
    }
    push_line(&mut out, &summary(decision));
    out
}

fn summary(decision: &Decision) -> String {
    let total = decision.considered.len();
    let replied = decision.considered.iter().filter(|it| it.rtt.is_some());
    let replied = replied.count();
    let would = match decision.pool {
        0 => String::new(),
        1 => "; the one marked * would be used".to_owned(),
        pool => format!("; one of the {pool} marked * would be drawn"),
    };
    format!("{replied} of {total} replied{would}")
}

fn tier(tier: Tier) -> &'static str {
    match tier {
        Tier::Healthy => "healthy",
        Tier::Unknown => "unknown",
        Tier::Cooling => "cooling",
    }
}

/// What would become of it, in a few words.
fn fate(one: &Considered, in_pool: bool) -> String {
    match &one.verdict {
        _ if in_pool => "in the pool".to_owned(),
        Standing::NoReply(failure) => in_short(failure),
        Standing::Cooling => "failed lately".to_owned(),
        verdict => word(verdict).replace('_', " "),
    }
}

/// Details are left to the JSON: what the system said of a name, who the other peer is.
fn in_short(failure: &ProbeFailure) -> String {
    match failure {
        ProbeFailure::Unresolved(_) => "name not resolved".to_owned(),
        ProbeFailure::WrongPeer(_) => "another peer is there".to_owned(),
        failure => failure.to_string(),
    }
}

fn as_json(decision: &Decision) -> String {
    let considered = decision.considered.iter().enumerate();
    let rows = considered.map(|(place, one)| {
        let in_pool = place < decision.pool;
        let failure = match &one.verdict {
            Standing::NoReply(failure) => Some(failure.to_string()),
            _ => None,
        };
        json!({
            "id": one.mailserver.id,
            "name": one.mailserver.name,
            "address": one.mailserver.address,
            "rtt_ms": milliseconds(one),
            "failure": failure,
            "in_pool": in_pool,
            "tier": one.tier,
            "verdict": if in_pool { "in_pool" } else { word(&one.verdict) },
        })
    });
    format!("{:#}\n", Value::from_iter(rows))
}

fn milliseconds(one: &Considered) -> Option<f64> {
    one.rtt.map(|rtt| rtt.as_secs_f64() * 1000.0)
}

/// As a decision names it.
fn word(verdict: &Standing) -> &'static str {
    match verdict {
        Standing::Chosen => "chosen",
        Standing::NotDrawn => "not_drawn",
        Standing::Slower => "slower",
        Standing::Cooling => "cooling",
        Standing::Unproven => "unproven",
        Standing::NotListed => "not_listed",
        Standing::Pending => "pending",
        Standing::NoReply(_) => "no_reply",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actors::model::{
        candidate::Purpose,
        mailserver::{Identity, MailserverRef},
        probe::Stage,
    };

    use super::*;

    #[test]
    fn in_the_order_of_preference_with_the_pool_marked_and_why_the_others_are_not_in_it() {
        let expected = "\
*     13.2 ms  b                             healthy  in the pool
*     14.0 ms  store-01.do-ams3.status.prod  healthy  in the pool
     499.9 ms  c                             healthy  slower
       1.5 ms  p                             unknown  unproven
            -  d                             healthy  connection refused
            -  a                             healthy  no reply in time (connect)
            -  f                             healthy  another peer is there
            -  e                             healthy  no reply in time
4 of 8 replied; one of the 2 marked * would be drawn
";
        assert_eq!(render(&sample(), false), expected);
    }

    #[test]
    fn fits_into_80_columns_whatever_the_names() {
        let mut decision = sample();
        decision.considered[0].mailserver.id = "i".repeat(300);
        let other = ProbeFailure::Other("x".repeat(300));
        decision.considered[4].verdict = Standing::NoReply(other);
        let table = render(&decision, false);
        assert!(table.lines().all(|line| line.chars().count() <= WIDTH));
    }

    #[test]
    fn json_names_time_failure_pool_tier_and_verdict() {
        let json: Value = serde_json::from_str(&render(&sample(), true)).unwrap();
        let row = json!({
            "id": "b", "name": "b", "address": "/dns4/b/tcp/1", "rtt_ms": 13.2, "failure": null, "in_pool": true,
            "tier": "healthy", "verdict": "in_pool",
        });
        assert_eq!(json[0], row);
        let outside = |place: usize| (&json[place]["in_pool"], &json[place]["verdict"]);
        assert_eq!(outside(2), (&json!(false), &json!("slower")));
        assert_eq!(outside(3), (&json!(false), &json!("unproven")));
        assert_eq!(json[3]["tier"], "unknown");
        assert_eq!(json[5]["failure"], "no reply in time (connect)");
        assert_eq!(json[5]["verdict"], "no_reply");
        assert_eq!(json[5]["rtt_ms"], Value::Null);
    }

    #[test]
    fn one_is_not_drawn_and_none_is_not_used() {
        let mut decision = sample();
        decision.pool = 1;
        let table = render(&decision, false);
        assert!(table.ends_with("; the one marked * would be used\n"));
        decision.pool = 0;
        decision.considered.drain(..4);
        assert!(render(&decision, false).ends_with("0 of 4 replied\n"));
    }

    fn sample() -> Decision {
        let one = |id: &str, micros: Option<u64>, verdict| Considered {
            mailserver: MailserverRef {
                id: id.to_owned(),
                name: id.to_owned(),
                address: format!("/dns4/{id}/tcp/1"),
            },
            identity: Identity::new(id),
            rtt: micros.map(Duration::from_micros),
            tier: match verdict {
                Standing::Unproven => Tier::Unknown,
                _ => Tier::Healthy,
            },
            listed: false,
            verdict,
        };
        let silent = |id, failure| one(id, None, Standing::NoReply(failure));
        Decision {
            round: 0,
            purpose: Purpose::Active,
            chosen: None,
            identity: None,
            considered: vec![
                one("b", Some(13_200), Standing::Chosen),
                one(
                    "store-01.do-ams3.status.prod",
                    Some(14_000),
                    Standing::NotDrawn,
                ),
                one("c", Some(499_900), Standing::Slower),
                one("p", Some(1_500), Standing::Unproven),
                silent("d", ProbeFailure::Refused),
                silent("a", ProbeFailure::Silent(Stage::Connect)),
                silent("f", ProbeFailure::WrongPeer("16Uiu2".to_owned())),
                silent("e", ProbeFailure::Silent(Stage::Round)),
            ],
            pool: 2,
            drawn: Some(0),
            early: false,
            took_ms: 0,
        }
    }
}

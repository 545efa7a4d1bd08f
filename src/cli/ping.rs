//! `ping`: one ping round over the candidates, as a table.

use std::{collections::BTreeMap, time::Duration};

use actors::{
    mailserver::Mailserver,
    pinger::{PingReport, ProbeFailure},
};
use serde_json::json;

use super::layout::{WIDTH, push_line, shorten};

/// The outcome for one candidate.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The id.
    pub id: String,
    /// For people.
    pub name: String,
    /// The address that was pinged.
    pub address: String,
    /// The round-trip time, or why there is none.
    pub outcome: Result<Duration, ProbeFailure>,
    /// Whether it is one of those from which one would be drawn.
    pub in_pool: bool,
}

/// Sorts a report: the fastest first, then those that did not reply, by id. `pool` tells the size of the
/// pool for a number of replies.
#[must_use]
pub fn rows(
    candidates: &[Mailserver],
    report: &PingReport,
    pool: impl FnOnce(usize) -> usize,
) -> Vec<Row> {
    let known: BTreeMap<_, _> = candidates
        .iter()
        .map(|candidate| (&candidate.identity, candidate))
        .collect();
    let mut rows: Vec<Row> = report
        .replies
        .iter()
        .filter_map(|reply| {
            let candidate = known.get(&reply.identity)?;
            Some(Row {
                id: candidate.id.clone(),
                name: candidate.name.clone(),
                address: candidate.address.to_string(),
                outcome: reply.outcome.clone(),
                in_pool: false,
            })
        })
        .collect();
    mark(&mut rows, pool);
    rows
}

fn mark(rows: &mut [Row], pool: impl FnOnce(usize) -> usize) {
    rows.sort_by(|a, b| {
        let key = |row: &Row| *row.outcome.as_ref().unwrap_or(&Duration::MAX);
        key(a).cmp(&key(b)).then_with(|| a.id.cmp(&b.id))
    });
    let replied = rows.iter().filter(|row| row.outcome.is_ok()).count();
    let pool = pool(replied).min(replied);
    for (place, row) in rows.iter_mut().enumerate() {
        row.in_pool = place < pool;
    }
}

/// The rows as a table, or as a JSON array.
#[must_use]
pub fn render(rows: &[Row], json: bool) -> String {
    if json { as_json(rows) } else { table(rows) }
}

fn table(rows: &[Row]) -> String {
    const FIXED: usize = "*    123.4 ms  ".len();
    let ids = rows
        .iter()
        .map(|row| row.id.chars().count())
        .max()
        .unwrap_or(0)
        .min(40);
    let mut out = String::new();
    for row in rows {
        let mark = if row.in_pool { '*' } else { ' ' };
        let (rtt, note) = match &row.outcome {
            Ok(rtt) => (
                format!("{:.1} ms", rtt.as_secs_f64() * 1000.0),
                row.address.clone(),
            ),
            Err(failure) => ("-".to_owned(), in_short(failure)),
        };
        let id = shorten(&row.id, ids);
        let note = shorten(&note, WIDTH - FIXED - ids - 2);
        push_line(&mut out, &format!("{mark} {rtt:>11}  {id:<ids$}  {note}"));
    }
    let replied = rows.iter().filter(|row| row.outcome.is_ok()).count();
    let pool = rows.iter().filter(|row| row.in_pool).count();
    let total = rows.len();
    let would = if pool > 0 {
        format!("; one of the {pool} marked * would be drawn")
    } else {
        String::new()
    };
    push_line(&mut out, &format!("{replied} of {total} replied{would}"));
    out
}

/// The failure in a word or two: what the system said of a name is left to the JSON.
fn in_short(failure: &ProbeFailure) -> String {
    match failure {
        ProbeFailure::Unresolved(_) => "name not resolved".to_owned(),
        failure => failure.to_string(),
    }
}

fn as_json(rows: &[Row]) -> String {
    let rows: Vec<_> = rows
        .iter()
        .map(|row| {
            json!({
                "id": row.id,
                "name": row.name,
                "address": row.address,
                "rtt_ms": row.outcome.as_ref().ok().map(|rtt| rtt.as_secs_f64() * 1000.0),
                "failure": row.outcome.as_ref().err().map(ToString::to_string),
                "in_pool": row.in_pool,
            })
        })
        .collect();
    format!("{:#}\n", serde_json::Value::Array(rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorted_with_the_pool_marked() {
        let expected = "\
*     13.2 ms  b                             /dns4/b.example.org/tcp/30303/p2p/b
      20.0 ms  store-01.do-ams3.status.prod  /dns4/store-01.do…3/p2p/16Uiu2HAm01
     499.9 ms  c                             /dns4/c.example.org/tcp/30303/p2p/c
            -  a                             no reply in time
            -  d                             connection refused
3 of 5 replied; one of the 1 marked * would be drawn
";
        assert_eq!(render(&sample(), false), expected);
    }

    #[test]
    fn fits_into_80_columns_whatever_the_names() {
        let mut rows = sample();
        rows[0].id = "i".repeat(300);
        rows[0].address = "a".repeat(300);
        rows[1].outcome = Err(ProbeFailure::Other("x".repeat(300)));
        assert!(
            render(&rows, false)
                .lines()
                .all(|line| line.chars().count() <= WIDTH)
        );
    }

    #[test]
    fn json_names_time_failure_and_pool() {
        let json: serde_json::Value = serde_json::from_str(&render(&sample(), true)).unwrap();
        assert_eq!(json[0]["rtt_ms"], 13.2);
        assert_eq!(
            (json[0]["in_pool"].as_bool(), json[1]["in_pool"].as_bool()),
            (Some(true), Some(false))
        );
        assert_eq!(json[3]["failure"], "no reply in time");
        assert_eq!(json[3]["rtt_ms"], serde_json::Value::Null);
    }

    #[test]
    fn nobody_replied() {
        let mut rows = sample();
        rows.iter_mut()
            .for_each(|row| row.outcome = Err(ProbeFailure::Silent));
        mark(&mut rows, |replied| replied.div_ceil(4).max(1));
        assert!(render(&rows, false).ends_with("0 of 5 replied\n"));
    }

    fn sample() -> Vec<Row> {
        let row = |id: &str, address: &str, outcome| Row {
            id: id.to_owned(),
            name: id.to_owned(),
            address: address.to_owned(),
            outcome,
            in_pool: false,
        };
        let store = "store-01.do-ams3.status.prod";
        let mut rows = vec![
            row(
                "d",
                "/dns4/d.example.org/tcp/30303/p2p/d",
                Err(ProbeFailure::Refused),
            ),
            row(
                "c",
                "/dns4/c.example.org/tcp/30303/p2p/c",
                Ok(Duration::from_micros(499_900)),
            ),
            row(
                store,
                &format!("/dns4/{store}/tcp/30303/p2p/16Uiu2HAm01"),
                Ok(Duration::from_millis(20)),
            ),
            row(
                "a",
                "/dns4/a.example.org/tcp/30303/p2p/a",
                Err(ProbeFailure::Silent),
            ),
            row(
                "b",
                "/dns4/b.example.org/tcp/30303/p2p/b",
                Ok(Duration::from_micros(13_200)),
            ),
        ];
        mark(&mut rows, |replied| replied.div_ceil(4));
        rows
    }
}

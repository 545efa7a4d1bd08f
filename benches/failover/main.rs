//! How soon another mailserver is available, or history fetched: one was killed, hangs, all were gone, the node came back
//! logged out, the machine slept.
//!
//! Each measurement has a world of its own, with another seed: a service with its defaults (a jitter of up to 500 ms
//! before a dial included) beside a simulated node in three modes.

#[path = "../figures/mod.rs"]
mod figures;
mod hung;
mod login;
mod loss;
mod outage;
#[path = "../pair/mod.rs"]
mod pair;
mod sleep;
mod world;

use std::process::ExitCode;

use figures::Table;

fn main() -> ExitCode {
    // One of them alone: `cargo bench --bench failover -- hung`.
    let wanted = std::env::args().skip(1).find(|it| !it.starts_with('-'));
    let wanted = |part: &str| wanted.as_ref().is_none_or(|it| it == part);
    let mut table = Table::begin();
    if wanted("loss") {
        loss::measure(&mut table);
    }
    if wanted("hung") {
        hung::measure(&mut table);
    }
    if wanted("outage") {
        outage::measure(&mut table);
    }
    if wanted("login") {
        login::measure(&mut table);
    }
    if wanted("sleep") {
        sleep::measure(&mut table);
    }
    table.end()
}

//! When the process is asked to end.

use tokio::signal::unix::{SignalKind, signal};

/// Done at the first `SIGTERM` or `SIGINT`. A second one ends the process at once, with the code that
/// a shell gives to a process killed by it.
pub async fn requested() {
    first().await;
    actix_rt::spawn(async {
        let number = first().await;
        tracing::warn!("second signal: ending at once");
        std::process::exit(128 + number);
    });
}

/// The number of the next signal that asks for the end.
async fn first() -> i32 {
    let (term, interrupt) = (SignalKind::terminate(), SignalKind::interrupt());
    let (Ok(mut terminated), Ok(mut interrupted)) = (signal(term), signal(interrupt)) else {
        // Without handlers the system's own way of ending a process is in place.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminated.recv() => term.as_raw_value(),
        _ = interrupted.recv() => interrupt.as_raw_value(),
    }
}

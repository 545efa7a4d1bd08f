//! When the process is asked to end.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Done at the first `SIGTERM` or `SIGINT`. A second one ends the process at once, with the code that
/// a shell gives to a process killed by it.
pub async fn requested() {
    let Ok(mut requests) = Requests::listen() else {
        // Without handlers the system's own way of ending a process is in place.
        return std::future::pending().await;
    };
    requests.next().await;
    actix_rt::spawn(async move {
        let number = requests.next().await;
        tracing::warn!("second signal: ending at once");
        std::process::exit(128 + number);
    });
}

/// The signals that ask for the end.
struct Requests {
    terminate: Signal,
    interrupt: Signal,
}

impl Requests {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// The number of the next one.
    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.terminate.recv() => SignalKind::terminate().as_raw_value(),
            _ = self.interrupt.recv() => SignalKind::interrupt().as_raw_value(),
        }
    }
}

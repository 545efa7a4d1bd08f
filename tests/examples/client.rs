//! An example as a process of its own, and its lines.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use tokio::{sync::mpsc, time::timeout};

use crate::BE_THE_EXAMPLE;

/// Longer than anything here takes, however busy the machine is.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// The example in Rust: this program, which is told to be it.
pub(crate) fn in_rust() -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(BE_THE_EXAMPLE, "yes");
    command
}

/// The example in JavaScript.
pub(crate) fn in_javascript() -> Command {
    let mut command = Command::new("node");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/follow.mjs"));
    command
}

/// A client that runs; killed when dropped.
pub(crate) struct Client {
    process: Child,
    lines: mpsc::UnboundedReceiver<String>,
}

impl Client {
    /// Starts it, to end after so many events.
    pub(crate) fn start(mut command: Command, address: SocketAddr, count: usize) -> Self {
        command.arg(address.to_string()).arg(count.to_string());
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let told = BufReader::new(process.stdout.take().unwrap());
        let (tell, lines) = mpsc::unbounded_channel();
        thread::spawn(move || {
            for line in told.lines() {
                let _ = tell.send(line.unwrap());
            }
        });
        Self { process, lines }
    }

    /// Its next line; nothing after its end.
    pub(crate) async fn line(&mut self) -> Option<String> {
        timeout(LONG, self.lines.recv()).await.expect("in time")
    }

    /// After its last line.
    pub(crate) fn succeeded(mut self) -> bool {
        self.process.wait().unwrap().success()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

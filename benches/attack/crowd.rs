//! Clients that mean harm, as many as one thread can be, each of which comes again at once when its connection ends.

use std::{
    fs,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::oneshot,
};

/// Files that are left to the service and the node.
const FILES_OF_OTHERS: usize = 900;

/// How many of which kind.
#[derive(Clone, Copy)]
pub(crate) struct Crowd {
    /// Send half a head, and keep their connection.
    pub(crate) half_heads: usize,
    /// Want to follow the events.
    pub(crate) subscribers: usize,
    /// Ask for the status, time after time.
    pub(crate) askers: usize,
}

/// An attack that goes on.
pub(crate) struct Attack {
    connections: Arc<AtomicU64>,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Attack {
    /// Begins.
    pub(crate) fn begin(address: SocketAddr, crowd: Crowd) -> Self {
        let connections = Arc::new(AtomicU64::new(0));
        let counted = connections.clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let attack = move || {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = runtime.enable_all().build().expect("an event queue");
            runtime.block_on(async {
                let half_heads = crowd
                    .half_heads
                    .min(files().saturating_sub(FILES_OF_OTHERS));
                for (size, request) in [
                    (half_heads, "GET /health/live HT"),
                    (
                        crowd.subscribers,
                        "GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n",
                    ),
                    (
                        crowd.askers,
                        "GET /api/v1/status HTTP/1.1\r\nhost: localhost\r\n\r\n",
                    ),
                ] {
                    for _ in 0..size {
                        tokio::spawn(come_again(address, request, counted.clone()));
                    }
                }
                drop(stopped.await);
            });
        };
        let thread = thread::spawn(attack);
        Self {
            connections,
            stop,
            thread,
        }
    }

    /// Ends it; how many connections it made.
    pub(crate) fn end(self) -> u64 {
        drop(self.stop);
        self.thread.join().expect("the attack ends");
        self.connections.load(Ordering::Relaxed)
    }
}

async fn come_again(address: SocketAddr, request: &str, connections: Arc<AtomicU64>) {
    loop {
        let Ok(mut stream) = TcpStream::connect(address).await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        connections.fetch_add(1, Ordering::Relaxed);
        if stream.write_all(request.as_bytes()).await.is_err() {
            continue;
        }
        let mut answer = [0; 4096];
        while stream.read(&mut answer).await.is_ok_and(|read| read > 0) {}
    }
}

/// How many files this process may have open.
fn files() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find(|it| it.starts_with("Max open files"));
    let soft = line.and_then(|it| it.split_whitespace().nth(3)?.parse().ok());
    soft.unwrap_or(1024)
}

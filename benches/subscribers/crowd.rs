//! Programs that follow the events, on a thread of their own: half of them by server-sent events, half over WebSocket.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use awc::{
    Client,
    ws::{Frame, Message},
};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::{mpsc, oneshot};

/// How many of each kind.
pub(crate) const EACH: usize = 25;

/// Longer than an opening takes.
const LIMIT: Duration = Duration::from_secs(20);

/// Those who follow, from the first event.
pub(crate) struct Crowd {
    received: Arc<AtomicU64>,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Crowd {
    /// Begins; returns when all follow.
    pub(crate) async fn begin(address: SocketAddr) -> Self {
        let received = Arc::new(AtomicU64::new(0));
        let counted = received.clone();
        let (open, mut opened) = mpsc::unbounded_channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::spawn(move || {
            actix_rt::System::new().block_on(async move {
                for _ in 0..EACH {
                    actix_rt::spawn(by_lines(address, counted.clone(), open.clone()));
                    actix_rt::spawn(by_socket(address, counted.clone(), open.clone()));
                }
                drop(stopped.await);
            });
        });
        for _ in 0..2 * EACH {
            let opened = tokio::time::timeout(LIMIT, opened.recv()).await;
            opened.expect("opened in time").expect("the crowd lives");
        }
        Self {
            received,
            stop,
            thread,
        }
    }

    /// Ends it; how many events each was told, on the average.
    pub(crate) fn end(self) -> u64 {
        drop(self.stop);
        self.thread.join().expect("the crowd ends");
        self.received.load(Ordering::Relaxed) / (2 * EACH as u64)
    }
}

fn client() -> Client {
    Client::builder().disable_timeout().finish()
}

async fn by_lines(address: SocketAddr, received: Arc<AtomicU64>, open: mpsc::UnboundedSender<()>) {
    let url = format!("http://{address}/api/v1/events?last_event_id=0");
    let mut answer = client().get(url).send().await.expect("answered");
    assert!(answer.status().is_success(), "{}", answer.status());
    let _ = open.send(());
    let mut begin = true;
    while let Some(Ok(chunk)) = answer.next().await {
        // Each line with a number is an event, wherever the chunks end.
        for byte in chunk {
            received.fetch_add(u64::from(begin && byte == b'i'), Ordering::Relaxed);
            begin = byte == b'\n';
        }
    }
}

async fn by_socket(address: SocketAddr, received: Arc<AtomicU64>, open: mpsc::UnboundedSender<()>) {
    let url = format!("ws://{address}/api/v1/events/ws?last_event_id=0");
    let request = client().ws(url).max_frame_size(1 << 20);
    let (_, mut socket) = request.connect().await.expect("opened");
    let _ = open.send(());
    while let Some(Ok(frame)) = socket.next().await {
        match frame {
            Frame::Ping(payload) => drop(socket.send(Message::Pong(payload)).await),
            Frame::Text(_) => drop(received.fetch_add(1, Ordering::Relaxed)),
            _ => {}
        }
    }
}

//! Follows what a sidecar does, over WebSocket: a line for each event; comes back by itself, and misses nothing.
//!
//! `cargo run --example follow -- 127.0.0.1:8765`; with a number behind the address it ends after so many events.

use std::time::Duration;

use awc::ws::{Frame, Message};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::time::{sleep, timeout};

/// A ping comes every 15 s: whoever is silent for longer is gone.
const SILENCE: Duration = Duration::from_secs(40);

pub(crate) fn main() {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1:8765".to_owned());
    let count = arguments.next().map(|it| it.parse().expect("a number"));
    actix_rt::System::new().block_on(follow(&address, count.unwrap_or(u64::MAX)));
}

async fn follow(address: &str, mut left: u64) {
    let mut last = 0; // Everything that is kept is replayed.
    while left > 0 {
        let url = format!("ws://{address}/api/v1/events/ws?last_event_id={last}");
        let client = awc::Client::new().ws(url).max_frame_size(1 << 20);
        match client.connect().await {
            Err(error) => eprintln!("{address}: {error}"),
            Ok((_, mut socket)) => {
                while left > 0
                    && let Ok(Some(Ok(frame))) = timeout(SILENCE, socket.next()).await
                {
                    if let Frame::Ping(payload) = frame {
                        let _ = socket.send(Message::Pong(payload)).await;
                    } else if let Frame::Text(text) = frame {
                        let event: Value = serde_json::from_slice(&text).expect("JSON");
                        last = event["id"].as_u64().expect("a number");
                        println!(
                            "{last} {} {}",
                            event["event"].as_str().unwrap_or("?"),
                            event["data"]
                        );
                        left -= 1;
                    }
                }
            }
        }
        sleep(Duration::from_secs(1)).await;
    }
}

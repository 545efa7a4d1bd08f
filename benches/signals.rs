//! What signals cost that nobody here needs: they must be skipped, not parsed, and never be held. And what chat messages
//! cost, of which only a few members are looked at.

mod figures;
mod pair;

use std::{
    hint::black_box,
    process::ExitCode,
    time::{Duration, Instant},
};

use actix_codec::Decoder as _;
use actors::{messages::node::GetTraffic, model::node::Mode};
use bytes::BytesMut;
use figures::{Figure, Table};
use mailserver_sidecar::{
    clock,
    node::{
        frames::{Incoming, SignalCodec},
        signals::{self, Signal},
    },
    sim,
};
use pair::{LIMIT, Pair};
use peak_alloc::PeakAlloc;
use serde_json::{Value, json};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const HUGE: Figure = Figure {
    name: "40 MB foreign signal : parsing it",
    how: "frame decoder over reads of 64 KiB / serde_json into Value, same bytes, 7 pairs",
    unit: "ratio",
    bound: 0.1,
};

const HELD: Figure = Figure {
    name: "40 MB foreign signal : memory held",
    how: "most live heap bytes while it is decoded, the 64 KiB read buffer included",
    unit: "KiB",
    bound: 128.0,
};

const OVERLONG: Figure = Figure {
    name: "40 MB messages.new : memory held",
    how: "as above; it is told, and not kept",
    unit: "KiB",
    bound: 128.0,
};

const MESSAGES: Figure = Figure {
    name: "1 MB messages.new : parsing it",
    how: "frame decoder and what is read of it / serde_json into Value, same bytes, 31 pairs",
    unit: "ratio",
    bound: 0.5,
};

const MANY: Figure = Figure {
    name: "10,000 foreign signals",
    how: "sent by the simulated node (its work included) until counted as skipped, 51 runs",
    unit: "ms",
    bound: 100.0,
};

const GROWTH: Figure = Figure {
    name: "10,000 foreign signals : growth",
    how: "peak of live heap bytes, service and node, in 50 runs, above that of the first",
    unit: "byte",
    bound: 4096.0,
};

/// A handshake in the middle of a run would be taken for growth.
const NO_PROBES: [&str; 2] = ["watch.interval=off", "selector.standby=off"];

/// How much the reader of the signal socket takes at once, in bytes.
const READ: usize = 64 * 1024;

fn main() -> ExitCode {
    let mut table = Table::begin();
    let payload = chat_messages("wallet", 40_000_000);
    let huge = frame(&payload);
    table.judge(&HUGE, || {
        (0..7).map(|_| skipped_to_parsed(&huge, &payload)).collect()
    });
    table.hold(&HELD, vec![held(&huge)]);
    let overlong = frame(&chat_messages("messages.new", 40_000_000));
    table.hold(&OVERLONG, vec![held(&overlong)]);
    let payload = chat_messages("messages.new", 1_000_000);
    let needed = frame(&payload);
    table.judge(&MESSAGES, || {
        (0..31).map(|_| read_to_parsed(&needed, &payload)).collect()
    });
    let mut runs = Vec::new();
    table.judge(&MANY, || {
        runs = through_the_service(10_000, 51);
        runs.iter().map(|run| run.milliseconds).collect()
    });
    let (first, later) = (&runs[0], &runs[1..]);
    let growth = later.iter().map(|run| run.peak as f64 - first.peak as f64);
    table.hold(&GROWTH, growth.collect());
    table.end()
}

/// The time to skip a frame, as a share of the time to parse what is in it.
fn skipped_to_parsed(frame: &[u8], payload: &[u8]) -> f64 {
    let skipping = Socket::new().read(frame);
    let begun = Instant::now();
    let parsed: Value = serde_json::from_slice(black_box(payload)).expect("it is JSON");
    drop(black_box(parsed));
    skipping.as_secs_f64() / begun.elapsed().as_secs_f64()
}

/// The time to read what is needed of a frame, as a share of the time to parse all of it.
fn read_to_parsed(frame: &[u8], payload: &[u8]) -> f64 {
    let mut socket = Socket::new();
    let begun = Instant::now();
    let Some(Incoming::Signal(_, signal)) = socket.take(frame) else {
        panic!("it is needed")
    };
    let read = signals::read(black_box(&signal)).expect("it can be read");
    assert!(matches!(read, Some(Signal::Messages(Some(_)))));
    let took = begun.elapsed();
    let begun = Instant::now();
    let parsed: Value = serde_json::from_slice(black_box(payload)).expect("it is JSON");
    drop(black_box(parsed));
    took.as_secs_f64() / begun.elapsed().as_secs_f64()
}

/// The KiB that decoding a frame holds at its peak.
fn held(frame: &[u8]) -> f64 {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    Socket::new().take(frame);
    (ALLOCATOR.peak_usage() - before) as f64 / 1024.0
}

/// What a burst of signals took.
struct Run {
    /// From the first signal to the last.
    milliseconds: f64,
    /// The most bytes that were live on the heap.
    peak: usize,
}

/// Sends so many signals, so many times.
fn through_the_service(count: usize, runs: usize) -> Vec<Run> {
    actix::System::new().block_on(async {
        let node = sim::Settings::new(Mode::Waku2);
        let mut pair = Pair::start(node, &NO_PROBES, clock::system()).await;
        pair.available().await;
        pair.served().await;
        let signals: Vec<String> = small_signals(count).collect();
        // Not to grow while growth is measured.
        let mut results = Vec::with_capacity(runs);
        for _ in 0..runs {
            results.push(burst(&pair, &signals).await);
        }
        pair.stop().await;
        results
    })
}

async fn burst(pair: &Pair, signals: &[String]) -> Run {
    ALLOCATOR.reset_peak_usage();
    let wanted = skipped(pair).await + signals.len() as u64;
    let begun = Instant::now();
    for signal in signals {
        pair.simulation.send_frame(signal.as_str());
    }
    while skipped(pair).await < wanted {
        assert!(begun.elapsed() < LIMIT, "no signal is lost");
        tokio::task::yield_now().await;
    }
    Run {
        milliseconds: begun.elapsed().as_secs_f64() * 1000.0,
        peak: ALLOCATOR.peak_usage(),
    }
}

async fn skipped(pair: &Pair) -> u64 {
    let traffic = pair.service.control.traffic.send(GetTraffic).await;
    traffic.expect("the driver runs").signals_skipped
}

/// A decoder with the buffer that a socket is read into.
struct Socket {
    codec: SignalCodec,
    buffer: BytesMut,
}

impl Socket {
    fn new() -> Self {
        Self {
            codec: SignalCodec::default(),
            buffer: BytesMut::with_capacity(READ),
        }
    }

    /// The time to take these bytes, copying them into the buffer included.
    fn read(&mut self, bytes: &[u8]) -> Duration {
        let skipped = self.codec.counts().skipped();
        let begun = Instant::now();
        let needed = self.take(bytes);
        let took = begun.elapsed();
        assert!(needed.is_none(), "nobody needs it");
        assert!(self.codec.counts().skipped() > skipped, "it was skipped");
        took
    }

    /// Takes the bytes of one signal.
    fn take(&mut self, bytes: &[u8]) -> Option<Incoming> {
        let (mut rest, mut needed) = (bytes, None);
        while !rest.is_empty() {
            // As a socket is read: never more than the buffer has room for.
            let room = (READ - self.buffer.len()).min(rest.len());
            let (here, later) = rest.split_at(room);
            self.buffer.reserve(here.len());
            self.buffer.extend_from_slice(here);
            rest = later;
            let decoded = self.codec.decode(&mut self.buffer);
            needed = black_box(decoded).expect("the frames are well-formed");
        }
        assert!(self.buffer.is_empty(), "everything was taken");
        needed
    }
}

/// A text frame as a server sends it (RFC 6455, 5.2).
fn frame(payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x81];
    match payload.len() {
        length @ 0..126 => frame.push(length as u8),
        length @ 126..65_536 => {
            frame.push(126);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend(payload);
    frame
}

/// A signal of at least so many bytes, with what chat messages carry.
fn chat_messages(kind: &str, length: usize) -> Vec<u8> {
    let message = |n: usize| {
        json!({
            "id": format!("0x{n:064x}"), "whisperTimestamp": 1_700_000_000_000_u64 + n as u64,
            "from": format!("0x04{n:0128x}"), "alias": "Some Generated Name", "seen": false,
            "text": "lorem ipsum dolor sit amet, consectetur adipiscing elit",
            "chatId": "0x0392a1", "localChatId": "0x0392a1", "clock": n, "replace": "",
            "responseTo": "", "ensName": "", "contentType": 1, "messageType": 5, "links": null,
            "parsedText": [{"type": "paragraph", "children": [{"literal": "lorem ipsum"}]}],
        })
        .to_string()
    };
    let mut text = format!(r#"{{"type":"{kind}","event":{{"messages":["#).into_bytes();
    let mut count = 0;
    while text.len() < length {
        if count > 0 {
            text.push(b',');
        }
        text.extend(message(count).bytes());
        count += 1;
    }
    text.extend(b"]}}");
    text
}

/// Signals that a node sends all day.
fn small_signals(count: usize) -> impl Iterator<Item = String> {
    let types = [
        "wallet",
        "envelope.sent",
        "whisper.filter.added",
        "stats",
        "localNotifications",
    ];
    (0..count).map(move |n| {
        let kind = types[n % types.len()];
        let filler = "0123456789abcdef".repeat(8 + n % 20);
        // The type first, as Go writes it.
        format!(r#"{{"type":"{kind}","event":{{"id":{n},"data":"{filler}"}}}}"#)
    })
}

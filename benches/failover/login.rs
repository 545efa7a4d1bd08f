//! A status-backend is killed and started again, logged out: how soon it is logged in and has its history.

use std::{
    os::unix::fs::OpenOptionsExt as _,
    time::{Duration, Instant},
};

use actors::model::node::Mode;
use mailserver_sidecar::{clock, sim};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::{
    figures::{Figure, Table},
    pair::{LIMIT, Pair},
    world::{World, in_worlds, ms},
};

/// Crashes in each mode, each in a world of its own.
const CRASHES: u64 = 5;

/// How long each mailserver takes to answer.
const LATENCY: Duration = Duration::from_millis(30);

/// How long whoever starts the node again takes.
const RESTART: Duration = Duration::from_secs(1);

const FIGURES: [(Mode, Figure); 2] = [
    (Mode::Pin, figure("killed, back logged out: pin")),
    (Mode::Observe, figure("killed, back logged out: observe")),
];

const fn figure(name: &'static str) -> Figure {
    Figure {
        name,
        how: "kill -9 -> history fetched, less the restart (1 s) and the login; worst of 5",
        unit: "s",
        bound: 3.0,
    }
}

pub(crate) fn measure(table: &mut Table) {
    for (mode, figure) in &FIGURES {
        table.judge_worst(figure, || {
            in_worlds(&[*mode], CRASHES, CRASHES as usize, crash)
        });
    }
}

async fn crash(world: World) -> f64 {
    let node = sim::Settings {
        login_lost_at_restart: true,
        ..world.node(LATENCY)
    };
    let takes = node.login_takes;
    let directory = tempfile::tempdir().expect("a temporary directory");
    let password = directory.path().join("password");
    let mut file = std::fs::OpenOptions::new();
    let file = file.write(true).create_new(true).mode(0o600);
    let written = file.open(&password).map(|mut file| {
        let text = node.accounts[0].password.as_bytes();
        std::io::Write::write_all(&mut file, text)
    });
    written.and_then(|it| it).expect("the file is writable");
    let settings = [
        format!("login.password_file={}", password.display()),
        format!("login.data_dir={}", node.data_dir),
    ];
    let settings = settings.each_ref().map(String::as_str);
    let mut pair = Pair::start(node, &settings, clock::system()).await;
    pair.available().await;
    pair.served().await;
    let mut random = StdRng::seed_from_u64(world.seed);
    let idle = random.random_range(1000..3000);
    tokio::time::sleep(Duration::from_millis(idle)).await;
    pair.said();

    let killed = Instant::now();
    pair.simulation.stop_node().await;
    pair.simulation.publish("while it is away");
    tokio::time::sleep(RESTART).await;
    pair.simulation
        .start_node()
        .expect("its port can be opened again");
    pair.available().await;
    pair.served().await;
    let complete = |it: &sim::Simulation| it.missing().is_empty();
    assert!(pair.simulation.wait_for(LIMIT, complete).await, "complete");
    let took = ms(killed.elapsed().saturating_sub(RESTART + takes)) / 1000.0;
    pair.stop().await;
    took
}

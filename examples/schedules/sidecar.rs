//! The sidecar: a process of the real actors between adapters in memory.

use std::{cell::RefCell, rc::Rc, task::Context as TaskContext};

use actix::Recipient;
use actors::messages::{events::Event, journal::GetReport, online::CLOCK_INTERVAL};
use mailserver_sidecar::settings::Settings;
use tokio::task::LocalSet;

use crate::{adapters::disk::Disk, node::Node, schedule::Setup, wiring, world::World};

/// Which sidecar the node has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Variant {
    /// None. A classic node has its own cycle switched on.
    NodeAlone,
    /// One that keeps a mailserver connected and asks for history after each change, and no more.
    PlainLoop,
    /// All of it: with the journal and the auditor.
    Whole,
}

impl Variant {
    pub(crate) const ALL: [Self; 3] = [Self::NodeAlone, Self::PlainLoop, Self::Whole];

    /// Whether nothing may be lost.
    pub(crate) fn loses_nothing(self) -> bool {
        match self {
            Self::NodeAlone | Self::PlainLoop => false,
            Self::Whole => true,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NodeAlone => "node alone",
            Self::PlainLoop => "plain loop",
            Self::Whole => "whole",
        }
    }
}

/// Everything that a sidecar is put between.
pub(crate) struct Surroundings {
    pub(crate) world: Rc<World>,
    pub(crate) node: Rc<Node>,
    pub(crate) disk: Rc<Disk>,
    pub(crate) setup: Setup,
    pub(crate) settings: Rc<Settings>,
    pub(crate) variant: Variant,
    /// Whom the journal is asked for its report, where there is one.
    pub(crate) journal: RefCell<Option<Recipient<GetReport>>>,
    /// What it told, the newest last.
    pub(crate) told: RefCell<Vec<Event>>,
}

/// A process of the sidecar: it ends when it is dropped, wherever it is.
pub(crate) struct Sidecar {
    set: LocalSet,
}

impl Sidecar {
    /// Starts one; `seed` is what its draws are made from.
    pub(crate) fn start(around: &Rc<Surroundings>, seed: u64) -> Self {
        let set = LocalSet::new();
        let around = around.clone();
        set.spawn_local(async move {
            let listeners = wiring::start(&around, seed);
            loop {
                for listener in &listeners {
                    let _ = listener.send(around.world.clocks()).await;
                }
                tokio::time::sleep(CLOCK_INTERVAL).await;
            }
        });
        Self { set }
    }

    /// Lets it go on.
    pub(crate) fn poll(&mut self, cx: &mut TaskContext<'_>) {
        let _ = std::pin::Pin::new(&mut self.set).poll(cx);
    }
}

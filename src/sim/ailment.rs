//! What can be wrong with a mailserver or the node while somebody plays with them, in words for people and programs.

use std::{io, time::Duration};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::{Simulation, libp2p::store::StoreFault, mailserver::Fault};

/// What is wrong with a mailserver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Ailment {
    /// Its process is gone: connections are refused
    Killed,
    /// Its process is stopped: it accepts connections and never answers
    Hung,
    /// Its network is cut: dials time out
    Isolated,
    /// It is connected and answers pings, but fails requests for history
    Deaf,
    /// It answers everything, pings as well, 400 ms late
    Slowed,
}

/// What is wrong with the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum NodeAilment {
    /// It has no network
    Offline,
    /// Its process is gone
    Stopped,
    /// No account is logged in to it
    LoggedOut,
}

/// Under the limit of a ping, above the slowest of the published mailservers.
const LATE: Duration = Duration::from_millis(400);

impl Ailment {
    /// What it means to whoever talks to the mailserver.
    fn fault(self) -> Fault {
        match self {
            Self::Killed => Fault::Killed,
            Self::Hung => Fault::Hung,
            Self::Isolated => Fault::Isolated,
            Self::Deaf => Fault::HistoryFails,
            Self::Slowed => Fault::Slow(LATE),
        }
    }

    /// What it means to whoever asks the store over libp2p, beside that.
    fn store_fault(self) -> StoreFault {
        match self {
            Self::Deaf => StoreFault::Unavailable,
            Self::Killed | Self::Hung | Self::Isolated | Self::Slowed => StoreFault::None,
        }
    }
}

impl Simulation {
    /// Breaks a mailserver in this way alone, or mends it with `None`.
    ///
    /// # Errors
    ///
    /// If its port cannot be opened again.
    ///
    /// # Panics
    ///
    /// If there is no mailserver of that number.
    pub fn set_ailment(&self, index: usize, ailment: Option<Ailment>) -> io::Result<()> {
        let store = ailment.map_or(StoreFault::None, Ailment::store_fault);
        self.set_store_fault(index, store);
        self.set_fault(index, ailment.map_or(Fault::None, Ailment::fault))
    }

    /// What is wrong with a mailserver, as far as there is a word for it.
    ///
    /// # Panics
    ///
    /// If there is no mailserver of that number.
    #[must_use]
    pub fn ailment(&self, index: usize) -> Option<Ailment> {
        let fault = self.node.mailservers[index].fault();
        let mut all = Ailment::value_variants().iter().copied();
        all.find(|it| it.fault() == fault)
    }

    /// Breaks the node in this way alone, or mends it with `None`. A node that comes back logged out, for so it was set,
    /// is mended when it is logged in.
    ///
    /// # Errors
    ///
    /// If its port cannot be opened again.
    pub async fn set_node_ailment(&self, ailment: Option<NodeAilment>) -> io::Result<()> {
        let before = self.node_ailment();
        if before == ailment {
            return Ok(());
        }
        tracing::info!(?ailment, "fault of the node set");
        match before {
            None => {}
            Some(NodeAilment::Offline) => self.node_offline(false),
            Some(NodeAilment::Stopped) => self.start_node()?,
            Some(NodeAilment::LoggedOut) => self.log_in(&self.node.setup.fleet),
        }
        match ailment {
            None => {}
            Some(NodeAilment::Offline) => self.node_offline(true),
            Some(NodeAilment::Stopped) => self.stop_node().await,
            Some(NodeAilment::LoggedOut) => self.log_out(),
        }
        Ok(())
    }

    /// What is wrong with the node now.
    #[must_use]
    pub fn node_ailment(&self) -> Option<NodeAilment> {
        let state = self.node.state.borrow();
        if !self.endpoint.is_open() {
            Some(NodeAilment::Stopped)
        } else if !state.network {
            Some(NodeAilment::Offline)
        } else if !state.login.is_in() {
            Some(NodeAilment::LoggedOut)
        } else {
            None
        }
    }
}

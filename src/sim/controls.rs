//! What a simulation is told to do to its node: take its network away, end its process, log it out.

use std::{fmt::Write, io};

use serde_json::json;

use super::{
    Simulation,
    cycle::Entry,
    journal::LoginCall,
    libp2p::store::StoreFault,
    login::{Login, LoginFault, Process},
    statusgo,
};

/// The key uid of an account that is in no list, and uses this fleet.
fn key_uid_of(fleet: &str) -> String {
    let digits = fleet.bytes().fold(String::new(), |mut digits, byte| {
        // Writing to a text cannot fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    });
    format!("0x{digits:0>64.64}")
}

impl Simulation {
    /// Takes the node's network away, or gives it back. Without it all peers are lost and dials fail.
    pub fn node_offline(&self, offline: bool) {
        self.node.state.borrow_mut().network = !offline;
        if offline {
            self.node.disconnect_all();
        }
        self.node.journal.note();
    }

    /// Ends the node's process: its port refuses, all sockets are cut, peers are gone. What is in its
    /// database (settings, messages) stays. Whether it comes back logged in is for the settings to say.
    pub async fn stop_node(&self) {
        if let Some(serving) = self.endpoint.close() {
            // It was aborted; what matters is that the port is closed now.
            let _ = serving.await;
        }
        self.node.rest();
        self.node.tasks.abort_all();
        self.node.signals.reset();
        let mut state = self.node.state.borrow_mut();
        state.process.wrong_databases = false;
        if self.node.setup.login_lost_at_restart {
            state.process = Process::default();
        }
        if self.node.setup.login_lost_at_restart || !state.login.is_in() {
            state.login = Login::Out;
        }
    }

    /// Starts the node's process again, on the same port.
    ///
    /// # Errors
    ///
    /// If the port cannot be opened again.
    pub fn start_node(&self) -> io::Result<()> {
        self.boot()
    }

    /// Logs the account out: calls fail as before login.
    pub fn log_out(&self) {
        self.node.rest();
        self.node.state.borrow_mut().login = Login::Out;
        self.node.journal.note();
    }

    /// Logs an account in and starts its messenger: that which logged in last, or, if the fleet is another one, one
    /// that nothing was known of.
    pub fn log_in(&self, fleet: &str) {
        self.node.rest();
        let setup = &self.node.setup;
        let mut state = self.node.state.borrow_mut();
        state.process.initialize(&setup.data_dir);
        let newest = state.accounts.newest();
        let own = newest.map(|account| account.settings.key_uid.clone());
        drop(state);
        let key_uid = match fleet == setup.fleet {
            true => own,
            false => Some(key_uid_of(fleet)),
        };
        self.node.select_account(key_uid, fleet);
        statusgo::tell_login(&self.node);
        self.node.enter();
        self.node.start_messenger();
    }

    /// Makes logging in fail, or work again.
    pub fn set_login_fault(&self, fault: LoginFault) {
        self.node.state.borrow_mut().login_fault = fault;
    }

    /// What came to the endpoints by which a node since 2024 is logged in, the oldest first.
    #[must_use]
    pub fn logins(&self) -> Vec<LoginCall> {
        self.node.journal.logins()
    }

    /// Switches the user's "use mailservers" off or on, as an app would.
    pub fn use_mailservers(&self, on: bool) {
        self.node.save_use_mailservers(on);
        if self.node.has_cycle() {
            self.node.enter_cycle(Entry::Choose);
        }
        self.node.journal.note();
    }

    /// Saves the user's pin, as an app would; `None` takes it away.
    pub fn user_pin(&self, value: Option<&str>) {
        let mut state = self.node.state.borrow_mut();
        let fleet = state.fleet.clone();
        let pins = value.map_or_else(|| json!({}), |value| json!({ fleet: value }));
        state.settings.insert("pinned-mailservers".into(), pins);
        drop(state);
        if self.node.has_cycle() {
            self.node.enter_cycle(Entry::Choose);
        }
        self.node.journal.note();
    }

    /// Breaks the store of a mailserver for whoever asks it over libp2p, or mends it.
    ///
    /// # Panics
    ///
    /// If there is no mailserver of that number.
    pub fn set_store_fault(&self, index: usize, fault: StoreFault) {
        self.node.mailservers[index].shelf.fault.set(fault);
    }

    /// How many libp2p connections were made to a mailserver so far.
    ///
    /// # Panics
    ///
    /// If there is no mailserver of that number.
    #[must_use]
    pub fn libp2p_connections(&self, index: usize) -> usize {
        self.node.mailservers[index].libp2p_connections.get()
    }

    /// Nodes since mid-2026: makes the relay mesh poor, or good again. While it is poor the node is told nothing live,
    /// though it has peers.
    pub fn set_poor_mesh(&self, poor: bool) {
        self.node.state.borrow_mut().poor_mesh = poor;
        self.node.tell_status();
        self.node.journal.note();
    }

    /// Nodes since mid-2026: as if the node were asking for history by itself, until this is ended. Meanwhile whoever
    /// else asks gets null.
    pub fn sync_under_way(&self, under_way: bool) {
        self.node.hold_sync(under_way);
    }
}

//! What begins and ends with a login: nodes since 2024 retrieve nothing until their messenger is started as well.

use std::{rc::Rc, time::Duration};

use actors::model::node::Mode;
use tokio::time::sleep;

use super::{cycle::Entry, login::Login, node::Node};

/// A node since mid-2026 looks at its status this often, beside every change.
const LOOK: Duration = Duration::from_secs(5);

impl Node {
    /// An account is logged in; with another fleet than the last one, nothing is saved yet.
    pub(crate) fn select_account(&self, key_uid: Option<String>, fleet: &str) {
        let mut state = self.state.borrow_mut();
        if state.fleet != fleet {
            fleet.clone_into(&mut state.fleet);
            state.settings.clear();
            state.saved.clear();
        }
        if let Some(key_uid) = &key_uid {
            state.accounts.logged_in(key_uid);
        }
        state.login = Login::In { key_uid };
    }

    /// What a node does when an account was logged in.
    pub(crate) fn enter(self: &Rc<Self>) {
        match self.setup.mode {
            Mode::Waku1 | Mode::Waku2 => self.enter_classic_cycle(),
            Mode::Pin => self.begin_connecting(),
            // Its waku starts with its messenger.
            Mode::Observe => {}
        }
        self.journal.note();
    }

    /// `wakuext_startMessenger`; false if it was started before.
    pub(crate) fn start_messenger(self: &Rc<Self>) -> bool {
        if std::mem::replace(&mut self.state.borrow_mut().messenger_started, true) {
            return false;
        }
        match self.setup.mode {
            Mode::Waku1 | Mode::Waku2 => {}
            Mode::Pin => self.enter_cycle(Entry::Login),
            Mode::Observe => {
                self.state.borrow_mut().syncs.due = true;
                self.begin_connecting();
                self.session.spawn(self.clone().watch_status());
                if self.setup.asks_itself {
                    self.session.spawn(self.clone().sync_by_itself());
                }
            }
        }
        self.journal.note();
        true
    }

    async fn watch_status(self: Rc<Self>) {
        loop {
            sleep(self.scaled(LOOK)).await;
            self.tell_status();
        }
    }

    /// Forgets what lives only in the node's memory.
    pub(crate) fn rest(&self) {
        self.session.abort_all();
        let mut state = self.state.borrow_mut();
        for (_, dialling) in std::mem::take(&mut state.wanted) {
            dialling.abort();
        }
        if let Some(cycle) = state.cycle.take() {
            cycle.abort();
        }
        state.used = None;
        state.known.clear();
        state.asked_communities.clear();
        state.connecting = false;
        state.messenger_started = false;
        state.status = None;
        state.syncs.forget();
        state.history_faults.hung = false;
        drop(state);
        self.disconnect_all();
    }
}

//! What is kept across restarts, for the actors and the adapters that ask for it.

use std::{cell::RefCell, collections::BTreeMap, path::Path, rc::Rc};

use actix::{Actor, Context, Handler, Supervised};
use actors::messages::{
    candidates::Save, connection::Remember, history::KeepCommunities, journal::KeepJournal,
};

use crate::{
    database::DatabaseError,
    journal_store::JournalStore,
    memory::MemoryStore,
    node::{PinMemory, PinRecord},
    state::StateDir,
};

/// The actor that writes what the registry and the journal want kept, and what is remembered of mailservers.
pub struct StateStore {
    state: Rc<StateDir>,
    memory: MemoryStore,
    /// `None`: no journal is kept.
    journal: Option<JournalStore>,
    /// The last try to remember failed, and that was said.
    forgetful: bool,
    /// The same of the journal.
    unkept: bool,
}

impl StateStore {
    /// Keeps in this directory, and in its store.
    #[must_use]
    pub fn new(state: Rc<StateDir>, memory: MemoryStore) -> Self {
        Self {
            state,
            memory,
            journal: None,
            forgetful: false,
            unkept: false,
        }
    }

    /// Keeps the journal, and the communities that wait, in this store.
    #[must_use]
    pub fn with_journal(mut self, journal: JournalStore) -> Self {
        self.journal = Some(journal);
        self
    }

    fn keep_in_journal(
        &mut self,
        keep: impl FnOnce(&mut JournalStore) -> Result<(), DatabaseError>,
    ) {
        if let Some(journal) = &mut self.journal {
            let kept = keep(journal);
            tell(
                "journal of what was missed",
                journal.path(),
                &mut self.unkept,
                kept,
            );
        }
    }
}

/// Says once that something cannot be kept, and once that it is again.
fn tell(what: &str, file: &Path, failing: &mut bool, kept: Result<(), DatabaseError>) {
    let before = std::mem::replace(failing, kept.is_err());
    let file = file.display();
    match kept {
        Err(reason) if !before => tracing::warn!(%file, %reason, "{what} cannot be kept"),
        Ok(()) if before => tracing::info!(%file, "{what} is kept again"),
        Ok(()) | Err(_) => {}
    }
}

impl Actor for StateStore {
    type Context = Context<Self>;
}

impl Supervised for StateStore {}

impl Handler<Save> for StateStore {
    type Result = Result<(), String>;

    fn handle(&mut self, Save(saved): Save, _: &mut Context<Self>) -> Self::Result {
        let kept = self.state.save_registry(&saved);
        kept.map_err(|error| error.to_string())
    }
}

impl Handler<Remember> for StateStore {
    type Result = ();

    fn handle(&mut self, Remember(records): Remember, _: &mut Context<Self>) {
        let kept = self.memory.keep(&records);
        let file = self.memory.path();
        tell("memory of mailservers", file, &mut self.forgetful, kept);
    }
}

impl Handler<KeepJournal> for StateStore {
    type Result = ();

    fn handle(&mut self, KeepJournal(entries): KeepJournal, _: &mut Context<Self>) {
        self.keep_in_journal(|it| it.keep(&entries));
    }
}

impl Handler<KeepCommunities> for StateStore {
    type Result = ();

    fn handle(&mut self, KeepCommunities(communities): KeepCommunities, _: &mut Context<Self>) {
        self.keep_in_journal(|it| it.keep_communities(communities));
    }
}

/// The pins that the sidecar set, by fleet.
pub struct PinStore {
    state: Rc<StateDir>,
    pins: RefCell<BTreeMap<String, PinRecord>>,
}

impl PinStore {
    /// Keeps in this directory, beginning with what is there.
    #[must_use]
    pub fn new(state: Rc<StateDir>) -> Self {
        let pins = RefCell::new(state.load_pin());
        Self { state, pins }
    }
}

impl PinMemory for PinStore {
    fn load(&self, fleet: &str) -> Option<PinRecord> {
        self.pins.borrow().get(fleet).cloned()
    }

    fn store(&self, fleet: &str, record: &PinRecord) -> Result<(), String> {
        let mut pins = self.pins.borrow_mut();
        if pins.get(fleet) == Some(record) {
            return Ok(());
        }
        pins.insert(fleet.to_owned(), record.clone());
        let kept = self.state.save_pin(&pins);
        kept.map_err(|error| error.to_string())
    }
}

/// Remembers nothing: for a process that sets no pin.
pub(crate) struct NoPins;

impl PinMemory for NoPins {
    fn load(&self, _: &str) -> Option<PinRecord> {
        None
    }

    fn store(&self, _: &str, _: &PinRecord) -> Result<(), String> {
        Ok(())
    }
}

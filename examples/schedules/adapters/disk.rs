//! The file in which the sidecar keeps what survives it.
//!
//! Everything is written in the order in which it was sent. A crash keeps what was written until then.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use actix::{Actor, Context, Handler, Supervised};
use actors::{
    messages::{
        candidates::{Save, Saved},
        connection::Remember,
        history::KeepCommunities,
        journal::{Entry, KeepJournal, KeptJournal},
    },
    model::{mailserver::Identity, record::Record},
};

/// The file.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    pub(crate) registry: RefCell<Saved>,
    records: RefCell<BTreeMap<Identity, Record>>,
    pub(crate) journal: RefCell<KeptJournal>,
    /// The sidecar is killed with the last of so many writes, which is done or not.
    trap: Cell<Option<(u32, bool)>>,
    sprung: Cell<bool>,
}

impl Disk {
    /// The sidecar is going to be killed with the last of so many writes; `done`: after it.
    pub(crate) fn set_trap(&self, writes: u32, done: bool) {
        self.trap.set(Some((writes.max(1), done)));
    }

    /// Whether the sidecar is to be killed now.
    pub(crate) fn take_sprung(&self) -> bool {
        self.sprung.take()
    }

    /// There is no more trap, and nothing of it is left.
    pub(crate) fn disarm(&self) {
        self.trap.set(None);
        self.sprung.set(false);
    }

    /// What is remembered of the mailservers. The end of a cool-off is told by the system's own clock, which stands
    /// still here: it is forgotten, for else no run would be like another.
    pub(crate) fn records(&self) -> BTreeMap<Identity, Record> {
        let records = self.records.borrow().clone();
        let kept = records.into_iter().map(|(identity, record)| {
            let record = Record {
                avoided_until_ms: 0,
                ..record
            };
            (identity, record)
        });
        kept.collect()
    }

    fn write(&self, write: impl FnOnce(&Self)) {
        if self.sprung.get() {
            return;
        }
        let trap = self.trap.get().map(|(writes, done)| (writes - 1, done));
        self.trap.set(trap);
        match trap {
            Some((0, done)) => {
                self.trap.set(None);
                self.sprung.set(true);
                if done {
                    write(self);
                }
            }
            _ => write(self),
        }
    }

    fn keep(&self, entries: Vec<Entry>) {
        let mut journal = self.journal.borrow_mut();
        for entry in entries {
            match entry {
                Entry::Window(window) => {
                    journal.windows.retain(|it| it.id != window.id);
                    journal.windows.push(window);
                    journal.windows.sort_by_key(|it| it.id);
                }
                Entry::Forget(id) => journal.windows.retain(|it| it.id != id),
                Entry::Marks(marks) => journal.marks = marks,
            }
        }
    }
}

/// The actor that writes.
pub(crate) struct Keeper(pub(crate) Rc<Disk>);

impl Actor for Keeper {
    type Context = Context<Self>;
}

impl Supervised for Keeper {}

impl Handler<Save> for Keeper {
    type Result = Result<(), String>;

    fn handle(&mut self, Save(saved): Save, _: &mut Context<Self>) -> Self::Result {
        self.0.write(|disk| *disk.registry.borrow_mut() = saved);
        Ok(())
    }
}

impl Handler<Remember> for Keeper {
    type Result = ();

    fn handle(&mut self, Remember(records): Remember, _: &mut Context<Self>) {
        self.0
            .write(|disk| disk.records.borrow_mut().extend(records));
    }
}

/// No community is asked for here.
impl Handler<KeepCommunities> for Keeper {
    type Result = ();

    fn handle(&mut self, _: KeepCommunities, _: &mut Context<Self>) {}
}

impl Handler<KeepJournal> for Keeper {
    type Result = ();

    fn handle(&mut self, KeepJournal(entries): KeepJournal, _: &mut Context<Self>) {
        self.0.write(|disk| disk.keep(entries));
    }
}

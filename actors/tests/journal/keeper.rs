//! The file of the journal, as a test holds it: what was kept, and what a crash leaves of it.

use std::collections::BTreeMap;

use actors::{
    messages::journal::{Entry, KeptJournal, Marks},
    model::window::{Window, WindowId},
};

#[derive(Default)]
pub(crate) struct Keeper {
    windows: BTreeMap<WindowId, Window>,
    marks: Marks,
    /// Sent to the adapter, which has not had its turn.
    waiting: Vec<Vec<Entry>>,
}

impl Keeper {
    pub(crate) fn send(&mut self, entries: Vec<Entry>) {
        self.waiting.push(entries);
    }

    /// The adapter has its turn.
    pub(crate) fn write(&mut self) {
        for entries in std::mem::take(&mut self.waiting) {
            for entry in entries {
                self.apply(entry);
            }
        }
    }

    fn apply(&mut self, entry: Entry) {
        match entry {
            Entry::Window(window) => drop(self.windows.insert(window.id, window)),
            Entry::Forget(id) => drop(self.windows.remove(&id)),
            Entry::Marks(marks) => self.marks = marks,
        }
    }

    /// The process dies with the last `lost` of what waits.
    pub(crate) fn crash(&mut self, lost: usize) {
        let kept = self.waiting.len().saturating_sub(lost);
        self.waiting.truncate(kept);
        self.write();
    }

    pub(crate) fn kept(&self) -> KeptJournal {
        KeptJournal {
            windows: self.windows.values().cloned().collect(),
            marks: self.marks,
        }
    }

    pub(crate) fn windows(&self) -> impl Iterator<Item = &Window> {
        self.windows.values()
    }
}

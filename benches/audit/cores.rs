//! How long threads were on a core, as Linux counts it.

use std::{collections::BTreeSet, ffi::OsString, fs, path::Path, time::Duration};

/// This thread, and all that are started later.
pub(crate) struct Cores {
    others: BTreeSet<OsString>,
}

impl Cores {
    /// All threads but the others that there are now.
    pub(crate) fn except_now() -> Self {
        let own = fs::read_link("/proc/thread-self").expect("Linux");
        let own = own.file_name().expect("its number").to_owned();
        let mut others = threads();
        others.remove(&own);
        Self { others }
    }

    /// So far, of the threads that live.
    pub(crate) fn used(&self) -> Duration {
        threads().difference(&self.others).map(on_core).sum()
    }
}

fn threads() -> BTreeSet<OsString> {
    let threads = fs::read_dir("/proc/self/task").expect("Linux");
    let names = threads.map(|it| it.expect("it can be listed").file_name());
    names.collect()
}

/// Nanoseconds; the clock ticks of `stat` are coarser than the bound. One that has ended meanwhile counts nothing.
fn on_core(thread: &OsString) -> Duration {
    let file = Path::new("/proc/self/task").join(thread).join("schedstat");
    let schedule = fs::read_to_string(file).unwrap_or_default();
    let first = schedule.split(' ').next().and_then(|it| it.parse().ok());
    Duration::from_nanos(first.unwrap_or_default())
}

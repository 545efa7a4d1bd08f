//! What Linux says of a process.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// What a process used so far.
#[derive(Clone, Copy)]
pub(crate) struct Usage {
    /// When this was read.
    pub(crate) at: Instant,
    /// Its resident memory.
    pub(crate) resident_kib: u64,
    /// How many threads it has.
    pub(crate) threads: u64,
    /// How many TCP connections (IPv4) it has.
    pub(crate) connections: usize,
    /// How often its threads left a core, by themselves or not.
    pub(crate) switches: u64,
    /// How long its threads were on a core.
    pub(crate) on_core: Duration,
}

impl Usage {
    /// Reads it. The process must be alive, and its threads are taken to live as long.
    pub(crate) fn of(pid: u32) -> Self {
        let process = PathBuf::from(format!("/proc/{pid}"));
        let status = read(&process.join("status"));
        let mut usage = Self {
            at: Instant::now(),
            resident_kib: field(&status, "VmRSS"),
            threads: field(&status, "Threads"),
            connections: connections(&process),
            switches: 0,
            on_core: Duration::ZERO,
        };
        let threads = fs::read_dir(process.join("task")).expect("the process is alive");
        for thread in threads {
            let thread = thread.expect("its threads can be listed").path();
            let status = read(&thread.join("status"));
            usage.switches += field(&status, "voluntary_ctxt_switches");
            usage.switches += field(&status, "nonvoluntary_ctxt_switches");
            // Nanoseconds; the clock ticks of `stat` are coarser than the bound.
            let schedule = read(&thread.join("schedstat"));
            let on_core = schedule.split(' ').next().and_then(|it| it.parse().ok());
            usage.on_core += Duration::from_nanos(on_core.expect("nanoseconds come first"));
        }
        usage
    }
}

fn connections(process: &Path) -> usize {
    let table = read(&process.join("net/tcp"));
    let rows = table.lines().map(|row| row.split_whitespace().collect());
    // State 01 is established; the tenth column is the number of the socket.
    let established = rows.filter(|row: &Vec<&str>| row.get(3) == Some(&"01"));
    let sockets = established.filter_map(|row| row.get(9).map(|it| format!("socket:[{it}]")));
    let sockets: BTreeSet<PathBuf> = sockets.map(PathBuf::from).collect();
    let files = fs::read_dir(process.join("fd")).expect("the process is alive");
    // One that was closed meanwhile leads nowhere.
    let files = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    files.filter(|file| sockets.contains(file)).count()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The number of a line `name: number [unit]`.
fn field(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key == name).then(|| value.split_whitespace().next())?
    });
    let number = line.and_then(|it| it.parse().ok());
    number.unwrap_or_else(|| panic!("{name} is missing"))
}

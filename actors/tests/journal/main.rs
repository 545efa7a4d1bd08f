//! The journal: no window is lost, none is closed without a request that covers it, none is asked for twice.

mod audits;
mod generated;
mod keeper;
mod rig;
mod steps;
mod stories;
mod world;

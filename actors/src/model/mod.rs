//! The ground floor: the words that all rooms share. No actors, no messages, no clocks.

pub mod address;
pub mod backoff;
pub mod candidate;
pub mod durations;
pub mod gap;
mod identity;
pub mod mailserver;
pub mod moment;
pub mod node;
pub mod probe;
pub mod record;
pub mod topic;
pub mod verdict;
pub mod window;

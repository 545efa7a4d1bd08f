//! The ground floor: the words that all rooms share. No actors, no messages, no clocks.

pub mod address;
pub mod backoff;
pub mod mailserver;

//! The simulated node against what real nodes were recorded to say: each trap once.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod http;
mod login;
mod observe;
mod peers;
mod pin;
mod rig;
mod waku1;
mod waku2;

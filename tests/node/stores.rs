//! The mailservers of these tests.

use ::actors::{
    messages::node::Connect,
    model::mailserver::{Mailserver, Origin},
};

pub(crate) fn mailserver(id: &str, address: &str) -> Mailserver {
    let address: ::actors::model::address::Address = address.parse().unwrap();
    Mailserver {
        identity: address.identity().clone(),
        id: id.into(),
        name: id.into(),
        address,
        fleet: "test.fleet".into(),
        origin: Origin::Fleet,
    }
}

/// The order to use a mailserver, without a standby.
pub(crate) fn connect_to(mailserver: &Mailserver) -> Connect {
    Connect {
        mailserver: mailserver.clone(),
        standby: None,
    }
}

pub(crate) const STORE_1: &str = "16Uiu2HAmDBsnQgvt3guDrFJUjE1Daz6f3wfMA8x49F5NXD4NjE5Z";
pub(crate) const STORE_2: &str = "16Uiu2HAmLuaez7oQZWP7o7JT2CVa6fNxJ1nsZnCADWhe5uKR2JPG";

pub(crate) fn store(number: u16) -> Mailserver {
    let id = if number == 1 { STORE_1 } else { STORE_2 };
    mailserver(
        &format!("store-{number}"),
        &format!("/ip4/127.0.0.1/tcp/6100{number}/p2p/{id}"),
    )
}

pub(crate) const ENODE: &str = "enode://7d2cb7adaca8482b1563587bb7597dc2c00e2fa1e4547075a53b3733f637c7488c15a230e1d7baed7f4c25256779067f947db8e594976f291f23b94a6add1a52@127.0.0.1:30401";

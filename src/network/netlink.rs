//! What the kernel says over netlink (rtnetlink(7)): as much of it as is needed.

use std::{collections::BTreeSet, io, os::unix::net};

use rustix::{
    io::Errno,
    net::{AddressFamily, SocketFlags, SocketType, bind, netlink, socket_with},
};
use tokio::net::UnixDatagram;

/// The groups of addresses and routes, IPv4 and IPv6 (`RTMGRP_…`).
const GROUPS: u32 = 0x10 | 0x40 | 0x100 | 0x400;

/// One read takes the largest datagram that the kernel makes.
const MOST_BYTES: usize = 32 * 1024;

/// The most addresses and routes that are remembered. Beyond it they are forgotten and learned anew, which costs a
/// change that is none.
const MOST_KNOWN: usize = 1024;

const NEW_ADDRESS: u16 = 20;
const DELETED_ADDRESS: u16 = 21;
const GET_ADDRESSES: u16 = 22;
const NEW_ROUTE: u16 = 24;
const DELETED_ROUTE: u16 = 25;

/// One of the parts of an answer to a question (`NLM_F_MULTI`).
const PART: u16 = 0x2;
/// A question for everything (`NLM_F_REQUEST | NLM_F_DUMP`).
const ASK_FOR_ALL: u16 = 0x301;

/// The sizes of `struct nlmsghdr`, `ifaddrmsg`, `rtmsg` and `rtattr`.
const HEADER: usize = 16;
const ADDRESS: usize = 8;
const ROUTE: usize = 12;
const ATTRIBUTE: usize = 4;

/// Scopes from here on end at the link (`RT_SCOPE_LINK`) or in the host.
const LINK_SCOPE: u8 = 253;
/// IPv6 does not use it yet (`IFA_F_TENTATIVE`): it is told again once it does.
const TENTATIVE: u8 = 0x40;
/// A way to somewhere (`RTN_UNICAST`).
const UNICAST: u8 = 1;
/// What makes a route the same one: interface, gateway, priority, multipath, table, via (`RTA_…`). Not its
/// lifetime, which every router advertisement renews.
const ROUTE_KEYS: [u16; 6] = [4, 5, 6, 9, 15, 18];
/// What makes an address the same one (`IFA_ADDRESS`, `IFA_LOCAL`).
const ADDRESS_KEYS: [u16; 2] = [1, 2];

/// The changes that the kernel tells.
pub(super) struct Changes {
    /// Not one of that family, but read and written like one.
    socket: UnixDatagram,
    known: Known,
    buffer: Vec<u8>,
}

impl Changes {
    /// Subscribes, and asks for the addresses that there are.
    pub(super) async fn listen() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        // No protocol is protocol 0, which is `NETLINK_ROUTE`.
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
        bind(&socket, &netlink::SocketAddrNetlink::new(0, GROUPS))?;
        let socket = UnixDatagram::from_std(net::UnixDatagram::from(socket))?;
        socket.send(&question()).await?;
        Ok(Self {
            socket,
            known: Known::default(),
            buffer: vec![0; MOST_BYTES],
        })
    }

    /// Waits for a change. All that has arrived by then is one.
    pub(super) async fn next(&mut self) -> io::Result<()> {
        loop {
            let read = self.socket.recv(&mut self.buffer).await;
            let mut changed = self.take(read)?;
            loop {
                match self.socket.try_recv(&mut self.buffer) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    read => changed |= self.take(read)?,
                }
            }
            if changed {
                return Ok(());
            }
        }
    }

    fn take(&mut self, read: io::Result<usize>) -> io::Result<bool> {
        match read {
            Ok(length) => Ok(self.known.take(&self.buffer[..length])),
            // More was told than the socket holds: something did change.
            Err(error) if Errno::from_io_error(&error) == Some(Errno::NOBUFS) => Ok(true),
            Err(error) => Err(error),
        }
    }
}

/// "Which addresses are there?"
fn question() -> [u8; HEADER + ADDRESS] {
    let mut question = [0; HEADER + ADDRESS];
    question[..4].copy_from_slice(&((HEADER + ADDRESS) as u32).to_ne_bytes());
    question[4..6].copy_from_slice(&GET_ADDRESSES.to_ne_bytes());
    question[6..8].copy_from_slice(&ASK_FOR_ALL.to_ne_bytes());
    question
}

/// Addresses and default routes that there are: the kernel tells those again that are merely renewed.
#[derive(Debug, Default)]
struct Known(BTreeSet<Vec<u8>>);

impl Known {
    /// Takes what one datagram says. Whether anything changed.
    fn take(&mut self, mut datagram: &[u8]) -> bool {
        let mut changed = false;
        while let Some((message, rest)) = split(datagram, HEADER, u32_at(datagram, 0)) {
            changed |= self.take_message(message);
            datagram = rest;
        }
        changed
    }

    fn take_message(&mut self, message: &[u8]) -> bool {
        let (header, body) = message.split_at(HEADER);
        let kind = u16_at(header, 4).unwrap_or_default();
        let key = match kind {
            NEW_ADDRESS | DELETED_ADDRESS => address_key(body),
            NEW_ROUTE | DELETED_ROUTE => route_key(body),
            _ => None,
        };
        let Some(mut key) = key else {
            return false;
        };
        key.push((kind >= NEW_ROUTE).into());
        let told_because_asked = u16_at(header, 6).unwrap_or_default() & PART != 0;
        match kind {
            NEW_ADDRESS | NEW_ROUTE => {
                if self.0.len() >= MOST_KNOWN {
                    self.0.clear();
                }
                self.0.insert(key) && !told_because_asked
            }
            _ => {
                self.0.remove(&key);
                true
            }
        }
    }
}

/// What identifies an address that is of use beyond the link.
fn address_key(body: &[u8]) -> Option<Vec<u8>> {
    let (fixed, attributes) = body.split_at_checked(ADDRESS)?;
    let [family, prefix, flags, scope, interface @ ..] = fixed else {
        return None;
    };
    let useful = *scope < LINK_SCOPE && flags & TENTATIVE == 0;
    useful.then(|| {
        let mut key = vec![*family, *prefix];
        key.extend(interface);
        extend_by(&mut key, attributes, &ADDRESS_KEYS);
        key
    })
}

/// What identifies a default route.
fn route_key(body: &[u8]) -> Option<Vec<u8>> {
    let (fixed, attributes) = body.split_at_checked(ROUTE)?;
    let [family, destination, _, _, table, _, _, kind, ..] = fixed else {
        return None;
    };
    (*destination == 0 && *kind == UNICAST).then(|| {
        let mut key = vec![*family, *table];
        extend_by(&mut key, attributes, &ROUTE_KEYS);
        key
    })
}

fn extend_by(key: &mut Vec<u8>, mut attributes: &[u8], wanted: &[u16]) {
    let length = |it| u16_at(it, 0).map(u32::from);
    while let Some((attribute, rest)) = split(attributes, ATTRIBUTE, length(attributes)) {
        if u16_at(attribute, 2).is_some_and(|kind| wanted.contains(&kind)) {
            key.extend(attribute);
        }
        attributes = rest;
    }
}

/// Takes an item of that length, which is padded to a multiple of 4; `None` at the end or where it makes no sense.
fn split(bytes: &[u8], least: usize, length: Option<u32>) -> Option<(&[u8], &[u8])> {
    let length = length? as usize;
    let item = bytes.get(..length).filter(|it| it.len() >= least)?;
    let rest = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    Some((item, rest))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let field = bytes.get(at..at + 2)?;
    field.try_into().ok().map(u16::from_ne_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..at + 4)?;
    field.try_into().ok().map(u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An attribute, padded.
    fn attribute(kind: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = ((ATTRIBUTE + payload.len()) as u16).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(payload);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn message(kind: u16, flags: u16, body: &[&[u8]]) -> Vec<u8> {
        let body = body.concat();
        let mut bytes = ((HEADER + body.len()) as u32).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend([0; 8]);
        bytes.extend(body);
        bytes
    }

    /// `10.0.0.<last>/24` on interface 2, with a lifetime that the kernel renews.
    fn address(kind: u16, flags: u16, last: u8, scope: u8, lifetime: u8) -> Vec<u8> {
        let fixed = [2, 24, 0, scope, 2, 0, 0, 0];
        let ip = attribute(1, &[10, 0, 0, last]);
        let label = attribute(3, b"eth0");
        message(
            kind,
            flags,
            &[&fixed, &ip, &label, &attribute(6, &[lifetime; 16])],
        )
    }

    fn route(kind: u16, destination: u8, lifetime: u8) -> Vec<u8> {
        let fixed = [2, destination, 0, 0, 254, 3, 0, UNICAST, 0, 0, 0, 0];
        let gateway = attribute(5, &[10, 0, 0, 1]);
        message(kind, 0, &[&fixed, &gateway, &attribute(12, &[lifetime; 8])])
    }

    #[test]
    fn what_was_there_already_is_no_change() {
        let mut known = Known::default();
        let both = [
            address(NEW_ADDRESS, PART, 7, 0, 1),
            address(NEW_ADDRESS, PART, 8, 0, 1),
        ];
        assert!(!known.take(&both.concat()));
        assert!(!known.take(&address(NEW_ADDRESS, 0, 7, 0, 2)), "renewed");
        assert!(known.take(&address(NEW_ADDRESS, 0, 9, 0, 1)), "a new one");
        assert!(known.take(&address(DELETED_ADDRESS, 0, 8, 0, 1)), "gone");
        assert!(known.take(&address(NEW_ADDRESS, 0, 8, 0, 1)), "back");
    }

    #[test]
    fn addresses_of_the_host_and_of_the_link_are_ignored() {
        let mut known = Known::default();
        for scope in [LINK_SCOPE, 254] {
            assert!(!known.take(&address(NEW_ADDRESS, 0, 7, scope, 1)));
            assert!(!known.take(&address(DELETED_ADDRESS, 0, 7, scope, 1)));
        }
        let mut tentative = address(NEW_ADDRESS, 0, 7, 0, 1);
        tentative[HEADER + 2] = TENTATIVE;
        assert!(!known.take(&tentative));
        assert!(known.take(&address(NEW_ADDRESS, 0, 7, 0, 1)));
    }

    #[test]
    fn of_routes_only_the_default_one_counts_and_its_lifetime_does_not() {
        let mut known = Known::default();
        assert!(!known.take(&route(NEW_ROUTE, 24, 1)), "to a neighbour");
        assert!(known.take(&route(NEW_ROUTE, 0, 1)));
        assert!(!known.take(&route(NEW_ROUTE, 0, 2)), "renewed");
        assert!(known.take(&route(DELETED_ROUTE, 0, 3)));
    }

    #[test]
    fn what_makes_no_sense_is_skipped() {
        let mut known = Known::default();
        let whole = address(NEW_ADDRESS, 0, 7, 0, 1);
        for length in 0..whole.len() {
            assert!(!known.take(&whole[..length]), "{length}");
        }
        let mut lies = whole.clone();
        for length in [0, 1, 15, u32::MAX] {
            lies[..4].copy_from_slice(&length.to_ne_bytes());
            assert!(!known.take(&lies), "{length}");
        }
        let mut lies = whole;
        lies[HEADER + ADDRESS..][..2].copy_from_slice(&u16::MAX.to_ne_bytes());
        known.take(&lies);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut known = Known::default();
        for number in 0..3 * MOST_KNOWN as u32 {
            let mut new = address(NEW_ADDRESS, 0, 7, 0, 1);
            new[HEADER + 4..HEADER + 8].copy_from_slice(&number.to_ne_bytes());
            known.take(&new);
            assert!(known.0.len() <= MOST_KNOWN);
        }
    }

    /// Reads the answer of a real kernel. Where netlink is not allowed there is nothing to be tested.
    #[actix::test]
    async fn a_real_kernel_is_understood() {
        let Ok(mut changes) = Changes::listen().await else {
            return;
        };
        let length = changes.socket.recv(&mut changes.buffer).await.unwrap();
        let answer = &changes.buffer[..length];
        let (first, _) = split(answer, HEADER, u32_at(answer, 0)).unwrap();
        assert_eq!(u16_at(first, 4), Some(NEW_ADDRESS));
        assert_eq!(u16_at(first, 6).unwrap() & PART, PART);
        assert!(!changes.known.take(answer), "asked for");
    }
}

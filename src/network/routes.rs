//! Default routes that come and go, as Linux tells them (rtnetlink(7)).

use std::{future::ready, io};

use futures_util::{FutureExt as _, Stream, StreamExt as _, stream};
use rtnetlink::{
    MulticastGroup, new_multicast_connection,
    packet_core::NetlinkPayload,
    packet_route::{
        RouteNetlinkMessage,
        route::{RouteAttribute, RouteMessage, RouteType},
    },
};

/// The most routes that are remembered. Beyond it they are forgotten and learned anew, which costs a change that is
/// none.
const MOST_KNOWN: usize = 64;

/// Subscribes to the changes.
pub(super) fn changes() -> io::Result<impl Stream<Item = io::Result<()>>> {
    let groups = [MulticastGroup::Ipv4Route, MulticastGroup::Ipv6Route];
    let (connection, _, messages) = new_multicast_connection(&groups)?;
    let mut known = Known::default();
    let told = messages.filter_map(move |(message, _)| ready(known.take(&message.payload)));
    // It does the reading while it is polled, and is never done.
    let closed = connection.map(|()| Err(io::Error::other("the netlink connection was closed")));
    Ok(stream::select(told.map(Ok), closed.into_stream()))
}

/// Default routes that were told: the kernel tells those again that are merely renewed, which every router
/// advertisement does.
#[derive(Debug, Default)]
struct Known(Vec<RouteMessage>);

impl Known {
    /// Takes a message; `None` if it is no change.
    fn take(&mut self, message: &NetlinkPayload<RouteNetlinkMessage>) -> Option<()> {
        let changed = match message {
            NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewRoute(route)) => {
                key(route).is_some_and(|key| self.insert(key))
            }
            NetlinkPayload::InnerMessage(RouteNetlinkMessage::DelRoute(route)) => {
                let key = key(route);
                self.0.retain(|known| Some(known) != key.as_ref());
                key.is_some()
            }
            // More was told than the socket holds: something did change.
            NetlinkPayload::Overrun(_) => true,
            _ => false,
        };
        changed.then_some(())
    }

    /// Whether it is new.
    fn insert(&mut self, route: RouteMessage) -> bool {
        let new = !self.0.contains(&route);
        if new {
            if self.0.len() >= MOST_KNOWN {
                self.0.clear();
            }
            self.0.push(route);
        }
        new
    }
}

/// What makes a default route the same one: not its lifetime.
fn key(route: &RouteMessage) -> Option<RouteMessage> {
    let header = &route.header;
    let default = header.destination_prefix_length == 0 && header.kind == RouteType::Unicast;
    default.then(|| {
        let mut key = RouteMessage::default();
        key.header.address_family = header.address_family;
        key.header.table = header.table;
        let attributes = route.attributes.iter().filter(|it| identifies(it));
        key.attributes.extend(attributes.cloned());
        key
    })
}

fn identifies(attribute: &RouteAttribute) -> bool {
    matches!(
        attribute,
        RouteAttribute::Oif(_)
            | RouteAttribute::Gateway(_)
            | RouteAttribute::Via(_)
            | RouteAttribute::MultiPath(_)
            | RouteAttribute::Priority(_)
            | RouteAttribute::Table(_)
    )
}

#[cfg(test)]
mod tests {
    use rtnetlink::packet_route::{AddressFamily, route::RouteAddress};

    use super::*;

    const NEW: fn(RouteMessage) -> RouteNetlinkMessage = RouteNetlinkMessage::NewRoute;
    const GONE: fn(RouteMessage) -> RouteNetlinkMessage = RouteNetlinkMessage::DelRoute;

    /// By way of `10.0.0.<gateway>`, with a lifetime that the kernel renews.
    fn route(prefix: u8, gateway: u8, lifetime: u32) -> RouteMessage {
        let mut route = RouteMessage::default();
        route.header.address_family = AddressFamily::Inet;
        route.header.destination_prefix_length = prefix;
        route.header.table = 254;
        route.header.kind = RouteType::Unicast;
        route.attributes = vec![
            RouteAttribute::Gateway(RouteAddress::Inet([10, 0, 0, gateway].into())),
            RouteAttribute::Oif(2),
            RouteAttribute::Expires(lifetime),
        ];
        route
    }

    fn changes(
        known: &mut Known,
        kind: fn(RouteMessage) -> RouteNetlinkMessage,
        route: RouteMessage,
    ) -> bool {
        let message = NetlinkPayload::InnerMessage(kind(route));
        known.take(&message).is_some()
    }

    #[test]
    fn only_the_default_route_counts_and_its_lifetime_does_not() {
        let known = &mut Known::default();
        assert!(!changes(known, NEW, route(24, 1, 1)), "to a neighbour");
        assert!(!changes(known, GONE, route(24, 1, 1)), "to a neighbour");
        assert!(changes(known, NEW, route(0, 1, 1)));
        assert!(!changes(known, NEW, route(0, 1, 2)), "renewed");
        assert!(changes(known, NEW, route(0, 2, 2)), "another gateway");
        assert!(changes(known, GONE, route(0, 1, 3)));
        assert!(changes(known, NEW, route(0, 1, 3)), "back");
        let mut blocked = route(0, 3, 1);
        blocked.header.kind = RouteType::Unreachable;
        assert!(!changes(known, NEW, blocked), "a way to nowhere");
    }

    #[test]
    fn what_was_lost_may_have_been_a_change() {
        let mut known = Known::default();
        assert!(known.take(&NetlinkPayload::Overrun(Vec::new())).is_some());
        assert!(known.take(&NetlinkPayload::Noop).is_none());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let known = &mut Known::default();
        for gateway in 0..=255 {
            assert!(changes(known, NEW, route(0, gateway, 1)));
            assert!(known.0.len() <= MOST_KNOWN);
        }
    }

    /// Where netlink is not allowed there is nothing to be tested.
    #[actix::test]
    async fn a_real_kernel_lets_us_listen() {
        if let Ok(changes) = super::changes() {
            let mut changes = std::pin::pin!(changes);
            assert!(changes.next().now_or_never().is_none());
        }
    }
}

//! The system's word that an address or a route came or went.
//!
//! Only what may change the way to a mailserver is told: addresses that are known beyond the machine and its
//! link, and default routes. Hosts that run containers add and remove the others all day.
//!
//! Addresses are told by `if-watch`, on every system that it knows. It is silent about routes, which Linux tells
//! (`routes.rs`); elsewhere the addresses, and the other signs, have to do.

#[cfg(target_os = "linux")]
mod routes;

use std::{io, net::IpAddr, pin::pin, time::Duration};

use actix::Recipient;
use actors::messages::online::NetworkChanged;
use futures_util::{FutureExt as _, Stream, StreamExt as _};
use if_watch::{IfEvent, tokio::IfWatcher};
use tokio::time::timeout;

/// The pause after a change that was told: what comes meanwhile is told as one. What comes at the start, before the
/// first second in which nothing does, was there already and is no change.
const REST: Duration = Duration::from_secs(1);

/// Tells every change, bursts as one, until nobody is there to be told. Where the system does not let us listen,
/// one warning is all that comes of it.
pub async fn tell(to: Recipient<NetworkChanged>) {
    let outcome = async { follow(changes()?, &to).await };
    if let Err(error) = outcome.await {
        tracing::warn!(%error, "changes of the network are not noticed");
    }
}

/// The changes that the system tells.
fn changes() -> io::Result<impl Stream<Item = io::Result<()>>> {
    let addresses = IfWatcher::new()?.filter_map(async |event| event.map(of_use).transpose());
    #[cfg(target_os = "linux")]
    let addresses = futures_util::stream::select(addresses, routes::changes()?);
    Ok(addresses)
}

/// Whether it is an address that is known beyond the link.
fn of_use(event: IfEvent) -> Option<()> {
    let (IfEvent::Up(net) | IfEvent::Down(net)) = event;
    let local = match net.addr() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unicast_link_local(),
    };
    (!local).then_some(())
}

async fn follow(
    changes: impl Stream<Item = io::Result<()>>,
    to: &Recipient<NetworkChanged>,
) -> io::Result<()> {
    let mut changes = pin!(changes);
    // The watcher asks for what there is, and is answered, only while it is polled.
    while let Ok(Some(there_is)) = timeout(REST, changes.next()).await {
        there_is?;
    }
    while let Some(change) = changes.next().await {
        change?;
        drain(&mut changes)?;
        if !to.connected() {
            break;
        }
        // One that was lost with a restart of the actor: it looks around when it is back.
        let _ = to.send(NetworkChanged).await;
        tokio::time::sleep(REST).await;
    }
    Ok(())
}

/// Takes all that has arrived.
fn drain(changes: &mut (impl Stream<Item = io::Result<()>> + Unpin)) -> io::Result<()> {
    while let Some(Some(change)) = changes.next().now_or_never() {
        change?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use actors::testing::Probe;
    use futures_util::stream::poll_fn;
    use tokio::{
        sync::mpsc::{UnboundedSender, unbounded_channel},
        task::JoinHandle,
    };

    use super::*;

    #[test]
    fn addresses_of_the_host_and_of_the_link_are_ignored() {
        for (net, counts) in [
            ("10.0.0.7/24", true),
            ("2001:db8::7/64", true),
            ("fd00::7/64", true),
            ("127.0.0.1/8", false),
            ("::1/128", false),
            ("169.254.3.7/16", false),
            ("fe80::7/64", false),
        ] {
            let net = net.parse().unwrap();
            assert_eq!(of_use(IfEvent::Up(net)).is_some(), counts, "{net}");
            assert_eq!(of_use(IfEvent::Down(net)).is_some(), counts, "{net}");
        }
    }

    #[actix::test]
    async fn what_was_there_already_is_no_change_and_a_burst_is_one() {
        tokio::time::pause();
        let (to, told) = Probe::<NetworkChanged>::start();
        let (system, following) = followed(to);
        // Told at the start: what there is.
        (0..5).for_each(|_| system.send(Ok(())).unwrap());
        tokio::time::sleep(REST * 2).await;
        told.assert_none("what there is").await;
        (0..5).for_each(|_| system.send(Ok(())).unwrap());
        tokio::time::sleep(REST / 2).await;
        assert_eq!(told.drain().await.len(), 1, "at once, and once");
        (0..5).for_each(|_| system.send(Ok(())).unwrap());
        tokio::time::sleep(REST / 4).await;
        told.assert_none("not yet").await;
        tokio::time::sleep(REST).await;
        assert_eq!(told.drain().await.len(), 1, "not lost");
        drop(system);
        assert!(following.await.unwrap().is_ok());
    }

    #[actix::test]
    async fn a_failure_ends_it() {
        tokio::time::pause();
        let (to, told) = Probe::<NetworkChanged>::start();
        let (system, following) = followed(to);
        tokio::time::sleep(REST * 2).await;
        system.send(Err(io::Error::other("closed"))).unwrap();
        assert_eq!(following.await.unwrap().unwrap_err().to_string(), "closed");
        told.assert_none("no change").await;
    }

    /// Where the system does not let us listen there is nothing to be tested.
    #[actix::test]
    async fn a_real_system_tells_its_addresses() {
        if let Ok(mut watcher) = IfWatcher::new() {
            let first = watcher.next().await;
            assert!(matches!(first, Some(Ok(IfEvent::Up(_)))), "{first:?}");
        }
    }

    type Following = JoinHandle<io::Result<()>>;

    fn followed(to: Recipient<NetworkChanged>) -> (UnboundedSender<io::Result<()>>, Following) {
        let (system, mut told) = unbounded_channel();
        let following = async move { follow(poll_fn(move |cx| told.poll_recv(cx)), &to).await };
        (system, actix_rt::spawn(following))
    }
}

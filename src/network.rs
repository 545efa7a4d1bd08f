//! The system's word that an address or a route came or went.
//!
//! Only what may change the way to a mailserver is told: addresses that are known beyond the machine and its
//! link, and default routes. Hosts that run containers add and remove the others all day.
//!
//! Linux says it over netlink (`netlink.rs`); elsewhere nobody does, and the other signs have to do.

#[cfg(target_os = "linux")]
mod netlink;

use actix::Recipient;
use actors::messages::online::NetworkChanged;

/// Tells every change, bursts as one, until nobody is there to be told. Where the system does not let us listen,
/// one warning is all that comes of it.
#[cfg(target_os = "linux")]
pub async fn tell(to: Recipient<NetworkChanged>) {
    let outcome = async {
        let mut changes = netlink::Changes::listen().await?;
        loop {
            changes.next().await?;
            if !to.connected() {
                return Ok::<_, std::io::Error>(());
            }
            // One that was lost with a restart of the actor: it looks around when it is back.
            let _ = to.send(NetworkChanged).await;
            tokio::time::sleep(REST).await;
        }
    };
    if let Err(error) = outcome.await {
        tracing::warn!(%error, "changes of the network are not noticed");
    }
}

/// The pause after a change that was told: what comes meanwhile is told as one.
#[cfg(target_os = "linux")]
const REST: std::time::Duration = std::time::Duration::from_secs(1);

/// There is nobody to be listened to.
#[cfg(not(target_os = "linux"))]
pub async fn tell(_: Recipient<NetworkChanged>) {
    std::future::ready(()).await;
}

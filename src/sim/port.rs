//! A loopback port that stays ours while nothing listens on it.
//!
//! A killed mailserver or a stopped node must refuse connections and come back on the same port; if the
//! port were free in between, another program (or another test) could be given it.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use tokio::net::{TcpListener, TcpSocket};

/// The pause after a connection that could not be accepted, as when too many files are open, or on macOS when the client
/// is gone already: it costs no other connection.
pub(crate) const AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(10);

/// Whether connecting to a socket that is bound and does not listen is refused: on macOS it hangs.
const BOUND_REFUSES: bool = cfg!(target_os = "linux");

/// The backlog with which a listener takes one connection and no more: Linux takes one more than it is told, and macOS
/// reads none as the most that there may be.
const ROOM_FOR_ONE: u32 = if cfg!(target_os = "linux") { 0 } else { 1 };

/// A port of 127.0.0.1, given by the system and kept until the value is dropped.
#[derive(Debug)]
pub(crate) struct Port {
    address: SocketAddr,
    /// Bound, never listening. Where there is none the port is free while nobody listens: the system is not likely to
    /// give just that one away.
    _reservation: Option<TcpSocket>,
}

/// A listener that never completes a connection: its queue is full, so the system drops what comes.
#[derive(Debug)]
pub(crate) struct BlackHole {
    _listener: TcpListener,
    _filler: std::net::TcpStream,
}

impl Port {
    /// Takes a free port.
    pub(crate) fn reserve() -> io::Result<Self> {
        let reservation = socket()?;
        reservation.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        Ok(Self {
            address: reservation.local_addr()?,
            _reservation: BOUND_REFUSES.then_some(reservation),
        })
    }

    /// Where it is.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Listens until the listener is dropped.
    pub(crate) fn listen(&self) -> io::Result<TcpListener> {
        self.listen_with(1024)
    }

    /// Lets every new connection hang, as if its packets vanished.
    pub(crate) fn swallow(&self) -> io::Result<BlackHole> {
        let listener = self.listen_with(ROOM_FOR_ONE)?;
        let filler = std::net::TcpStream::connect_timeout(&self.address, Duration::from_secs(1))?;
        Ok(BlackHole {
            _listener: listener,
            _filler: filler,
        })
    }

    fn listen_with(&self, backlog: u32) -> io::Result<TcpListener> {
        let socket = socket()?;
        socket.bind(self.address)?;
        socket.listen(backlog)
    }
}

/// Both the reservation and the listeners share the port, which takes this option on all of them.
fn socket() -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use tokio::{net::TcpStream, time::timeout};

    use super::*;

    #[actix::test]
    async fn a_port_is_refusing_listening_and_swallowing_in_turn() {
        let port = Port::reserve().unwrap();
        for _ in 0..2 {
            let refused = TcpStream::connect(port.address()).await.unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
            let listener = port.listen().unwrap();
            TcpStream::connect(port.address()).await.unwrap();
            drop(listener);
            let hole = port.swallow().unwrap();
            let connecting = TcpStream::connect(port.address());
            let waited = timeout(Duration::from_millis(50), connecting).await;
            assert!(
                waited.is_err(),
                "the connection must neither succeed nor fail"
            );
            drop(hole);
        }
    }
}

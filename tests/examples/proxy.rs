//! Between a client and the service: connections that can be cut.

use std::{cell::Cell, net::SocketAddr, rc::Rc};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::Notify,
};

/// A door to the service.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    cut: Rc<Notify>,
    connections: Rc<Cell<usize>>,
}

impl Proxy {
    pub(crate) async fn start(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap(),
            cut: Rc::default(),
            connections: Rc::default(),
        };
        let (cut, connections) = (proxy.cut.clone(), proxy.connections.clone());
        actix_rt::spawn(async move {
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                connections.set(connections.get() + 1);
                let cut = cut.clone();
                actix_rt::spawn(async move {
                    let mut service = TcpStream::connect(to).await.unwrap();
                    tokio::select! {
                        _ = copy_bidirectional(&mut client, &mut service) => {}
                        () = cut.notified() => {}
                    }
                });
            }
        });
        proxy
    }

    /// Cuts all connections; further ones are served.
    pub(crate) fn cut(&self) {
        self.cut.notify_waiters();
    }

    /// How many there were.
    pub(crate) fn connections(&self) -> usize {
        self.connections.get()
    }
}

//! Accepts connections, has them served, and ends those that have to make room.

use std::{cell::RefCell, fmt::Debug, io, net::SocketAddr, rc::Rc, time::Duration};

use actix_http::{BoxedPayloadStream, Payload, Request};
use actix_service::Service;
use futures_util::{StreamExt as _, stream};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{AbortHandle, yield_now},
    time::{sleep, timeout},
};
use tokio_util::task::TaskTracker;

use super::slots::{Number, Room, Slots};

/// Connections that are accepted before those that are there get their turn.
const AT_ONCE: usize = 16;

/// The pause after the system refused a connection: most often, too many files are open.
const REFUSED_PAUSE: Duration = Duration::from_millis(50);

/// The open connections.
pub(super) struct Connections {
    slots: Rc<RefCell<Slots<AbortHandle>>>,
    tasks: TaskTracker,
    /// How long what was sent may stay unread.
    unread: Duration,
}

/// The slot of one connection, which is free again when this is dropped.
struct Slot {
    number: Number,
    slots: Rc<RefCell<Slots<AbortHandle>>>,
    /// Of its request, once that has come.
    body: RefCell<Option<Rc<RefCell<Payload>>>>,
}

tokio::task_local! {
    /// Of the connection that is being served.
    static SLOT: Slot;
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.borrow_mut().leave(self.number);
    }
}

/// To be called when the head of a request has come, in the task of its connection: the request, if it is the first
/// there.
pub(super) fn settle(request: Request) -> Option<Request> {
    SLOT.with(|slot| {
        slot.slots.borrow_mut().settle(slot.number);
        let mut body = slot.body.borrow_mut();
        body.is_none().then(|| {
            let (request, kept) = keep_body(request);
            *body = Some(kept);
            request
        })
    })
}

/// A request, and its body to be kept for as long as the connection: of a chunked one that nobody keeps, actix-http
/// waits for the end, after the answer as well and without a limit; of one that is unread, it does not.
fn keep_body(mut request: Request) -> (Request, Rc<RefCell<Payload>>) {
    let kept = Rc::new(RefCell::new(request.take_payload()));
    let body = kept.clone();
    let body = stream::poll_fn(move |context| body.borrow_mut().poll_next_unpin(context));
    let body = Payload::Stream {
        payload: Box::pin(body) as BoxedPayloadStream,
    };
    (request.replace_payload(body).0, kept)
}

impl Connections {
    pub(super) fn new(room: Room, unread: Duration) -> Self {
        Self {
            slots: Rc::new(RefCell::new(Slots::new(room))),
            tasks: TaskTracker::new(),
            unread,
        }
    }

    /// Accepts for as long as it is polled.
    pub(super) async fn accept<S>(&self, listener: &TcpListener, service: &S)
    where
        S: Service<(TcpStream, Option<SocketAddr>), Response = ()>,
        S::Future: 'static,
        S::Error: Debug,
    {
        loop {
            for _ in 0..AT_ONCE {
                match listener.accept().await {
                    Ok((stream, peer)) => {
                        prepare(&stream, self.unread);
                        self.open(service.call((stream, Some(peer))));
                    }
                    Err(error) => self.refused(error).await,
                }
            }
            yield_now().await;
        }
    }

    fn open<E: Debug>(&self, connection: impl Future<Output = Result<(), E>> + 'static) {
        let number = self.slots.borrow_mut().number();
        let slot = Slot {
            number,
            slots: self.slots.clone(),
            body: RefCell::default(),
        };
        let served = SLOT.scope(slot, async move {
            if let Err(error) = connection.await {
                tracing::trace!(?error, "connection");
            }
        });
        let ended_by = self.tasks.spawn_local(served).abort_handle();
        let left = self.slots.borrow_mut().enter(number, ended_by);
        if let Some(left) = left {
            left.abort();
        }
    }

    /// Makes room, as files are what the system is most often short of.
    async fn refused(&self, error: io::Error) {
        tracing::debug!(%error, "connection not accepted");
        let left = self.slots.borrow_mut().give_up_oldest();
        if let Some(left) = left {
            left.abort();
        }
        sleep(REFUSED_PAUSE).await;
    }

    /// Waits until all have ended, but no longer than for the grace.
    pub(super) async fn ended(&self, grace: Duration) {
        self.tasks.close();
        if timeout(grace, self.tasks.wait()).await.is_err() {
            tracing::debug!(connections = self.tasks.len(), "cut");
        }
    }
}

/// What TCP is to do for the connection.
fn prepare(stream: &TcpStream, unread: Duration) {
    // An answer is one small write: waiting for more to send only delays it.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY");
    }
    // Has the system cut the connection when what was sent stays unread for so long.
    #[cfg(target_os = "linux")]
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_user_timeout(Some(unread)) {
        tracing::debug!(%error, "TCP_USER_TIMEOUT");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = unread;
}

//! A connection that counts what goes through it.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};

use futures_util::io::{AsyncRead, AsyncWrite};

/// Bytes so far. Clones count together.
#[derive(Clone, Debug, Default)]
pub(super) struct ByteCounter {
    read: Arc<AtomicU64>,
    written: Arc<AtomicU64>,
    reported: Arc<AtomicU64>,
}

impl ByteCounter {
    /// Bytes read.
    pub(super) fn read(&self) -> u64 {
        self.read.load(Relaxed)
    }

    /// Bytes in both directions that were not reported yet. They are now: whoever shares a connection, each byte of it
    /// counts once.
    pub(super) fn report(&self) -> u64 {
        let total = self.read() + self.written.load(Relaxed);
        total - self.reported.swap(total, Relaxed)
    }

    /// Counts what goes through this connection.
    pub(super) fn count<S>(&self, inner: S) -> CountedStream<S> {
        CountedStream {
            inner,
            counter: self.clone(),
        }
    }
}

/// A connection that counts what goes through it.
#[derive(Debug)]
pub(super) struct CountedStream<S> {
    inner: S,
    counter: ByteCounter,
}

impl<S: AsyncRead + Unpin> AsyncRead for CountedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        self.counter.read.fetch_add(count as u64, Relaxed);
        Poll::Ready(Ok(count))
    }
}

/// A failure to write is left to the reader: what the other side said before it closed is still to be read,
/// and tells more (that it has no such protocol, for one, while we had gone on optimistically).
impl<S: AsyncWrite + Unpin> AsyncWrite for CountedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match ready!(Pin::new(&mut self.inner).poll_write(context, bytes)) {
            Ok(count) => {
                self.counter.written.fetch_add(count as u64, Relaxed);
                Poll::Ready(Ok(count))
            }
            Err(_) => Poll::Ready(Ok(bytes.len())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner)
            .poll_flush(context)
            .map(|_| Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner)
            .poll_close(context)
            .map(|_| Ok(()))
    }
}

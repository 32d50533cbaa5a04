use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use peers::{Accepted, BoxFuture, Connector, Io, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;

/// This end of a connection whose other end says what it was given, and is deaf.
pub struct Scripted {
    rest: Bytes,
    /// What the other end says after it was written to once more, part by part.
    later: VecDeque<Bytes>,
    then: Then,
    reader: Option<Waker>,
    /// Dropped with the connection.
    _open: oneshot::Sender<()>,
}

/// What the other end does when it has said all.
#[derive(Clone, Copy)]
enum Then {
    Close,
    Hang,
}

impl Scripted {
    /// The other end is a client that hangs in the end. The receiver learns when this end closes.
    pub fn client(said: &[u8]) -> (Self, oneshot::Receiver<()>) {
        Self::new(Bytes::copy_from_slice(said), VecDeque::new(), Then::Hang)
    }

    /// The other end is a server that closes in the end. It answers each write by a part.
    fn server(parts: &[Bytes]) -> Self {
        Self::new(Bytes::new(), parts.iter().cloned().collect(), Then::Close).0
    }

    fn new(said: Bytes, later: VecDeque<Bytes>, then: Then) -> (Self, oneshot::Receiver<()>) {
        let (open, closed) = oneshot::channel();
        let scripted = Self {
            rest: said,
            later,
            then,
            reader: None,
            _open: open,
        };
        (scripted, closed)
    }
}

impl AsyncRead for Scripted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let hangs = !self.later.is_empty() || matches!(self.then, Then::Hang);
        if self.rest.is_empty() && hangs {
            self.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        let length = buffer.remaining().min(self.rest.len());
        buffer.put_slice(&self.rest.split_to(length));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Scripted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.rest.is_empty()
            && let Some(next) = self.later.pop_front()
        {
            self.rest = next;
        }
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Accepts one connection.
pub struct Once<T>(pub Option<T>);

impl<T: Io> Listener for Once<T> {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Accepted>> {
        match self.0.take() {
            Some(io) => Box::pin(async { Ok(Accepted::new(io)) }),
            None => Box::pin(std::future::pending()),
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(([10, 0, 0, 1], 8080).into())
    }
}

/// Connects to servers that say the same on every connection, a part after each write.
#[derive(Debug)]
pub struct Saying(pub Vec<Bytes>);

impl Connector for Saying {
    fn connect<'a>(&'a self, _: &'a http::Uri) -> BoxFuture<'a, io::Result<Box<dyn Io>>> {
        Box::pin(async { Ok(Box::new(Scripted::server(&self.0)) as Box<dyn Io>) })
    }
}

//! Tells HTTP/2 from HTTP/1.1 by the first bytes of a connection (RFC 9113, section 3.4).

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What every HTTP/2 connection begins with, and no request of HTTP/1.1 that anybody would answer.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Http1,
    Http2,
}

/// Reads until the version is certain: the first byte that is not the preface's, the end of the
/// stream, or the whole preface. No byte is lost: all are read again from what is returned.
///
/// This takes as long as the client likes. When the future is dropped, so is the connection.
pub(super) async fn detect<T: AsyncRead + Unpin>(mut io: T) -> io::Result<(Version, Rewind<T>)> {
    let mut bytes = [0; PREFACE.len()];
    let mut read = ReadBuf::new(&mut bytes);
    let version = loop {
        let before = read.filled().len();
        poll_fn(|cx| Pin::new(&mut io).poll_read(cx, &mut read)).await?;
        match read.filled() {
            filled if filled == PREFACE => break Version::Http2,
            filled if !PREFACE.starts_with(filled) || filled.len() == before => {
                break Version::Http1;
            }
            _ => {}
        }
    };
    let length = read.filled().len();
    let rewound = Rewind {
        io,
        bytes,
        next: 0,
        length,
    };
    Ok((version, rewound))
}

/// A connection whose first bytes are read once more.
#[derive(Debug)]
pub(super) struct Rewind<T> {
    io: T,
    bytes: [u8; PREFACE.len()],
    /// The next of the bytes to be read again.
    next: usize,
    length: usize,
}

impl<T: AsyncRead + Unpin> AsyncRead for Rewind<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.next == this.length {
            return Pin::new(&mut this.io).poll_read(cx, buf);
        }
        let end = this.length.min(this.next + buf.remaining());
        buf.put_slice(&this.bytes[this.next..end]);
        this.next = end;
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Rewind<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    /// Sends `pieces`, each once the one before was read, and returns what is made of them.
    async fn detected(pieces: &[&[u8]]) -> (Version, Vec<u8>) {
        let (mut client, server) = duplex(1024);
        let detecting = tokio::spawn(detect(server));
        for piece in pieces {
            client.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        drop(client);
        let (version, mut rewound) = detecting.await.unwrap().unwrap();
        let mut read = Vec::new();
        rewound.read_to_end(&mut read).await.unwrap();
        (version, read)
    }

    #[tokio::test]
    async fn the_preface_is_recognised_wherever_it_is_cut_and_no_byte_is_lost() {
        let stream = [PREFACE, b"SETTINGS".as_slice()].concat();
        for cut in 0..stream.len() {
            let (head, tail) = stream.split_at(cut);
            assert_eq!(
                detected(&[head, tail]).await,
                (Version::Http2, stream.clone())
            );
        }
    }

    #[tokio::test]
    async fn whatever_differs_or_ends_before_is_http_1_and_no_byte_is_lost() {
        for length in 0..PREFACE.len() {
            let start = &PREFACE[..length];
            let other = [start, b"\0 HTTP/1.1\r\n\r\n"].concat();
            assert_eq!(
                detected(&[start]).await,
                (Version::Http1, start.to_vec()),
                "{length}"
            );
            assert_eq!(detected(&[&other]).await, (Version::Http1, other.clone()));
            let (head, tail) = other.split_at(length);
            assert_eq!(
                detected(&[head, tail]).await,
                (Version::Http1, other.clone())
            );
        }
    }

    #[tokio::test]
    async fn the_first_bytes_can_be_read_in_pieces() {
        let (mut client, server) = duplex(1024);
        client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let (version, mut rewound) = detect(server).await.unwrap();
        assert_eq!(version, Version::Http1);
        let mut two = [0; 2];
        rewound.read_exact(&mut two).await.unwrap();
        assert_eq!(&two, b"GE");
        rewound.read_exact(&mut two).await.unwrap();
        assert_eq!(&two, b"T ");
    }
}

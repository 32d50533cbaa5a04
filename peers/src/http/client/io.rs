use tokio::io::{AsyncRead, AsyncWrite};

/// A connection: anything that reads and writes bytes.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {}

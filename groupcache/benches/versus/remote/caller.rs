//! What a subject does on the side that asks.

use anyhow::Result;

/// A connected client, from which each caller gets its own way to ask.
pub(super) trait Client: Send + 'static {
    type Caller: Caller;
    fn caller(&self) -> impl Future<Output = Result<Self::Caller>> + Send;
}

/// One of the callers that wait for a reply at the same time.
pub(super) trait Caller: Send + 'static {
    /// Fetches a value, and returns its length in bytes.
    fn get(&mut self, key: &str) -> impl Future<Output = Result<usize>> + Send;

    /// Fetches several values, and returns the sum of their lengths. Only the subjects with a request for several keys are
    /// measured.
    fn many(&mut self, keys: &[String]) -> impl Future<Output = Result<usize>> + Send {
        async move {
            let mut bytes = 0;
            for key in keys {
                bytes += self.get(key).await?;
            }
            Ok(bytes)
        }
    }

    /// Stores a value. A server that makes its values itself needs nothing stored.
    fn put(&mut self, _: &str, _: Vec<u8>) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }
}

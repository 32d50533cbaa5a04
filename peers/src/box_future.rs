use std::pin::Pin;

/// A boxed future, as the object-safe seams of this crate return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

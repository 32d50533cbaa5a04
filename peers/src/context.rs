use std::any::Any;
use std::fmt;
use std::sync::Arc;

tokio::task_local! {
    static CURRENT: Context;
}

/// What a request brings along for the work that is done on its behalf: one value of a type of
/// yours, such as a tenant, a trace or an identity. Clones share it.
///
/// It is made by [`HttpOptions::on_request`](crate::HttpOptions::on_request), or by whoever calls
/// [`scope`](Self::scope), and read by [`Context::current`] in the work itself, however deep.
/// It does not follow into tasks that the work spawns: take it there by hand.
///
/// ```
/// use peers::Context;
///
/// #[derive(Debug, PartialEq)]
/// struct Tenant(String);
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let context = Context::new(Tenant("acme".into()));
/// let tenant = context.scope(async {
///     Context::current().get::<Tenant>().map(|tenant| tenant.0.clone())
/// });
/// assert_eq!(tenant.await.as_deref(), Some("acme"));
/// assert!(Context::current().is_empty());
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Context(Option<Arc<dyn Any + Send + Sync>>);

impl Context {
    /// A context with this value in it. Several make one: a struct.
    pub fn new<T: Any + Send + Sync>(value: T) -> Self {
        Self(Some(Arc::new(value)))
    }

    /// The context of the work that calls this; empty outside of any.
    pub fn current() -> Self {
        CURRENT.try_with(Self::clone).unwrap_or_default()
    }

    /// The value, if there is one of this type.
    pub fn get<T: Any>(&self) -> Option<&T> {
        self.0.as_deref()?.downcast_ref()
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The same work, with this context. An empty one hides what was there before.
    pub fn scope<F: Future>(self, work: F) -> impl Future<Output = F::Output> + use<F> {
        CURRENT.scope(self, work)
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("is_empty", &self.is_empty())
            .finish_non_exhaustive()
    }
}

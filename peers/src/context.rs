use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::TraceContext;

tokio::task_local! {
    static CURRENT: Context;
}

/// What a request brings along for the work that is done on its behalf: one value of a type of
/// yours, such as a tenant or an identity, and its place in a [trace](TraceContext). Clones share both.
///
/// It is made by [`HttpOptions::on_request`](crate::HttpOptions::on_request), or by whoever calls
/// [`scope`](Self::scope), and read by [`Context::current`] in the work itself, however deep.
/// It does not follow into tasks that the work spawns: take it there by hand.
///
/// The value stays on this node. The place in the trace goes along with requests to peers, whose work has it as theirs.
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
pub struct Context(Option<Arc<Parts>>);

/// What a context that is not empty has.
#[derive(Clone, Default)]
struct Parts {
    value: Option<Arc<dyn Any + Send + Sync>>,
    trace: Option<TraceContext>,
}

impl Context {
    /// A context with this value in it. Several make one: a struct.
    pub fn new<T: Any + Send + Sync>(value: T) -> Self {
        Self(Some(Arc::new(Parts {
            value: Some(Arc::new(value)),
            trace: None,
        })))
    }

    /// The same context at another place in a trace.
    pub fn with_trace(mut self, trace: TraceContext) -> Self {
        Arc::make_mut(self.0.get_or_insert_default()).trace = Some(trace);
        self
    }

    /// The same without its value: what a request to a peer takes along.
    pub fn without_value(self) -> Self {
        match self.trace() {
            Some(trace) => Self::default().with_trace(trace.clone()),
            None => Self::default(),
        }
    }

    /// The context of the work that calls this; empty outside of any.
    pub fn current() -> Self {
        CURRENT.try_with(Self::clone).unwrap_or_default()
    }

    /// The place in a trace of the work that calls this, if it has one.
    pub fn current_trace() -> Option<TraceContext> {
        let trace = CURRENT.try_with(|context| context.trace().cloned());
        trace.unwrap_or_default()
    }

    /// The value, if there is one of this type.
    pub fn get<T: Any>(&self) -> Option<&T> {
        self.0.as_ref()?.value.as_deref()?.downcast_ref()
    }

    /// The place in a trace, if there is one.
    pub fn trace(&self) -> Option<&TraceContext> {
        self.0.as_ref()?.trace.as_ref()
    }

    /// Whether there is neither a value nor a place in a trace.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The same work, with this context. An empty one hides what was there before.
    pub fn scope<F: Future>(self, work: F) -> impl Future<Output = F::Output> + use<F> {
        CURRENT.scope(self, work)
    }

    /// The same for work that waits for nothing.
    pub(crate) fn sync_scope<T>(self, work: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self, work)
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("is_empty", &self.is_empty())
            .field("trace", &self.trace())
            .finish_non_exhaustive()
    }
}

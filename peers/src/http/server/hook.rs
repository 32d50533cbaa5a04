use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use http::StatusCode;
use http::request::Parts;

use crate::{Context, Error};

/// [`HttpOptions::on_request`](crate::HttpOptions::on_request).
#[derive(Clone)]
pub(crate) struct Hook(Arc<Function>);

type Function = dyn Fn(&Parts) -> Result<Context, Error> + Send + Sync;

impl Hook {
    pub(crate) fn new(
        hook: impl Fn(&Parts) -> Result<Context, Error> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(hook))
    }

    /// The context of a request, or why it is refused.
    pub(crate) fn admit(&self, head: &Parts) -> Result<Context, Error> {
        catch_unwind(AssertUnwindSafe(|| (self.0)(head))).unwrap_or_else(|_| {
            tracing::error!(path = head.uri.path(), "the hook on requests panicked");
            let status = StatusCode::INTERNAL_SERVER_ERROR.as_u16();
            Err(Error::status(status, "internal error"))
        })
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hook").finish_non_exhaustive()
    }
}

//! Without the feature `otlp` traces go nowhere.

use tokio::runtime::Runtime;
use tracing_subscriber::layer::Identity;

use crate::BoxError;

pub(crate) struct Traces;

impl Traces {
    pub(crate) fn of(_: &str, _: &Runtime) -> Result<Self, BoxError> {
        Ok(Self)
    }

    pub(crate) fn layer(&self) -> Option<Identity> {
        None
    }

    pub(crate) fn end(self) {}
}

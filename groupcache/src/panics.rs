//! Panics of the user's code. One ends the flight of a single get, and must end no others of a get of many, nor the tasks of
//! the node.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_util::FutureExt as _;

use crate::Error;

/// The result of work that calls a getter or a store, with its panic as an error.
pub(crate) async fn caught<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let result = AssertUnwindSafe(work).catch_unwind().await;
    result.unwrap_or_else(|payload| Err(panicked(&*payload)))
}

/// The result of work that calls a promoter or a store, with its panic as an error.
pub(crate) fn caught_now<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    let result = catch_unwind(AssertUnwindSafe(work));
    result.unwrap_or_else(|payload| Err(panicked(&*payload)))
}

/// What a task of the node's has done, or `None` if a store or a getter has panicked in it. The task goes on.
pub(crate) async fn survived<T>(task: &'static str, work: impl Future<Output = T>) -> Option<T> {
    let done = AssertUnwindSafe(work).catch_unwind().await.ok();
    if done.is_none() {
        tracing::error!(
            task,
            "a store or a getter has panicked in a task of the node's"
        );
    }
    done
}

fn panicked(payload: &(dyn Any + Send)) -> Error {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    Error::getter_panicked(text.unwrap_or("with a payload that is no text"))
}

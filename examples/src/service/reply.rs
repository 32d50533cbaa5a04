//! How results become responses.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use groupcache::{Entry, Error};
use serde::Serialize;

/// A value from the cache, as JSON, with its source in a header. An error is the status of its kind.
pub(super) fn value<T: Serialize>(entry: Result<Entry<T>, Error>) -> Response {
    match entry {
        Ok(entry) => {
            let source = [("x-groupcache-source", entry.source().as_str())];
            (source, Json(entry.into_value())).into_response()
        }
        Err(error) => {
            if !error.is_not_found() {
                tracing::warn!(%error, "a read has failed");
            }
            error.into_response()
        }
    }
}

/// Writes to the database, then takes the old value out of the cache of every node.
///
/// The two are a task of their own: a client that goes away in between must not leave the old value in the cache.
pub(super) async fn change(
    write: impl Future<Output = anyhow::Result<Written>> + Send + 'static,
    forget: impl Future<Output = Result<(), Error>> + Send + 'static,
) -> Response {
    let changed = tokio::spawn(async move {
        let written = write.await?;
        anyhow::Ok((written, forget.await))
    });
    match changed.await {
        Ok(Ok((Written::Absent, _))) => (StatusCode::NOT_FOUND, "not found").into_response(),
        Ok(Ok((Written::Yes, Ok(())))) => StatusCode::NO_CONTENT.into_response(),
        Ok(Ok((Written::Yes, Err(error)))) => {
            // The node tells them again and again, and over the native protocol they ask too.
            tracing::warn!(%error, "some nodes have yet to learn of a write");
            StatusCode::ACCEPTED.into_response()
        }
        Ok(Err(error)) => {
            tracing::error!(error = format!("{error:#}"), "a write has failed");
            let reason = "the database has failed";
            (StatusCode::INTERNAL_SERVER_ERROR, reason).into_response()
        }
        Err(panicked) => {
            tracing::error!(error = %panicked, "a write has panicked");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// What a write has found.
pub(super) enum Written {
    Yes,
    /// Nothing to delete.
    Absent,
}

impl From<bool> for Written {
    fn from(there: bool) -> Self {
        if there { Self::Yes } else { Self::Absent }
    }
}

mod config;
mod products;
mod status;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use super::state::State;

/// All routes of the service.
pub(super) fn router(state: Arc<State>) -> Router {
    Router::new()
        .route(
            "/users/{id}",
            get(users::read).put(users::write).delete(users::delete),
        )
        .route(
            "/products/{id}",
            get(products::read)
                .put(products::write)
                .delete(products::delete),
        )
        .route(
            "/config/{name}",
            get(config::read).put(config::write).delete(config::delete),
        )
        .route("/stats", get(status::stats))
        .route("/healthz", get(status::healthz))
        .route("/readyz", get(status::readyz))
        .with_state(state)
}

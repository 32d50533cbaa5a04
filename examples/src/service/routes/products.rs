use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use groupcache::Key;

use crate::service::model::Product;
use crate::service::reply::{self, Written};
use crate::service::state::Shared;

pub(super) async fn read(State(state): Shared, Path(id): Path<u32>) -> Response {
    reply::value(state.groups.products.entry(Key::from(id)).await)
}

pub(super) async fn write(
    State(state): Shared,
    Path(id): Path<u32>,
    Json(product): Json<Product>,
) -> Response {
    let write = Arc::clone(&state);
    reply::change(
        async move {
            write
                .database
                .put_product(id, product)
                .await
                .map(|()| Written::Yes)
        },
        async move { state.groups.products.remove(Key::from(id)).await },
    )
    .await
}

pub(super) async fn delete(State(state): Shared, Path(id): Path<u32>) -> Response {
    let write = Arc::clone(&state);
    reply::change(
        async move { write.database.delete_product(id).await.map(Written::from) },
        async move { state.groups.products.remove(Key::from(id)).await },
    )
    .await
}

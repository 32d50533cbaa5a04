use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use groupcache::{Node, Objects, ServeObjects, Stats};
use serde::Deserialize;
use tokio::task::spawn_blocking;

use super::page;
use crate::folder::Folder;

/// The page loads nothing from elsewhere, and runs no script.
const POLICY: &str = "default-src 'none'; media-src 'self'; style-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// What a node shows.
pub(super) struct FileServer {
    pub(super) node: Node,
    pub(super) files: Objects,
    pub(super) folder: Folder,
}

#[derive(Deserialize)]
struct Shown {
    /// The file in the player.
    play: Option<String>,
}

/// The routes of a node.
pub(super) fn router(server: Arc<FileServer>) -> Router {
    let files = ServeObjects::new(server.files.clone());
    let files = Router::new()
        .fallback_service(files)
        .layer(map_response(distrust));
    Router::new()
        .route("/", get(show_page))
        .route("/files.css", get(style))
        .route("/api/stats", get(stats))
        .nest("/files", files)
        .with_state(server)
}

async fn show_page(State(server): State<Arc<FileServer>>, Query(shown): Query<Shown>) -> Response {
    let folder = server.folder.clone();
    match spawn_blocking(move || folder.files(|_| true)).await {
        Ok(files) => {
            let play = shown.play.as_deref();
            let page = page::list(server.node.member(), &server.node.peers(), &files, play);
            ([(header::CONTENT_SECURITY_POLICY, POLICY)], page).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "the files could not be listed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// A file shows in the browser as what it is said to be, and what it may hold of scripts does not run beside the node's pages.
async fn distrust(mut file: Response) -> Response {
    let headers = file.headers_mut();
    let sandbox = HeaderValue::from_static("sandbox");
    headers.insert(header::CONTENT_SECURITY_POLICY, sandbox);
    let as_said = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, as_said);
    file
}

async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css")], page::STYLE)
}

async fn stats(State(server): State<Arc<FileServer>>) -> Json<Stats> {
    Json(server.files.group().stats())
}

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use groupcache::{ByteView, Entry, Error, GetOptions, Group, Key, Node, Stats};
use headers::{CacheControl, ETag, HeaderMapExt, IfNoneMatch};
use tokio::task::spawn_blocking;
use xxhash_rust::xxh3::xxh3_128;

use super::page;
use super::wanted::Wanted;
use crate::folder::Folder;

/// How long a browser keeps a thumbnail without asking again.
const MAX_AGE: Duration = Duration::from_secs(300);

/// What is shown while a thumbnail is being made.
const PLACEHOLDER: &str = include_str!("placeholder.svg");

/// The page loads nothing from elsewhere, and runs no script but its own.
const POLICY: &str = "default-src 'none'; img-src 'self' blob:; style-src 'self'; script-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What a node shows.
pub(super) struct Gallery {
    pub(super) node: Node,
    pub(super) thumbnails: Group,
    pub(super) folder: Folder,
    pub(super) patience: Duration,
}

/// The routes of a node.
pub(super) fn router(gallery: Arc<Gallery>) -> Router {
    Router::new()
        .route("/", get(show_page))
        .route("/gallery.css", get(|| file("text/css", page::STYLE)))
        .route("/gallery.js", get(|| file("text/javascript", page::SCRIPT)))
        .route("/api/thumbnail", get(thumbnail))
        .route("/api/stats", get(stats))
        .with_state(gallery)
}

async fn thumbnail(
    State(gallery): State<Arc<Gallery>>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Response {
    if let Err(reason) = wanted.check() {
        return (StatusCode::BAD_REQUEST, reason).into_response();
    }
    let patient = GetOptions::default().timeout(gallery.patience);
    let entry = gallery
        .thumbnails
        .get_with_options(Key::from(&wanted), patient);
    match entry.await {
        Ok(entry) => picture(entry, &headers),
        // The load goes on, and the next request finds its thumbnail.
        Err(error) if error.is_timeout() => placeholder(),
        Err(error) => failure(&error),
    }
}

/// A thumbnail, or 304 if the browser has it.
fn picture(entry: Entry<ByteView>, asked: &HeaderMap) -> Response {
    let source = entry.source().as_str();
    let bytes = entry.into_value();
    // Quoted hexadecimal digits are an entity tag, so that there is always one.
    let tag: Option<ETag> = format!("\"{:032x}\"", xxh3_128(&bytes)).parse().ok();
    let known: Option<IfNoneMatch> = asked.typed_get();
    let is_known =
        matches!((&tag, known), (Some(tag), Some(known)) if !known.precondition_passes(tag));
    let kind =
        image::guess_format(&bytes).map_or("application/octet-stream", |kind| kind.to_mime_type());
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, kind)], bytes).into_response()
    };
    let headers = response.headers_mut();
    headers.typed_insert(CacheControl::new().with_public().with_max_age(MAX_AGE));
    tag.into_iter().for_each(|tag| headers.typed_insert(tag));
    from(response, source)
}

fn placeholder() -> Response {
    let mut response = ([(header::CONTENT_TYPE, "image/svg+xml")], PLACEHOLDER).into_response();
    let headers = response.headers_mut();
    headers.typed_insert(CacheControl::new().with_no_store());
    from(response, "placeholder")
}

fn from(mut response: Response, source: &'static str) -> Response {
    let headers = response.headers_mut();
    headers.insert("x-groupcache-source", HeaderValue::from_static(source));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

fn failure(error: &Error) -> Response {
    if error.is_not_found() {
        let reason = error.getter_message().unwrap_or("not found").to_owned();
        return (StatusCode::NOT_FOUND, reason).into_response();
    }
    tracing::warn!(%error, "a thumbnail could not be made");
    let mut response = error.clone().into_response();
    if error.is_overloaded() {
        let soon = HeaderValue::from_static("1");
        response.headers_mut().insert(header::RETRY_AFTER, soon);
    }
    response
}

async fn show_page(State(gallery): State<Arc<Gallery>>) -> Response {
    let folder = gallery.folder.clone();
    match spawn_blocking(move || folder.files(is_picture)).await {
        Ok(pictures) => {
            let page = page::gallery(gallery.node.member(), &gallery.node.peers(), &pictures);
            let policy = [(header::CONTENT_SECURITY_POLICY, POLICY)];
            (policy, page).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "the pictures could not be listed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn stats(State(gallery): State<Arc<Gallery>>) -> Json<Stats> {
    Json(gallery.thumbnails.stats())
}

/// A file of the program's own.
async fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, text)
}

fn is_picture(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension
        .is_some_and(|extension| ["png", "jpg", "jpeg"].contains(&&*extension.to_ascii_lowercase()))
}

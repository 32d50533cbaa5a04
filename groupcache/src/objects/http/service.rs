use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::request::Parts;
use http::{Method, Request, Response};
use percent_encoding::percent_decode_str;
use tower_service::Service;

use super::answer::{answer, refusal, wrong_method};
use super::body::ObjectBody;
use crate::{Error, ErrorKind, Key, Objects};

const DEFAULT_MOST_RANGES: usize = 16;

/// Serves [`Objects`] over HTTP, as a tower service: for axum, for tower's layers, and by hyper-util's
/// `TowerToHyperService` for hyper. Clones serve the same objects.
///
/// ```
/// use axum::Router;
/// use groupcache::{Objects, ServeObjects};
///
/// fn app(videos: Objects) -> Router {
///     Router::new().nest_service("/videos", ServeObjects::new(videos))
/// }
/// # let _ = app;
/// ```
///
/// `GET` and `HEAD` are answered by the rules of RFC 9110; every other method with 405.
///
/// | of the request | |
/// |---|---|
/// | path | without its first slash and percent-decoded, the name of the object, unless [`key`](Self::key) says otherwise |
/// | `Range` | one range: 206 with a `Content-Range`; several: 206 as `multipart/byteranges`; none that the object has: 416; malformed or of another unit: ignored |
/// | `If-Range` | another tag than that of this version, or a date, which may be that of two versions: the whole object |
/// | `If-None-Match`, `If-Modified-Since` | the version that the client has: 304 |
/// | `If-Match`, `If-Unmodified-Since` | another version: 412 |
///
/// Answers have an `ETag`, which is the validator, `Last-Modified` if it is known, `Accept-Ranges`, and, but for 304, a
/// `Content-Length`. Of a validator with bytes that no tag may have, these are percent-encoded, and so is its `%`.
///
/// | instead of an object | status |
/// |---|---|
/// | there is none | 404 |
/// | the name is too long | 414 |
/// | a limit on concurrent work was reached, or the object changes faster than it can be read | 503 |
/// | a time limit passed | 504 |
/// | the source failed, and all else | 502 |
///
/// The head is sent when the first piece has come. If the object changes after that, or a piece cannot be had, the
/// [body](ObjectBody) fails, and the connection with it: no client takes what it has for the whole, and none gets bytes of
/// two versions. The body reads as the connection takes it, so that a slow client holds as few pieces as any reader.
#[derive(Clone)]
pub struct ServeObjects {
    objects: Objects,
    key: Arc<ToKey>,
    most_ranges: usize,
}

type ToKey = dyn Fn(&Parts) -> Option<Key> + Send + Sync;

impl ServeObjects {
    /// A service of these objects.
    pub fn new(objects: Objects) -> Self {
        Self {
            objects,
            key: Arc::new(key_of_path),
            most_ranges: DEFAULT_MOST_RANGES,
        }
    }

    /// The name of the object that a request asks for; for `None` the answer is 404. Default: the path, as above.
    pub fn key(mut self, key: impl Fn(&Parts) -> Option<Key> + Send + Sync + 'static) -> Self {
        self.key = Arc::new(key);
        self
    }

    /// How many ranges a request may ask for. More, and ranges that overlap so that they are longer than the object, are
    /// answered with the whole object. Default: 16.
    pub fn max_ranges(mut self, ranges: usize) -> Self {
        self.most_ranges = ranges;
        self
    }

    async fn serve(self, request: Parts) -> Response<ObjectBody> {
        if ![Method::GET, Method::HEAD].contains(&request.method) {
            return wrong_method();
        }
        let Some(name) = (self.key)(&request) else {
            return refusal(ErrorKind::NotFound);
        };
        let mut is_again = false;
        loop {
            let object = match self.objects.object(&name).await {
                Ok(object) => object,
                Err(error) => return failure(&error),
            };
            let Parts {
                method, headers, ..
            } = &request;
            let mut answer = answer(&self.objects, &object, method, headers, self.most_ranges);
            match answer.body_mut().begin().await {
                Ok(()) => return answer,
                // Nothing has been sent yet: the new version is answered, by the same conditions.
                Err(error) if error.is_changed() && !is_again => is_again = true,
                Err(error) => return failure(&error),
            }
        }
    }
}

/// The answer in place of an object that cannot be read. The error's own text stays out of it, because the source's
/// message in it may not be meant for the client.
fn failure(error: &Error) -> Response<ObjectBody> {
    if !error.is_not_found() {
        tracing::debug!(%error, "an object cannot be served");
    }
    refusal(error.kind())
}

fn key_of_path(request: &Parts) -> Option<Key> {
    let path = request.uri.path();
    let name: Vec<u8> = percent_decode_str(path.strip_prefix('/').unwrap_or(path)).collect();
    (!name.is_empty()).then(|| Key::from(name))
}

/// Always ready: a request too many is answered, and does not wait.
impl<B> Service<Request<B>> for ServeObjects {
    type Response = Response<ObjectBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<ObjectBody>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (service, (request, _)) = (self.clone(), request.into_parts());
        Box::pin(async move {
            let is_head = request.method == Method::HEAD;
            let mut answer = service.serve(request).await;
            // Refusals have a text.
            if is_head {
                *answer.body_mut() = ObjectBody::default();
            }
            Ok(answer)
        })
    }
}

impl fmt::Debug for ServeObjects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServeObjects")
            .field("objects", &self.objects)
            .field("most_ranges", &self.most_ranges)
            .finish_non_exhaustive()
    }
}

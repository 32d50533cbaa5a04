use http::header::{AUTHORIZATION, Entry, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use http::{Request, Response, StatusCode};

use super::dialect::Dialect;
use super::service::{Inner, Route};
use crate::Error;
use crate::access::{Effect, Pass, Shown};
#[cfg(feature = "grpc")]
use crate::galaxycache::grpc;
use crate::http::{Body, HEALTH, Page, failure};
use crate::native::stream;

/// Which requests are let in: those with the credentials that they need, and meant for this node.
impl Inner {
    /// Refuses a request without the credentials that it needs.
    pub(super) fn check_credentials<B>(
        &self,
        request: &mut Request<B>,
    ) -> Result<(), Box<Response<Body>>> {
        hide_credentials(request.headers_mut());
        self.admits(request)
            .map_err(|error| Box::new(refusal(request, &error)))
    }

    fn admits<B>(&self, request: &Request<B>) -> Result<(), Error> {
        let guard = &self.options.guard;
        if !guard.asks() {
            return Ok(());
        }
        let (method, path) = (request.method(), request.uri().path());
        let located = self.locate(path);
        let of_dialect = located
            .as_ref()
            .map(|Route { dialect, base }| (dialect, &path[*base..]));
        let is_open = path == HEALTH
            || self.options.page_at(path).is_some_and(Page::is_open)
            || of_dialect.is_some_and(|(of, target)| of.is_health_check(method, target));
        #[cfg(feature = "grpc")]
        let is_open = is_open && !grpc::is_ours(request);
        if is_open {
            return Ok(());
        }
        let effect = match of_dialect {
            #[cfg(feature = "grpc")]
            _ if grpc::is_ours(request) => grpc::effect(path),
            Some((dialect, target)) => dialect.effect(method, target),
            None => Effect::Change,
        };
        guard.admit(Shown::by(request.headers(), request.extensions()), effect)
    }

    /// Refuses a request in which somebody else is meant. The refusal says who this node is, and so it is only for
    /// those who have the credentials that the node asks for.
    pub(super) fn check_addressee<B>(
        &self,
        request: &Request<B>,
    ) -> Result<(), Box<Response<Body>>> {
        let shown = Shown::by(request.headers(), request.extensions());
        let checked = match &self.this {
            Some(this) if self.options.guard.knows(shown) => this.check(request.headers()),
            _ => Ok(()),
        };
        checked.map_err(|error| Box::new(failure::answer(failure::status(&error), &error)))
    }

    /// The credentials with which a peer may go on with the native protocol's stream, if it asks to and may.
    pub(super) fn pass_for_stream<B>(&self, request: &Request<B>) -> Option<Pass> {
        if !self.is_for_stream(request) {
            return None;
        }
        Pass::of(&self.options.guard, request.headers(), request.extensions())
    }

    /// Whether a peer asks to go on with the native protocol's stream, and may if it has credentials. A hook has
    /// to see each request, and so there are no streams beside one.
    fn is_for_stream<B>(&self, request: &Request<B>) -> bool {
        self.options.multiplexing
            && self.options.on_request.is_none()
            && stream::is_wanted(request.headers())
            && request.uri().path() == self.options.base_path
            && request.version() == http::Version::HTTP_11
            && Dialect::of(self.protocol) == Dialect::Native
    }
}

/// Keeps credentials out of the log of a hook that prints the head of a request.
fn hide_credentials(headers: &mut HeaderMap) {
    if headers.contains_key(AUTHORIZATION)
        && let Entry::Occupied(mut credentials) = headers.entry(AUTHORIZATION)
    {
        credentials
            .iter_mut()
            .for_each(|value| value.set_sensitive(true));
    }
}

/// The answer to a request without the credentials that it needs.
fn refusal<B>(request: &Request<B>, error: &Error) -> Response<Body> {
    #[cfg(feature = "grpc")]
    if grpc::is_ours(request) {
        return grpc::refused(error);
    }
    #[cfg(not(feature = "grpc"))]
    let _ = request;
    let mut answer = failure::answer(failure::status(error), error);
    let denied = HeaderValue::from_static(failure::DENIED);
    answer.headers_mut().insert(failure::ERROR, denied);
    if answer.status() == StatusCode::UNAUTHORIZED {
        let bearer = HeaderValue::from_static("Bearer");
        answer.headers_mut().insert(WWW_AUTHENTICATE, bearer);
    }
    answer
}

use std::fmt;
use std::sync::Arc;

use http::Response;
use http::request::Parts;

use crate::http::Body;
use crate::{BoxFuture, Error};

/// A page that a node's port has beside the protocols of its peers, such as one for a metrics scraper or for people.
/// [`HttpOptions::page`](crate::HttpOptions::page) mounts it.
///
/// A page is answered at its path and at all paths below it, for `GET` and `HEAD`. It shows what is in the node, and so
/// it needs the credentials that a change needs, unless it is [open](Self::open). An answer may end much later than it
/// begins, with the body of [`Body::stream`].
///
/// ```
/// use http::Response;
/// use peers::{HttpOptions, Page};
///
/// let hello = Page::new("/hello", |head| async move {
///     Response::new(format!("You asked for {}\n", head.uri.path()).into())
/// });
/// assert!(HttpOptions::default().page(hello).validate().is_ok());
/// ```
#[derive(Clone)]
pub struct Page {
    path: String,
    answer: Arc<Answer>,
    is_open: bool,
}

type Answer = dyn Fn(Parts) -> BoxFuture<'static, Response<Body>> + Send + Sync;

/// The longest path.
const MAX_PATH: usize = 256;

impl Page {
    /// A page at `path`, such as `/metrics`. The function gets the head of each request: its path and query, and its
    /// headers. If it panics, that request is answered with 500.
    pub fn new<F>(
        path: impl Into<String>,
        answer: impl Fn(Parts) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        Self {
            path: path.into(),
            answer: Arc::new(move |head| Box::pin(answer(head))),
            is_open: false,
        }
    }

    /// Answers everybody, also where the node asks for [credentials](crate::HttpOptions::tokens).
    pub fn open(mut self) -> Self {
        self.is_open = true;
        self
    }

    /// The path.
    pub fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Whether a path is the page's, or below it.
    pub(crate) fn has(&self, path: &str) -> bool {
        path.strip_prefix(&*self.path)
            .is_some_and(|below| below.is_empty() || below.starts_with('/'))
    }

    pub(crate) fn answer(&self, head: Parts) -> BoxFuture<'static, Response<Body>> {
        (self.answer)(head)
    }

    /// Refuses a path that no request has, or that belongs to somebody else.
    pub(crate) fn validate(&self, taken: &[&str]) -> Result<(), Error> {
        let path = &self.path;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
        let overlaps = |other: &str| self.has(other) || path.starts_with(&format!("{other}/"));
        let reason = if !path.starts_with('/') || path.ends_with('/') || path.contains("//") {
            "it begins with a slash, ends with none, and has no empty segment".into()
        } else if path.split('/').any(|part| part == "." || part == "..") {
            "it has no segment `.` or `..`".into()
        } else if !path.bytes().all(allowed) {
            "it is made of A-Z a-z 0-9 - . _ ~ and slashes".into()
        } else if path.len() > MAX_PATH {
            format!("it is at most {MAX_PATH} bytes long")
        } else if let Some(other) = taken.iter().find(|other| overlaps(other)) {
            format!("{other} is taken")
        } else {
            return Ok(());
        };
        Err(Error::invalid_option(
            "page",
            format!("{reason}; given was {path:?}"),
        ))
    }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page")
            .field("path", &self.path)
            .field("is_open", &self.is_open)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(path: &str) -> Page {
        Page::new(path, |_| async { Response::default() })
    }

    #[test]
    fn a_page_has_its_path_and_what_is_below() {
        let page = page("/cache");
        for path in ["/cache", "/cache/", "/cache/a/b"] {
            assert!(page.has(path), "{path}");
        }
        for path in ["/", "/cach", "/cachez", "/cache.json", "/a/cache"] {
            assert!(!page.has(path), "{path}");
        }
    }

    #[test]
    fn a_path_that_cannot_work_is_refused() {
        let taken = ["/healthz", "/_galaxycache"];
        for path in [
            "",
            "/",
            "x",
            "/x/",
            "/a//b",
            "/a/../b",
            "/%61",
            "/a b",
            "/healthz",
            "/healthz/x",
            "/_galaxycache",
        ] {
            assert!(
                page(path).validate(&taken).unwrap_err().is_configuration(),
                "{path}"
            );
        }
        assert!(
            page(&format!("/{}", "x".repeat(MAX_PATH)))
                .validate(&taken)
                .is_err()
        );
        assert!(
            page("/a").validate(&["/a/b"]).is_err(),
            "it would hide the other"
        );
        assert!(page("/metrics").validate(&taken).is_ok());
        assert!(page("/healthzz").validate(&taken).is_ok());
    }
}

use std::fmt;
use std::sync::{Arc, OnceLock};

use http::header::{
    ACCEPT, ALLOW, CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY, RETRY_AFTER, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use peers::{Body, Page};
use serde::Serialize;
use tokio::runtime::Handle;

use super::events;
use super::key_answer::KeyAnswer;
use super::options::LivePageOptions;
use super::query::Query;
use super::render;
use super::snapshot::Snapshot;
use super::watch::Watch;
use crate::node::{WeakNode, no_node, of_type, text};
use crate::{Node, NodeBuilder};

/// Where the page is.
const PATH: &str = "/groupcachez";

/// Where its figures are as JSON.
const JSON: &str = "/groupcachez.json";

/// Where its updates come from.
const EVENTS: &str = "/groupcachez/events";

/// The live page of a node, to be mounted in a server of your own, such as one for operators alone.
/// [`NodeBuilder::live_page`] mounts it on the node's port.
///
/// | path | |
/// |---|---|
/// | `/groupcachez` | the page; with `Accept: application/json` its figures |
/// | `/groupcachez.json` | its figures as JSON: `report`, a [`NodeReport`](crate::NodeReport); `ring_picture`; `lately`, what each group did in the last minutes; `key`, if it was asked for |
/// | `/groupcachez/events` | the parts of the page that have changed, as server-sent events, once a second |
///
/// The query may have `group=NAME`, to see one group, `in=NAME` and `key=KEY`, to find a key of a group, and
/// `members=TEXT`, to see members whose id or URL has that text.
///
/// The page asks for nothing but itself, and everything on it is escaped. It reads, and changes nothing. Its samples begin
/// when it is made and end when the last clone is dropped. They and the node's report are bounded, and so are its tables.
/// Clones are the same page. The page does not keep the node.
///
/// ```
/// use groupcache::{LivePageOptions, Node};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), groupcache::Error> {
/// let node = Node::builder("http://127.0.0.1:8080").start().await?;
/// let page = node.live_page(LivePageOptions::default());
///
/// let (head, ()) = http::Request::get("/groupcachez").body(()).unwrap().into_parts();
/// assert_eq!(page.answer(&head).status(), 200);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct LivePage(Arc<Inner>);

struct Inner {
    node: OnceLock<WeakNode>,
    watch: Watch,
}

/// # The live page
impl NodeBuilder {
    /// Serves the [live page](crate::LivePage) on the port of the node's peers, at `/groupcachez`. It needs the
    /// credentials that a change needs, unless it is [open](LivePageOptions::open). Its `/groupcachez.json` has the report
    /// that `NodeBuilder::report_page` serves, so take one of the two: a node with both does not start.
    pub fn live_page(self, options: LivePageOptions) -> Self {
        let is_open = options.is_open;
        let page = LivePage::new(options);
        [PATH, JSON].into_iter().fold(self, |builder, path| {
            let page = page.clone();
            builder.page_of_node(move |node| {
                page.show(node, &Handle::current());
                let mounted = Page::new(path, move |head| {
                    let answer = page.answer(&head);
                    async { answer }
                });
                if is_open { mounted.open() } else { mounted }
            })
        })
    }
}

/// # The live page
impl Node {
    /// The [live page](LivePage) of this node, for a server of your own. It takes its samples on the node's runtime.
    pub fn live_page(&self, options: LivePageOptions) -> LivePage {
        let page = LivePage::new(options);
        page.show(WeakNode::of(self), &self.0.host.runtime);
        page
    }
}

/// The figures in JSON.
#[derive(Serialize)]
struct Figures<'a> {
    #[serde(flatten)]
    snapshot: &'a Snapshot,
    key: Option<KeyAnswer>,
}

impl LivePage {
    fn new(options: LivePageOptions) -> Self {
        Self(Arc::new(Inner {
            node: OnceLock::new(),
            watch: Watch::new(options),
        }))
    }

    /// Begins to take samples of a node that may have yet to start.
    fn show(&self, node: WeakNode, runtime: &Handle) {
        if self.0.node.set(node.clone()).is_ok() {
            self.0.watch.begin(node, runtime);
        }
    }

    /// The answer to a request for the page, its figures or its updates; 404 for any other path, and 405 for what is
    /// neither `GET` nor `HEAD`. An answer to `HEAD` has a body, which servers leave out.
    pub fn answer(&self, head: &Parts) -> Response<Body> {
        let mut answer = self.find(head);
        let headers = answer.headers_mut();
        for (name, value) in [
            (CONTENT_SECURITY_POLICY, render::policy()),
            (REFERRER_POLICY, "no-referrer"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        answer
    }

    /// The answer, without the headers that all have.
    fn find(&self, head: &Parts) -> Response<Body> {
        let path = head.uri.path();
        if ![PATH, JSON, EVENTS].contains(&path) {
            return match path.strip_prefix(PATH) {
                Some("/") => redirect(),
                _ => text(StatusCode::NOT_FOUND, "404 page not found"),
            };
        }
        if head.method != Method::GET && head.method != Method::HEAD {
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed");
            answer
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        let Some(node) = self.0.node.get().and_then(WeakNode::node) else {
            return no_node();
        };
        let query = Query::parse(head.uri.query().unwrap_or_default());
        match path {
            EVENTS => self.events(query),
            _ => self.page(&node, head, &query, path == JSON),
        }
    }

    fn page(&self, node: &Node, head: &Parts, query: &Query, wants_json: bool) -> Response<Body> {
        let is_json = wants_json || prefers_json(head);
        // A script that asks again and again is not somebody who looks.
        let snapshot = if is_json {
            self.0.watch.snapshot(node)
        } else {
            self.0.watch.look(node)
        };
        let key = KeyAnswer::find(node, query);
        let mut answer = if is_json {
            let figures = Figures {
                snapshot: &snapshot,
                key,
            };
            match serde_json::to_vec(&figures) {
                Ok(json) => of_type("application/json", json),
                Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
            }
        } else {
            let document = render::document(&snapshot, query, key.as_ref());
            of_type("text/html; charset=utf-8", document.into_string())
        };
        answer
            .headers_mut()
            .insert(VARY, HeaderValue::from_static("accept"));
        answer
    }

    fn events(&self, query: Query) -> Response<Body> {
        let Some(viewer) = self.0.watch.join() else {
            let mut answer = text(StatusCode::SERVICE_UNAVAILABLE, "too many viewers at once");
            answer
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from_static("10"));
            return answer;
        };
        of_type(
            "text/event-stream",
            Body::stream(events::stream(viewer, query)),
        )
    }
}

fn prefers_json(head: &Parts) -> bool {
    let accept = head
        .headers
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok());
    accept
        .is_some_and(|accept| accept.contains("application/json") && !accept.contains("text/html"))
}

fn redirect() -> Response<Body> {
    let mut answer = text(StatusCode::PERMANENT_REDIRECT, "it is at groupcachez");
    answer
        .headers_mut()
        .insert(LOCATION, HeaderValue::from_static("../groupcachez"));
    answer
}

impl fmt::Debug for LivePage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LivePage").finish_non_exhaustive()
    }
}

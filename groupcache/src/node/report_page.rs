use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use peers::{Body, Page};

use super::builder::NodeBuilder;
use super::weak_node::WeakNode;

/// Where tools look for it.
const PATH: &str = "/groupcachez.json";

/// # The report as JSON
impl NodeBuilder {
    /// Serves the node's [report](crate::Node::report) as JSON at `/groupcachez.json`, on the port of its peers. The
    /// command-line tool `groupcache` reads it, and scripts may. It needs the credentials that a change needs.
    ///
    /// A program that mounts [`Node::service`](crate::Node::service) in another server serves it from there, too.
    /// Default: no.
    pub fn report_page(self) -> Self {
        self.page_of_node(|node| {
            Page::new(PATH, move |_| {
                let answer = answer(&node);
                async { answer }
            })
        })
    }
}

fn answer(node: &WeakNode) -> Response<Body> {
    let Some(node) = node.node() else {
        return text(StatusCode::SERVICE_UNAVAILABLE, "the node does not run");
    };
    match serde_json::to_vec(&node.report()) {
        Ok(json) => of_type(HeaderValue::from_static("application/json"), json),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn text(status: StatusCode, text: &str) -> Response<Body> {
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    let mut answer = of_type(kind, text.to_owned());
    *answer.status_mut() = status;
    answer
}

fn of_type(kind: HeaderValue, body: impl Into<Body>) -> Response<Body> {
    let mut answer = Response::new(body.into());
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, kind);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

use http::{Response, StatusCode};
use peers::{Body, Page};

use super::builder::NodeBuilder;
use super::page_answer::{no_node, of_type, text};
use super::weak_node::WeakNode;

/// Where tools look for it.
const PATH: &str = "/groupcachez.json";

/// # The report as JSON
impl NodeBuilder {
    /// Serves the node's [report](crate::Node::report) as JSON at `/groupcachez.json`, on the port of its peers. The
    /// command-line tool `groupcache` reads it, and scripts may. It needs the credentials that a change needs.
    ///
    /// A program that mounts [`Node::service`](crate::Node::service) in another server serves it from there, too. A node
    /// with `NodeBuilder::live_page` has the report at that path already, beside more figures, and does not start with
    /// both. Default: no.
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
        return no_node();
    };
    match serde_json::to_vec(&node.report()) {
        Ok(json) => of_type("application/json", json),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

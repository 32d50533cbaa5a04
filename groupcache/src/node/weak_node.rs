use std::sync::{Arc, OnceLock, Weak};

use super::node::{Inner, Node};

/// A node that is still to start, or may have ended, as a page of its own server has it. A [`Node`] there would keep
/// its server, and so itself, for ever.
#[derive(Clone, Default)]
pub(crate) struct WeakNode(Arc<OnceLock<Weak<Inner>>>);

impl WeakNode {
    /// A node that has started.
    #[cfg(any(feature = "metrics", feature = "otel", feature = "page"))]
    pub(crate) fn of(node: &Node) -> Self {
        let weak = Self::default();
        weak.becomes(node);
        weak
    }

    /// The node has started.
    pub(super) fn becomes(&self, node: &Node) {
        _ = self.0.set(Arc::downgrade(&node.0));
    }

    /// The node; `None` before it has started, and when its last clone is dropped.
    #[cfg(any(
        feature = "metrics",
        feature = "otel",
        feature = "page",
        feature = "report-page"
    ))]
    pub(crate) fn node(&self) -> Option<Node> {
        self.0.get()?.upgrade().map(Node)
    }
}

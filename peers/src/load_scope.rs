use std::future::Future;

tokio::task_local! {
    static LOADING: ();
}

/// Marks the work of a getter: an exchange with a peer that it makes does not wait for a connection.
///
/// The peer that waits for this load holds one of its own connections meanwhile. If loads waited for
/// connections too, two nodes whose getters ask each other could use up all of theirs and wait without
/// end. An exchange that finds none free ends at once, and the value is loaded on this node.
///
/// The mark does not follow into tasks that the getter spawns.
pub fn load_scope<F: Future>(getter: F) -> impl Future<Output = F::Output> + use<F> {
    LOADING.scope((), getter)
}

/// Whether the caller is the work of a getter, marked by [`load_scope`]. A task that a getter spawns for a part of its
/// work is put into a scope of its own if this says so.
pub fn is_loading() -> bool {
    LOADING.try_with(|()| ()).is_ok()
}

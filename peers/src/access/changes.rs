use tokio::sync::watch;

/// Tells when something that credentials are compared with changes.
pub(super) struct Changes<T>(watch::Receiver<T>);

impl<T> Clone for Changes<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Changes<T> {
    /// The changes from now on.
    pub(super) fn of(mut list: watch::Receiver<T>) -> Self {
        list.mark_unchanged();
        Self(list)
    }

    /// Whether there was one since this was made, or since the last [`next`](Self::next).
    pub(super) fn has_changed(&self) -> bool {
        // Also when nobody is left who could make one: the last may not have been seen.
        self.0.has_changed().unwrap_or(true)
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            // Nobody is left who could make one.
            std::future::pending::<()>().await;
        }
    }
}

use super::Group;

impl Group {
    /// Changes how many bytes the group may keep in memory, while it serves.
    ///
    /// A smaller budget has been brought about on return: entries are evicted in small steps, between
    /// which others are served. A group that was built with a budget of zero goes on keeping nothing.
    pub fn set_budget(&self, bytes: usize) {
        self.0.store.set_budget(bytes);
    }
}

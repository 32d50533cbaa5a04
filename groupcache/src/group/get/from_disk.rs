//! Within step 5: values that memory had no room for, or that were on disk when the node started.

use crate::group::inner::Inner;
use crate::lifetime::Via;
use crate::store::Disk;
use crate::{Entry, Key, Source};

impl Inner {
    /// The value on disk, which comes back to memory. It is fenced as a load is: a change of the key since the flight began, which
    /// may have found the value on neither, has it not stored.
    ///
    /// What memory has, however old, is no older than what is on disk: then a refresh wants a newer one.
    pub(in crate::group) async fn load_from_disk(&self, key: &Key, since: u64) -> Option<Entry> {
        let disk = self.store.below().disk()?;
        // Boxed, so that the futures of all gets stay small.
        Box::pin(self.bring_up(disk, key, since)).await
    }

    async fn bring_up(&self, disk: &Disk, key: &Key, since: u64) -> Option<Entry> {
        // Of other nodes' values, only copies that were asked for have leases.
        let may_serve = self.freshness.mirror_lease.is_none() || self.answers_for(key);
        if !may_serve || self.store.last_resort(key).is_some() {
            return None;
        }
        let found = disk.load(key).await?;
        let now = self.clock.now();
        let window = self.freshness.aging.kept_window();
        let left = found.left.map(|left| left.saturating_sub(window));
        let expiry = left.map(peers::Expiry::In);
        let lifetime = self.freshness.of_reply(expiry, Via::Fetch, now);
        let entry = Entry {
            value: found.value.clone().compact(),
            source: Source::Main,
            fresh_until: lifetime.fresh_until,
        };
        if entry.fresh_until.is_some_and(|until| until <= now) {
            return None;
        }
        let is_unchanged = || self.is_unchanged(key, since) && disk.is_current(&found);
        if !is_unchanged() {
            return None;
        }
        disk.note_hit();
        self.failures.clear(key);
        self.absences.clear(key);
        let value = entry.value.clone();
        self.store
            .insert_from_disk_if(key.clone(), value, lifetime, is_unchanged);
        self.moments.note(lifetime);
        self.note_for_standby(key, false);
        Some(entry)
    }
}

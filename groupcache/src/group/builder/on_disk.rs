use std::sync::Arc;

use crate::group::inner::Inner;
use crate::group::on_disk;
use crate::node::Host;
use crate::store::{Below, Disk, StorageSettings};

impl StorageSettings {
    /// What is below the memory of the group of this name.
    pub(super) fn below(&self, group: &str, host: &Host) -> Below {
        let open = |options| {
            let clock = Arc::clone(&host.clock);
            Disk::new(options, group, clock, host.wall_clock.clone())
        };
        Below::of(self.disk.clone().map(open))
    }
}

/// Has the disk of a group opened, if it has one.
pub(super) fn start(group: &Arc<Inner>, host: &Arc<Host>) {
    if group.has_disk() {
        let groups = Arc::downgrade(&host.groups);
        let is_listed = move |group: &Arc<Inner>| {
            let groups = groups.upgrade();
            groups.is_some_and(|groups| groups.has(group))
        };
        let group = Arc::downgrade(group);
        host.runtime.spawn(on_disk::look_after(group, is_listed));
    }
}

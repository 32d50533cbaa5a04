use byteview::ByteView;
use lru::Policy;

use super::group_builder::GroupBuilder;
#[cfg(feature = "lz4")]
use crate::store::Compression;
use crate::store::{StorageSettings, Store};
use crate::{Error, EvictionCause, Key};

/// # Storage: where values are kept, and which give way
impl<G> GroupBuilder<G> {
    /// When room is needed, hot entries give way first while they take up more than one `ratio`th
    /// of what the main ones take up. Default: 8.
    pub fn hot_ratio(mut self, ratio: usize) -> Self {
        self.storage.hot_ratio = Some(ratio);
        self
    }

    /// Which entries give way when room is needed. Default: [`Policy::GhostClock`], which keeps more
    /// than [`Policy::Lru`] on almost any load.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.storage.policy = policy;
        self
    }

    /// Keeps values compressed where that makes them shorter, so that more of them fit into the budget. Getters, callers,
    /// codecs and peers see them as they are: values travel between nodes uncompressed, and each node may choose for
    /// itself.
    ///
    /// It cannot be combined with a [store of your own](Self::store), which may compress by itself. Default: none.
    #[cfg(feature = "lz4")]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.storage.packing.compression = Some(compression);
        self
    }

    /// Keeps on disk what makes room in memory, if it was asked for twice. A miss looks there before it asks another node or the
    /// getter. After a restart of the process the entries are there again, but for those that may have changed meanwhile; see
    /// [the guide](crate::docs::disk).
    ///
    /// Own values go to disk, mirrors do not. If the disk fails, the group goes on in memory, and
    /// [`Group::disk`](crate::Group::disk) says so. Building the group reads the ledger of the entries, which takes some
    /// milliseconds for a million of them.
    ///
    /// It cannot be combined with a [store of your own](Self::store), nor with a budget of zero. Default: none.
    #[cfg(feature = "disk")]
    pub fn disk(mut self, disk: crate::DiskOptions) -> Self {
        self.storage.disk = Some(disk);
        self
    }

    /// Keeps the group's values in a store of your own, in place of the group's. The budget,
    /// [`hot_ratio`](Self::hot_ratio) and [`policy`](Self::policy) then have no effect.
    pub fn store(mut self, store: impl Store) -> Self {
        self.storage.store = Some(Box::new(store));
        self
    }

    /// A function that hears of every entry that leaves the group's store on this node, with its value and why it left:
    /// also of those that are removed, replaced or cleared.
    ///
    /// The thread that makes the entry leave calls it, before its own call returns and without any lock: the task of a
    /// load or of a change, or the caller of a get that finds an expired entry, which is a miss. A hit never waits for
    /// it. Callers of a key that is being loaded do, so pass long work on, to a channel for example. Entries of one key
    /// may be told of in another order than they left. A panic is logged, and harms nothing else. An expired entry
    /// leaves when it is looked up or makes room, which may be long after.
    ///
    /// A function that holds the group keeps it alive for ever: let it hold the group's name, or a channel.
    ///
    /// It cannot be combined with a [store of your own](Self::store), which knows itself. Default: none.
    ///
    /// ```
    /// # use std::convert::Infallible;
    /// # use groupcache::{Key, Node};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let node = Node::builder("http://127.0.0.1:8080").start().await?;
    /// let (sender, gone) = std::sync::mpsc::channel();
    /// let group = node
    ///     .group("g", 1 << 20, |key: Key| async move { Ok::<_, Infallible>(key.to_vec()) })
    ///     .on_evicted(move |key, _value, cause| {
    ///         _ = sender.send((key.clone(), cause));
    ///     })
    ///     .build()?;
    /// group.get("k").await?;
    /// group.remove("k").await?;
    /// assert_eq!(gone.recv()?.0, Key::from("k"));
    /// # Ok(()) }
    /// ```
    pub fn on_evicted(
        mut self,
        listener: impl Fn(&Key, &ByteView, EvictionCause) + Send + Sync + 'static,
    ) -> Self {
        self.storage.on_evicted = Some(Box::new(listener));
        self
    }
}

impl StorageSettings {
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.budget == 0 && self.hot_ratio.is_some() {
            let reason = "a group with a budget of zero keeps nothing";
            return Err(Error::invalid("hot_ratio", reason));
        }
        if self.store.is_some() && self.on_evicted.is_some() {
            let reason = "a store of one's own does not say which entries leave it";
            return Err(Error::invalid("on_evicted", reason));
        }
        #[cfg(feature = "disk")]
        self.check_disk()?;
        self.check_compression()
    }

    #[cfg(feature = "disk")]
    fn check_disk(&self) -> Result<(), Error> {
        let Some(disk) = &self.disk else {
            return Ok(());
        };
        if self.store.is_some() {
            let reason = "a store of one's own does not say which entries make room";
            return Err(Error::invalid("disk", reason));
        }
        if self.budget == 0 {
            let reason = "a group with a budget of zero keeps nothing";
            return Err(Error::invalid("disk", reason));
        }
        disk.check()
    }

    /// What is below memory: nothing.
    #[cfg(not(feature = "disk"))]
    #[allow(clippy::unused_self, reason = "as with a disk")]
    pub(super) fn below(&self, _group: &str, _host: &crate::node::Host) -> crate::store::Below {
        crate::store::Below::default()
    }

    #[cfg(feature = "lz4")]
    fn check_compression(&self) -> Result<(), Error> {
        let Some(compression) = self.packing.compression else {
            return Ok(());
        };
        if self.store.is_some() {
            let reason = "a store of one's own keeps values as it likes";
            return Err(Error::invalid("compression", reason));
        }
        compression.check()
    }

    #[cfg(not(feature = "lz4"))]
    #[allow(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "as with compression"
    )]
    fn check_compression(&self) -> Result<(), Error> {
        Ok(())
    }
}

use std::io;
use std::path::Path;

use foyer::{
    BlockEngineConfig, DeviceBuilder as _, FsDeviceBuilder, HybridCache, HybridCacheBuilder, Load,
    RecoverMode, Spawner,
};
use tokio::runtime::{self, Runtime};

use super::options::DiskOptions;
use super::record::{DiskKey, Record};

/// The storage engine: foyer's disk cache, without its memory.
///
/// It keeps the bytes, uses the space of the oldest records again, checks what it reads, reads and writes on threads of its
/// own, and finds its records again after a restart. Which of them count, the ledger says.
#[derive(Debug)]
pub(super) struct Engine(HybridCache<DiskKey, Record>);

/// How many reads and writes are made at a time.
const AT_ONCE: usize = 16;

/// The engine's own threads. On a runtime that ends under it, the engine may wait for itself without end, and the runtime for
/// the engine: its tasks then end while it holds a lock that they need.
fn threads() -> io::Result<Runtime> {
    runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(AT_ONCE)
        .thread_name("groupcache-disk")
        .enable_all()
        .build()
}

impl Engine {
    /// Opens what is in the folder.
    pub(super) async fn open(folder: &Path, options: &DiskOptions) -> io::Result<Self> {
        let device = FsDeviceBuilder::new(folder)
            .with_capacity(options.bytes)
            .build()
            .map_err(io::Error::other)?;
        let (block, queue) = (options.block(), options.write_queue());
        // What waits to be written fits into the engine's buffer: the engine drops what does not, and tells nobody.
        let buffer = queue.max(block) + block;
        let engine = BlockEngineConfig::new(device)
            .with_block_size(block)
            .with_buffer_pool_size(buffer)
            .with_submit_queue_size_threshold(2 * queue);
        let cache = HybridCacheBuilder::new()
            .memory(1)
            .with_weighter(|_: &DiskKey, record: &Record| record.value.len())
            .storage()
            .with_engine_config(engine)
            .with_recover_mode(RecoverMode::Quiet)
            .with_spawner(Spawner::from(threads()?))
            .build()
            .await
            .map_err(io::Error::other)?;
        Ok(Self(cache))
    }

    /// Has a record written, soon.
    pub(super) fn write(&self, key: DiskKey, record: Record) {
        self.0.storage_writer(key).force().insert(record);
    }

    /// The last record of the key that can be found and is sound.
    pub(super) async fn read(&self, key: &DiskKey) -> io::Result<Option<Record>> {
        match self.0.storage().load(key).await {
            Ok(Load::Entry { value, .. }) => Ok(Some(value)),
            Ok(Load::Piece { piece, .. }) => Ok(Some(piece.value().clone())),
            Ok(Load::Miss | Load::Throttled) => Ok(None),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    /// Whether there may be a record of the key.
    pub(super) fn has(&self, key: &DiskKey) -> bool {
        self.0.storage().may_contains(key)
    }

    /// Waits until all records are written.
    pub(super) async fn close(&self) -> io::Result<()> {
        self.0.close().await.map_err(io::Error::other)
    }
}

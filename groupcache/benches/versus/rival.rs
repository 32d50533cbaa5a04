use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::str;

use bytes::Bytes;
use moka::future::Cache;
use rival_groupcache::{Groupcache, GroupcachePeer, ValueLoader};

use crate::group::ready;
use crate::harness::{Capacity, Key, Subject};

/// The crate `groupcache`, which keeps its values in moka, with a main cache for so many entries. It takes text for keys,
/// so each get checks that it is some.
pub(crate) struct Rival {
    cache: Groupcache<Bytes>,
    main: Cache<String, Bytes>,
}

/// Loads nothing: the values are put where loads leave them.
struct Nothing;

#[async_trait::async_trait]
impl ValueLoader for Nothing {
    type Value = Bytes;
    async fn load(&self, key: &str) -> Result<Bytes, Box<dyn Error + Send + Sync>> {
        Err(format!("{key} has been lost").into())
    }
}

impl Subject for Rival {
    const NAME: &'static str = "groupcache 0.3";
    type Value = Bytes;
    fn new(capacity: Capacity) -> Self {
        let main = Cache::builder()
            .max_capacity(capacity.entries as u64)
            .build();
        let this = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let cache = Groupcache::builder(GroupcachePeer::from_socket(this), Nothing)
            .main_cache(main.clone())
            .build();
        Self { cache, main }
    }
    #[inline]
    fn get(&self, key: &[u8]) -> Option<Bytes> {
        ready(self.cache.get(str::from_utf8(key).ok()?)).ok()
    }
    fn insert(&self, key: Key, value: Bytes) {
        let key = String::from_utf8_lossy(&key).into_owned();
        ready(self.main.insert(key, value));
    }
    fn len(&self) -> usize {
        ready(self.main.run_pending_tasks());
        self.main.entry_count() as usize
    }
}

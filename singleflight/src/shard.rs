use std::mem;
use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table;

use crate::flight::Flight;
use crate::sync::Mutex;

/// A part of the map from keys to the flights that can be joined.
///
/// Aligned to a cache line, so that threads busy with different shards do not disturb each other. Under the lock runs
/// no code of the user's but `K::eq`: whatever has to be dropped is handed out first.
#[repr(align(64))]
pub(crate) struct Shard<K, V> {
    table: Mutex<HashTable<Entry<K, V>>>,
}

/// What the map holds per flight.
pub(crate) struct Entry<K, V> {
    /// Kept so that neither growing the table nor removing a flight needs to hash a key.
    hash: u64,
    key: K,
    flight: Arc<Flight<V>>,
}

impl<K, V> Shard<K, V> {
    pub(crate) fn new() -> Self {
        Self { table: Mutex::new(HashTable::new()) }
    }

    /// Counts a caller in to the flight of the key that `is` tells, if there is one.
    pub(crate) fn join(&self, hash: u64, is: impl Fn(&K) -> bool) -> Option<Arc<Flight<V>>> {
        let table = self.table.lock();
        let entry = table.find(hash, |entry| entry.hash == hash && is(&entry.key))?;
        entry.flight.enter().then(|| Arc::clone(&entry.flight))
    }

    /// Counts a caller in to the flight of `key`, or to a new one. True if it is new.
    pub(crate) fn join_or_start(&self, hash: u64, key: K) -> (Arc<Flight<V>>, bool)
    where
        K: Eq,
    {
        let mut table = self.table.lock();
        let same = |entry: &Entry<K, V>| entry.hash == hash && entry.key == key;
        match table.entry(hash, same, |entry| entry.hash) {
            hash_table::Entry::Occupied(mut occupied) => {
                let entry = occupied.get_mut();
                if entry.flight.enter() {
                    let flight = Arc::clone(&entry.flight);
                    drop(table);
                    return (flight, false);
                }
                // Its last caller has just left and is about to remove it; it will find ours and let it be.
                let flight = Arc::new(Flight::new());
                let left = mem::replace(&mut entry.flight, Arc::clone(&flight));
                drop(table);
                drop(left);
                (flight, true)
            }
            hash_table::Entry::Vacant(vacant) => {
                let flight = Arc::new(Flight::new());
                vacant.insert(Entry { hash, key, flight: Arc::clone(&flight) });
                (flight, true)
            }
        }
    }

    /// Removes `flight`, unless it was forgotten; a newer flight with the same key stays.
    #[must_use = "the key is to be dropped once the flight is in order"]
    pub(crate) fn remove(&self, hash: u64, flight: &Arc<Flight<V>>) -> Option<Entry<K, V>> {
        self.remove_where(hash, |entry| Arc::ptr_eq(&entry.flight, flight))
    }

    /// Removes whatever flight the key has.
    pub(crate) fn forget(&self, hash: u64, is: impl Fn(&K) -> bool) -> Option<Entry<K, V>> {
        self.remove_where(hash, |entry| entry.hash == hash && is(&entry.key))
    }

    fn remove_where(
        &self,
        hash: u64,
        is: impl FnMut(&Entry<K, V>) -> bool,
    ) -> Option<Entry<K, V>> {
        let mut table = self.table.lock();
        let (entry, _) = table.find_entry(hash, is).ok()?.remove();
        Some(entry)
    }

    pub(crate) fn contains(&self, hash: u64, is: impl Fn(&K) -> bool) -> bool {
        self.table.lock().find(hash, |entry| entry.hash == hash && is(&entry.key)).is_some()
    }

    pub(crate) fn len(&self) -> usize {
        self.table.lock().len()
    }
}

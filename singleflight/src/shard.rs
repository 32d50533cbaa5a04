use std::mem;
use std::sync::Arc;
use std::task::{Wake, Waker};

use hashbrown::HashTable;
use hashbrown::hash_table;

use crate::flight::Flight;
use crate::slab::Slab;
use crate::sync::Mutex;

/// A part of the group: the flights whose keys hash to it.
///
/// The shard's lock guards its flights, and is held for a few reads and writes of plain data. No
/// code of the user's runs under the lock except `Eq` and `Borrow` of keys. The methods below
/// return keys, values, work and wakers instead, and their callers use and drop them without the
/// lock.
///
/// A shard is aligned to a cache line, so that threads in different shards do not slow each other
/// down.
#[repr(align(64))]
pub(crate) struct Shard<K, V> {
    pub(crate) board: Mutex<Board<K, V>>,
}

/// What a shard's lock guards.
pub(crate) struct Board<K, V> {
    /// The flights that can be joined.
    index: HashTable<Entry<K>>,
    /// The flights in which a caller or driver has a part, by number. Flights that are over or
    /// forgotten are not in the index.
    flights: Slab<Flight<V>>,
    /// How many flights there have been.
    serial: u64,
}

/// Leads from a key to its flight.
pub(crate) struct Entry<K> {
    /// The key's hash, kept so that neither growing the index nor removing a flight hashes a key
    /// under the lock.
    hash: u64,
    key: K,
    number: usize,
}

impl<K, V> Shard<K, V> {
    pub(crate) fn new() -> Self {
        let board = Board {
            index: HashTable::new(),
            flights: Slab::default(),
            serial: 0,
        };
        Self {
            board: Mutex::new(board),
        }
    }
}

impl<K, V> Board<K, V> {
    /// Counts a caller in to the flight of the key for which `is` holds, if there is such a flight.
    pub(crate) fn join(&mut self, hash: u64, is: impl Fn(&K) -> bool) -> Option<usize> {
        let number = self
            .index
            .find(hash, |entry| entry.hash == hash && is(&entry.key))?
            .number;
        self.flight(number).enter();
        Some(number)
    }

    /// Counts a caller in to the flight of `key`, or to a new flight. Returns the flight's number,
    /// and the key if the flight existed already.
    #[inline(always)]
    pub(crate) fn join_or_start(&mut self, hash: u64, key: K) -> (usize, Option<K>)
    where
        K: Eq,
    {
        let same = |entry: &Entry<K>| entry.hash == hash && entry.key == key;
        match self.index.entry(hash, same, |entry| entry.hash) {
            hash_table::Entry::Occupied(occupied) => {
                let number = occupied.get().number;
                self.flight(number).enter();
                (number, Some(key))
            }
            hash_table::Entry::Vacant(vacant) => {
                self.serial += 1;
                let number = self.flights.insert(Flight::new(self.serial));
                vacant.insert(Entry { hash, key, number });
                (number, None)
            }
        }
    }

    /// Makes the key's next caller start a new flight.
    pub(crate) fn forget(&mut self, hash: u64, is: impl Fn(&K) -> bool) -> Option<Entry<K>> {
        self.remove(hash, |entry| entry.hash == hash && is(&entry.key))
    }

    /// Makes every key's next caller start a new flight. The caller drops the returned entries
    /// without the lock.
    pub(crate) fn forget_all(&mut self) -> HashTable<Entry<K>> {
        mem::take(&mut self.index)
    }

    /// Frees the key of a flight, unless the flight was forgotten. A newer flight with the same key
    /// stays.
    pub(crate) fn free_key(&mut self, hash: u64, number: usize) -> Option<Entry<K>> {
        self.remove(hash, |entry| entry.number == number)
    }

    fn remove(&mut self, hash: u64, is: impl FnMut(&Entry<K>) -> bool) -> Option<Entry<K>> {
        let (entry, _) = self.index.find_entry(hash, is).ok()?.remove();
        Some(entry)
    }

    pub(crate) fn contains(&self, hash: u64, is: impl Fn(&K) -> bool) -> bool {
        self.index
            .find(hash, |entry| entry.hash == hash && is(&entry.key))
            .is_some()
    }

    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    #[cfg(test)]
    pub(crate) fn flights(&self) -> usize {
        self.flights.len()
    }

    /// The flight of a caller or driver, whose part keeps the flight in the slab.
    pub(crate) fn flight(&mut self, number: usize) -> &mut Flight<V> {
        self.flights
            .get_mut(number)
            .expect("a flight stays until nobody has a part in it")
    }

    /// Removes a flight if no caller or driver has a part in it any more, and returns whether it
    /// did. The work must have been taken out, because it must not be dropped under the lock.
    #[inline(always)]
    pub(crate) fn remove_if_deserted(&mut self, number: usize) -> bool {
        let deserted = self.flight(number).is_deserted();
        if deserted {
            self.flights.remove(number);
        }
        deserted
    }
}

impl<K: Send + 'static, V: Send + 'static> Shard<K, V> {
    /// The waker of a flight, which wakes all callers of the flight.
    pub(crate) fn waker(self: &Arc<Self>, board: &mut Board<K, V>, number: usize) -> Waker {
        let flight = board.flight(number);
        let serial = flight.serial;
        flight
            .waker
            .get_or_insert_with(|| {
                Waker::from(Arc::new(FlightWaker {
                    shard: Arc::clone(self),
                    number,
                    serial,
                }))
            })
            .clone()
    }
}

/// Wakes all callers of a flight. The work may call it long after the flight, when another flight
/// has the number. The serial tells the two apart.
struct FlightWaker<K, V> {
    shard: Arc<Shard<K, V>>,
    number: usize,
    serial: u64,
}

impl<K: Send + 'static, V: Send + 'static> Wake for FlightWaker<K, V> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut board = self.shard.board.lock();
        let callers = match board.flights.get_mut(self.number) {
            Some(flight) if flight.serial == self.serial => flight.wake(),
            _ => return,
        };
        drop(board);
        callers.wake();
    }
}

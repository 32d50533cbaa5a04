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
    /// forgotten are not in the index. Claimed flights that nobody has joined are in the index alone: most
    /// are never joined, and threads that claim many keys pass less memory to and fro.
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
    place: Place,
}

/// Where a flight is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In the slab, under this number.
    Slab(usize),
    /// Nowhere yet: it is claimed, has this serial, and nobody has joined it.
    Claimed(u64),
}

impl Place {
    /// Whether the flight with this serial is here.
    fn is<V>(self, serial: u64, flights: &Slab<Flight<V>>) -> bool {
        match self {
            Self::Claimed(claimed) => claimed == serial,
            Self::Slab(number) => flights.get(number).is_some_and(|it| it.serial == serial),
        }
    }
}

/// What [`Board::claim`] found.
pub(crate) enum Claimed<K> {
    /// A flight to join, by number, and the key that is not needed.
    Joined(usize, K),
    /// None. The serial of the one that is claimed now.
    Mine(u64),
}

/// A claimed flight that is about to land.
pub(crate) enum Landed<K> {
    /// Nobody waits for it. It is over.
    Unwanted(Option<Entry<K>>),
    /// Callers have, or had, a part in the flight of this number.
    Shared(usize),
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
        let Self { index, flights, .. } = self;
        let entry = index.find_mut(hash, |entry| entry.hash == hash && is(&entry.key))?;
        Some(enter(entry, flights))
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
            hash_table::Entry::Occupied(mut occupied) => {
                (enter(occupied.get_mut(), &mut self.flights), Some(key))
            }
            hash_table::Entry::Vacant(vacant) => {
                self.serial += 1;
                let number = self.flights.insert(Flight::new(self.serial));
                let place = Place::Slab(number);
                vacant.insert(Entry { hash, key, place });
                (number, None)
            }
        }
    }

    /// Counts a caller in to the flight of `key`, or claims a new one.
    #[inline]
    pub(crate) fn claim(&mut self, hash: u64, key: K) -> Claimed<K>
    where
        K: Eq,
    {
        let same = |entry: &Entry<K>| entry.hash == hash && entry.key == key;
        match self.index.entry(hash, same, |entry| entry.hash) {
            hash_table::Entry::Occupied(mut occupied) => {
                Claimed::Joined(enter(occupied.get_mut(), &mut self.flights), key)
            }
            hash_table::Entry::Vacant(vacant) => {
                self.serial += 1;
                let place = Place::Claimed(self.serial);
                vacant.insert(Entry { hash, key, place });
                Claimed::Mine(self.serial)
            }
        }
    }

    /// Finds the claimed flight with this serial, and ends it if nobody has joined it.
    #[inline]
    pub(crate) fn land(&mut self, hash: u64, serial: u64) -> Landed<K> {
        let Self { index, flights, .. } = self;
        match index.find_entry(hash, |entry| entry.place.is(serial, flights)) {
            Ok(found) => match found.get().place {
                Place::Claimed(_) => Landed::Unwanted(Some(found.remove().0)),
                Place::Slab(number) => Landed::Shared(number),
            },
            // The group was told to forget its key, which happens to few.
            Err(_) => match flights.position(|flight| flight.serial == serial) {
                Some(number) => Landed::Shared(number),
                None => Landed::Unwanted(None),
            },
        }
    }

    /// Takes the claimed flight with this serial out of the index. Returns its number besides, if it has one.
    pub(crate) fn withdraw(&mut self, hash: u64, serial: u64) -> Option<(Entry<K>, Option<usize>)> {
        let Self { index, flights, .. } = self;
        let found = index.find_entry(hash, |entry| entry.place.is(serial, flights));
        let (entry, _) = found.ok()?.remove();
        let number = match entry.place {
            Place::Slab(number) => Some(number),
            Place::Claimed(_) => None,
        };
        Some((entry, number))
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
        self.remove(hash, |entry| entry.place == Place::Slab(number))
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

/// Counts a caller in to a flight, which gets its place in the slab if it has none. Returns its number.
#[inline(always)]
fn enter<K, V>(entry: &mut Entry<K>, flights: &mut Slab<Flight<V>>) -> usize {
    match entry.place {
        Place::Slab(number) => {
            if let Some(flight) = flights.get_mut(number) {
                flight.enter();
            }
            number
        }
        Place::Claimed(serial) => {
            let number = flights.insert(Flight::claimed(serial));
            entry.place = Place::Slab(number);
            number
        }
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

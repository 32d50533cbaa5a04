//! Objects that are read in pieces, over three nodes.

mod common;

use std::collections::HashMap;
use std::io::{self, Cursor, SeekFrom};
use std::ops::{Bound, Range};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use common::MIB;
use futures_util::StreamExt;
use groupcache::testing::Cluster;
use groupcache::{
    ByteView, Error, ErrorKind, GetterError, HttpOptions, Key, ManualClock, Node, NotFound,
    ObjectInfo, ObjectSource, ObjectStream, ObjectVersion, Objects, ObjectsBuilder,
};
use parking_lot::Mutex;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::runtime::Runtime;

const PIECE: usize = 1000;
const NAME: &str = "videos/größe 100%.mp4";

/// Objects in memory, which counts what it is asked for. Clones are the same.
#[derive(Clone, Default)]
struct Shelf(Arc<Inner>);

#[derive(Default)]
struct Inner {
    objects: Mutex<HashMap<Key, (ObjectInfo, ByteView)>>,
    stats: AtomicU64,
    reads: Mutex<HashMap<(ObjectVersion, Range<u64>), u64>>,
    /// What the source does wrong.
    fault: Mutex<Option<Fault>>,
    /// Who holds it holds up all reads.
    gate: tokio::sync::Mutex<()>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    Short,
    Long,
    AlwaysChanged,
    StatFails,
    ReadFails,
    Panics,
}

impl Shelf {
    fn put(&self, name: impl Into<Key>, validator: &str, bytes: &[u8]) {
        let info = ObjectInfo::new(bytes.len() as u64, validator);
        let object = (info, ByteView::copy_from_slice(bytes));
        self.0.objects.lock().insert(name.into(), object);
    }

    fn fail(&self, fault: impl Into<Option<Fault>>) {
        *self.0.fault.lock() = fault.into();
    }

    fn has(&self, fault: Fault) -> bool {
        *self.0.fault.lock() == Some(fault)
    }

    fn find(&self, name: &Key) -> Result<(ObjectInfo, ByteView), NotFound> {
        self.0.objects.lock().get(name).cloned().ok_or(NotFound)
    }

    fn reads(&self) -> u64 {
        self.0.reads.lock().values().sum()
    }

    fn stats(&self) -> u64 {
        self.0.stats.load(SeqCst)
    }

    fn assert_that_each_piece_was_read_once(&self) {
        for (piece, count) in &*self.0.reads.lock() {
            assert_eq!(*count, 1, "{piece:?}");
        }
    }
}

impl ObjectSource for Shelf {
    async fn stat(&self, name: Key) -> Result<ObjectInfo, GetterError> {
        self.0.stats.fetch_add(1, SeqCst);
        if self.has(Fault::StatFails) {
            return Err("the disk is on fire".into());
        }
        Ok(self.find(&name)?.0)
    }

    async fn read(
        &self,
        name: Key,
        version: ObjectVersion,
        range: Range<u64>,
    ) -> Result<ByteView, GetterError> {
        let piece = (version.clone(), range.clone());
        *self.0.reads.lock().entry(piece).or_default() += 1;
        drop(self.0.gate.lock().await);
        let (info, bytes) = self.find(&name)?;
        if *info.version() != version || self.has(Fault::AlwaysChanged) {
            return Err(NotFound.into());
        }
        assert!(!self.has(Fault::Panics), "the source panics");
        let bytes = bytes.slice(range.start as usize..range.end as usize);
        match *self.0.fault.lock() {
            Some(Fault::ReadFails) => Err("the disk is on fire".into()),
            Some(Fault::Short) => Ok(bytes.slice(1..)),
            Some(Fault::Long) => Ok([&bytes[..], b"x"].concat().into()),
            _ => Ok(bytes),
        }
    }
}

/// Bytes that differ from place to place and from seed to seed.
fn bytes(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        (state >> 33) as u8
    };
    (0..len).map(|_| next()).collect()
}

/// The objects of a shelf on three nodes.
struct Three {
    _cluster: Cluster,
    shelf: Shelf,
    objects: Vec<Objects>,
    clock: ManualClock,
}

impl Three {
    async fn start() -> Self {
        Self::with(|objects| objects).await
    }

    async fn with(set: impl Fn(ObjectsBuilder<Shelf>) -> ObjectsBuilder<Shelf>) -> Self {
        let clock = ManualClock::new();
        let of_nodes = clock.clone();
        let cluster = Cluster::builder(3).configure(move |node| node.clock(of_nodes.clone()));
        let cluster = cluster.start().await.unwrap();
        let shelf = Shelf::default();
        let objects = cluster.nodes().iter();
        let objects = objects.map(|node| {
            let objects = node.objects("objects", 16 * MIB, shelf.clone());
            set(objects.piece_bytes(PIECE)).build().unwrap()
        });
        Self {
            objects: objects.collect(),
            _cluster: cluster,
            shelf,
            clock,
        }
    }
}

async fn lonely(shelf: &Shelf) -> Objects {
    let node = common::lonely_node().await;
    let objects = node.objects("objects", 16 * MIB, shelf.clone());
    objects.piece_bytes(PIECE).build().unwrap()
}

/// All that comes, and the error at its end.
async fn drain(mut stream: ObjectStream) -> (Vec<u8>, Option<Error>) {
    let mut all = Vec::new();
    while let Some(next) = stream.next().await {
        match next {
            Ok(bytes) => all.extend_from_slice(&bytes),
            Err(error) => {
                assert!(stream.next().await.is_none(), "it goes on after {error}");
                return (all, Some(error));
            }
        }
    }
    (all, None)
}

async fn whole(objects: &Objects, name: impl AsRef<[u8]>) -> Result<Vec<u8>, Error> {
    let (bytes, error) = drain(objects.read(name, ..).await?).await;
    error.map_or(Ok(bytes), Err)
}

#[tokio::test]
async fn every_piece_is_loaded_once_for_all_nodes() {
    let three = Three::start().await;
    let book = bytes(40 * PIECE + 17, 1);
    three.shelf.put(NAME, "1", &book);
    let readers = (0..12).map(|reader| whole(&three.objects[reader % 3], NAME));
    for read in futures_util::future::join_all(readers).await {
        assert!(read.unwrap() == book);
    }
    assert_eq!((three.shelf.reads(), three.shelf.stats()), (41, 1));
    let calls = three
        .objects
        .iter()
        .map(|objects| objects.group().stats().getter_calls);
    assert_eq!(calls.clone().sum::<u64>(), 42);
    assert!(calls.min() > Some(0), "one node owns no piece");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_readers_at_random_ranges_get_the_bytes_of_their_ranges() {
    let three = Three::start().await;
    let book = Arc::new(bytes(200 * PIECE + 1, 2));
    three.shelf.put(NAME, "1", &book);
    let readers = (0..50_usize).map(|reader| {
        let (objects, book) = (three.objects[reader % 3].clone(), Arc::clone(&book));
        tokio::spawn(async move {
            let random = bytes(20 * 8, reader as u64);
            for draw in random.chunks_exact(8) {
                let draw = u64::from_le_bytes(draw.try_into().unwrap());
                let start = draw % book.len() as u64;
                let range = start..start + (draw >> 32) % (10 * PIECE as u64);
                let stream = objects.read(NAME, range.clone()).await.unwrap();
                let (read, error) = drain(stream).await;
                assert!(error.is_none(), "{error:?}");
                let end = book.len().min(range.end as usize);
                assert!(read == book[start as usize..end], "{range:?}");
            }
        })
    });
    for reader in readers.collect::<Vec<_>>() {
        reader.await.unwrap();
    }
    three.shelf.assert_that_each_piece_was_read_once();
}

#[tokio::test]
async fn ranges_have_the_bytes_of_a_slice_at_every_edge() {
    let shelf = Shelf::default();
    let book = bytes(2 * PIECE + 1, 3);
    shelf.put("book", "1", &book);
    let objects = lonely(&shelf).await;
    let edges = [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 2 * PIECE + 1];
    for start in edges {
        for end in edges.into_iter().filter(|end| *end >= start) {
            let stream = objects
                .read("book", start as u64..end as u64)
                .await
                .unwrap();
            assert_eq!(stream.range(), start as u64..end as u64);
            let (read, error) = drain(stream).await;
            assert!(
                error.is_none() && read == book[start..end],
                "{start}..{end}"
            );
        }
    }
    let read = async |bounds| {
        objects
            .read("book", bounds)
            .await
            .map(|stream| stream.range())
    };
    let len = book.len() as u64;
    let all = (Bound::Unbounded, Bound::Included(u64::MAX));
    assert_eq!(read(all).await.unwrap(), 0..len);
    let at_end = (Bound::Included(len), Bound::Unbounded);
    assert_eq!(read(at_end).await.unwrap(), len..len);
    for bounds in [
        (Bound::Included(len + 1), Bound::Unbounded),
        (Bound::Excluded(u64::MAX), Bound::Unbounded),
        (Bound::Included(u64::MAX), Bound::Included(u64::MAX)),
        (Bound::Included(7), Bound::Excluded(6)),
    ] {
        let error = read(bounds).await.unwrap_err();
        assert!(error.is_out_of_range(), "{bounds:?}: {error}");
    }
}

#[tokio::test]
async fn an_empty_object_has_no_pieces() {
    let shelf = Shelf::default();
    shelf.put("empty", "1", b"");
    let objects = lonely(&shelf).await;
    assert!(objects.info("empty").await.unwrap().is_empty());
    assert!(whole(&objects, "empty").await.unwrap() == b"");
    let mut reader = objects.open("empty").await.unwrap();
    assert_eq!(reader.read(&mut [0; 8]).await.unwrap(), 0);
    assert_eq!(shelf.reads(), 0);
}

/// One node for many cases.
static ONE_NODE: LazyLock<(Runtime, Node)> = LazyLock::new(|| {
    let runtime = Runtime::new().unwrap();
    let node = runtime.block_on(common::lonely_node());
    (runtime, node)
});

#[derive(Clone, Debug)]
enum Step {
    Read(usize),
    Start(u64),
    Current(i64),
    End(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0..250_usize).prop_map(Step::Read),
        (0..450_u64).prop_map(Step::Start),
        (-450..450_i64).prop_map(Step::Current),
        (-450..50_i64).prop_map(Step::End),
        Just(Step::Start(u64::MAX)),
        Just(Step::Current(i64::MAX)),
        Just(Step::End(i64::MIN)),
    ];
    proptest::collection::vec(step, 0..40)
}

/// The same steps with a cursor over the same bytes. `at` is where the reader begins.
async fn read_as_a_cursor_does(objects: Objects, book: Vec<u8>, at: usize, steps: Vec<Step>) {
    let stream = objects.read("book", at as u64..).await.unwrap();
    let (mut reader, mut cursor) = (stream.into_reader(), Cursor::new(&book[at..]));
    assert_eq!(reader.len() as usize, book.len() - at);
    for step in steps {
        let seek = match step {
            Step::Read(count) => {
                let (mut read, mut expected) = (vec![0; count], vec![0; count]);
                let count = io::Read::read(&mut cursor, &mut expected).unwrap();
                reader.read_exact(&mut read[..count]).await.unwrap();
                assert_eq!(read, expected);
                continue;
            }
            Step::Start(to) => SeekFrom::Start(to),
            Step::Current(by) => SeekFrom::Current(by),
            Step::End(by) => SeekFrom::End(by),
        };
        let (reached, expected) = (reader.seek(seek).await, io::Seek::seek(&mut cursor, seek));
        assert_eq!(reached.ok(), expected.ok(), "{seek:?}");
        assert_eq!(reader.position(), cursor.position());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_reader_does_what_a_cursor_does(
        len in 0..400_usize, at in 0.0..1.0, piece_bytes in 1..150_usize, ahead in 0..3_usize, steps in steps(),
    ) {
        let (shelf, book) = (Shelf::default(), bytes(len, 4));
        shelf.put("book", "1", &book);
        let (runtime, node) = &*ONE_NODE;
        let objects = node.objects("objects", MIB, shelf).piece_bytes(piece_bytes).read_ahead(ahead);
        let at = (at * len as f64) as usize;
        runtime.block_on(read_as_a_cursor_does(objects.build().unwrap(), book, at, steps));
        node.remove_group("objects").unwrap();
    }
}

#[tokio::test]
async fn a_reader_fetches_ahead_so_many_pieces_and_no_more() {
    let shelf = Shelf::default();
    shelf.put("book", "1", &bytes(100 * PIECE, 5));
    let objects = lonely(&shelf).await;
    let settle = || async {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        shelf.reads()
    };
    let mut stream = objects.read("book", ..).await.unwrap();
    assert_eq!(settle().await, 3, "the first piece, and two ahead");
    stream.next().await.unwrap().unwrap();
    assert_eq!(settle().await, 3, "what was taken is somebody else's now");
    stream.next().await.unwrap().unwrap();
    assert_eq!(settle().await, 4);
    // Nothing is read behind the end of a range.
    let mut stream = objects.read("book", 50_000..50_001).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap().len(), 1);
    assert!(stream.next().await.is_none());
    assert_eq!(settle().await, 5);
    // One that jumps about fetches what it reads.
    let mut reader = objects.open("book").await.unwrap();
    assert_eq!(settle().await, 5);
    for place in [60, 70, 80] {
        reader
            .seek(SeekFrom::Start(place * PIECE as u64))
            .await
            .unwrap();
        reader.read_u8().await.unwrap();
    }
    assert_eq!(settle().await, 8);
    reader.read_exact(&mut [0; 2 * PIECE]).await.unwrap();
    assert_eq!(settle().await, 12, "80 to 82, and two ahead");
}

#[tokio::test]
async fn loads_that_a_reader_has_begun_go_on_without_it() {
    let shelf = Shelf::default();
    shelf.put("book", "1", &bytes(10 * PIECE, 5));
    let objects = lonely(&shelf).await;
    let gate = shelf.0.gate.lock().await;
    let mut read = Box::pin(objects.read("book", ..));
    while shelf.reads() < 3 {
        assert!(futures_util::poll!(&mut read).is_pending());
        tokio::task::yield_now().await;
    }
    drop(read);
    drop(gate);
    assert!(whole(&objects, "book").await.unwrap() == bytes(10 * PIECE, 5));
    shelf.assert_that_each_piece_was_read_once();
}

#[tokio::test]
async fn an_object_that_changes_while_it_is_read_gives_no_byte_of_the_new_version() {
    let three = Three::with(|objects| objects.read_ahead(0)).await;
    let (old, new) = (bytes(5 * PIECE, 6), bytes(5 * PIECE, 7));
    for objects in &three.objects {
        three.shelf.put(NAME, "old", &old);
        objects.remove(NAME).await.unwrap();
        let mut stream = objects.read(NAME, 10..).await.unwrap();
        let first = stream.next().await.unwrap().unwrap();
        assert!(first == old[10..PIECE]);
        three.shelf.put(NAME, "new", &new);
        let (rest, error) = drain(stream).await;
        assert!(error.is_some_and(|error| error.is_changed()));
        assert!(rest == old[PIECE..][..rest.len()]);
        // Whoever begins anew, on whichever node, has the new version, though the info's time is not over.
        for objects in &three.objects {
            assert!(whole(objects, NAME).await.unwrap() == new);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_of_an_object_that_keeps_changing_see_one_version_each() {
    let three = Three::start().await;
    let version = |number: u64| bytes(6 * PIECE + number as usize % 3, number);
    three.shelf.put(NAME, "0", &version(0));
    let whole_reads = Arc::new(AtomicU64::new(0));
    let readers = (0..9).map(|reader| {
        let (objects, whole_reads) = (three.objects[reader % 3].clone(), Arc::clone(&whole_reads));
        tokio::spawn(async move {
            let mut seen = Vec::new();
            while seen.len() < 20 {
                let stream = match objects.read(NAME, ..).await {
                    Ok(stream) => stream,
                    Err(error) => {
                        assert!(error.is_changed(), "{error}");
                        continue;
                    }
                };
                let number = str::from_utf8(stream.info().validator()).unwrap();
                let number: u64 = number.parse().unwrap();
                let expected = version(number);
                match drain(stream).await {
                    (read, None) => {
                        assert!(read == expected);
                        seen.push(number);
                        whole_reads.fetch_add(1, SeqCst);
                    }
                    (read, Some(error)) => {
                        assert!(error.is_changed(), "{error}");
                        assert!(expected.starts_with(&read));
                    }
                }
            }
            seen
        })
    });
    let readers: Vec<_> = readers.collect();
    // A change after each third read of a whole object.
    let mut number = 0;
    while !readers.iter().all(tokio::task::JoinHandle::is_finished) {
        if whole_reads.load(SeqCst) / 3 > number {
            number += 1;
            three.shelf.put(NAME, &number.to_string(), &version(number));
            // Now and then the info's time is over, and now and then it names a version that is gone.
            if number % 2 == 0 {
                three.clock.advance(Duration::from_secs(11));
            }
        }
        tokio::task::yield_now().await;
    }
    let mut seen = Vec::new();
    for reader in readers {
        seen.extend(reader.await.unwrap());
    }
    seen.sort_unstable();
    seen.dedup();
    assert!(seen.len() > 1, "they saw {seen:?}");
}

#[tokio::test]
async fn a_read_that_has_given_nothing_begins_anew_with_the_new_version() {
    let three = Three::start().await;
    three.shelf.put(NAME, "old", &bytes(5 * PIECE, 8));
    let info = three.objects[0].info(NAME).await.unwrap();
    assert_eq!(info.validator(), b"old");
    let new = bytes(3 * PIECE, 9);
    three.shelf.put(NAME, "new", &new);
    for objects in &three.objects {
        let stream = objects.read(NAME, ..).await.unwrap();
        assert_eq!(stream.info().validator(), b"new");
        assert!(drain(stream).await.0 == new);
    }
    // An opened object stays the version that it was.
    let mut reader = three.objects[0].open(NAME).await.unwrap();
    three.shelf.put(NAME, "newer", &new);
    three.objects[0].group().clear().await.unwrap();
    let error = reader.read_u8().await.unwrap_err();
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Error>());
    assert!(inner.is_some_and(Error::is_changed), "{error}");
    assert_eq!(reader.position(), 0);
}

#[tokio::test]
async fn an_object_that_is_gone_is_not_found() {
    let three = Three::start().await;
    three.shelf.put(NAME, "1", &bytes(5 * PIECE, 8));
    three.objects[0].info(NAME).await.unwrap();
    three.shelf.0.objects.lock().clear();
    for objects in &three.objects {
        assert!(objects.read(NAME, ..).await.unwrap_err().is_not_found());
        assert!(objects.info(NAME).await.unwrap_err().is_not_found());
    }
}

#[tokio::test]
async fn a_source_that_denies_its_own_version_is_not_asked_without_end() {
    let three = Three::start().await;
    three.shelf.put(NAME, "1", &bytes(5 * PIECE, 8));
    three.shelf.fail(Fault::AlwaysChanged);
    let error = three.objects[0].read(NAME, ..).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ObjectChanged);
    assert!(three.shelf.stats() <= 4, "{}", three.shelf.stats());
}

#[tokio::test]
async fn pieces_that_are_shorter_or_longer_than_they_have_to_be_are_an_error() {
    let three = Three::start().await;
    three.shelf.put(NAME, "1", &bytes(5 * PIECE, 10));
    for fault in [Fault::Short, Fault::Long, Fault::ReadFails, Fault::Panics] {
        three.shelf.fail(fault);
        for objects in &three.objects {
            let error = objects.read(NAME, ..).await.unwrap_err();
            assert!(error.is_getter(), "{fault:?}: {error}");
        }
        three.objects[0].remove(NAME).await.unwrap(); // which also ends the pauses after failures
    }
    three.shelf.fail(None);
    assert_eq!(
        whole(&three.objects[1], NAME).await.unwrap(),
        bytes(5 * PIECE, 10)
    );
}

#[tokio::test]
async fn errors_of_the_source_keep_their_meaning_on_every_node() {
    let three = Three::start().await;
    for objects in &three.objects {
        assert!(objects.info("none").await.unwrap_err().is_not_found());
        assert!(objects.read("none", ..).await.unwrap_err().is_not_found());
        assert!(objects.open("none").await.unwrap_err().is_not_found());
        objects.remove("none").await.unwrap();
    }
    three.shelf.fail(Fault::StatFails);
    for objects in &three.objects {
        let error = objects.info("other").await.unwrap_err();
        assert_eq!(error.getter_message(), Some("the disk is on fire"));
    }
}

#[tokio::test]
async fn what_a_lying_peer_sends_is_a_miss_and_never_a_wrong_byte() {
    let cluster = Cluster::start(2).await.unwrap();
    let (shelf, book) = (Shelf::default(), bytes(30 * PIECE + 1, 11));
    for name in ["a", "b", "c", "d", "e", "f"] {
        shelf.put(name, "1", &book);
    }
    let objects = cluster.node(0).objects("objects", 16 * MIB, shelf.clone());
    let objects = objects.piece_bytes(PIECE).build().unwrap();
    // The other node owns about half of the keys, and has bytes of its own for all of them.
    let lie = Arc::new(Mutex::new(ByteView::default()));
    let told = Arc::clone(&lie);
    let liar = move |_: Key| {
        let lie = told.lock().clone();
        async move { Ok::<_, GetterError>(groupcache::Value::from(lie).expires_in(Duration::ZERO)) }
    };
    let liar = cluster.node(1).group("objects", 0, liar).build().unwrap();
    let endless = [&[1][..], &[0xff; 8], b"\x01\x001\0"].concat();
    for (name, bytes) in [
        ("a", b"".as_slice()),
        ("b", b"short"),
        ("c", &[1; 2 * PIECE]),
        ("d", b"\x01\xff\xff\xff\xff\xff\xff\xff\xff"),
        ("e", b"\x02\0\0"),
    ] {
        *lie.lock() = ByteView::copy_from_slice(bytes);
        assert!(whole(&objects, name).await.unwrap() == book, "{name}");
    }
    assert!(liar.stats().getter_calls > 50, "{:?}", liar.stats());
    assert!(objects.group().stats().undecodable > 50);
    // Info that is well formed is believed. It makes this node ask for what is not there, and no more.
    *lie.lock() = endless.into();
    let names = (0..).map(|number| format!("lie {number}"));
    let mut lied = Vec::new();
    for name in names.take(20) {
        shelf.put(name.as_str(), "1", b"truth");
        if objects.info(&name).await.unwrap().len() == u64::MAX {
            lied.push(name);
        }
    }
    let name = lied.first().expect("the liar owns none of twenty");
    let error = objects.read(name, u64::MAX - 1..).await.unwrap_err();
    assert!(error.is_changed(), "{error}");
    // Clears, rather than to name pieces without end.
    objects.remove(name).await.unwrap();
    assert_eq!(objects.group().usage().entries, 0);
}

#[tokio::test]
async fn keys_of_peers_that_name_no_piece_are_refused() {
    let shelf = Shelf::default();
    shelf.put("book", "1", &bytes(3 * PIECE, 12));
    let objects = lonely(&shelf).await;
    for key in [
        "book",
        "/piece/book/1#3000#1000#3",
        "/piece/book/1#3000#0#0",
        "/piece/book/1#9223372036854775807#9223372036854775807#0",
    ] {
        assert!(
            objects.group().get(key).await.unwrap_err().is_getter(),
            "{key}"
        );
    }
    assert_eq!(shelf.reads(), 0);
}

#[tokio::test]
async fn after_a_removal_every_node_reads_the_new_object() {
    let three = Three::start().await;
    for (number, validator) in ["1", "2", "2", "2"].into_iter().enumerate() {
        // The last ones are changes that break the rules: the same validator, and other bytes.
        let book = bytes(5 * PIECE, 20 + number as u64);
        three.shelf.put(NAME, validator, &book);
        three.objects[number % 3].remove(NAME).await.unwrap();
        for objects in &three.objects {
            assert!(whole(objects, NAME).await.unwrap() == book, "{number}");
        }
    }
    three.shelf.0.objects.lock().clear();
    three.objects[0].remove(NAME).await.unwrap();
    for objects in &three.objects {
        assert!(objects.info(NAME).await.unwrap_err().is_not_found());
    }
}

#[tokio::test]
async fn a_change_that_nobody_tells_of_is_seen_when_the_infos_time_is_over() {
    let three = Three::with(|objects| objects.info_ttl(Duration::from_secs(5))).await;
    let (old, new) = (bytes(2 * PIECE, 13), bytes(2 * PIECE, 14));
    three.shelf.put(NAME, "old", &old);
    assert!(whole(&three.objects[0], NAME).await.unwrap() == old);
    three.shelf.put(NAME, "new", &new);
    three.clock.advance(Duration::from_secs(4));
    // All its pieces are cached, so that nobody has to ask the source.
    for objects in &three.objects {
        assert!(whole(objects, NAME).await.unwrap() == old);
    }
    three.clock.advance(Duration::from_secs(2));
    for objects in &three.objects {
        assert!(whole(objects, NAME).await.unwrap() == new);
    }
    assert_eq!(three.shelf.stats(), 2);
}

#[tokio::test]
async fn pieces_outlive_the_info_of_an_object_that_does_not_change() {
    let three = Three::with(|objects| objects.info_ttl(Duration::from_secs(5))).await;
    three.shelf.put(NAME, "1", &bytes(9 * PIECE, 15));
    for round in 1..4 {
        whole(&three.objects[round % 3], NAME).await.unwrap();
        assert_eq!(
            (three.shelf.stats(), three.shelf.reads()),
            (round as u64, 9)
        );
        three.clock.advance(Duration::from_secs(6));
    }
}

#[tokio::test]
async fn a_long_object_in_memory_lets_other_tasks_run() {
    let shelf = Shelf::default();
    shelf.put(NAME, "1", &bytes(1000 * PIECE, 1));
    let objects = lonely(&shelf).await;
    whole(&objects, NAME).await.unwrap();
    let stream = objects.read(NAME, ..).await.unwrap();
    let reader = tokio::spawn(drain(stream));
    tokio::task::yield_now().await;
    assert!(!reader.is_finished());
    let (read, error) = reader.await.unwrap();
    assert!(read.len() == 1000 * PIECE && error.is_none());
}

#[tokio::test]
async fn nodes_with_pieces_of_different_sizes_never_take_one_for_another() {
    let cluster = Cluster::start(3).await.unwrap();
    let (shelf, book) = (Shelf::default(), bytes(7001, 16));
    shelf.put(NAME, "1", &book);
    let sizes = [1000, 999, 7];
    let objects = sizes.into_iter().zip(cluster.nodes()).map(|(size, node)| {
        let objects = node.objects("objects", 16 * MIB, shelf.clone());
        objects.piece_bytes(size).build().unwrap()
    });
    for objects in objects.collect::<Vec<_>>() {
        assert!(whole(&objects, NAME).await.unwrap() == book);
    }
    assert_eq!(shelf.reads(), 8 + 8 + 1001);
}

#[tokio::test]
async fn names_and_validators_that_are_too_long_are_refused_before_anything_is_read() {
    let shelf = Shelf::default();
    let objects = lonely(&shelf).await;
    let name = "n".repeat(8 << 10);
    shelf.put(name.as_str(), "1", b"book");
    assert!(objects.info(&name).await.unwrap_err().is_too_large());
    // The info has a key that is short enough, and the pieces have not.
    let name = &name[..(8 << 10) - 10];
    shelf.put(name, "1", b"book");
    for error in [
        objects.info(name).await.unwrap_err(),
        objects.read(name, ..).await.unwrap_err(),
        objects.open(name).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::KeyTooLarge);
    }
    for (name, validator) in [("a", "v".repeat(257)), ("b", String::new())] {
        shelf.put(name, &validator, b"book");
        assert!(objects.info(name).await.unwrap_err().is_getter(), "{name}");
    }
    shelf.put("c", &"v".repeat(256), b"book");
    assert!(whole(&objects, "c").await.unwrap() == b"book");
    assert_eq!(shelf.reads(), 1);
}

#[tokio::test]
async fn settings_outside_their_limits_are_refused_by_name() {
    let http = HttpOptions::default().max_value_bytes(1 << 19);
    let small = Node::builder("http://127.0.0.1:1")
        .http(http)
        .start()
        .await
        .unwrap();
    let node = common::lonely_node().await;
    let objects = |node: &Node| node.objects("objects", MIB, Shelf::default());
    for (objects, setting) in [
        (objects(&node).piece_bytes(0), "piece_bytes"),
        (objects(&node).piece_bytes((64 << 20) + 1), "piece_bytes"),
        (
            objects(&node).group(|group| group.max_value_bytes(1 << 19)),
            "piece_bytes",
        ),
        (objects(&small), "piece_bytes"),
        (objects(&node).read_ahead(65), "read_ahead"),
        (
            objects(&node).group(|group| group.max_flights(0)),
            "max_flights",
        ),
    ] {
        let error = objects.build().unwrap_err();
        assert!(error.is_configuration(), "{error}");
        assert!(error.to_string().contains(setting), "{error}");
    }
    objects(&small).piece_bytes(1 << 19).build().unwrap();
    objects(&node).build().unwrap();
}

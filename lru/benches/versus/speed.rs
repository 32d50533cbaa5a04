//! The time of a hit, and of a mix of reads and inserts with eviction.

use std::hint::black_box;

use bytes::Bytes;

use crate::harness::{
    Capacity, Contest, Draw, Key, Moka, QuickCache, Report, Round, Subject, VALUE, reads, time,
    values,
};
use crate::subjects::{Floor, Foyer, LruCrate, Ours};

const REFERENCES: [(&str, &str); 2] = [
    (QuickCache::NAME, "of_quick_cache"),
    (Floor::NAME, "of_floor"),
];

/// The number of rounds, and of operations that each thread runs in a round.
fn size(quick: bool) -> (usize, usize) {
    if quick { (5, 1 << 17) } else { (9, 1 << 20) }
}

/// Reads of keys that are all present.
pub(crate) fn hits(report: &mut Report, quick: bool) {
    let (rounds, count) = size(quick);
    report.section(format!(
        "A hit: ns per operation and thread, and the same divided by quick_cache's and by the floor's in the same round.\n\
         Keys of 16 to 32 bytes, values of 1 KiB; medians of {rounds} rounds. The floor is a hash table without locks or \
         eviction, and clones the value as all do."
    ));
    for (keys, name) in [(10_000, "10k"), (1_000_000, "1M")] {
        let values = values(keys);
        let capacity = Capacity::entries(2 * keys as usize);
        let contest = Contest {
            subjects: vec![
                reads(Ours::<false>::filled(capacity, &values)),
                reads(Ours::<true>::filled(capacity, &values)),
                reads(QuickCache::filled(capacity, &values)),
                reads(Moka::filled(capacity, &values)),
                reads(Foyer::filled(capacity, &values)),
                reads(LruCrate::filled(capacity, &values)),
                reads(Floor::filled(capacity, &values).seal()),
            ],
            rounds,
            references: &REFERENCES,
        };
        for draw in [Draw::Zipf, Draw::Uniform] {
            let requests = [7, 8].map(|seed| draw.requests(keys, count, seed));
            for threads in [1, 2] {
                let case = format!("hit, {name} keys, {}, {threads} thread(s)", draw.name());
                contest.run(report, &case, &requests[..threads]);
            }
        }
    }
}

/// Reads and inserts of ten times as many keys as there is room for.
pub(crate) fn mixed(report: &mut Report, quick: bool) {
    let (rounds, count) = size(quick);
    let keys = 100_000;
    report.section(format!(
        "Nine reads to one insert of a fresh value: ns per operation and thread.\n\
         Zipf 0.99 over {keys} keys with room for a tenth of them; medians of {rounds} rounds."
    ));
    let capacity = Capacity::entries(10_000);
    let contest = Contest {
        subjects: vec![
            reads_and_inserts::<Ours<false>>(capacity),
            reads_and_inserts::<Ours<true>>(capacity),
            reads_and_inserts::<QuickCache>(capacity),
            reads_and_inserts::<Moka>(capacity),
            reads_and_inserts::<Foyer>(capacity),
            reads_and_inserts::<LruCrate>(capacity),
        ],
        rounds,
        references: &REFERENCES,
    };
    let requests = [17, 18].map(|seed| Draw::Zipf.requests(keys, count, seed));
    for threads in [1, 2] {
        let case = format!("90 reads to 10 inserts, {threads} thread(s)");
        contest.run(report, &case, &requests[..threads]);
    }
}

fn reads_and_inserts<S: Subject>(capacity: Capacity) -> (&'static str, Round) {
    let store = S::new(capacity);
    let round: Round = Box::new(move |requests| {
        time(requests, |requests| {
            for (n, request) in requests.iter().enumerate() {
                if n % 10 == 0 {
                    let value = Bytes::from(vec![0; VALUE]);
                    store.insert(Key::from(request.key()), value);
                } else {
                    let value = store.get(black_box(request.key()));
                    black_box(&value);
                }
            }
        })
    });
    (S::NAME, round)
}

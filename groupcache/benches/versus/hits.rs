//! How long a get takes that finds its value in memory.

use std::io;

use crate::go::Modules;
use crate::group::GroupGet;
use crate::harness::{
    Capacity, Contest, Draw, Moka, QuickCache, Report, Request, Subject, reads, values,
};
use crate::rival::Rival;
use crate::store::Store;

const REFERENCES: [(&str, &str); 3] = [
    (Store::NAME, "of_store"),
    ("golang", "of_golang"),
    (Rival::NAME, "of_groupcache_0.3"),
];

pub(crate) fn run(report: &mut Report, quick: bool) -> io::Result<()> {
    let (rounds, count) = if quick { (5, 1 << 17) } else { (9, 1 << 20) };
    report.section(format!(
        "A hit: ns per get and thread, and the same divided by those of others in the same round.\n\
         Keys of 16 to 32 bytes, values of 1 KiB, Zipf 0.99; medians of {rounds} rounds. The store is what a group keeps \
         its values in. golang and mailgun are asked for views, which copies nothing."
    ));
    let go = Modules::build();
    for (keys, name) in [(10_000, "10k"), (1_000_000, "1M")] {
        let capacity = Capacity::entries(2 * keys as usize);
        let values = values(keys);
        let mut contest = Contest {
            subjects: vec![
                reads(GroupGet::filled(capacity, &values)),
                reads(Store::filled(capacity, &values)),
                reads(Rival::filled(capacity, &values)),
                reads(QuickCache::filled(capacity, &values)),
                reads(Moka::filled(capacity, &values)),
            ],
            rounds,
            references: &REFERENCES,
        };
        let numbers = [7, 8].map(|seed| Draw::Zipf.numbers(keys, count, seed));
        if let Some(go) = &go {
            for module in ["golang", "mailgun"] {
                contest
                    .subjects
                    .push((module, go.start(module, keys, &numbers)?));
            }
        }
        let requests = numbers.map(|numbers| numbers.into_iter().map(Request::new).collect());
        for threads in [1, 2] {
            let case = format!("hit, {name} keys, Zipf 0.99, {threads} thread(s)");
            contest.run(report, &case, &requests[..threads]);
        }
    }
    Ok(())
}

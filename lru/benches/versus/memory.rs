//! The memory that stores of one budget take up.

use std::io;

use bytes::Bytes;

use crate::harness::{
    Capacity, Memory, Moka, Plan, QuickCache, Report, Request, SIZES, Subject, resident,
};
use crate::subjects::{Floor, Foyer, LruCrate, Ours};

/// A subject, how a child fills it, and whether it evicts.
type Entrant = (&'static str, fn(&Plan), bool);

const SUBJECTS: [Entrant; 7] = [
    (Ours::<false>::NAME, fill::<Ours<false>>, true),
    (Ours::<true>::NAME, fill::<Ours<true>>, true),
    (QuickCache::NAME, fill::<QuickCache>, true),
    (Moka::NAME, fill::<Moka>, true),
    (Foyer::NAME, fill::<Foyer>, true),
    (LruCrate::NAME, fill::<LruCrate>, true),
    (Floor::NAME, fill::<Floor>, false),
];

/// Measures each store in a process of its own.
pub(crate) fn run(report: &mut Report, quick: bool) -> io::Result<()> {
    let charge = "of which each entry is charged the bytes of its key and value and nothing for overhead. lru counts entries; the \
                  floor never evicts.";
    let Some(mut memory) = Memory::new(report, quick, charge) else {
        return Ok(());
    };
    for size in SIZES {
        for (subject, _, evicts) in SUBJECTS {
            memory.add(subject, size, evicts)?;
        }
    }
    Ok(())
}

/// Carries out the task of a child.
pub(crate) fn task(task: &[String]) -> io::Result<()> {
    let unknown = || io::Error::other(format!("no such task: {}", task.join(" ")));
    let (subject, plan) = Plan::parse(task).ok_or_else(unknown)?;
    let is_it = |(name, ..): &&Entrant| *name == subject;
    let (_, fill, _) = SUBJECTS.iter().find(is_it).ok_or_else(unknown)?;
    fill(&plan);
    Ok(())
}

fn fill<S: Subject>(plan: &Plan) {
    let before = resident();
    let store = S::new(Capacity {
        bytes: plan.budget,
        entries: plan.budget / plan.payload(),
    });
    let insert = |n| {
        let value = Bytes::from(vec![n as u8; plan.value]);
        store.insert(Request::new(n).key().into(), value);
    };
    plan.measure(
        before,
        plan.payload(),
        |numbers| numbers.for_each(insert),
        || store.len(),
    );
}

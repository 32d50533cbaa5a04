//! What a group takes up of the memory while the sizes of values shift.

use std::convert::Infallible;
use std::io;

use groupcache::{ByteView, Group, Key, Node};
use tokio::runtime::Builder;

use crate::harness::{Report, resident, run_task};

/// The first word of the task of a child.
pub(crate) const TASK: &str = "shapes";

/// How the sizes of ten working sets follow one another.
const SHAPES: [&str; 5] = ["up", "down", "mixed", "skewed", "viewed"];

/// The sets, and the sizes of their values at the ends.
const SETS: usize = 10;
const SMALLEST: f64 = 100.0;
const LARGEST: f64 = 50_000.0;

/// The budgets in bytes.
fn budgets(quick: bool) -> &'static [usize] {
    if quick {
        &[64 << 20]
    } else {
        &[64 << 20, 512 << 20]
    }
}

/// Measures each shape in a process of its own.
pub(crate) fn run(report: &mut Report, quick: bool) -> io::Result<()> {
    report.section(
        "Shifting sizes: ten working sets of 100 B to 50 kB, each as large as the budget, one after the other; each key is asked for \
         twice, and then once more.\n\
         The highest resident memory as a share of the budget and of what views pin, looked at 64 times a set.",
    );
    for &budget in budgets(quick) {
        for shape in SHAPES {
            let task = [TASK, shape, &budget.to_string()].map(str::to_owned);
            let numbers = run_task(&task)?;
            let case = format!("{} MiB, {shape}", budget >> 20);
            for (metric, value) in ["worst_rss_ratio", "last_set_hits"].iter().zip(numbers) {
                eprintln!("{case}, {metric}: {value:.3}");
                report.add(&case, "Group", metric, value);
            }
        }
    }
    Ok(())
}

/// The size of the values of the set with this number, up from 0.
fn size(set: usize) -> usize {
    let step = set as f64 / (SETS - 1) as f64;
    (SMALLEST * (LARGEST / SMALLEST).powf(step)) as usize
}

/// A number that looks random, of another.
fn scrambled(n: usize) -> usize {
    let n = (n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((n ^ n >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 20) as usize
}

/// The size of the value with this number of a set.
fn size_in(shape: &str, set: usize, n: usize) -> usize {
    match shape {
        "down" => size(SETS - 1 - set),
        "mixed" => size(scrambled(n) % SETS),
        // Most values are of the set's size, and some of each other.
        "skewed" if n.is_multiple_of(8) => size(scrambled(n) % SETS),
        _ => size(set),
    }
}

/// In a child: prints the highest share, and the share of hits among the last requests of the last set.
pub(crate) fn task(task: &[String]) -> io::Result<()> {
    let [shape, budget] = task else {
        return Err(io::Error::other("a shape and a budget"));
    };
    let budget: usize = budget.parse().map_err(io::Error::other)?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (worst, hits) = runtime.block_on(shift(shape, budget))?;
    println!("{worst} {hits}");
    Ok(())
}

async fn shift(shape: &str, budget: usize) -> io::Result<(f64, f64)> {
    let node = Node::builder("http://127.0.0.1:1").start();
    let node = node.await.map_err(io::Error::other)?;
    let before = resident().unwrap_or(0) as usize;
    // The size of a value is the end of its key.
    let getter = |key: Key| async move {
        let size = key
            .get(14..)
            .and_then(|size| std::str::from_utf8(size).ok()?.parse().ok());
        Ok::<_, Infallible>(vec![7; size.unwrap_or(0)])
    };
    let group = node.group("shapes", budget, getter).build();
    let group = group.map_err(io::Error::other)?;
    let mut views: Vec<ByteView> = Vec::new();
    let (mut worst, mut hits) = (0.0_f64, 0.0);
    for set in 0..SETS {
        let (mut count, mut bytes) = (0, 0);
        while bytes < budget / 10 * 9 {
            bytes += size_in(shape, set, count) + 200;
            count += 1;
        }
        let calls = |group: &Group| group.stats().getter_calls;
        for round in 0..2 {
            let calls_before = calls(&group);
            for n in 0..count {
                let key = format!("{set:02}{n:012}{:010}", size_in(shape, set, n));
                let view = group.get(key.as_str()).await.map_err(io::Error::other)?;
                if round == 0 {
                    drop(view);
                    // So that it gets in. The view of a hit shares what the group has.
                    let view = group.get(key.as_str()).await.map_err(io::Error::other)?;
                    if shape == "viewed" && n.is_multiple_of(4) {
                        views.push(view);
                    }
                }
                if n.is_multiple_of(count.div_ceil(32)) {
                    let pinned = group.usage().pinned;
                    let grown = resident().unwrap_or(0) as usize;
                    let listed = views.capacity() * size_of::<ByteView>();
                    let grown = grown.saturating_sub(before + listed);
                    worst = worst.max(grown as f64 / (budget + pinned) as f64);
                }
            }
            if round == 1 {
                hits = 1.0 - (calls(&group) - calls_before) as f64 / count as f64;
            }
        }
        // Callers hold the values of one set until the next one has been asked for.
        let held = views.len() / 2;
        views.drain(..held);
    }
    Ok((worst, hits))
}

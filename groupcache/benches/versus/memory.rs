//! What a group of one budget takes up of the memory, and memcached for the same items.

use std::convert::Infallible;
use std::io;
use std::ops::Range;

use anyhow::bail;
use groupcache::{Group, Key, Node};
use tokio::runtime::Builder;

use crate::harness::{Memory, Plan, Report, Request, SIZES, resident};
use crate::memcached;

const GROUP: &str = "Group";

/// Measures one for each size of values, in a process of its own.
pub(crate) fn run(report: &mut Report, quick: bool) -> io::Result<()> {
    let charge = "of which the group charges each entry what it thinks right.";
    let Some(mut memory) = Memory::new(report, quick, charge) else {
        return Ok(());
    };
    for size in SIZES {
        memory.add(GROUP, size, true)?;
        if let Err(error) = memory.add(memcached::NAME, size, false) {
            eprintln!("!!! LEFT OUT: {}: {error}", memcached::NAME);
        }
    }
    Ok(())
}

/// In a child: loads are what fills a group, on the threads of the runtime.
pub(crate) fn task(task: &[String]) -> anyhow::Result<()> {
    match Plan::parse(task) {
        Some((GROUP, plan)) => Ok(group(plan)?),
        Some((memcached::NAME, plan)) => memcached::task(plan),
        _ => bail!("no such task: {}", task.join(" ")),
    }
}

fn group(plan: Plan) -> io::Result<()> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let node = runtime
        .block_on(Node::builder("http://127.0.0.1:1").start())
        .map_err(io::Error::other)?;
    let before = resident();
    let getter = move |_: Key| async move { Ok::<_, Infallible>(vec![7; plan.value]) };
    let build = async { node.group("versus", plan.budget, getter).build() };
    let group = runtime.block_on(build).map_err(io::Error::other)?;
    let load = |numbers: Range<u64>| {
        let middle = numbers.start.midpoint(numbers.end);
        let halves = [numbers.start..middle, middle..numbers.end]
            .map(|half| runtime.spawn(load(group.clone(), half)));
        for half in halves {
            runtime.block_on(half).expect("a task that does not panic");
        }
    };
    // What the group charges shows with the first few.
    load(0..1000);
    let stats = group.stats();
    let charge = (stats.bytes / stats.entries.max(1)) as usize;
    plan.measure(before, charge, load, || group.stats().entries as usize);
    Ok(())
}

async fn load(group: Group, numbers: Range<u64>) {
    for n in numbers {
        let value = group.get(Request::new(n).key()).await;
        drop(value.expect("the getter has one"));
    }
}

//! A group with a disk below its memory, beside memory alone and foyer's hybrid cache: 64 MiB of memory and 1 GiB of disk under a
//! load over 2 GiB.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use foyer::{
    BlockEngineConfig, DeviceBuilder as _, FsDeviceBuilder, HybridCache, HybridCacheBuilder,
};
use groupcache::{DiskOptions, DiskState, Group, Key, Node};
use tokio::runtime::Runtime;

use crate::harness::{Report, median};
use crate::zipf::{Rng, Zipf};

const MEMORY: usize = 64 << 20;
const DISK: usize = 1 << 30;

/// How many requests are under way at a time.
const AT_ONCE: usize = 8;

/// The values of the load: from 1 KiB to 1 MiB, as many of each doubling, 2 GiB in all.
struct Load {
    keys: u64,
    bytes: Bytes,
}

impl Load {
    fn of(total: usize) -> Arc<Self> {
        let (mut keys, mut sum) = (0, 0);
        while sum < total {
            sum += size(keys);
            keys += 1;
        }
        let bytes = (0..1_u32 << 18).flat_map(|n| n.wrapping_mul(0x9e37_79b9).to_le_bytes());
        let bytes = bytes.collect();
        Arc::new(Self { keys, bytes })
    }

    /// A value of its own: as one that has come from a database.
    fn value(&self, key: u64) -> Vec<u8> {
        let mut value = self.bytes[..size(key)].to_vec();
        value[..8].copy_from_slice(&key.to_le_bytes());
        value
    }
}

fn mixed(n: u64) -> u64 {
    let mixed = (n ^ (n >> 31)).wrapping_mul(0x7fb5_d329_728e_a185);
    (mixed ^ (mixed >> 27)).wrapping_mul(0x81da_def4_bc2d_d44d) ^ n
}

fn size(key: u64) -> usize {
    let fraction = (mixed(key + 1) >> 11) as f64 / (1_u64 << 53) as f64;
    (1024.0 * 1024_f64.powf(fraction)) as usize
}

/// What is compared.
#[derive(Clone)]
enum Subject {
    Group(Group),
    Foyer(HybridCache<u64, Vec<u8>>),
}

impl Subject {
    /// Gets a key. Returns whether it was loaded.
    async fn get(&self, load: &Arc<Load>, key: u64) -> bool {
        match self {
            Self::Group(group) => {
                let value = group.get(key.to_be_bytes()).await.expect("a value");
                assert_eq!(value[..8], key.to_le_bytes());
                false
            }
            Self::Foyer(cache) => {
                let from = Arc::clone(load);
                let fetch = async move || Ok::<_, anyhow::Error>(from.value(key));
                let entry = cache.get_or_fetch(&key, fetch).await.expect("a value");
                assert_eq!(entry.value()[..8], key.to_le_bytes());
                entry.source() == foyer::Source::Outer
            }
        }
    }
}

/// What one round of requests has shown.
#[derive(Default)]
struct Seen {
    hits: f64,
    rps: f64,
    p50: f64,
    p99: f64,
}

async fn round(subject: &Subject, load: &Arc<Load>, requests: &[u64]) -> Seen {
    let loads = |subject: &Subject| match subject {
        Subject::Group(group) => group.stats().getter_calls,
        Subject::Foyer(_) => 0,
    };
    let (before, begun) = (loads(subject), Instant::now());
    let tasks: Vec<_> = requests
        .chunks(requests.len().div_ceil(AT_ONCE))
        .map(|requests| {
            let (subject, load, requests) = (subject.clone(), Arc::clone(load), requests.to_vec());
            tokio::spawn(async move {
                let (mut times, mut loaded) = (Vec::with_capacity(requests.len()), 0);
                for key in requests {
                    let begun = Instant::now();
                    loaded += u64::from(subject.get(&load, key).await);
                    times.push(begun.elapsed());
                }
                (times, loaded)
            })
        })
        .collect();
    let (mut times, mut loaded) = (Vec::new(), 0);
    for task in tasks {
        let (of_task, loaded_of_task) = task.await.expect("a task");
        times.extend(of_task);
        loaded += loaded_of_task;
    }
    let took = begun.elapsed().as_secs_f64();
    loaded += loads(subject) - before;
    times.sort();
    let at = |part: f64| times[(times.len() as f64 * part) as usize].as_secs_f64() * 1e6;
    Seen {
        hits: 100.0 - loaded as f64 * 100.0 / times.len() as f64,
        rps: times.len() as f64 / took,
        p50: at(0.5),
        p99: at(0.99),
    }
}

async fn group(node: &Node, name: &str, load: &Arc<Load>, disk: Option<DiskOptions>) -> Subject {
    let load = Arc::clone(load);
    let getter = move |key: Key| {
        let key = u64::from_be_bytes((*key).try_into().expect("eight bytes"));
        let value = load.value(key);
        async move { Ok::<_, Infallible>(value) }
    };
    let builder = node.group(name, MEMORY, getter);
    let group = match disk {
        Some(disk) => builder.disk(disk).build(),
        None => builder.build(),
    };
    let group = group.expect("a group");
    while group
        .disk()
        .is_some_and(|disk| disk.state == DiskState::Opening)
    {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Subject::Group(group)
}

async fn foyer(folder: &std::path::Path) -> anyhow::Result<Subject> {
    let device = FsDeviceBuilder::new(folder).with_capacity(DISK).build()?;
    let cache = HybridCacheBuilder::new()
        .memory(MEMORY)
        .with_weighter(|_: &u64, value: &Vec<u8>| value.len() + 64)
        .storage()
        .with_engine_config(BlockEngineConfig::new(device))
        .build()
        .await?;
    Ok(Subject::Foyer(cache))
}

pub(crate) fn run(report: &mut Report, quick: bool) -> anyhow::Result<()> {
    let (rounds, requests) = if quick { (5, 20_000) } else { (9, 60_000) };
    let load = Load::of(2 << 30);
    report.section(format!(
        "A disk below memory: 64 MiB of memory, 1 GiB of disk, {} values of 1 KiB to 1 MiB, 2 GiB in all, Zipf 0.9. \
         {AT_ONCE} requests at a time, {requests} in a round, medians of {rounds} rounds after a warm-up. \
         hit_ratio in percent. A load is a copy of the value.",
        load.keys
    ));
    let runtime = Runtime::new()?;
    runtime.block_on(async {
        let folder = tempfile::tempdir()?;
        let node = Node::builder("http://127.0.0.1:1").start().await?;
        let disk = DiskOptions::new(folder.path().join("group"), DISK);
        let subjects = [
            (
                "group with disk",
                group(&node, "disk", &load, Some(disk)).await,
            ),
            ("group in memory", group(&node, "memory", &load, None).await),
            ("foyer hybrid", foyer(&folder.path().join("foyer")).await?),
        ];
        let (zipf, mut rng) = (Zipf::new(load.keys as u32, 0.9), Rng::new(7));
        // The most popular values are not the first ones, which would be of certain sizes.
        let mut draw =
            |count: usize| -> Vec<u64> { (0..count).map(|_| zipf.sample(&mut rng)).collect() };
        let warm_up = draw(4 * requests);
        for (_, subject) in &subjects {
            round(subject, &load, &warm_up).await;
        }
        let mut seen: Vec<Vec<Seen>> = subjects.iter().map(|_| Vec::new()).collect();
        for number in 0..rounds {
            let requests = draw(requests);
            for turn in 0..subjects.len() {
                let at = (turn + number) % subjects.len();
                seen[at].push(round(&subjects[at].1, &load, &requests).await);
            }
        }
        for ((name, _), rounds) in subjects.iter().zip(&seen) {
            let of = |what: fn(&Seen) -> f64| median(rounds.iter().map(what).collect());
            let case = "disk, Zipf 0.9 over 2 GiB";
            report.add(case, name, "hit_ratio", of(|seen| seen.hits));
            report.add(case, name, "rps", of(|seen| seen.rps));
            report.add(case, name, "p50_us", of(|seen| seen.p50));
            report.add(case, name, "p99_us", of(|seen| seen.p99));
        }
        node.shutdown().await;
        Ok(())
    })
}

//! Processes that are killed in the middle of their work, from seeds: what they leave on disk is never wrong, and never old.
//!
//! `GROUPCACHE_KILLS` says how many seeds, `GROUPCACHE_SEED` the first one.

use std::collections::HashMap;
use std::convert::Infallible;
use std::env;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use groupcache::{DiskOptions, DiskState, Group, Key, Node, Value};

use crate::common::lonely_node;
use crate::harm;
use crate::support::{key, number_of, opened};

const KEYS: u64 = 64;

/// Where the child has its disk.
const FOLDER: &str = "GROUPCACHE_DISK_OF_CHILD";

const CHILD: &str = "kill::the_process_that_is_killed";

/// The next number of a simple generator.
pub(crate) fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok()?.parse().ok()
}

/// The value of a key at a version: from 1 to 24 KiB that tell both.
fn value(at: u64, version: u64) -> Vec<u8> {
    let mut state = at << 32 | version;
    let len = 1024 + next(&mut state) % (23 << 10);
    let mut value = [at.to_le_bytes(), version.to_le_bytes()].concat();
    while value.len() < len as usize {
        value.extend_from_slice(&next(&mut state).to_le_bytes());
    }
    value
}

fn version(at: u64, found: &[u8]) -> u64 {
    let version = u64::from_le_bytes(found[8..16].try_into().unwrap());
    assert!(
        found == value(at, version),
        "a value that nobody wrote, of {at}"
    );
    version
}

/// A group over a database of versions.
async fn group(node: &Node, folder: &Path, database: &Arc<Vec<AtomicU64>>) -> Group {
    let database = Arc::clone(database);
    let getter = move |key: Key| {
        let at = number_of(&key);
        let version = database[at as usize].load(SeqCst);
        async move { Ok::<_, Infallible>(value(at, version)) }
    };
    let group = node.group("killed", 192 << 10, getter);
    let disk = DiskOptions::new(folder, 4 << 20);
    let group = group.disk(disk).build().unwrap();
    opened(&group).await;
    assert_eq!(group.disk().unwrap().state, DiskState::Open);
    group
}

/// Does nothing unless it is started by the test below. Then it works until it is killed, and says of each change when it
/// is in the database, and when the cache has been told.
#[test]
fn the_process_that_is_killed() {
    let Some(folder) = env::var_os(FOLDER) else {
        return;
    };
    let seed = number("GROUPCACHE_SEED").unwrap();
    let least: u64 = number("GROUPCACHE_VERSION").unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(work(PathBuf::from(folder), seed, least));
}

fn say(word: &str, at: u64, version: u64) {
    let line = format!("\n:{word} {at} {version}\n");
    // In one piece, and at once.
    std::io::stdout().write_all(line.as_bytes()).unwrap();
    std::io::stdout().flush().unwrap();
}

async fn work(folder: PathBuf, seed: u64, least: u64) {
    let database: Vec<_> = (0..KEYS).map(|_| AtomicU64::new(least)).collect();
    let database = Arc::new(database);
    let node = lonely_node().await;
    let group = group(&node, &folder, &database).await;
    for reader in 0..2 {
        let group = group.clone();
        let mut state = seed.wrapping_mul(31).wrapping_add(reader);
        tokio::spawn(async move {
            loop {
                let at = next(&mut state) % KEYS;
                let found = group.get(key(at)).await.unwrap();
                version(at, &found);
                tokio::task::yield_now().await;
            }
        });
    }
    let mut state = seed;
    loop {
        let at = next(&mut state) % KEYS;
        let version = database[at as usize].fetch_add(1, SeqCst) + 1;
        say("truth", at, version);
        match next(&mut state) % 100 {
            0 => {
                // What is cleared is old, whichever key it is of.
                let truth: Vec<_> = database.iter().map(|it| it.load(SeqCst)).collect();
                group.clear().await.unwrap();
                for (at, version) in (0..).zip(truth) {
                    say("told", at, version);
                }
            }
            1..40 => {
                let value = Value::from(value(at, version));
                group.set(key(at), value).await.unwrap();
                say("told", at, version);
            }
            _ => {
                group.remove(key(at)).await.unwrap();
                say("told", at, version);
            }
        }
        tokio::task::yield_now().await;
    }
}

/// What a process said before it was killed: the truth of each key, and what the cache had been told.
struct Said {
    truth: HashMap<u64, u64>,
    told: HashMap<u64, u64>,
}

/// Runs a process that works in the folder, and kills it after so many changes.
fn run_and_kill(folder: &Path, seed: u64, least: u64, changes: u64) -> Said {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", CHILD, "--nocapture"])
        .env(FOLDER, folder)
        .env("GROUPCACHE_SEED", seed.to_string())
        .env("GROUPCACHE_VERSION", least.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = Said {
        truth: HashMap::new(),
        told: HashMap::new(),
    };
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut count = 0;
    let mut take = |line: &str| {
        let mut words = line.strip_prefix(':')?.split(' ');
        let map = match words.next()? {
            "truth" => &mut said.truth,
            _ => &mut said.told,
        };
        let (at, version) = (words.next()?, words.next()?);
        map.insert(at.parse().ok()?, version.parse().ok()?);
        Some(())
    };
    while count < changes {
        let line = lines.next().expect("it works until it is killed").unwrap();
        count += u64::from(take(&line).is_some());
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // What it had said before.
    for line in lines.map_while(Result::ok) {
        take(&line);
    }
    said
}

/// Starts a group in the folder, and checks every value of it against what was said. Returns how many entries it has restored.
async fn check(folder: &Path, said: &Said, seed: u64) -> u64 {
    // Marks what does not come from disk.
    const LATER: u64 = 1 << 40;
    let database: Vec<_> = (0..KEYS).map(|_| AtomicU64::new(LATER)).collect();
    let node = lonely_node().await;
    let begun = Instant::now();
    let group = group(&node, folder, &Arc::new(database)).await;
    assert!(begun.elapsed() < Duration::from_secs(20), "seed {seed}");
    let report = group.disk().unwrap();
    for at in 0..KEYS {
        let found = group.get(key(at)).await.unwrap();
        let found = version(at, &found);
        let told = said.told.get(&at).copied().unwrap_or(0);
        let truth = said.truth.get(&at).copied().unwrap_or(0).max(told);
        assert!(
            found >= told,
            "seed {seed}: {found} of {at}, told of {told}"
        );
        assert!(found == LATER || found <= truth.max(1), "seed {seed}");
    }
    report.restored
}

fn run(are_harmed: bool, kills: u64) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let (mut restored, first) = (0, number("GROUPCACHE_SEED").unwrap_or(1));
    for seed in first..first + kills {
        let folder = tempfile::tempdir().unwrap();
        let mut state = seed ^ 0xa5a5;
        let changes = 50 + next(&mut state) % 2000;
        let mut said = run_and_kill(folder.path(), seed, 1, changes);
        if are_harmed {
            harm::harm(folder.path(), &mut state);
        } else if seed.is_multiple_of(3) {
            // Once more on what the first one left.
            let least = said.truth.values().copied().max().unwrap_or(1) + 1;
            let later = run_and_kill(folder.path(), seed + 1_000_000, least, changes);
            for (at, told) in later.told {
                said.told.insert(at, told);
            }
            said.truth = (0..KEYS).map(|at| (at, u64::MAX >> 24)).collect();
        }
        restored += runtime.block_on(check(folder.path(), &said, seed));
    }
    println!("{restored} entries were restored after {kills} kills, harmed: {are_harmed}");
    assert!(are_harmed || restored > 0);
}

/// How many seeds are among the tests.
const KILLS: u64 = 6;

#[test]
fn a_process_that_is_killed_leaves_no_wrong_and_no_removed_value() {
    run(false, number("GROUPCACHE_KILLS").unwrap_or(KILLS));
}

#[test]
fn files_that_were_cut_or_changed_after_a_kill_give_no_wrong_and_no_removed_value() {
    run(true, number("GROUPCACHE_KILLS").unwrap_or(KILLS));
}

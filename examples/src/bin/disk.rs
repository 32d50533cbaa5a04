//! A group with a disk below its memory: what one start has loaded, the next one reads from there.
//!
//! ```sh
//! cargo run -p groupcache-examples --bin disk                       # two starts in one run, in a folder that is gone afterwards
//! cargo run -p groupcache-examples --bin disk -- /tmp/my-disk       # one start; run it again, or kill it on the way
//! ```

use std::env;
use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use groupcache::{DiskOptions, DiskState, Key, Node};

const PICTURES: usize = 400;

/// What is worth caching: 16 KiB that take a while.
async fn render(key: Key) -> Result<String, std::str::Utf8Error> {
    tokio::time::sleep(Duration::from_millis(2)).await;
    Ok(format!("a picture of {}. ", key.to_str()?).repeat(600))
}

/// From the start of a process to its end.
async fn start(folder: &Path) -> Result<(), Box<dyn Error>> {
    let node = Node::builder("http://127.0.0.1:1").start().await?;
    // Memory has room for a tenth of the pictures, and the disk for all.
    let pictures = node
        .group("pictures", 1 << 20, render)
        .disk(DiskOptions::new(folder, 64 << 20))
        .build()?;
    let report = loop {
        let report = pictures.disk().ok_or("no disk")?;
        if report.state != DiskState::Opening {
            break report;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    };
    println!(
        "A start. {} entries are on disk, {} were dropped.",
        report.restored, report.dropped
    );
    for round in 1..=3 {
        let (before, begun) = (pictures.stats(), Instant::now());
        for n in 0..PICTURES {
            pictures.get(format!("picture {n}")).await?;
        }
        let stats = pictures.stats();
        println!(
            "  round {round}: {} of {PICTURES} rendered, {} from disk, {:.0} ms",
            stats.getter_calls - before.getter_calls,
            stats.disk_hits - before.disk_hits,
            begun.elapsed().as_secs_f64() * 1e3
        );
    }
    pictures.remove("picture 0").await?;
    println!("  picture 0 is removed, and does not come back");
    node.shutdown().await;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    if let Some(folder) = env::args_os().nth(1) {
        return start(Path::new(&folder)).await;
    }
    let folder = tempfile::tempdir()?;
    start(folder.path()).await?;
    start(folder.path()).await
}

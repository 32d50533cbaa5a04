//! `--measure`: fifty readers at random ranges of one large file, of three nodes and of nginx in turn.
//!
//! The nodes are a process of their own, so that what it takes is theirs. The readers, whose ranges follow from a seed, check
//! every byte.

mod content;
mod nginx;
mod nodes;
mod reader;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::BoxError;
use nginx::Nginx;
use nodes::Nodes;

const READERS: u64 = 50;
const ROUNDS: u64 = 3;
const ROUND: Duration = Duration::from_secs(10);

/// What the nodes are started with.
pub(super) struct Setting {
    /// Of the file.
    pub(super) bytes: u64,
    pub(super) cache_bytes: usize,
    pub(super) piece_bytes: usize,
    pub(super) read_ahead: usize,
}

pub(super) async fn run(setting: Setting) -> Result<(), BoxError> {
    let folder = tempfile::Builder::new()
        .prefix("groupcache-measure")
        .tempdir()?;
    let file = folder.path().join(content::NAME);
    let bytes = setting.bytes;
    println!("writing a file of {bytes} bytes ...");
    tokio::task::spawn_blocking(move || content::write(&file, bytes)).await??;

    let nodes = Nodes::start(folder.path(), &setting).await?;
    let nginx = Nginx::start(folder.path()).await?;
    let at_rest = nodes.memory("VmRSS")?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        ours.push(read(nodes.addresses(), bytes, round).await?);
        if let Some(nginx) = &nginx {
            theirs.push(read(&[nginx.address()], bytes, round).await?);
        }
    }
    let ours = median(ours);
    println!("three nodes: {ours:.0} MB/s");
    match nginx {
        Some(_) => {
            let theirs = median(theirs);
            println!(
                "nginx:       {theirs:.0} MB/s, of which the nodes have {:.2}",
                ours / theirs
            );
        }
        None => println!("nginx is not installed"),
    }

    let loads = nodes.loads().await?;
    println!("{loads}");
    let budget = 3 * setting.cache_bytes as u64;
    let piece = setting.piece_bytes as u64;
    // A piece on its way between two of these nodes is there twice.
    let readers = READERS * 2 * (setting.read_ahead as u64 + 2) * piece;
    let (now, most) = (nodes.memory("VmRSS")?, nodes.memory("VmHWM")?);
    let allowed = budget + budget * 15 / 100 + readers;
    println!(
        "memory: {at_rest} bytes at rest, {now} in the end, {most} at most; {allowed} are 1.15 of the budget of {budget} and \
         {readers} for {READERS} readers"
    );
    if most > allowed {
        return Err("the nodes take more memory than they may".into());
    }
    if loads.repeated() > 0 {
        return Err("pieces were loaded again while they were cached".into());
    }
    Ok(())
}

/// Megabytes a second of all readers.
async fn read(addresses: &[SocketAddr], bytes: u64, round: u64) -> Result<f64, BoxError> {
    let begun = Instant::now();
    let end = begun + ROUND;
    let mut readers = JoinSet::new();
    for number in 0..READERS {
        let address = addresses[number as usize % addresses.len()];
        readers.spawn(reader::read_until(
            end,
            address,
            bytes,
            round * READERS + number,
        ));
    }
    let mut read = 0;
    while let Some(count) = readers.join_next().await {
        read += count??;
    }
    Ok(read as f64 / 1e6 / begun.elapsed().as_secs_f64())
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or_default()
}

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Child;
use tokio::time::{Instant, sleep};

use crate::BoxError;
use crate::cluster::executable::Executable;
use crate::cluster::flooder::Count;
use crate::cluster::sample::Sample;

/// What each connection may make a node hold, as the library's defaults have it: two buffers as long as the longest head,
/// and the 64 KiB that are set aside for a body before it is there.
const OF_CONNECTION: u64 = 2 * LONGEST_HEAD + (64 << 10);

/// The most connections that a node accepts by default, and those for health checks.
const ACCEPTED: u64 = 10_000 + 64;

/// The bodies of all of them.
const BODIES: u64 = 256 << 20;

/// A key of 8 KiB, of which each byte may be escaped, and 16 KiB for the rest.
const LONGEST_HEAD: u64 = (3 * 8 + 16) << 10;

/// How long the node is watched after the flood.
const AFTERWARDS: Duration = Duration::from_secs(5);

/// Connections of one flooder, and from one address: fewer than a process has descriptors for, and an address ports.
const PER_FLOODER: u32 = 12_500;

/// Many connections to one node.
pub(super) struct Flood {
    /// The flooded node.
    process: u32,
    before: Sample,
    flooders: Vec<Child>,
}

/// What came of a flood.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flooded {
    pub(super) count: Count,
    /// Bytes of the node's memory before the flood, at most while it lasted, and after it.
    pub(super) memory: [u64; 3],
}

impl Flooded {
    /// How much more memory the connections may have made the node hold. At most so many were open as flooders have seen, each
    /// at its own moment.
    pub(super) fn bound(&self) -> u64 {
        BODIES + ACCEPTED.min(self.count.most_open) * OF_CONNECTION
    }

    /// How much more memory the node held.
    pub(super) fn growth(&self) -> u64 {
        let [before, most, _] = self.memory;
        most.saturating_sub(before)
    }
}

impl Flood {
    /// Floods the node at `target`, which is `process`.
    pub(super) fn start(target: SocketAddr, process: u32, wanted: u32) -> Result<Self, BoxError> {
        let before = Sample::of(process)?;
        let mut flooders = Vec::new();
        for number in 0..wanted.div_ceil(PER_FLOODER) {
            let connections = (wanted - number * PER_FLOODER).min(PER_FLOODER);
            let flooder = Executable::of("flooder")?
                .command()
                .arg(format!("--target={target}"))
                .arg(format!("--from={}", source(target, number)))
                .arg(format!("--connections={connections}"))
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .kill_on_drop(true)
                .spawn()?;
            flooders.push(flooder);
        }
        Ok(Self {
            process,
            before,
            flooders,
        })
    }

    /// Watches the node for a while, ends the flood, and watches it for a few seconds more.
    pub(super) async fn watch(self, time: Duration) -> Result<Flooded, BoxError> {
        let mut memory = vec![self.before.resident];
        watch(self.process, time, &mut memory).await?;
        let mut sum = Count::default();
        for flooder in self.flooders {
            // This ends its stdin.
            let output = flooder.wait_with_output().await?;
            let count: Count = serde_json::from_slice(&output.stdout)?;
            sum.tried += count.tried;
            sum.opened += count.opened;
            sum.most_open += count.most_open;
        }
        // Connections that had waited to be accepted come last.
        watch(self.process, AFTERWARDS, &mut memory).await?;
        let most = memory.iter().copied().max().unwrap_or(0);
        let after = Sample::of(self.process)?.resident;
        Ok(Flooded {
            count: sum,
            memory: [self.before.resident, most, after],
        })
    }
}

/// Notes the memory of a process now and then.
async fn watch(process: u32, time: Duration, memory: &mut Vec<u64>) -> Result<(), BoxError> {
    let begin = Instant::now();
    while begin.elapsed() < time {
        memory.push(Sample::of(process)?.resident);
        sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

/// The address of the nth flooder. Connections to the machine itself may come from any of its many addresses.
fn source(target: SocketAddr, number: u32) -> IpAddr {
    let ip = match target.ip() {
        IpAddr::V4(ip) if ip.is_loopback() => {
            Ipv4Addr::from_bits(Ipv4Addr::LOCALHOST.to_bits().saturating_add(1 + number))
        }
        _ => Ipv4Addr::UNSPECIFIED,
    };
    ip.into()
}

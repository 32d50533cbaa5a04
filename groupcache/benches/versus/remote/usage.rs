//! What the system knows of a process: its processor time, its memory, its connections.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use crate::harness::resident_of;
use crate::process::Process;

/// The processor time that the living threads of a process have used; `None` where there is no `/proc`. To the nanosecond,
/// unlike `/proc/PID/stat`, which counts in hundredths of a second.
pub(super) fn processor_time(process: &Process) -> Option<Duration> {
    let threads = fs::read_dir(format!("/proc/{}/task", process.id())).ok()?;
    let mut nanos = 0;
    for thread in threads.flatten() {
        // A thread may have ended meanwhile.
        let Ok(statistics) = fs::read_to_string(thread.path().join("schedstat")) else {
            continue;
        };
        nanos += statistics.split(' ').next()?.parse::<u64>().ok()?;
    }
    Some(Duration::from_nanos(nanos))
}

/// The resident bytes of a process.
pub(super) fn resident(process: &Process) -> Option<u64> {
    resident_of(&process.id().to_string())
}

/// The established connections that a server has accepted at this address.
pub(super) fn connections(server: SocketAddr) -> Option<usize> {
    const ESTABLISHED: &str = "01";
    let table = fs::read_to_string("/proc/net/tcp").ok()?;
    let port = format!(":{:04X}", server.port());
    let accepted = |line: &&str| {
        let mut columns = line.split_whitespace().skip(1);
        columns.next().is_some_and(|local| local.ends_with(&port))
            && columns.nth(1) == Some(ESTABLISHED)
    };
    Some(table.lines().filter(accepted).count())
}

//! What many requests in flight take up.

use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow};

use super::contest::{answer, timing};
use super::load::Load;
use super::subject::Sides;
use super::usage::{connections, resident};

/// How long to ask.
const TIME: Duration = Duration::from_millis(500);

/// The connections and the resident bytes.
pub(super) struct Count {
    pub(super) connections: usize,
    idle: Memory,
    busy: Memory,
}

/// The resident bytes of both sides.
struct Memory {
    client: u64,
    server: u64,
}

/// Counts while the client asks.
pub(super) fn count(sides: &mut Sides, load: Load) -> Result<Count> {
    // Finds keys, and does nothing else.
    timing(&mut sides.client, load.lasting(Duration::ZERO))?;
    let idle = Memory::of(sides)?;
    sides.client.tell(&load.lasting(TIME).to_string())?;
    thread::sleep(TIME / 2);
    let unreadable = || anyhow!("there is no /proc/net/tcp to read");
    let connections = connections(sides.address).ok_or_else(unreadable)?;
    let busy = Memory::of(sides)?;
    answer(&mut sides.client)?;
    Ok(Count {
        connections,
        idle,
        busy,
    })
}

impl Memory {
    fn of(sides: &Sides) -> Result<Self> {
        let unreadable = || anyhow!("there is no /proc/PID/status to read");
        Ok(Self {
            client: resident(&sides.client).ok_or_else(unreadable)?,
            server: resident(&sides.server).ok_or_else(unreadable)?,
        })
    }
}

impl Count {
    pub(super) fn figures(&self) -> [(&'static str, f64); 5] {
        [
            ("connections", self.connections as f64),
            ("client_rss_idle", self.idle.client as f64),
            ("client_rss_busy", self.busy.client as f64),
            ("server_rss_idle", self.idle.server as f64),
            ("server_rss_busy", self.busy.server as f64),
        ]
    }
}

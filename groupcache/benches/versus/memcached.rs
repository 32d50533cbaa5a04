//! What memcached takes up of the memory for the same items: a server of its own, filled over one connection.

use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::net::TcpStream;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::harness::{Plan, Request, resident_of};
use crate::remote;

pub(crate) const NAME: &str = "memcached";

/// The server, with room for all items.
fn server(port: u16) -> Command {
    let mut command = remote::memcached(port);
    command.args(["-m", "4096"]);
    command
}

/// In a child: stores items whose keys and values are as long as the budget, and prints how many these are, and by how much the
/// server has grown.
pub(crate) fn task(plan: Plan) -> Result<()> {
    let (server, address) = remote::listening(server)?;
    let resident = || resident_of(&server.id().to_string());
    let before = resident();
    let stream = TcpStream::connect(address)?;
    let mut requests = BufWriter::with_capacity(64 << 10, &stream);
    let value = vec![b'7'; plan.value];
    let entries = plan.budget / plan.payload();
    for n in 0..entries as u64 {
        requests.write_all(b"set ")?;
        requests.write_all(Request::new(n).key())?;
        write!(requests, " 0 0 {} noreply\r\n", value.len())?;
        requests.write_all(&value)?;
        requests.write_all(b"\r\n")?;
    }
    // Is answered when all items are stored.
    requests.write_all(b"version\r\n")?;
    requests.flush()?;
    let mut answer = String::new();
    BufReader::new(&stream).read_line(&mut answer)?;
    ensure!(answer.starts_with("VERSION"), "memcached says {answer:?}");
    let filled = match (before, resident()) {
        (Some(before), Some(now)) => now.saturating_sub(before) as f64,
        _ => f64::NAN,
    };
    println!("{entries} {filled} {}", f64::NAN);
    Ok(())
}

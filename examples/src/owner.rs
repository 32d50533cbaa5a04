//! The owner of a key: reads keys, one a line, and prints the owner of each.

use std::io::{self, BufRead, BufWriter, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Parser;
use consistenthash::Ring;
use peers::{Member, Protocol};

use crate::BoxError;

/// Prints the owner of every key that is read from stdin, one a line.
#[derive(Debug, Parser)]
#[command(name = "owner", version)]
pub struct Options {
    /// Whose ring: the name of a protocol.
    #[arg(long, value_name = "P", default_value_t)]
    protocol: Protocol,
    /// Points of each member on the ring [default: as the protocol has it].
    #[arg(long, value_name = "N")]
    replicas: Option<u32>,
    /// All members, as URL or ID=URL; a text without `://` counts as an id.
    #[arg(long, value_name = "URL,URL", value_delimiter = ',', required = true)]
    members: Vec<String>,
    /// Keys are in base64, so that they can be any bytes [default: plain text].
    #[arg(long)]
    base64: bool,
}

/// Answers line by line until stdin ends. The answer is the owner's id.
///
/// # Errors
///
/// When the members make no ring, or a line is not base64.
pub async fn run(options: Options) -> Result<(), BoxError> {
    let mut scheme = options.protocol.scheme();
    if let Some(replicas) = options.replicas {
        scheme = scheme.replicas(replicas);
    }
    let ids = options
        .members
        .into_iter()
        .map(id)
        .collect::<Result<Vec<_>, _>>()?;
    let ring = Ring::new(scheme, ids)?;
    let mut stdout = BufWriter::new(io::stdout().lock());
    for (number, line) in (1..).zip(io::stdin().lock().split(b'\n')) {
        let mut key = line?;
        if key.ends_with(b"\r") {
            key.pop();
        }
        if options.base64 {
            key = STANDARD
                .decode(key.trim_ascii_end())
                .map_err(|error| format!("line {number} is not base64: {error}"))?;
        }
        writeln!(stdout, "{}", ring.owner(&key))?;
    }
    Ok(stdout.flush()?)
}

fn id(member: String) -> Result<String, peers::Error> {
    if member.contains("://") {
        Ok(member.parse::<Member>()?.id().to_owned())
    } else {
        Ok(member)
    }
}

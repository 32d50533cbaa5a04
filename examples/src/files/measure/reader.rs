use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::content;
use crate::zipf::Random;

/// Ranges have up to so many bytes.
const LONGEST: u64 = 8 << 20;

/// Reads ranges over one connection, checks them, and counts their bytes.
pub(super) async fn read_until(
    end: Instant,
    address: SocketAddr,
    len: u64,
    seed: u64,
) -> anyhow::Result<u64> {
    let mut connection = BufReader::with_capacity(256 << 10, TcpStream::connect(address).await?);
    let mut random = Random::new(seed);
    let mut read = 0;
    while Instant::now() < end {
        let start = random.next() % len;
        let last = (start + random.next() % LONGEST).min(len - 1);
        let request = format!(
            "GET /files/{} HTTP/1.1\r\nhost: nodes\r\nrange: bytes={start}-{last}\r\n\r\n",
            content::NAME
        );
        connection.write_all(request.as_bytes()).await?;
        let range = format!("content-range: bytes {start}-{last}/{len}");
        check_head(&mut connection, &range).await?;
        let mut at = start;
        while at <= last {
            let bytes = connection.fill_buf().await?;
            ensure!(!bytes.is_empty(), "the answer ends early");
            let count = bytes.len().min(usize::try_from(last + 1 - at)?);
            ensure!(
                content::is_right(&bytes[..count], at),
                "a wrong byte after {at}"
            );
            connection.consume(count);
            at += count as u64;
        }
        read += last + 1 - start;
    }
    // What the server may have to say yet is nobody's.
    connection.shutdown().await?;
    let mut rest = Vec::new();
    connection.take(1).read_to_end(&mut rest).await?;
    ensure!(rest.is_empty(), "the answer is too long");
    Ok(read)
}

async fn check_head(connection: &mut BufReader<TcpStream>, range: &str) -> anyhow::Result<()> {
    let (mut head, mut line) = (String::new(), String::new());
    loop {
        line.clear();
        let count = connection.read_line(&mut line).await.context("no head")?;
        ensure!(count > 0, "the connection ends");
        if line == "\r\n" {
            break;
        }
        head.push_str(&line.to_ascii_lowercase());
    }
    ensure!(
        head.starts_with("http/1.1 206") && head.contains(range),
        "not the range: {head}"
    );
    Ok(())
}

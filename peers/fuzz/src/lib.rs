//! What the fuzz targets do with an input. They use what users use: the public API, on connections
//! that are in memory.
//!
//! A target of a protocol takes an input that begins with `HTTP/` for the bytes of an answer, which
//! a client then reads, and any other for the bytes of a client, which a server then serves. Each
//! checks that nothing panics, that nothing outgrows the limits that were set, and that the memory
//! that is taken meanwhile stays within a bound that follows from them.

mod allocations;
mod connection;
mod exchange;
mod grpc;
mod member;
mod node;
mod path;

use std::future::Future;
use std::time::Duration;

use peers::{HttpOptions, Protocol};

pub use allocations::peak;
pub use member::member;
pub use path::path;

/// A target, by its name.
pub type Target = (&'static str, fn(&[u8]));

/// All that need no more than this crate.
pub const TARGETS: [Target; 10] = [
    ("golang", golang),
    ("mailgun", mailgun),
    ("groupcache_go", groupcache_go),
    ("ipronko", ipronko),
    ("galaxycache", galaxycache),
    ("galaxycache_grpc", galaxycache_grpc),
    ("native", native),
    ("native_stream", native_stream),
    ("path", path),
    ("member", member),
];

pub fn golang(input: &[u8]) {
    exchange::exchange(Protocol::Golang, input);
}

pub fn mailgun(input: &[u8]) {
    exchange::exchange(Protocol::Mailgun, input);
}

pub fn groupcache_go(input: &[u8]) {
    exchange::exchange(Protocol::GroupcacheGo, input);
}

pub fn ipronko(input: &[u8]) {
    exchange::exchange(Protocol::Ipronko, input);
}

pub fn galaxycache(input: &[u8]) {
    exchange::exchange(Protocol::Galaxycache, input);
}

pub fn galaxycache_grpc(input: &[u8]) {
    grpc::exchange(input);
}

pub fn native(input: &[u8]) {
    exchange::exchange(Protocol::Native, input);
}

pub fn native_stream(input: &[u8]) {
    exchange::stream(input);
}

const MAX_KEY_BYTES: usize = 256;
const MAX_VALUE_BYTES: usize = 16 << 10;

/// Small limits, which small inputs can exceed.
fn options() -> HttpOptions {
    HttpOptions::default()
        .max_key_bytes(MAX_KEY_BYTES)
        .max_value_bytes(MAX_VALUE_BYTES)
        .multiplexing(false)
}

/// What an exchange may take, whatever comes: the buffers of both ends of a connection, and a body at
/// its limit with the copy that is made of it.
const BASE_BYTES: usize = 512 << 10;
/// What it may take for each byte that really came: the longest list of the shortest keys is kept in
/// so much.
const BYTES_PER_BYTE: usize = 64;

/// Runs an exchange, in which time passes as soon as everyone waits for it.
fn run(input: &[u8], exchange: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O");
    let limit = BASE_BYTES + BYTES_PER_BYTE * input.len();
    let peak = peak(|| {
        let patience = Duration::from_secs(24 * 3600);
        let ended = runtime.block_on(async { tokio::time::timeout(patience, exchange).await });
        ended.expect("an exchange ends by itself");
    });
    assert!(peak <= limit, "{peak} bytes for {} of input", input.len());
}

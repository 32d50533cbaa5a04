use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser};

use crate::node_options::NodeOptions;

/// A web service with users, products and configuration over SQLite, cached by all its nodes together.
///
/// Every flag can be set by the environment variable that is named beside it. A flag counts more.
#[derive(Debug, Parser)]
#[command(name = "service", version)]
pub struct Options {
    /// Address to listen on, for users and for peers; port 0 takes a free one.
    #[arg(
        long,
        env = "SERVICE_LISTEN",
        value_name = "ADDR",
        default_value = "127.0.0.1:8001"
    )]
    pub(super) listen: String,
    #[command(flatten)]
    pub(super) node: NodeOptions,
    /// File of the database; it is made if it is not there.
    #[arg(
        long,
        env = "SERVICE_DATABASE",
        value_name = "FILE",
        default_value = "service.sqlite"
    )]
    pub(super) database: PathBuf,
    /// Connections to the database.
    #[arg(long, env = "SERVICE_CONNECTIONS", value_name = "N", default_value_t = 4,
        value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(super) connections: u16,
    #[command(flatten)]
    pub(super) cache: CacheOptions,
    /// Milliseconds in which the service still answers after it was told to stop, so that load balancers and
    /// peers have the time to notice.
    #[arg(long, env = "SERVICE_DRAIN_MS", value_name = "MS", default_value = "0", value_parser = milliseconds)]
    pub(super) drain: Duration,
    /// Milliseconds that the requests under way may take after that.
    #[arg(long, env = "SERVICE_FINISH_MS", value_name = "MS", default_value = "20000", value_parser = milliseconds)]
    pub(super) finish: Duration,
    /// Stop at the end of stdin.
    #[arg(long, hide = true)]
    pub(super) until_eof: bool,
}

/// The settings that all groups have.
#[derive(Clone, Debug, Args)]
pub(super) struct CacheOptions {
    /// Bytes that each of the three groups may take.
    #[arg(long, env = "SERVICE_CACHE_BYTES", value_name = "N", default_value_t = 32 << 20)]
    pub(super) cache_bytes: usize,
    /// Milliseconds that a value stays fresh.
    #[arg(long, env = "SERVICE_TTL_MS", value_name = "MS", default_value = "60000", value_parser = milliseconds)]
    pub(super) ttl: Duration,
    /// Milliseconds that a value past its freshness is still answered, while it is read again or the database fails.
    #[arg(long, env = "SERVICE_STALE_MS", value_name = "MS", default_value = "3600000", value_parser = milliseconds)]
    pub(super) stale: Duration,
    /// Milliseconds that a read of the database may take.
    #[arg(long, env = "SERVICE_LOAD_MS", value_name = "MS", default_value = "5000", value_parser = milliseconds)]
    pub(super) load: Duration,
}

fn milliseconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_millis)
}

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::access::Guard;
use crate::http::addressee::check_label;
use crate::http::client::{Connector, Destination, TcpConnector};
use crate::http::server::{Hook, Page};
use crate::http::{HEALTH, MAX_LIST_BYTES};
use crate::limits::check_time;
use crate::{Error, WallClock};

/// Limits and time-outs of clients and servers that speak HTTP.
///
/// Every wait and every size has a bound; the defaults suit a cluster in one data centre. The
/// transport, the service and the server each take the options that concern them.
///
/// ```
/// use std::time::Duration;
/// use peers::HttpOptions;
///
/// let options = HttpOptions::default()
///     .request_timeout(Duration::from_secs(2))
///     .max_value_bytes(1 << 20);
/// assert!(options.validate().is_ok());
/// assert!(options.base_path("no-slashes").validate().is_err());
/// ```
#[derive(Clone, Debug)]
pub struct HttpOptions {
    pub(crate) base_path: String,
    pub(crate) cluster: Option<String>,
    pub(crate) wall_clock: WallClock,
    pub(crate) max_key_bytes: usize,
    pub(crate) max_value_bytes: usize,
    pub(crate) max_body_bytes_in_flight: usize,
    pub(crate) max_frame_bytes: u32,
    pub(crate) stream_window_bytes: u32,
    pub(crate) connection_window_bytes: u32,

    pub(crate) connector: Arc<dyn Connector>,
    pub(crate) connect_timeout: Duration,
    pub(crate) request_timeout: Duration,
    pub(crate) client_idle_timeout: Duration,
    pub(crate) max_connections_per_peer: usize,
    pub(crate) reserved_connections_per_peer: usize,
    pub(crate) acquire_timeout: Duration,
    pub(crate) multiplexing: bool,
    pub(crate) max_calls_per_connection: usize,
    pub(crate) upgrade_pause: Duration,

    pub(crate) head_timeout: Duration,
    pub(crate) body_timeout: Duration,
    pub(crate) server_idle_timeout: Duration,
    pub(crate) write_timeout: Duration,
    pub(crate) drain_timeout: Duration,
    pub(crate) max_connections: usize,
    pub(crate) backlog: u32,
    pub(crate) max_requests: usize,
    pub(crate) request_queue_timeout: Duration,
    pub(crate) max_streams_per_connection: u32,
    pub(crate) on_request: Option<Hook>,
    pub(crate) pages: Vec<Page>,
    pub(crate) max_page_streams: usize,

    /// Who may talk. The client sends the first of its tokens.
    pub(crate) guard: Guard,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            base_path: "/_groupcache/".into(),
            cluster: None,
            wall_clock: WallClock::default(),
            max_key_bytes: 8 << 10,
            max_value_bytes: 64 << 20,
            max_body_bytes_in_flight: 256 << 20,
            max_frame_bytes: MIN_FRAME,
            stream_window_bytes: 1 << 20,
            connection_window_bytes: 2 << 20,

            connector: Arc::new(TcpConnector),
            connect_timeout: Duration::from_secs(1),
            request_timeout: Duration::from_secs(30),
            client_idle_timeout: Duration::from_secs(60),
            max_connections_per_peer: 256,
            reserved_connections_per_peer: 32,
            acquire_timeout: Duration::from_secs(30),
            multiplexing: true,
            max_calls_per_connection: 16 << 10,
            upgrade_pause: Duration::from_secs(60),

            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            server_idle_timeout: Duration::from_secs(120),
            write_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(10),
            max_connections: 10_000,
            backlog: 4096,
            max_requests: 10_000,
            request_queue_timeout: Duration::from_millis(500),
            max_streams_per_connection: 256,
            on_request: None,
            pages: Vec::new(),
            max_page_streams: 64,

            guard: Guard::default(),
        }
    }
}

/// The smallest and the largest [`max_frame_bytes`](HttpOptions::max_frame_bytes) of RFC 9113.
const MIN_FRAME: u32 = 1 << 14;
const MAX_FRAME: u32 = (1 << 24) - 1;

/// The smallest window, which is what every connection begins with, and the largest of RFC 9113.
const MIN_WINDOW: u32 = (1 << 16) - 1;
const MAX_WINDOW: u32 = (1 << 31) - 1;

/// The watchdog looks four times per time-out, and a timer has steps of a millisecond. In milliseconds.
const SHORTEST: u64 = 4;

/// Room that a message needs beside the value in it.
const FRAMING: usize = 64;

/// Room that a request needs beside its key: request line, group and headers.
const HEAD_BESIDE_KEY: usize = 16 << 10;

/// The longest base path. With the longest key and the longest group that is served, a request
/// target stays below the 64 KiB that an [`http::Uri`] holds.
const MAX_BASE_PATH: usize = 1 << 10;

/// The most calls on a connection.
const MAX_CALLS: usize = 1 << 20;

/// The longest [`max_key_bytes`](HttpOptions::max_key_bytes).
const MAX_KEY_BYTES: usize = 16 << 10;

impl HttpOptions {
    /// The label of the [`cluster`](Self::cluster), if it has one.
    pub fn cluster_label(&self) -> Option<&str> {
        self.cluster.as_deref()
    }

    /// Checks every option. Everything that takes options calls this.
    ///
    /// # Errors
    ///
    /// [`Error::is_configuration`], naming the option and its limits.
    pub fn validate(&self) -> Result<(), Error> {
        check_base_path(&self.base_path)?;
        self.cluster.as_deref().map_or(Ok(()), check_label)?;
        self.guard.validate()?;
        for (name, timeout) in [
            ("connect_timeout", self.connect_timeout),
            ("request_timeout", self.request_timeout),
            ("acquire_timeout", self.acquire_timeout),
            ("client_idle_timeout", self.client_idle_timeout),
            ("upgrade_pause", self.upgrade_pause),
            ("head_timeout", self.head_timeout),
            ("body_timeout", self.body_timeout),
            ("server_idle_timeout", self.server_idle_timeout),
            ("write_timeout", self.write_timeout),
        ] {
            check_time(name, timeout, SHORTEST)?;
        }
        check_time("drain_timeout", self.drain_timeout, 0)?;
        check_time("request_queue_timeout", self.request_queue_timeout, 0)?;
        self.check_pages()?;
        for (name, number, most) in [
            (
                "max_connections_per_peer",
                self.max_connections_per_peer,
                Semaphore::MAX_PERMITS,
            ),
            (
                "reserved_connections_per_peer",
                self.reserved_connections_per_peer,
                Semaphore::MAX_PERMITS,
            ),
            (
                "max_connections",
                self.max_connections,
                Semaphore::MAX_PERMITS,
            ),
            ("max_requests", self.max_requests, Semaphore::MAX_PERMITS),
            (
                "max_page_streams",
                self.max_page_streams,
                Semaphore::MAX_PERMITS,
            ),
            (
                "max_calls_per_connection",
                self.max_calls_per_connection,
                MAX_CALLS,
            ),
            ("max_key_bytes", self.max_key_bytes, MAX_KEY_BYTES),
            (
                "max_value_bytes",
                self.max_value_bytes,
                isize::MAX as usize - FRAMING,
            ),
        ] {
            if !(1..=most).contains(&number) {
                return Err(Error::invalid_option(
                    name,
                    format!("it is from 1 to {most}"),
                ));
            }
        }
        let (value, in_flight) = (self.max_value_bytes, self.max_body_bytes_in_flight);
        if in_flight < self.max_body_bytes() {
            let reason = format!(
                "{in_flight} bytes do not hold one body with a value of max_value_bytes, {value}"
            );
            return Err(Error::invalid_option("max_body_bytes_in_flight", reason));
        }
        for (name, number, least, most) in [
            ("backlog", self.backlog, 1, i32::MAX as u32),
            (
                "max_streams_per_connection",
                self.max_streams_per_connection,
                1,
                u32::MAX,
            ),
            (
                "max_frame_bytes",
                self.max_frame_bytes,
                MIN_FRAME,
                MAX_FRAME,
            ),
            (
                "stream_window_bytes",
                self.stream_window_bytes,
                MIN_WINDOW,
                MAX_WINDOW,
            ),
            (
                "connection_window_bytes",
                self.connection_window_bytes,
                MIN_WINDOW,
                MAX_WINDOW,
            ),
        ] {
            if !(least..=most).contains(&number) {
                return Err(Error::invalid_option(
                    name,
                    format!("it is from {least} to {most}"),
                ));
            }
        }
        Ok(())
    }

    fn check_pages(&self) -> Result<(), Error> {
        let mut taken = vec![HEALTH, "/_galaxycache", "/_galaxycache_peek"];
        for page in &self.pages {
            page.validate(&taken)?;
            if page.has(&self.base_path) {
                let reason = format!("{} would hide the base path", page.path());
                return Err(Error::invalid_option("page", reason));
            }
            taken.push(page.path());
        }
        Ok(())
    }

    /// The page at a path.
    pub(crate) fn page_at(&self, path: &str) -> Option<&Page> {
        self.pages.iter().find(|page| page.has(path))
    }

    /// Refuses a member whose URL the connector cannot dial.
    pub(crate) fn check_dialable(&self, to: &Destination) -> Result<(), Error> {
        let scheme = to.url().scheme();
        if scheme.is_some_and(|scheme| self.connector.supports(scheme)) {
            return Ok(());
        }
        let reason = "the connector cannot dial this scheme";
        Err(Error::invalid_member(to.name(), reason))
    }

    /// The longest body of an answer, or of a PUT, that carries a value.
    pub(crate) fn max_body_bytes(&self) -> usize {
        self.max_value_bytes + FRAMING
    }

    /// The longest message of a stream: a value, its key and its group, or a list of keys or of changes.
    pub(crate) fn max_message_bytes(&self) -> usize {
        let value = self.max_body_bytes() + self.max_key_bytes + HEAD_BESIDE_KEY;
        value.max(MAX_LIST_BYTES)
    }

    /// The longest head of a request.
    pub(crate) fn max_head_bytes(&self) -> usize {
        3 * self.max_key_bytes + HEAD_BESIDE_KEY
    }
}

fn check_base_path(path: &str) -> Result<(), Error> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let reason = if !path.starts_with('/') || !path.ends_with('/') {
        "it begins and ends with a slash"
    } else if path.contains("//") {
        "it has no empty segment"
    } else if path
        .split('/')
        .any(|segment| segment == "." || segment == "..")
    {
        "it has no segment `.` or `..`"
    } else if !path.bytes().all(allowed) {
        "it is made of A-Z a-z 0-9 - . _ ~ and slashes"
    } else if path.len() > MAX_BASE_PATH {
        "it is at most 1024 bytes long"
    } else {
        return Ok(());
    };
    Err(Error::invalid_option(
        "base_path",
        format!("{reason}; given was {path:?}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(path: &str) -> Page {
        Page::new(path, |_| async { http::Response::default() })
    }

    #[test]
    fn the_defaults_are_valid() {
        HttpOptions::default().validate().unwrap();
    }

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        let options = HttpOptions::default;
        let long = format!("/{}/", "x".repeat(MAX_BASE_PATH));
        for (name, options) in [
            ("base_path", options().base_path("")),
            ("base_path", options().base_path("_groupcache/")),
            ("base_path", options().base_path("/_groupcache")),
            ("base_path", options().base_path("//")),
            ("base_path", options().base_path("/a/../b/")),
            ("base_path", options().base_path("/a b/")),
            ("base_path", options().base_path("/%61/")),
            ("base_path", options().base_path(long)),
            ("cluster", options().cluster("eu west")),
            ("connect_timeout", options().connect_timeout(Duration::ZERO)),
            ("request_timeout", options().request_timeout(Duration::ZERO)),
            (
                "client_idle_timeout",
                options().client_idle_timeout(Duration::ZERO),
            ),
            ("head_timeout", options().head_timeout(Duration::ZERO)),
            ("body_timeout", options().body_timeout(Duration::ZERO)),
            (
                "server_idle_timeout",
                options().server_idle_timeout(Duration::ZERO),
            ),
            (
                "write_timeout",
                options().write_timeout(Duration::from_millis(3)),
            ),
            (
                "max_connections_per_peer",
                options().max_connections_per_peer(0),
            ),
            (
                "reserved_connections_per_peer",
                options().reserved_connections_per_peer(0),
            ),
            ("max_connections", options().max_connections(usize::MAX)),
            ("max_requests", options().max_requests(0)),
            ("max_page_streams", options().max_page_streams(0)),
            ("page", options().page(page("metrics"))),
            ("page", options().page(page("/m")).page(page("/m"))),
            (
                "max_calls_per_connection",
                options().max_calls_per_connection(MAX_CALLS + 1),
            ),
            ("upgrade_pause", options().upgrade_pause(Duration::ZERO)),
            (
                "max_streams_per_connection",
                options().max_streams_per_connection(0),
            ),
            ("max_frame_bytes", options().max_frame_bytes(MIN_FRAME - 1)),
            ("max_frame_bytes", options().max_frame_bytes(MAX_FRAME + 1)),
            (
                "stream_window_bytes",
                options().stream_window_bytes(MIN_WINDOW - 1),
            ),
            (
                "connection_window_bytes",
                options().connection_window_bytes(MAX_WINDOW + 1),
            ),
            ("max_key_bytes", options().max_key_bytes(MAX_KEY_BYTES + 1)),
            ("max_value_bytes", options().max_value_bytes(usize::MAX)),
            (
                "max_body_bytes_in_flight",
                options().max_body_bytes_in_flight(64 << 20),
            ),
            ("backlog", options().backlog(0)),
            ("acquire_timeout", options().acquire_timeout(Duration::MAX)),
            ("drain_timeout", options().drain_timeout(Duration::MAX)),
        ] {
            let error = options.validate().unwrap_err();
            assert!(error.is_configuration());
            assert!(error.to_string().contains(name), "{name}: {error}");
        }
    }

    #[test]
    fn a_request_with_the_longest_key_and_base_path_fits_into_a_uri() {
        let target = MAX_BASE_PATH + 3 * MAX_KEY_BYTES;
        assert!(target + (HEAD_BESIDE_KEY - MAX_BASE_PATH) <= 64 << 10);
    }
}

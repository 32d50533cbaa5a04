use std::fmt;
use std::time::{Duration, Instant, SystemTime};

use groupcache::Member;
use groupcache::peers::Destination;
use http::header::{ACCEPT, AUTHORIZATION, CONNECTION, HOST};
use http::{HeaderValue, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::{Serialize, Serializer};
use tokio::time::timeout;

use super::access::{Access, AccessOptions};
use super::failure::{Failure, with_causes};
use super::plain::plain;
use super::report::Report;

/// Reads the reports of nodes.
#[derive(Debug)]
pub(super) struct Fetcher {
    access: Access,
    path: String,
    max_bytes: usize,
}

/// A report, and what the exchange tells of the node's clock.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) report: Report,
    /// `None` if the report does not tell the time.
    pub(super) clock: Option<Clock>,
}

/// A node's wall clock beside that of this machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Clock {
    /// How far the node's clock is ahead, in milliseconds.
    pub(super) ahead_ms: f64,
    /// How far off that may be: half of the time between question and answer, in milliseconds.
    pub(super) uncertainty_ms: f64,
}

/// Why there is no report.
#[derive(Clone, Debug, Serialize)]
pub(super) struct NoReport {
    pub(super) kind: NoReportKind,
    pub(super) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum NoReportKind {
    /// There was no connection, or no answer in time.
    Unreachable,
    /// The node asks for other credentials.
    Refused,
    /// Somebody answers, but with no report: it may be switched off, or the path be another.
    NoReport,
    /// The answer is none that the tool understands.
    Unreadable,
}

impl NoReportKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::NoReport => "no-report",
            Self::Unreadable => "unreadable",
        }
    }

    fn because(self, text: impl fmt::Display) -> NoReport {
        NoReport {
            kind: self,
            // It may repeat what the node has said.
            text: plain(&text.to_string()),
        }
    }
}

impl Serialize for NoReportKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl NoReport {
    /// Of something that a node takes for a member, and that cannot be asked.
    pub(super) fn of_nobody() -> Self {
        Unreachable.because("it is no member: its id is empty, or its URL is none")
    }
}

use NoReportKind::{NoReport as Absent, Refused, Unreachable, Unreadable};

impl Fetcher {
    pub(super) fn new(options: &AccessOptions) -> Result<Self, Failure> {
        if !options.report_path.starts_with('/') {
            return Err(Failure::Start(
                "--report-path begins with a slash".to_owned(),
            ));
        }
        Ok(Self {
            access: options.load()?,
            path: options.report_path.clone(),
            max_bytes: options.max_report_bytes,
        })
    }

    /// Asks a node for its report.
    pub(super) async fn fetch(&self, member: &Member) -> Result<Fetched, NoReport> {
        let limit = self.access.report_timeout;
        let exchange = timeout(limit, self.exchange(member));
        match exchange.await {
            Ok(outcome) => outcome,
            Err(_) => Err(Unreachable.because(format_args!("no answer within {limit:?}"))),
        }
    }

    async fn exchange(&self, member: &Member) -> Result<Fetched, NoReport> {
        let (request, to) = self.request(member)?;
        let connector = &self.access.connector;
        let scheme = to.url().scheme();
        if !scheme.is_some_and(|scheme| connector.supports(scheme)) {
            return Err(Unreachable.because(CANNOT_DIAL));
        }
        let limit = self.access.connect_timeout;
        let connected = timeout(limit, connector.dial(&to))
            .await
            .map_err(|_| Unreachable.because(format_args!("no connection within {limit:?}")))?
            .map_err(|error| Unreachable.because(with_causes(&error)))?;
        let failed = |error: hyper::Error| Unreachable.because(with_causes(&error));
        let (mut sender, connection) = http1::handshake(TokioIo::new(connected.into_io()))
            .await
            .map_err(failed)?;
        // It ends with the answer, or when the sender is dropped.
        let connection = tokio::spawn(connection);
        let asked = (SystemTime::now(), Instant::now());
        let response = sender.send_request(request).await.map_err(failed)?;
        // The answer's head, because the body of a large report takes its time.
        let took = asked.1.elapsed();
        let report = self.read(response).await;
        connection.abort();
        let report = report?;
        Ok(Fetched {
            clock: report.unix_ms.map(|ms| Clock::new(ms, asked.0, took)),
            report,
        })
    }

    fn request(&self, member: &Member) -> Result<(Request<Empty<Bytes>>, Destination), NoReport> {
        let to = Destination::new(member.clone(), false);
        let to = to.map_err(|error| Unreachable.because(error))?;
        let base = to.url().path().trim_end_matches('/');
        let target: Uri = format!("{base}{}", self.path)
            .parse()
            .map_err(|error| Unreachable.because(error))?;
        let host = to
            .url()
            .authority()
            .map_or("", |authority| authority.as_str());
        let mut request = Request::get(target)
            .header(HOST, host)
            .header(ACCEPT, "application/json")
            .header(CONNECTION, "close")
            .body(Empty::new())
            .map_err(|error| Unreachable.because(error))?;
        if let Some(token) = &self.access.authorization {
            request
                .headers_mut()
                .insert(AUTHORIZATION, HeaderValue::clone(token));
        }
        Ok((request, to))
    }

    async fn read(&self, response: http::Response<Incoming>) -> Result<Report, NoReport> {
        let (head, body) = response.into_parts();
        match head.status {
            StatusCode::OK => {}
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                return Err(Refused.because(format_args!("answered {status}")));
            }
            status => {
                let text = format_args!("answered {status} for {}", self.path);
                return Err(Absent.because(text));
            }
        }
        let body = Limited::new(body, self.max_bytes).collect().await;
        let body = body.map_err(|error| {
            if error.is::<LengthLimitError>() {
                let limit = self.max_bytes;
                Unreadable.because(format_args!(
                    "the report is longer than the limit of {limit} bytes"
                ))
            } else {
                Unreachable.because(with_causes(&*error))
            }
        })?;
        let unreadable =
            |error| Unreadable.because(format_args!("the answer is no report: {error}"));
        let report = Report::read(&body.to_bytes()).map_err(unreadable)?;
        if report.member.id.is_empty() || report.member.url.is_empty() {
            return Err(Unreadable.because("the answer is no report: it names no member"));
        }
        Ok(report)
    }
}

#[cfg(feature = "tls")]
const CANNOT_DIAL: &str = "a URL with https:// needs --tls-roots, --tls-cert and --tls-key, one with http:// none of them";
#[cfg(not(feature = "tls"))]
const CANNOT_DIAL: &str =
    "a URL with https:// needs the feature `tls`, which this build does not have";

impl Clock {
    /// The clock that showed `unix_ms` at some time between the question, at `asked`, and the answer, `took` later.
    fn new(unix_ms: u64, asked: SystemTime, took: Duration) -> Self {
        let asked = asked
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let half = took.as_secs_f64() * 500.0;
        Self {
            ahead_ms: unix_ms as f64 - (asked.as_secs_f64() * 1e3 + half),
            uncertainty_ms: half,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_compared_with_the_middle_of_the_exchange() {
        let asked = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        let clock = |unix_ms| Clock::new(unix_ms, asked, Duration::from_millis(80));
        assert_eq!(clock(1_000_040).ahead_ms, 0.0);
        assert_eq!(clock(1_005_040).ahead_ms, 5000.0);
        assert_eq!(clock(0).ahead_ms, -1_000_040.0);
        assert_eq!(clock(0).uncertainty_ms, 40.0);
    }
}

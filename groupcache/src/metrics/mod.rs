//! What a node's report says as metrics: the families with their names and labels, and the two ways out, the text of
//! OpenMetrics and the instruments of OpenTelemetry. Nothing is counted here.

mod families;
mod family;
mod measured_peers;
#[cfg(feature = "metrics")]
mod open_metrics;
#[cfg(feature = "otel")]
mod otel;
mod scrape;

#[cfg(feature = "metrics")]
pub(crate) use open_metrics::encode;
#[cfg(feature = "otel")]
pub(crate) use otel::{Source, observe};
pub(crate) use scrape::Scrape;

use std::fmt;

use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry;

use super::families::FAMILIES;
use super::family::{Family, Kind, Labels, Unit, Value};
use super::scrape::Scrape;

/// Writes all families, those without a metric too.
pub(crate) fn encode(scrape: &Scrape, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
    for family in FAMILIES {
        let name = format!("groupcache_{}", family.name);
        let unit = unit(family.unit());
        let mut metrics =
            encoder.encode_descriptor(&name, family.help, unit.as_ref(), kind(family.kind))?;
        let mut result = Ok(());
        (family.read)(scrape, &mut |labels, value| {
            if result.is_ok() {
                result = encode_one(&mut metrics, family, labels, &value);
            }
        });
        result?;
    }
    Ok(())
}

fn encode_one(
    metrics: &mut MetricEncoder<'_>,
    family: &Family,
    labels: Labels<'_>,
    value: &Value<'_>,
) -> fmt::Result {
    if let Value::Info = value {
        return metrics.encode_info(&labels);
    }
    let mut metric = metrics.encode_family(&labels)?;
    match value {
        Value::Count(count) => metric.encode_counter(count, None::<&Exemplar<NoLabelSet, u64>>),
        Value::Level(level) => metric.encode_gauge(level),
        Value::Distribution(distribution) => {
            let scale = family.unit().scale();
            let mut below = 0;
            let bounds = family.unit().bounds().map(|bound| {
                let count = distribution.at_most(bound);
                let bucket = (bound as f64 / scale, count - below);
                below = count;
                bucket
            });
            let mut buckets: Vec<_> = bounds.collect();
            buckets.push((f64::INFINITY, distribution.count - below));
            let sum = distribution.sum as f64 / scale;
            metric.encode_histogram::<NoLabelSet>(sum, distribution.count, &buckets, None)
        }
        Value::Info => Ok(()),
    }
}

fn unit(unit: Unit) -> Option<registry::Unit> {
    Some(match unit {
        Unit::Things => return None,
        Unit::Bytes => registry::Unit::Bytes,
        Unit::Seconds => registry::Unit::Seconds,
        Unit::Ratio => registry::Unit::Other("ratio".into()),
    })
}

fn kind(kind: Kind) -> MetricType {
    match kind {
        Kind::Counter(_) => MetricType::Counter,
        Kind::Gauge(_) => MetricType::Gauge,
        Kind::Histogram(_) => MetricType::Histogram,
        Kind::Info => MetricType::Info,
    }
}

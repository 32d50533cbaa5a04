use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Meter};

use super::families::FAMILIES;
use super::family::{Family, Kind, Labels, Unit, Value};
use super::scrape::Scrape;

/// Reads what is observed; `None` once there is nothing.
pub(crate) type Source = Arc<dyn Fn() -> Option<Arc<Scrape>> + Send + Sync>;

/// What an instrument shows of the values of a family.
#[derive(Clone, Copy)]
enum Part {
    Whole,
    /// Of a distribution: the number of its values.
    Count,
    Sum,
    /// How many values do not exceed each bound, with the bound in the attribute `le`.
    Buckets,
}

/// Makes the instruments of all families. OpenTelemetry has no histogram that is observed, so that a distribution is
/// three counters, as in Prometheus.
pub(crate) fn observe(meter: &Meter, source: &Source) {
    for family in FAMILIES {
        match family.kind {
            Kind::Counter(_) => counter(meter, family, Part::Whole, source),
            Kind::Gauge(_) | Kind::Info => gauge(meter, family, source),
            Kind::Histogram(_) => {
                for part in [Part::Count, Part::Sum, Part::Buckets] {
                    counter(meter, family, part, source);
                }
            }
        }
    }
}

fn counter(meter: &Meter, family: &'static Family, part: Part, source: &Source) {
    let (suffix, unit) = match part {
        Part::Whole => ("", unit(family.unit())),
        Part::Count => (".count", None),
        Part::Sum => (".sum", unit(family.unit())),
        Part::Buckets => (".bucket", None),
    };
    let name = format!("groupcache.{}{suffix}", family.name);
    let builder = meter.f64_observable_counter(name);
    let builder = match unit {
        Some(unit) => builder.with_unit(unit),
        None => builder,
    };
    let source = Arc::clone(source);
    let read = move |into: &dyn AsyncInstrument<f64>| read(family, part, &source, into);
    builder
        .with_description(family.help)
        .with_callback(read)
        .build();
}

fn gauge(meter: &Meter, family: &'static Family, source: &Source) {
    let builder = meter.f64_observable_gauge(format!("groupcache.{}", family.name));
    let builder = match unit(family.unit()) {
        Some(unit) => builder.with_unit(unit),
        None => builder,
    };
    let source = Arc::clone(source);
    let read = move |into: &dyn AsyncInstrument<f64>| read(family, Part::Whole, &source, into);
    builder
        .with_description(family.help)
        .with_callback(read)
        .build();
}

fn read(family: &Family, part: Part, source: &Source, into: &dyn AsyncInstrument<f64>) {
    let Some(scrape) = source() else {
        return;
    };
    (family.read)(&scrape, &mut |labels, value| match (part, value) {
        (_, Value::Count(count)) => into.observe(count as f64, &attributes(labels)),
        (_, Value::Level(level)) => into.observe(level, &attributes(labels)),
        (_, Value::Info) => into.observe(1.0, &attributes(labels)),
        (Part::Sum, Value::Distribution(distribution)) => {
            let sum = distribution.sum as f64 / family.unit().scale();
            into.observe(sum, &attributes(labels));
        }
        (Part::Buckets, Value::Distribution(distribution)) => {
            let scale = family.unit().scale();
            for bound in family.unit().bounds() {
                let mut attributes = attributes(labels);
                attributes.push(KeyValue::new("le", (bound as f64 / scale).to_string()));
                into.observe(distribution.at_most(bound) as f64, &attributes);
            }
            let mut attributes = attributes(labels);
            attributes.push(KeyValue::new("le", "+Inf"));
            into.observe(distribution.count as f64, &attributes);
        }
        (Part::Count | Part::Whole, Value::Distribution(distribution)) => {
            into.observe(distribution.count as f64, &attributes(labels));
        }
    });
}

fn attributes(labels: Labels<'_>) -> Vec<KeyValue> {
    let attribute = |&(name, value): &(&'static str, &str)| KeyValue::new(name, value.to_owned());
    labels.iter().map(attribute).collect()
}

/// The unit by its code in UCUM.
fn unit(unit: Unit) -> Option<&'static str> {
    match unit {
        Unit::Things => None,
        Unit::Bytes => Some("By"),
        Unit::Seconds => Some("s"),
        Unit::Ratio => Some("1"),
    }
}

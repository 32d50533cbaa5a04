//! Records what OpenTelemetry sees, in memory.

use std::collections::HashMap;
use std::fmt;

use groupcache::TraceContext;
use opentelemetry::trace::{SpanId, Status, TracerProvider as _};
use opentelemetry_sdk::trace::{
    InMemorySpanExporter, Sampler, SdkTracerProvider, SpanData, Tracer,
};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;

/// The spans of this thread. All nodes of a test are on its thread.
pub(crate) struct Recorder {
    exporter: InMemorySpanExporter,
    _provider: SdkTracerProvider,
    _guard: DefaultGuard,
}

impl Recorder {
    /// Records what the filter lets through, if the sampler says so.
    pub(crate) fn new(filter: &str, sampler: Sampler) -> Self {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder()
            .with_simple_exporter(exporter.clone())
            .with_sampler(Sampler::ParentBased(Box::new(sampler)))
            .build();
        let tracer: Tracer = provider.tracer("test");
        let layer = tracing_opentelemetry::layer()
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_tracer(tracer);
        let subscriber = tracing_subscriber::registry()
            .with(EnvFilter::new(filter))
            .with(layer);
        Self {
            exporter,
            _provider: provider,
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }

    /// Records all spans of traces and those of the tests.
    pub(crate) fn of_everything() -> Self {
        Self::new("info,groupcache::trace=debug", Sampler::AlwaysOn)
    }

    /// The spans that have ended since the last call of this method.
    pub(crate) fn spans(&self) -> Spans {
        let spans = self.exporter.get_finished_spans().unwrap();
        self.exporter.reset();
        Spans(spans)
    }
}

pub(crate) struct Spans(pub(crate) Vec<SpanData>);

impl Spans {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one span of this name.
    pub(crate) fn one(&self, name: &str) -> &SpanData {
        let mut spans = self.0.iter().filter(|span| span.name == name);
        match (spans.next(), spans.next()) {
            (Some(span), None) => span,
            (None, _) => panic!("no {name} in {self}"),
            _ => panic!("several {name} in {self}"),
        }
    }

    pub(crate) fn count(&self, name: &str) -> usize {
        self.0.iter().filter(|span| span.name == name).count()
    }

    /// The attribute of the one span of this name.
    pub(crate) fn attribute(&self, name: &str, attribute: &str) -> Option<String> {
        attribute_of(self.one(name), attribute)
    }

    /// Checks that all spans are of one trace, of this one if there is one.
    pub(crate) fn assert_one_trace(&self, trace: Option<&TraceContext>) {
        let traces = self.0.iter().map(|span| span.span_context.trace_id());
        let mut traces: Vec<_> = traces.collect();
        traces.dedup();
        assert_eq!(traces.len(), 1, "{self}");
        if let Some(trace) = trace {
            assert_eq!(traces[0].to_bytes(), trace.trace_id().to_be_bytes());
        }
    }

    /// Checks that each span is a child of the one before.
    pub(crate) fn assert_chain(&self, names: &[&str]) {
        for pair in names.windows(2) {
            let (parent, child) = (self.one(pair[0]), self.one(pair[1]));
            let parent = parent.span_context.span_id();
            assert_eq!(child.parent_span_id, parent, "{pair:?} in {self}");
        }
    }

    pub(crate) fn has_failed(&self, name: &str) -> bool {
        matches!(self.one(name).status, Status::Error { .. })
    }

    /// Checks how a span says that its work has ended.
    pub(crate) fn assert_ended(&self, name: &str, outcome: &str, is_failure: bool) {
        let said = self.attribute(name, "outcome");
        assert_eq!(said.as_deref(), Some(outcome), "{name} in {self}");
        assert_eq!(self.has_failed(name), is_failure, "{name} in {self}");
    }
}

/// The attribute of a span.
pub(crate) fn attribute_of(span: &SpanData, attribute: &str) -> Option<String> {
    let mut attributes = span.attributes.iter();
    let attribute = attributes.find(|found| found.key.as_str() == attribute);
    attribute.map(|attribute| attribute.value.to_string())
}

/// The tree of the spans, for messages.
impl fmt::Display for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: HashMap<SpanId, _> = self
            .0
            .iter()
            .map(|span| (span.span_context.span_id(), &span.name))
            .collect();
        for span in &self.0 {
            let trace = span.span_context.trace_id();
            let parent = names.get(&span.parent_span_id);
            let attributes = span.attributes.iter();
            let attributes =
                attributes.map(|attribute| (attribute.key.as_str(), attribute.value.as_str()));
            let attributes: Vec<_> = attributes.collect();
            writeln!(
                f,
                "{} below {parent:?} of {trace}: {attributes:?}",
                span.name
            )?;
        }
        Ok(())
    }
}

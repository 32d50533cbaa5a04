//! Between the words of requests and those of the layer that records spans. Without the feature `otel` there is no such
//! layer, and a request's place in a trace goes on as it came.

use peers::TraceContext;
use tracing::Span;

/// The place in a trace of a span, or of the current one if that one is off. `None` if no layer gives it one.
#[cfg(feature = "otel")]
pub(super) fn place_of(span: &Span) -> Option<TraceContext> {
    use opentelemetry::trace::TraceContextExt as _;
    use tracing_opentelemetry::OpenTelemetrySpanExt as _;

    let context = if span.is_disabled() {
        Span::current().context()
    } else {
        span.context()
    };
    let span = context.span();
    let place = span.span_context();
    if !place.is_valid() {
        return None;
    }
    let trace_id = u128::from_be_bytes(place.trace_id().to_bytes());
    let parent_id = u64::from_be_bytes(place.span_id().to_bytes());
    let flags = place.trace_flags().to_u8();
    TraceContext::new(trace_id, parent_id, flags, &place.trace_state().header()).ok()
}

#[cfg(not(feature = "otel"))]
pub(super) fn place_of(_: &Span) -> Option<TraceContext> {
    None
}

/// Makes a span go on where a request says, before the span is entered. A span that goes on in that trace already, below
/// one of the server in which the node is mounted, stays as it is.
#[cfg(feature = "otel")]
pub(super) fn continue_at(span: &Span, place: &TraceContext) {
    use std::str::FromStr as _;

    use opentelemetry::trace::{
        SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
    };
    use tracing_opentelemetry::OpenTelemetrySpanExt as _;

    if span.is_disabled() {
        return;
    }
    let trace_id = TraceId::from_bytes(place.trace_id().to_be_bytes());
    let around = Span::current().context();
    if around.span().span_context().trace_id() == trace_id {
        return;
    }
    let remote = SpanContext::new(
        trace_id,
        SpanId::from_bytes(place.parent_id().to_be_bytes()),
        TraceFlags::new(place.flags()),
        true,
        TraceState::from_str(place.tracestate()).unwrap_or_default(),
    );
    // An error says that no layer records the span.
    _ = span.set_parent(opentelemetry::Context::new().with_remote_span_context(remote));
}

#[cfg(not(feature = "otel"))]
pub(super) fn continue_at(_: &Span, _: &TraceContext) {}

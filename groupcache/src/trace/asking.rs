use futures_util::future::Either;
use peers::Context;
use tracing::Span;

use super::bridge;
use super::outcome::End;
use super::recorded::recorded;

/// The request to a peer, in its span. The peer's work goes on with the trace: from this span, or from the place that
/// this work's own request has named.
pub(crate) fn asking<T: End>(
    span: Span,
    request: impl Future<Output = Result<T, peers::Error>>,
) -> impl Future<Output = Result<T, peers::Error>> {
    let context = Context::current();
    let context = match bridge::place_of(&span) {
        Some(place) => context.with_trace(place),
        None => context,
    };
    // Boxed, so that a request without a trace does not carry the room.
    let request = match context.trace() {
        Some(_) => Either::Left(Box::pin(context.scope(request))),
        None => Either::Right(request),
    };
    recorded(span, request)
}

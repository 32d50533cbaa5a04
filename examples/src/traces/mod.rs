//! Where the programs' traces go.

#[cfg(not(feature = "otlp"))]
mod nowhere;
#[cfg(feature = "otlp")]
mod otlp;

#[cfg(not(feature = "otlp"))]
pub(crate) use nowhere::Traces;
#[cfg(feature = "otlp")]
pub(crate) use otlp::Traces;

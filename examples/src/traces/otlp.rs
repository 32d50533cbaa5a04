//! Traces in OpenTelemetry's protocol, over HTTP. The variables of the environment are those that OpenTelemetry gives
//! to all programs: `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_SERVICE_NAME`, `OTEL_TRACES_SAMPLER` and so on.

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::{Handle, Runtime};
use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::Layer;
use tracing_subscriber::registry::LookupSpan;

use crate::BoxError;
use crate::client::Client;

/// What is sent: the spans of groupcache, and those of the programs.
const SENT: &str = "info,groupcache::trace=debug";

/// Sends the traces of a program.
pub(crate) struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// Those of the program of this name, if the environment says where to send them.
    pub(crate) fn of(name: &str, runtime: &Runtime) -> Result<Self, BoxError> {
        exporter(name, runtime).map(Self)
    }

    /// Takes the program's spans.
    pub(crate) fn layer<S>(&self) -> Option<impl Layer<S> + use<S>>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let layer = tracing_opentelemetry::layer();
        self.0.as_ref().map(|traces| {
            layer
                .with_tracer(traces.tracer(env!("CARGO_PKG_NAME")))
                .with_filter(EnvFilter::new(SENT))
        })
    }

    /// Sends the last ones.
    pub(crate) fn end(self) {
        if let Some(traces) = self.0
            && let Err(error) = traces.shutdown()
        {
            eprintln!("the last traces were not sent: {error}");
        }
    }
}

fn exporter(name: &str, runtime: &Runtime) -> Result<Option<SdkTracerProvider>, BoxError> {
    let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let endpoints = [
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    ];
    if !endpoints.iter().any(is_set) {
        return Ok(None);
    }
    let client = OnRuntime {
        client: Client::new(),
        runtime: runtime.handle().clone(),
    };
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .build()?;
    let mut resource = Resource::builder();
    if !is_set(&"OTEL_SERVICE_NAME") {
        resource = resource.with_service_name(name.to_owned());
    }
    // Tells the nodes of a machine apart.
    let instance = i64::from(std::process::id());
    let resource =
        resource.with_attribute(KeyValue::new("service.instance.id", instance.to_string()));
    let provider = SdkTracerProvider::builder()
        .with_resource(resource.build())
        .with_batch_exporter(exporter);
    Ok(Some(provider.build()))
}

/// The exporter's client. Its connections live on the program's runtime, because the exporter's own thread has none.
#[derive(Debug)]
struct OnRuntime {
    client: Client,
    runtime: Handle,
}

#[async_trait]
impl HttpClient for OnRuntime {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let exchange = async move { client.exchange(request).await };
        self.runtime.spawn(exchange).await?
    }
}

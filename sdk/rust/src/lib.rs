//! OpenTelemetry for WebAssembly components. Spans, log records and metrics that a component makes by the OpenTelemetry API (or by
//! `tracing`) go to the host through [wasi:otel](https://github.com/WebAssembly/wasi-otel) 0.2.0-rc.2, and become one trace with the
//! host's own.
//!
//! ```no_run
//! use opentelemetry::trace::{TraceContextExt, Tracer};
//!
//! fn handle() {
//!     let telemetry = vitrine_otel::install(); // the first call in an instance makes the providers, later ones return them
//!     telemetry.request(|| {
//!         telemetry.tracer().in_span("work", |cx| {
//!             cx.span().add_event("done", vec![]);
//!         });
//!     });
//! }
//! ```
//!
//! Every record is handed to the host at once, by a call that does not wait: there is no queue in the component, and a component whose
//! instance ends after its response loses no span that it has ended. Metrics are collected and handed over at the end of
//! [`Telemetry::request`], or by [`Telemetry::flush`].
//!
//! Built for a target other than wasm32, everything works and goes nowhere, so that the parts of a component can be tested natively.
mod context;
mod host;
mod logs;
mod metrics;
mod spans;
mod stats;
mod telemetry;
#[cfg(feature = "tracing")]
mod tracing_layer;
mod value;

pub use context::{host_context, host_span_context, HostPropagator};
pub use logs::WasiLogProcessor;
pub use metrics::{WasiMetricExporter, WasiMetricReader};
pub use spans::WasiSpanProcessor;
pub use stats::Stats;
pub use telemetry::{install, Builder, Telemetry};
#[cfg(feature = "tracing")]
pub use tracing_layer::layer;

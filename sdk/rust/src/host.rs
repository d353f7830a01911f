//! The host's side of wasi:otel, behind a trait so that conversions can be tested without a host.
pub(crate) mod bindings {
    #[cfg(not(feature = "current-span-context"))]
    wit_bindgen::generate!({
        inline: "package sdk:otel; world sdk { include wasi:otel/imports@0.2.0-rc.2; }",
        path: ["wit/io", "wit/clocks", "wit/otel"],
        world: "sdk:otel/sdk",
        generate_all,
    });
    #[cfg(feature = "current-span-context")]
    wit_bindgen::generate!({
        inline: "package sdk:otel; world sdk { include wasi:otel/imports@0.2.0-rc.2; }",
        path: ["wit/io", "wit/clocks", "wit/otel"],
        world: "sdk:otel/sdk",
        features: ["current-span-context"],
        generate_all,
    });
}

pub(crate) use bindings::wasi::clocks::wall_clock::Datetime;
pub(crate) use bindings::wasi::otel::{logs as wit_logs, metrics as wit_metrics, tracing as wit, types};

use std::fmt::Debug;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// The functions of wasi:otel. No call waits for anything.
pub(crate) trait Host: Send + Sync + Debug {
    fn span_started(&self, context: &wit::SpanContext);
    fn span_ended(&self, span: &wit::SpanData);
    /// The span that is the parent of the component's first ones.
    fn span_context(&self) -> Option<wit::SpanContext>;
    fn log(&self, record: &wit_logs::LogRecord);
    fn export(&self, metrics: wit_metrics::ResourceMetrics) -> Result<(), String>;
}

pub(crate) type SharedHost = Arc<dyn Host>;

/// The host of the component that this is built into; outside wasm32 there is none.
#[derive(Debug)]
pub(crate) struct Imports;

#[cfg(target_arch = "wasm32")]
impl Host for Imports {
    fn span_started(&self, context: &wit::SpanContext) {
        wit::on_start(context)
    }
    fn span_ended(&self, span: &wit::SpanData) {
        wit::on_end(span)
    }
    fn span_context(&self) -> Option<wit::SpanContext> {
        #[cfg(not(feature = "current-span-context"))]
        return Some(wit::outer_span_context());
        #[cfg(feature = "current-span-context")]
        return Some(wit::current_span_context());
    }
    fn log(&self, record: &wit_logs::LogRecord) {
        wit_logs::on_emit(record)
    }
    fn export(&self, metrics: wit_metrics::ResourceMetrics) -> Result<(), String> {
        wit_metrics::export(&metrics)
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl Host for Imports {
    fn span_started(&self, _: &wit::SpanContext) {}
    fn span_ended(&self, _: &wit::SpanData) {}
    fn span_context(&self) -> Option<wit::SpanContext> {
        None
    }
    fn log(&self, _: &wit_logs::LogRecord) {}
    fn export(&self, _: wit_metrics::ResourceMetrics) -> Result<(), String> {
        Ok(())
    }
}

/// A time as the WIT has it: nothing is before 1970.
pub(crate) fn datetime(t: SystemTime) -> Datetime {
    let d = t.duration_since(UNIX_EPOCH).unwrap_or_default();
    Datetime { seconds: d.as_secs(), nanoseconds: d.subsec_nanos() }
}

/// A host that keeps what it is told.
#[cfg(test)]
pub(crate) mod recording {
    use super::*;
    use std::sync::Mutex;

    #[derive(Debug, Default)]
    pub(crate) struct Recording {
        pub(crate) parent: Option<wit::SpanContext>,
        pub(crate) refuses: Option<String>,
        pub(crate) started: Mutex<Vec<wit::SpanContext>>,
        pub(crate) ended: Mutex<Vec<wit::SpanData>>,
        pub(crate) logs: Mutex<Vec<wit_logs::LogRecord>>,
        pub(crate) metrics: Mutex<Vec<wit_metrics::ResourceMetrics>>,
    }

    impl Host for Recording {
        fn span_started(&self, context: &wit::SpanContext) {
            self.started.lock().unwrap().push(context.clone())
        }
        fn span_ended(&self, span: &wit::SpanData) {
            self.ended.lock().unwrap().push(span.clone())
        }
        fn span_context(&self) -> Option<wit::SpanContext> {
            self.parent.clone()
        }
        fn log(&self, record: &wit_logs::LogRecord) {
            self.logs.lock().unwrap().push(record.clone())
        }
        fn export(&self, metrics: wit_metrics::ResourceMetrics) -> Result<(), String> {
            self.metrics.lock().unwrap().push(metrics);
            self.refuses.clone().map_or(Ok(()), Err)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn times() {
        let d = datetime(UNIX_EPOCH + Duration::new(7, 999_999_999));
        assert_eq!((d.seconds, d.nanoseconds), (7, 999_999_999));
        let before = datetime(UNIX_EPOCH - Duration::from_secs(1));
        assert_eq!((before.seconds, before.nanoseconds), (0, 0));
    }
}

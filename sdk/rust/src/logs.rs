//! Log records.
use crate::context::{flags, span_id, trace_id};
use crate::host::{datetime, wit_logs, SharedHost};
use crate::stats::Counters;
use crate::value::{any_json, any_key_value, resource, scope};
use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogProcessor, SdkLogRecord};
use opentelemetry_sdk::Resource;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;
use std::time::Duration;

/// Hands each log record to the host at once. It keeps nothing, so that flushing and shutting it down do nothing.
#[derive(Debug)]
pub struct WasiLogProcessor {
    host: SharedHost,
    counters: Arc<Counters>,
    resource: Option<crate::host::types::Resource>,
}

impl WasiLogProcessor {
    pub(crate) fn new(host: SharedHost, counters: Arc<Counters>) -> Self {
        Self { host, counters, resource: None }
    }
}

impl Default for WasiLogProcessor {
    /// A processor for a provider of your own; [`Telemetry`](crate::Telemetry) has one with its counts.
    fn default() -> Self {
        Self::new(Arc::new(crate::host::Imports), Arc::default())
    }
}

impl LogProcessor for WasiLogProcessor {
    fn emit(&self, record: &mut SdkLogRecord, from: &InstrumentationScope) {
        self.counters.logs.fetch_add(1, Relaxed);
        self.host.log(&self.record(record, from));
    }
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }
    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
    fn set_resource(&mut self, r: &Resource) {
        self.resource = (!r.is_empty()).then(|| resource(r)); // the host knows who the component is
    }
}

impl WasiLogProcessor {
    fn record(&self, r: &SdkLogRecord, from: &InstrumentationScope) -> wit_logs::LogRecord {
        let mut from = scope(from);
        if let Some(target) = r.target() {
            from.name = target.to_string(); // what a bridge, as that of tracing, knows the source by
        }
        let of = r.trace_context();
        let attributes: Vec<_> = r.attributes_iter().map(|(k, v)| any_key_value(k, v)).collect();
        wit_logs::LogRecord {
            timestamp: r.timestamp().map(datetime),
            observed_timestamp: r.observed_timestamp().map(datetime),
            severity_text: r.severity_text().map(String::from),
            severity_number: r.severity_number().map(|s| s as u8),
            body: r.body().map(any_json),
            attributes: (!attributes.is_empty()).then_some(attributes),
            event_name: r.event_name().map(String::from),
            resource: self.resource.clone(),
            instrumentation_scope: Some(from),
            trace_id: of.map(|c| trace_id(c.trace_id)),
            span_id: of.map(|c| span_id(c.span_id)),
            trace_flags: of.and_then(|c| c.trace_flags).map(flags),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::host::{recording::Recording, wit};
    use crate::Telemetry;
    use opentelemetry::logs::{AnyValue, LogRecord, Logger, LoggerProvider, Severity};
    use opentelemetry::trace::{TraceContextExt, Tracer};
    use opentelemetry::KeyValue;
    use opentelemetry_sdk::Resource;
    use std::sync::Arc;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn a_record_with_everything_and_one_with_nothing() {
        let host = Arc::new(Recording::default());
        let t = Telemetry::builder().with_resource(Resource::builder_empty().with_attribute(KeyValue::new("r", 1)).build()).build_with(host.clone());
        let logger = t.logger_provider().logger("app");
        let span = t.tracer().in_span("work", |cx| {
            let mut r = logger.create_log_record();
            r.set_timestamp(UNIX_EPOCH + Duration::from_secs(5));
            r.set_severity_number(Severity::Warn2);
            r.set_severity_text("WARN2");
            r.set_body(AnyValue::from("text"));
            r.set_event_name("event");
            r.add_attribute("n", 3);
            logger.emit(r);
            cx.span().span_context().clone()
        });
        logger.emit(logger.create_log_record());
        let logs = host.logs.lock().unwrap();
        let full = &logs[0];
        assert_eq!(full.timestamp.map(|d| d.seconds), Some(5));
        assert!(full.observed_timestamp.is_some());
        assert_eq!((full.severity_number, full.severity_text.as_deref()), (Some(14), Some("WARN2")));
        assert_eq!((full.body.as_deref(), full.event_name.as_deref()), (Some("\"text\""), Some("event")));
        assert_eq!(full.attributes.as_ref().map(|a| (a[0].key.clone(), a[0].value.clone())), Some(("n".into(), "3".into())));
        assert_eq!(full.resource.as_ref().map(|r| r.attributes[0].value.clone()), Some("1".into()));
        assert_eq!(full.instrumentation_scope.as_ref().map(|s| s.name.as_str()), Some("app"));
        assert_eq!(full.trace_id, Some(span.trace_id().to_string()));
        assert_eq!(full.span_id, Some(span.span_id().to_string()));
        assert_eq!(full.trace_flags, Some(wit::TraceFlags::SAMPLED));
        let empty = &logs[1];
        assert!(empty.timestamp.is_none() && empty.body.is_none() && empty.attributes.is_none() && empty.event_name.is_none());
        assert!(empty.severity_number.is_none() && empty.severity_text.is_none() && empty.trace_id.is_none() && empty.span_id.is_none());
        assert_eq!(t.stats().log_records, 2);
    }
}

//! Spans.
use crate::context::{span_id, to_wit};
use crate::host::{datetime, wit, SharedHost};
use crate::stats::Counters;
use crate::value::{key_values, scope};
use opentelemetry::trace::{Span as _, SpanKind, Status};
use opentelemetry::Context;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;
use std::time::Duration;

/// Tells the host of each recorded span when it starts, so that what the host does for the component meanwhile is below it, and hands it
/// over when it ends. It keeps nothing: there is nothing to flush, and shutting it down does nothing.
#[derive(Debug)]
pub struct WasiSpanProcessor {
    host: SharedHost,
    counters: Arc<Counters>,
}

impl WasiSpanProcessor {
    pub(crate) fn new(host: SharedHost, counters: Arc<Counters>) -> Self {
        Self { host, counters }
    }
}

impl Default for WasiSpanProcessor {
    /// A processor for a provider of your own; [`Telemetry`](crate::Telemetry) has one with its counts.
    fn default() -> Self {
        Self::new(Arc::new(crate::host::Imports), Arc::default())
    }
}

impl SpanProcessor for WasiSpanProcessor {
    fn on_start(&self, span: &mut Span, _: &Context) {
        self.counters.started.fetch_add(1, Relaxed);
        self.host.span_started(&to_wit(span.span_context()));
    }
    fn on_end(&self, span: SpanData) {
        self.counters.span_ends();
        self.host.span_ended(&data(span));
    }
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }
    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

fn data(s: SpanData) -> wit::SpanData {
    let events = s.events.events.iter().map(|e| wit::Event { name: e.name.to_string(), time: datetime(e.timestamp), attributes: key_values(&e.attributes) });
    let links = s.links.links.iter().map(|l| wit::Link { span_context: to_wit(&l.span_context), attributes: key_values(&l.attributes) });
    wit::SpanData {
        span_context: to_wit(&s.span_context),
        parent_span_id: span_id(s.parent_span_id),
        span_kind: kind(&s.span_kind),
        start_time: datetime(s.start_time),
        end_time: datetime(s.end_time),
        attributes: key_values(&s.attributes),
        events: events.collect(),
        links: links.collect(),
        status: status(s.status),
        instrumentation_scope: scope(&s.instrumentation_scope),
        dropped_attributes: s.dropped_attributes_count,
        dropped_events: s.events.dropped_count,
        dropped_links: s.links.dropped_count,
        name: s.name.into_owned(),
    }
}

fn kind(k: &SpanKind) -> wit::SpanKind {
    match k {
        SpanKind::Client => wit::SpanKind::Client,
        SpanKind::Server => wit::SpanKind::Server,
        SpanKind::Producer => wit::SpanKind::Producer,
        SpanKind::Consumer => wit::SpanKind::Consumer,
        SpanKind::Internal => wit::SpanKind::Internal,
    }
}

fn status(s: Status) -> wit::Status {
    match s {
        Status::Unset => wit::Status::Unset,
        Status::Ok => wit::Status::Ok,
        Status::Error { description } => wit::Status::Error(description.into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use crate::context::tests::context;
    use crate::host::{recording::Recording, wit};
    use crate::Telemetry;
    use opentelemetry::trace::{Link, Span, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt, Tracer};
    use opentelemetry::{Context, KeyValue};
    use std::sync::Arc;

    fn set_up(parent: Option<wit::SpanContext>) -> (Arc<Recording>, Telemetry) {
        let host = Arc::new(Recording { parent, ..Default::default() });
        (host.clone(), Telemetry::builder().build_with(host))
    }

    #[test]
    fn a_span_with_everything() {
        let (host, t) = set_up(None);
        let linked = SpanContext::new(0xau128.into(), 0xbu64.into(), Default::default(), true, Default::default());
        let mut b = SpanBuilder::from_name("work").with_kind(SpanKind::Producer).with_attributes([KeyValue::new("n", 3), KeyValue::new("f", 1.0)]);
        b = b.with_links(vec![Link::new(linked, vec![KeyValue::new("why", "x")], 0)]);
        let mut span = t.tracer().build(b);
        span.add_event("e", vec![KeyValue::new("k", true)]);
        span.set_status(Status::error("broken"));
        let own = span.span_context().clone();
        span.end();
        let ended = host.ended.lock().unwrap();
        let s = &ended[0];
        assert_eq!(s.name, "work");
        assert_eq!(s.span_kind, wit::SpanKind::Producer);
        assert_eq!(s.span_context.trace_id, own.trace_id().to_string());
        assert_eq!(s.parent_span_id, "0000000000000000");
        assert_eq!(s.attributes.iter().map(|a| format!("{}={}", a.key, a.value)).collect::<Vec<_>>(), ["n=3", "f=1.0"]);
        assert_eq!((s.events[0].name.as_str(), s.events[0].attributes[0].value.as_str()), ("e", "true"));
        assert_eq!(s.links[0].span_context.span_id, "000000000000000b");
        assert!(s.links[0].span_context.is_remote && !s.links[0].span_context.trace_flags.contains(wit::TraceFlags::SAMPLED));
        assert!(matches!(&s.status, wit::Status::Error(d) if d == "broken"));
        assert_eq!(s.instrumentation_scope.name, "vitrine-otel");
        assert_eq!(host.started.lock().unwrap()[0].span_id, s.span_context.span_id);
    }

    #[test]
    fn kinds_and_statuses() {
        for (k, want) in [
            (SpanKind::Client, wit::SpanKind::Client),
            (SpanKind::Server, wit::SpanKind::Server),
            (SpanKind::Consumer, wit::SpanKind::Consumer),
            (SpanKind::Internal, wit::SpanKind::Internal),
        ] {
            assert_eq!(super::kind(&k), want);
        }
        assert!(matches!(super::status(Status::Unset), wit::Status::Unset));
        assert!(matches!(super::status(Status::Ok), wit::Status::Ok));
    }

    #[test]
    fn what_is_dropped_is_counted() {
        let (host, t) = set_up(None);
        let mut span = t.tracer().start("many");
        for i in 0..200 {
            span.set_attribute(KeyValue::new(format!("k{i}"), i));
            span.add_event("e", vec![]);
            span.add_link(SpanContext::NONE, vec![]);
        }
        span.end();
        let ended = host.ended.lock().unwrap();
        let s = &ended[0];
        assert_eq!((s.attributes.len(), s.events.len(), s.links.len()), (128, 128, 128));
        assert_eq!((s.dropped_attributes, s.dropped_events, s.dropped_links), (72, 72, 72));
    }

    #[test]
    fn the_host_is_the_parent() {
        let (host, t) = set_up(Some(context("0af7651916cd43dd8448eb211c80319c", "00ad6b7169203331", &[("v", "1")])));
        t.request(|| {
            t.tracer().in_span("outer", |cx| {
                t.tracer().in_span("inner", |_| ());
                assert_eq!(cx.span().span_context().trace_state().header(), "v=1");
            });
        });
        let ended = host.ended.lock().unwrap();
        let (inner, outer) = (&ended[0], &ended[1]);
        assert_eq!(outer.parent_span_id, "00ad6b7169203331");
        assert_eq!(inner.parent_span_id, outer.span_context.span_id);
        assert_eq!(inner.span_context.trace_id, "0af7651916cd43dd8448eb211c80319c");
        assert!(!Context::current().has_active_span());
    }

    #[test]
    fn a_host_that_does_not_sample_gets_none() {
        let mut parent = context("1", "1", &[]);
        parent.trace_flags = wit::TraceFlags::empty();
        let (host, t) = set_up(Some(parent));
        t.request(|| t.tracer().in_span("work", |_| ()));
        assert!(host.started.lock().unwrap().is_empty() && host.ended.lock().unwrap().is_empty());
    }

    #[test]
    fn spans_that_end_after_the_request_are_counted() {
        let (host, t) = set_up(None);
        let (mut late, never) = t.request(|| (t.tracer().start("late"), t.tracer().start("never")));
        late.end();
        assert_eq!(host.ended.lock().unwrap()[0].name, "late");
        assert_eq!((t.stats().spans_started, t.stats().spans_ended, t.stats().spans_ended_late, t.stats().spans_open()), (2, 1, 1, 1));
        assert!(t.shutdown().is_ok());
        drop(never); // its provider is shut down: it stays open
        assert_eq!(t.stats().spans_open(), 1);
    }
}

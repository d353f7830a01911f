//! `tracing` as the source of spans and log records.
use crate::Telemetry;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use std::any::TypeId;
use tracing_core::span::{Attributes, Id, Record};
use tracing_core::{Dispatch, Subscriber};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::Layer;

/// A layer for a subscriber: spans of `tracing` are spans, its events are log records of the span that they are in. It is made of two,
/// of [`tracing_opentelemetry`] and [`opentelemetry_appender_tracing`], which can be put together in other ways; here an event is a log
/// record alone and no event of the span as well, and a span has the fields that it was given and nothing of threads and source lines.
pub fn layer<S>(telemetry: &Telemetry) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let spans = tracing_opentelemetry::layer()
        .with_tracer(telemetry.tracer())
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false);
    SpansAlone(spans).and_then(OpenTelemetryTracingBridge::new(telemetry.logger_provider()))
}

/// A layer that is told of spans and of no events. A filter of the subscriber's would do as well but for one thing: it keeps what it has
/// decided of an event in the thread until the event is there, and an argument of `info!` that returns or waits leaves the decision to the
/// next span, which is then left out.
struct SpansAlone<L>(L);

impl<S, L> Layer<S> for SpansAlone<L>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    L: Layer<S>,
{
    fn on_register_dispatch(&self, d: &Dispatch) {
        self.0.on_register_dispatch(d)
    }
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, cx: Context<'_, S>) {
        self.0.on_new_span(attributes, id, cx)
    }
    fn on_record(&self, id: &Id, values: &Record<'_>, cx: Context<'_, S>) {
        self.0.on_record(id, values, cx)
    }
    fn on_follows_from(&self, id: &Id, follows: &Id, cx: Context<'_, S>) {
        self.0.on_follows_from(id, follows, cx)
    }
    fn on_enter(&self, id: &Id, cx: Context<'_, S>) {
        self.0.on_enter(id, cx)
    }
    fn on_exit(&self, id: &Id, cx: Context<'_, S>) {
        self.0.on_exit(id, cx)
    }
    fn on_close(&self, id: Id, cx: Context<'_, S>) {
        self.0.on_close(id, cx)
    }
    fn on_id_change(&self, old: &Id, new: &Id, cx: Context<'_, S>) {
        self.0.on_id_change(old, new, cx)
    }
    // OpenTelemetrySpanExt finds its layer by this.
    unsafe fn downcast_raw(&self, id: TypeId) -> Option<*const ()> {
        // SAFETY: the pointer is to the inner layer or a part of it, which lives as long as self.
        (id == TypeId::of::<Self>()).then_some(self as *const Self as *const ()).or_else(|| unsafe { self.0.downcast_raw(id) })
    }
}

#[cfg(test)]
mod tests {
    use crate::context::tests::context;
    use crate::host::recording::Recording;
    use crate::Telemetry;
    use std::sync::Arc;
    use tracing_subscriber::layer::SubscriberExt;

    #[tracing::instrument(fields(extra = 1.5))]
    fn outer(item: &str) {
        tracing::info!(n = 2, "ordering {item}");
        let _ = inner();
    }

    #[tracing::instrument(name = "price", err)]
    fn inner() -> Result<(), String> {
        Err("sold out".into())
    }

    #[test]
    fn spans_and_log_records() {
        let host = Arc::new(Recording { parent: Some(context("1", "2", &[])), ..Default::default() });
        let t = Telemetry::builder().build_with(host.clone());
        let subscriber = tracing_subscriber::registry().with(super::layer(&t));
        tracing::subscriber::with_default(subscriber, || t.request(|| outer("apple")));
        let (ended, logs) = (host.ended.lock().unwrap(), host.logs.lock().unwrap());
        let (price, outer) = (&ended[0], &ended[1]);
        assert_eq!((outer.name.as_str(), price.name.as_str()), ("outer", "price"));
        assert_eq!(outer.parent_span_id, "0000000000000002");
        assert_eq!(price.parent_span_id, outer.span_context.span_id);
        assert_eq!(outer.attributes.iter().map(|a| format!("{}={}", a.key, a.value)).collect::<Vec<_>>(), ["item=\"apple\"", "extra=1.5"]);
        assert!(outer.events.is_empty());
        let (first, failed) = (&logs[0], &logs[1]);
        assert_eq!((first.body.as_deref(), first.severity_number), (Some("\"ordering apple\""), Some(9)));
        assert_eq!(first.span_id.as_ref(), Some(&outer.span_context.span_id));
        assert_eq!(failed.span_id.as_ref(), Some(&price.span_context.span_id));
        assert_eq!(failed.severity_number, Some(17));
    }
    fn gives_up() -> Option<()> {
        tracing::info!("{}", None::<i32>?);
        Some(())
    }

    #[test]
    fn an_event_that_never_comes_takes_no_span_with_it() {
        let host = Arc::new(Recording::default());
        let t = Telemetry::builder().build_with(host.clone());
        let subscriber = tracing_subscriber::registry().with(super::layer(&t));
        tracing::subscriber::with_default(subscriber, || {
            assert!(gives_up().is_none());
            let _ = inner();
        });
        assert_eq!(host.ended.lock().unwrap().len(), 1);
    }

    #[test]
    fn the_extension_finds_its_layer() {
        use tracing_opentelemetry::OpenTelemetrySpanExt;
        let host = Arc::new(Recording::default());
        let t = Telemetry::builder().build_with(host.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(super::layer(&t)), || {
            let span = tracing::info_span!("work");
            span.in_scope(|| span.add_event("done", vec![]));
            span.set_attribute("n", 3);
        });
        let ended = host.ended.lock().unwrap();
        assert_eq!((ended[0].events[0].name.as_str(), ended[0].attributes[0].value.as_str()), ("done", "3"));
    }
}

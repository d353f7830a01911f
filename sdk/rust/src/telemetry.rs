//! The three providers of a component, and the scope of a request.
use crate::context::with_host;
use crate::host::{Imports, SharedHost};
use crate::logs::WasiLogProcessor;
use crate::metrics::{WasiMetricExporter, WasiMetricReader, DEFAULT_MAX_POINTS};
use crate::spans::WasiSpanProcessor;
use crate::stats::{Counters, Stats};
use opentelemetry::trace::{FutureExt, TracerProvider as _};
use opentelemetry::{global, Context};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::{SdkMeterProvider, Temporality};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, ShouldSample, SpanLimits};
use opentelemetry_sdk::Resource;
use std::future::Future;
use std::sync::{Arc, OnceLock};

/// The providers of traces, logs and metrics that hand everything to the host. Safe for use by several threads and tasks.
#[derive(Debug)]
pub struct Telemetry {
    tracers: SdkTracerProvider,
    loggers: SdkLoggerProvider,
    meters: SdkMeterProvider,
    host: SharedHost,
    counters: Arc<Counters>,
}

static INSTALLED: OnceLock<Telemetry> = OnceLock::new();

/// The providers of the running instance, with every option at its default. The first call makes them and sets OpenTelemetry's global
/// providers of traces and metrics; later calls return the same.
pub fn install() -> &'static Telemetry {
    Telemetry::builder().install()
}

impl Telemetry {
    /// Options for providers.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Runs the work of one request: the host's span is the parent of spans that begin in it, and metrics are handed over at its end.
    pub fn request<R>(&self, work: impl FnOnce() -> R) -> R {
        let _running = self.begin();
        let _attached = self.host_context().attach();
        work()
    }

    /// The same for asynchronous work, of which there may be more at a time in one instance: the host's span is current whenever the
    /// future is polled, and another one's meanwhile. A context that is attached by hand must not be kept over an await; use
    /// [`FutureExt::with_context`] or `#[tracing::instrument]` for spans that have one inside.
    pub async fn request_async<F: Future>(&self, work: F) -> F::Output {
        let _running = self.begin();
        work.with_context(self.host_context()).await
    }

    fn begin(&self) -> Running<'_> {
        self.counters.request_begins();
        Running(self)
    }

    fn host_context(&self) -> Context {
        with_host(&*self.host, &Context::current())
    }

    /// Collects metrics and hands them to the host, in one call that waits for nothing. Spans and log records are there already.
    pub fn flush(&self) -> OTelSdkResult {
        self.meters.force_flush()
    }

    /// Hands over what there is and ends the providers. Spans that end afterwards stay among [`Stats::spans_open`].
    pub fn shutdown(&self) -> OTelSdkResult {
        let metrics = self.meters.shutdown();
        self.tracers.shutdown().and(self.loggers.shutdown()).and(metrics)
    }

    /// What has become of the records so far.
    pub fn stats(&self) -> Stats {
        self.counters.stats()
    }

    /// A tracer whose scope is this crate's; for one of your own see [`Telemetry::tracer_provider`].
    pub fn tracer(&self) -> SdkTracer {
        self.tracers.tracer(env!("CARGO_PKG_NAME"))
    }

    /// The provider of traces.
    pub fn tracer_provider(&self) -> &SdkTracerProvider {
        &self.tracers
    }

    /// The provider of logs.
    pub fn logger_provider(&self) -> &SdkLoggerProvider {
        &self.loggers
    }

    /// The provider of metrics.
    pub fn meter_provider(&self) -> &SdkMeterProvider {
        &self.meters
    }
}

/// A running request. However it ends, metrics are flushed: what fails in that is counted, and no failure of the request.
struct Running<'a>(&'a Telemetry);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let _ = self.0.flush();
        self.0.counters.request_ends();
    }
}

/// Options for [`Telemetry`].
#[derive(Debug)]
pub struct Builder {
    resource: Resource,
    sampler: Option<Box<dyn ShouldSample>>,
    limits: SpanLimits,
    temporality: Temporality,
    max_points: usize,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            resource: Resource::builder_empty().build(),
            sampler: None,
            limits: SpanLimits::default(),
            temporality: Temporality::Delta,
            max_points: DEFAULT_MAX_POINTS,
        }
    }
}

impl Builder {
    /// Attributes of log records and metrics that the host does not know of; none by default. Spans have no resource in wasi:otel: theirs is
    /// what the host knows of the component.
    pub fn with_resource(mut self, resource: Resource) -> Self {
        self.resource = resource;
        self
    }

    /// What decides which spans are recorded; by default the host's span, and all where there is none.
    pub fn with_sampler(mut self, sampler: impl ShouldSample + 'static) -> Self {
        self.sampler = Some(Box::new(sampler));
        self
    }

    /// How many attributes, events and links a span keeps; 128 of each by default.
    pub fn with_span_limits(mut self, limits: SpanLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Whether counters and histograms are told as what was added since the last flush, the default, or since the instance began. An
    /// instance may live for one request only, and hosts run many at a time: what one of them has added up since it began says little.
    pub fn with_temporality(mut self, temporality: Temporality) -> Self {
        self.temporality = temporality;
        self
    }

    /// How many data points one flush hands over at most; 10 000 by default.
    pub fn with_max_metric_points(mut self, n: usize) -> Self {
        self.max_points = n;
        self
    }

    /// The providers.
    pub fn build(self) -> Telemetry {
        self.build_with(Arc::new(Imports))
    }

    /// The providers of the running instance: if there are none yet, those of these options, which become OpenTelemetry's global ones, too.
    pub fn install(self) -> &'static Telemetry {
        INSTALLED.get_or_init(|| {
            let t = self.build();
            global::set_tracer_provider(t.tracers.clone());
            global::set_meter_provider(t.meters.clone());
            t
        })
    }

    pub(crate) fn build_with(self, host: SharedHost) -> Telemetry {
        let counters = Arc::new(Counters::default());
        let mut tracers = SdkTracerProvider::builder()
            .with_resource(self.resource.clone())
            .with_span_limits(self.limits)
            .with_span_processor(WasiSpanProcessor::new(host.clone(), counters.clone()));
        if let Some(sampler) = self.sampler {
            tracers = tracers.with_sampler(sampler);
        }
        let exporter = WasiMetricExporter::new(host.clone(), counters.clone(), self.temporality, self.max_points);
        Telemetry {
            tracers: tracers.build(),
            loggers: SdkLoggerProvider::builder()
                .with_resource(self.resource.clone())
                .with_log_processor(WasiLogProcessor::new(host.clone(), counters.clone()))
                .build(),
            meters: SdkMeterProvider::builder().with_resource(self.resource).with_reader(WasiMetricReader::new(exporter)).build(),
            host,
            counters,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::tests::context;
    use crate::host::recording::Recording;
    use opentelemetry::trace::{TraceContextExt, Tracer};
    use std::pin::Pin;
    use std::task::Poll;

    /// Pending once, so that futures that are joined take turns.
    async fn turn() {
        let mut waited = false;
        std::future::poll_fn(|cx| {
            cx.waker().wake_by_ref();
            if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await
    }

    #[test]
    fn tasks_that_take_turns_keep_their_parents() {
        let host = Arc::new(Recording { parent: Some(context("1", "2", &[])), ..Default::default() });
        let t = Telemetry::builder().build_with(host.clone());
        let one = |n: usize| {
            let t = &t;
            t.request_async(async move {
                let outer = Context::current_with_span(t.tracer().start(format!("outer {n}")));
                async {
                    turn().await;
                    let inner = Context::current_with_span(t.tracer().start(format!("inner {n}")));
                    turn().with_context(inner.clone()).await;
                    inner.span().end();
                }
                .with_context(outer.clone())
                .await;
                outer.span().end();
            })
        };
        let mut all: Vec<Pin<Box<dyn Future<Output = ()>>>> = (0..16).map(|n| Box::pin(one(n)) as _).collect();
        futures_executor::block_on(std::future::poll_fn(|cx| {
            all.retain_mut(|f| f.as_mut().poll(cx).is_pending());
            if all.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        }));
        let ended = host.ended.lock().unwrap();
        assert_eq!(ended.len(), 32);
        for n in 0..16 {
            let of = |name: &str| ended.iter().find(|s| s.name == format!("{name} {n}")).expect("a span").clone();
            assert_eq!(of("inner").parent_span_id, of("outer").span_context.span_id);
            assert_eq!(of("outer").parent_span_id, "0000000000000002");
        }
        assert_eq!(t.stats().spans_ended_late, 0);
    }

    #[test]
    fn without_a_host_nothing_happens() {
        let t = install();
        assert!(std::ptr::eq(t, install()));
        let n = t.request(|| {
            global::tracer("app").in_span("work", |cx| {
                assert!(cx.span().span_context().is_valid());
                global::meter("app").u64_counter("n").build().add(1, &[]);
                7
            })
        });
        assert_eq!(n, 7);
        assert!(t.flush().is_ok());
        assert_eq!((t.stats().spans_ended, t.stats().metric_points), (1, 1));
    }
}

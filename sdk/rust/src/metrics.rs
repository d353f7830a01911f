//! Metrics.
use crate::context::{span_id, trace_id};
use crate::host::{datetime, types, wit_metrics as wit, SharedHost};
use crate::stats::Counters;
use crate::value::{key_values, resource, scope};
use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry::KeyValue;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::metrics::data::{self, AggregatedMetrics, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::reader::MetricReader;
use opentelemetry_sdk::metrics::{InstrumentKind, ManualReader, Pipeline, Temporality};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// How many data points one flush hands over unless it is said otherwise.
pub(crate) const DEFAULT_MAX_POINTS: usize = 10_000;

/// Hands collected metrics to the host: one call for each collection, which waits for nothing. Data points beyond the bound are left out
/// and counted.
#[derive(Debug, Clone)]
pub struct WasiMetricExporter {
    host: SharedHost,
    counters: Arc<Counters>,
    temporality: Temporality,
    max_points: usize,
}

impl WasiMetricExporter {
    pub(crate) fn new(host: SharedHost, counters: Arc<Counters>, temporality: Temporality, max_points: usize) -> Self {
        Self { host, counters, temporality, max_points }
    }

    fn hand_over(&self, rm: &ResourceMetrics) -> OTelSdkResult {
        let mut budget = Budget { left: self.max_points, taken: 0, dropped: 0 };
        let metrics = convert(rm, &mut budget);
        let done = if metrics.scope_metrics.is_empty() { Ok(()) } else { self.host.export(metrics) };
        let (taken, refused) = if done.is_ok() { (budget.taken, 0) } else { (0, budget.taken) };
        self.counters.points.fetch_add(taken as u64, Relaxed);
        self.counters.points_dropped.fetch_add((budget.dropped + refused) as u64, Relaxed);
        done.map_err(OTelSdkError::InternalFailure)
    }
}

impl Default for WasiMetricExporter {
    /// An exporter for a reader of your own: delta temporality, 10 000 data points at most in one collection.
    fn default() -> Self {
        Self::new(Arc::new(crate::host::Imports), Arc::default(), Temporality::Delta, DEFAULT_MAX_POINTS)
    }
}

impl PushMetricExporter for WasiMetricExporter {
    async fn export(&self, rm: &ResourceMetrics) -> OTelSdkResult {
        self.hand_over(rm)
    }
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }
    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
    fn temporality(&self) -> Temporality {
        self.temporality
    }
}

/// Collects and exports when its provider is flushed or shut down. The SDK's own reader does it by a thread, which a component has not.
/// Clones are one reader.
#[derive(Debug, Clone)]
pub struct WasiMetricReader {
    collects: Arc<ManualReader>,
    exporter: WasiMetricExporter,
}

impl WasiMetricReader {
    /// A reader that hands what it collects to the exporter.
    pub fn new(exporter: WasiMetricExporter) -> Self {
        Self { collects: Arc::new(ManualReader::builder().with_temporality(exporter.temporality).build()), exporter }
    }
}

impl MetricReader for WasiMetricReader {
    fn register_pipeline(&self, p: Weak<Pipeline>) {
        self.collects.register_pipeline(p)
    }
    fn collect(&self, rm: &mut ResourceMetrics) -> OTelSdkResult {
        self.collects.collect(rm)
    }
    fn force_flush(&self) -> OTelSdkResult {
        let mut rm = ResourceMetrics::default();
        self.collects.collect(&mut rm)?;
        self.exporter.hand_over(&rm)
    }
    fn shutdown_with_timeout(&self, d: Duration) -> OTelSdkResult {
        self.force_flush().and(self.collects.shutdown_with_timeout(d))
    }
    fn temporality(&self, k: InstrumentKind) -> Temporality {
        self.collects.temporality(k)
    }
}

/// How many data points there may still be.
struct Budget {
    left: usize,
    taken: usize,
    dropped: usize,
}

impl Budget {
    fn points<'a, T: 'a, P>(&mut self, all: impl Iterator<Item = &'a T>, convert: impl Fn(&T) -> P) -> Vec<P> {
        let mut out = Vec::new();
        for p in all {
            if self.left == 0 {
                self.dropped += 1;
                continue;
            }
            self.left -= 1;
            self.taken += 1;
            out.push(convert(p));
        }
        out
    }
}

/// The metrics that have data points.
fn convert(rm: &ResourceMetrics, budget: &mut Budget) -> wit::ResourceMetrics {
    let mut scope_metrics = Vec::new();
    for s in rm.scope_metrics() {
        let mut metrics = Vec::new();
        for m in s.metrics() {
            let before = budget.taken;
            let data = match m.data() {
                AggregatedMetrics::F64(d) => metric_data(d, budget),
                AggregatedMetrics::U64(d) => metric_data(d, budget),
                AggregatedMetrics::I64(d) => metric_data(d, budget),
            };
            if budget.taken > before {
                metrics.push(wit::Metric { name: m.name().into(), description: m.description().into(), unit: m.unit().into(), data });
            }
        }
        if !metrics.is_empty() {
            scope_metrics.push(wit::ScopeMetrics { scope: scope(s.scope()), metrics });
        }
    }
    wit::ResourceMetrics { resource: resource(rm.resource()), scope_metrics }
}

/// A type of numbers: how one is told, and the kinds of metric in it.
trait Number: Copy {
    fn number(self) -> wit::MetricNumber;
    fn gauge(g: wit::Gauge) -> wit::MetricData;
    fn sum(s: wit::Sum) -> wit::MetricData;
    fn histogram(h: wit::Histogram) -> wit::MetricData;
    fn exponential(h: wit::ExponentialHistogram) -> wit::MetricData;
}

macro_rules! number {
    ($type:ty, $number:ident, $gauge:ident, $sum:ident, $histogram:ident, $exponential:ident) => {
        impl Number for $type {
            fn number(self) -> wit::MetricNumber {
                wit::MetricNumber::$number(self)
            }
            fn gauge(g: wit::Gauge) -> wit::MetricData {
                wit::MetricData::$gauge(g)
            }
            fn sum(s: wit::Sum) -> wit::MetricData {
                wit::MetricData::$sum(s)
            }
            fn histogram(h: wit::Histogram) -> wit::MetricData {
                wit::MetricData::$histogram(h)
            }
            fn exponential(h: wit::ExponentialHistogram) -> wit::MetricData {
                wit::MetricData::$exponential(h)
            }
        }
    };
}
number!(f64, F64, F64Gauge, F64Sum, F64Histogram, F64ExponentialHistogram);
number!(u64, U64, U64Gauge, U64Sum, U64Histogram, U64ExponentialHistogram);
number!(i64, S64, S64Gauge, S64Sum, S64Histogram, S64ExponentialHistogram);

fn metric_data<T: Number>(d: &MetricData<T>, budget: &mut Budget) -> wit::MetricData {
    match d {
        MetricData::Gauge(g) => T::gauge(wit::Gauge {
            data_points: budget.points(g.data_points(), |p| wit::GaugeDataPoint {
                attributes: attributes(p.attributes()),
                value: p.value().number(),
                exemplars: exemplars(p.exemplars()),
            }),
            start_time: g.start_time().map(datetime),
            time: datetime(g.time()),
        }),
        MetricData::Sum(s) => T::sum(wit::Sum {
            data_points: budget.points(s.data_points(), |p| wit::SumDataPoint {
                attributes: attributes(p.attributes()),
                value: p.value().number(),
                exemplars: exemplars(p.exemplars()),
            }),
            start_time: datetime(s.start_time()),
            time: datetime(s.time()),
            temporality: temporality(s.temporality()),
            is_monotonic: s.is_monotonic(),
        }),
        MetricData::Histogram(h) => T::histogram(wit::Histogram {
            data_points: budget.points(h.data_points(), histogram_point),
            start_time: datetime(h.start_time()),
            time: datetime(h.time()),
            temporality: temporality(h.temporality()),
        }),
        MetricData::ExponentialHistogram(h) => T::exponential(wit::ExponentialHistogram {
            data_points: budget.points(h.data_points(), exponential_point),
            start_time: datetime(h.start_time()),
            time: datetime(h.time()),
            temporality: temporality(h.temporality()),
        }),
    }
}

fn histogram_point<T: Number>(p: &data::HistogramDataPoint<T>) -> wit::HistogramDataPoint {
    wit::HistogramDataPoint {
        attributes: attributes(p.attributes()),
        count: p.count(),
        bounds: p.bounds().collect(),
        bucket_counts: p.bucket_counts().collect(),
        min: p.min().map(T::number),
        max: p.max().map(T::number),
        sum: p.sum().number(),
        exemplars: exemplars(p.exemplars()),
    }
}

fn exponential_point<T: Number>(p: &data::ExponentialHistogramDataPoint<T>) -> wit::ExponentialHistogramDataPoint {
    let bucket = |b: &data::ExponentialBucket| wit::ExponentialBucket { offset: b.offset(), counts: b.counts().collect() };
    wit::ExponentialHistogramDataPoint {
        attributes: attributes(p.attributes()),
        count: p.count() as u64,
        min: p.min().map(T::number),
        max: p.max().map(T::number),
        sum: p.sum().number(),
        scale: p.scale(),
        zero_count: p.zero_count(),
        positive_bucket: bucket(p.positive_bucket()),
        negative_bucket: bucket(p.negative_bucket()),
        zero_threshold: p.zero_threshold(),
        exemplars: exemplars(p.exemplars()),
    }
}

fn attributes<'a>(kvs: impl Iterator<Item = &'a KeyValue>) -> Vec<types::KeyValue> {
    key_values(kvs)
}

/// Exemplars; without a span their identifiers are empty.
fn exemplars<'a, T: Number + 'a>(all: impl Iterator<Item = &'a data::Exemplar<T>>) -> Vec<wit::Exemplar> {
    let one = |e: &data::Exemplar<T>| {
        let (trace, span) = (TraceId::from_bytes(*e.trace_id()), SpanId::from_bytes(*e.span_id()));
        let in_span = trace != TraceId::INVALID && span != SpanId::INVALID;
        wit::Exemplar {
            filtered_attributes: attributes(e.filtered_attributes()),
            time: datetime(e.time()),
            value: e.value.number(),
            trace_id: if in_span { trace_id(trace) } else { String::new() },
            span_id: if in_span { span_id(span) } else { String::new() },
        }
    };
    all.map(one).collect()
}

fn temporality(t: Temporality) -> wit::Temporality {
    match t {
        Temporality::Delta => wit::Temporality::Delta,
        Temporality::LowMemory => wit::Temporality::LowMemory,
        _ => wit::Temporality::Cumulative,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::recording::Recording;
    use crate::Telemetry;
    use opentelemetry::metrics::MeterProvider;

    /// The data of each metric of an export by its name.
    fn by_name(m: &wit::ResourceMetrics) -> Vec<(&str, &wit::MetricData)> {
        let mut out: Vec<_> = m.scope_metrics.iter().flat_map(|s| &s.metrics).map(|m| (m.name.as_str(), &m.data)).collect();
        out.sort_by_key(|m| m.0);
        out
    }

    #[test]
    fn every_kind_and_number() {
        let host = Arc::new(Recording::default());
        let t = Telemetry::builder().build_with(host.clone());
        let m = t.meter_provider().meter("app");
        m.u64_counter("a.u64").with_unit("{a}").with_description("as").build().add(7, &[KeyValue::new("k", "v")]);
        m.f64_counter("b.f64").build().add(1.5, &[]);
        m.i64_up_down_counter("c.i64").build().add(-3, &[]);
        m.f64_gauge("d.f64").build().record(2.5, &[]);
        m.i64_gauge("e.i64").build().record(-1, &[]);
        m.u64_gauge("f.u64").build().record(1, &[]);
        m.f64_histogram("g.f64").with_boundaries(vec![1.0, 10.0]).build().record(6.0, &[]);
        m.u64_histogram("h.u64").with_boundaries(vec![]).build().record(6, &[]);
        assert!(t.flush().is_ok());
        let all = host.metrics.lock().unwrap();
        assert_eq!(all[0].scope_metrics[0].scope.name, "app");
        assert!(all[0].resource.attributes.is_empty());
        let got = by_name(&all[0]);
        let [("a.u64", wit::MetricData::U64Sum(a)), ("b.f64", wit::MetricData::F64Sum(b)), ("c.i64", wit::MetricData::S64Sum(c)), ("d.f64", wit::MetricData::F64Gauge(d)), ("e.i64", wit::MetricData::S64Gauge(e)), ("f.u64", wit::MetricData::U64Gauge(f)), ("g.f64", wit::MetricData::F64Histogram(g)), ("h.u64", wit::MetricData::U64Histogram(h))] =
            got[..]
        else {
            panic!("{got:?}")
        };
        assert!(matches!(a.data_points[0].value, wit::MetricNumber::U64(7)) && a.is_monotonic);
        assert_eq!((a.data_points[0].attributes[0].key.as_str(), a.data_points[0].attributes[0].value.as_str()), ("k", "\"v\""));
        assert!(matches!(a.temporality, wit::Temporality::Delta));
        assert!(matches!(b.data_points[0].value, wit::MetricNumber::F64(v) if v == 1.5));
        assert!(matches!(c.data_points[0].value, wit::MetricNumber::S64(-3)) && !c.is_monotonic);
        assert!(matches!(c.temporality, wit::Temporality::Cumulative)); // deltas of what goes up and down are of no use
        assert!(matches!(d.data_points[0].value, wit::MetricNumber::F64(v) if v == 2.5));
        assert!(matches!(e.data_points[0].value, wit::MetricNumber::S64(-1)));
        assert!(matches!(f.data_points[0].value, wit::MetricNumber::U64(1)));
        let p = &g.data_points[0];
        assert_eq!((p.count, &p.bounds[..], &p.bucket_counts[..]), (1, &[1.0, 10.0][..], &[0, 1, 0][..]));
        assert!(matches!((p.min, p.max, p.sum), (Some(wit::MetricNumber::F64(_)), Some(_), wit::MetricNumber::F64(v)) if v == 6.0));
        assert!(h.data_points[0].count == 1 && h.data_points[0].bounds.is_empty());
        let unit = all[0].scope_metrics[0].metrics.iter().find(|m| m.name == "a.u64").map(|m| (m.unit.as_str(), m.description.as_str()));
        assert_eq!(unit, Some(("{a}", "as")));
        assert_eq!(t.stats().metric_points, 8);
    }

    #[test]
    fn deltas_begin_anew_and_nothing_is_no_export() {
        let host = Arc::new(Recording::default());
        let t = Telemetry::builder().build_with(host.clone());
        let c = t.meter_provider().meter("app").u64_counter("n").build();
        t.request(|| ());
        for n in [1, 2] {
            t.request(|| c.add(n, &[]));
        }
        let all = host.metrics.lock().unwrap();
        let values: Vec<_> = all.iter().map(|m| format!("{:?}", by_name(m))).collect();
        assert_eq!(values.len(), 2, "{values:?}");
        assert!(values[0].contains("U64(1)") && values[1].contains("U64(2)"), "{values:?}");
    }

    #[test]
    fn a_flush_is_bounded() {
        let host = Arc::new(Recording::default());
        let t = Telemetry::builder().with_max_metric_points(10).build_with(host.clone());
        let m = t.meter_provider().meter("app");
        for name in ["a", "b"] {
            let c = m.u64_counter(name).build();
            (0..15).for_each(|i| c.add(1, &[KeyValue::new("i", i)]));
        }
        assert!(t.flush().is_ok());
        assert_eq!((t.stats().metric_points, t.stats().metric_points_dropped), (10, 20));
        assert_eq!(by_name(&host.metrics.lock().unwrap()[0]).len(), 1);
    }

    #[test]
    fn a_host_that_refuses() {
        let t = Telemetry::builder().build_with(Arc::new(Recording { refuses: Some("full".into()), ..Default::default() }));
        t.meter_provider().meter("app").u64_counter("n").build().add(1, &[]);
        assert!(matches!(t.flush(), Err(OTelSdkError::InternalFailure(e)) if e.contains("full")));
        assert_eq!((t.stats().metric_points, t.stats().metric_points_dropped), (0, 1));
        t.request(|| ()); // which flushes, too, and returns what its function does
    }
}

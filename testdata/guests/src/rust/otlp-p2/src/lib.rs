//! wasi:http/proxy 0.2 guest that tells of itself by OpenTelemetry's SDK and its OTLP exporters, which are stock but for their
//! transport. Where they send to, and how, they know from OTEL_*. Routes: see README.md.
mod transport;

use opentelemetry::logs::{AnyValue, LogRecord, Logger, LoggerProvider, Severity};
use opentelemetry::metrics::MeterProvider;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanKind, Status, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{LogExporter, MetricExporter, SpanExporter, WithHttpConfig};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::{data::ResourceMetrics, exporter::PushMetricExporter, reader::MetricReader};
use opentelemetry_sdk::metrics::{InstrumentKind, ManualReader, Pipeline, SdkMeterProvider, Temporality};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use std::io::Write;
use std::sync::{Arc, Weak};
use std::time::Duration;
use transport::Transport;
use wasip2::http::types::*;

struct App;
wasip2::http::proxy::export!(App);

/// A reader that is read when the guest wants it: the SDK's own reader that exports runs on a thread.
#[derive(Debug, Clone)]
struct Reader(Arc<ManualReader>);

impl MetricReader for Reader {
    fn register_pipeline(&self, p: Weak<Pipeline>) { self.0.register_pipeline(p) }
    fn collect(&self, rm: &mut ResourceMetrics) -> OTelSdkResult { self.0.collect(rm) }
    fn force_flush(&self) -> OTelSdkResult { self.0.force_flush() }
    fn shutdown_with_timeout(&self, d: Duration) -> OTelSdkResult { self.0.shutdown_with_timeout(d) }
    fn temporality(&self, k: InstrumentKind) -> Temporality { self.0.temporality(k) }
}

struct Headers<'a>(&'a Fields);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).into_iter().next().and_then(|v| String::from_utf8(v).ok()).map(|s| &*s.leak())
    }
    fn keys(&self) -> Vec<&str> { vec![] }
}

struct Request(http::request::Builder);

impl Injector for Request {
    fn set(&mut self, key: &str, value: String) { self.0.headers_mut().unwrap().insert(http::HeaderName::from_bytes(key.as_bytes()).unwrap(), value.parse().unwrap()); }
}

fn text(out: ResponseOutparam, status: u16, body: &str) {
    let r = OutgoingResponse::new(Fields::from_list(&[("content-type".into(), b"text/plain".to_vec())]).unwrap());
    r.set_status_code(status).unwrap();
    let b = r.body().unwrap();
    ResponseOutparam::set(out, Ok(r));
    let mut s = b.write().unwrap();
    let _ = s.write_all(body.as_bytes());
    let _ = s.flush();
    drop(s);
    let _ = OutgoingBody::finish(b, None);
}

/// Spans work{pause, call}, a log record in the first and the last of them, and two metrics. What fails is the answer.
fn trace(parent: &Context, path: &str) -> Result<String, String> {
    let say = |e: &dyn std::fmt::Debug| format!("{e:?}");
    let spans = SpanExporter::builder().with_http().with_http_client(Transport).build().map_err(|e| say(&e))?;
    let spans = SdkTracerProvider::builder().with_simple_exporter(spans).build();
    let logs = LogExporter::builder().with_http().with_http_client(Transport).build().map_err(|e| say(&e))?;
    let logs = SdkLoggerProvider::builder().with_simple_exporter(logs).build();
    let reader = Reader(Arc::new(ManualReader::builder().build()));
    let meters = SdkMeterProvider::builder().with_reader(reader.clone()).build();

    let (tracer, logger, meter) = (spans.tracer("guest"), logs.logger("guest"), meters.meter("guest"));
    let log = |severity, body: &str| {
        let mut r = logger.create_log_record();
        r.set_severity_number(severity);
        r.set_body(AnyValue::from(body.to_string()));
        r.add_attribute("step", 1);
        logger.emit(r);
    };
    let work = parent.with_span(tracer.span_builder("work").with_attributes([KeyValue::new("route", "/trace"), KeyValue::new("n", 3)]).start_with_context(&tracer, parent));
    {
        let _on = work.clone().attach();
        log(Severity::Info, "at work");
        tracer.in_span("pause", |_| ());
        if let Some((_, url)) = path.split_once("url=") {
            let call = Context::current_with_span(tracer.span_builder("call").with_kind(SpanKind::Client).start(&tracer));
            let _on = call.clone().attach();
            let mut request = Request(http::Request::get(url));
            TraceContextPropagator::new().inject_context(&call, &mut request);
            let done = transport::send(request.0.body(Default::default()).map_err(|e| say(&e))?);
            call.span().set_attribute(KeyValue::new("http.response.status_code", done.as_ref().map_or(0, |r| r.status().as_u16() as i64)));
            call.span().set_status(match done {
                Ok(_) => Status::Ok,
                Err(e) => Status::error(e),
            });
            log(Severity::Warn, "called");
        }
        work.span().add_event("done", vec![KeyValue::new("left", 0)]);
        meter.u64_counter("guest.items").build().add(3, &[KeyValue::new("kind", "a")]);
        meter.f64_histogram("guest.size").build().record(2.5, &[]);
        work.span().end();
    }
    spans.force_flush().map_err(|e| say(&e))?;
    logs.force_flush().map_err(|e| say(&e))?;
    let mut collected = ResourceMetrics::default();
    reader.collect(&mut collected).map_err(|e| say(&e))?;
    let metrics = MetricExporter::builder().with_http().with_http_client(Transport).build().map_err(|e| say(&e))?;
    futures_executor::block_on(metrics.export(&collected)).map_err(|e| say(&e))?;
    let span = work.span();
    Ok(format!("{} {}\n", span.span_context().trace_id(), span.span_context().span_id()))
}

/// Posts the request's body, with its content-type and content-encoding, to the collector of OTEL_EXPORTER_OTLP_ENDPOINT.
fn post(req: &IncomingRequest, to: &str) -> Result<String, String> {
    let endpoint = std::env::var("OTEL_EXPORTER_OTLP_ENDPOINT").map_err(|e| e.to_string())?;
    let mut body = Vec::new();
    let from = req.consume().unwrap();
    std::io::Read::read_to_end(&mut from.stream().unwrap(), &mut body).map_err(|e| e.to_string())?;
    let mut request = http::Request::post(format!("{endpoint}{to}"));
    for name in ["content-type", "content-encoding"] {
        if let Some(v) = req.headers().get(name).into_iter().next() {
            request = request.header(name, v);
        }
    }
    let got = transport::send(request.body(body.into()).map_err(|e| e.to_string())?)?;
    let header = |name| got.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or("-").to_string();
    Ok(format!("{} {} {} {}\n", got.status().as_u16(), header("content-type"), header("retry-after"), String::from_utf8_lossy(got.body())))
}

impl wasip2::exports::http::incoming_handler::Guest for App {
    fn handle(req: IncomingRequest, out: ResponseOutparam) {
        let path = req.path_with_query().unwrap_or_default();
        let done = match path.split('?').next().unwrap() {
            "/trace" => trace(&TraceContextPropagator::new().extract(&Headers(&req.headers())), &path),
            "/env" => {
                let mut all: Vec<_> = std::env::vars().map(|(k, v)| format!("{k}={v}\n")).collect();
                all.sort();
                Ok(all.concat())
            }
            p if p.starts_with("/v1/") => post(&req, p),
            _ => return text(out, 404, "routes: /trace?url= /env /v1/traces /v1/metrics /v1/logs\n"),
        };
        match done {
            Ok(s) => text(out, 200, &s),
            Err(e) => text(out, 502, &format!("{e}\n")),
        }
    }
}

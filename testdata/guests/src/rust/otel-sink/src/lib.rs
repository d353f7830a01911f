//! A component that exports wasi:otel and prints what it is given to stderr, one line each: composed with an otel guest it shows
//! on any host what the guest sent. Its outer span context is fixed. $OTEL_WIT=main as in ../otel-p2.
#[cfg(not(otel_main))]
wit_bindgen::generate!({
    inline: "package guest:sink; world sink { export wasi:otel/tracing@0.2.0-rc.2; export wasi:otel/logs@0.2.0-rc.2; export wasi:otel/metrics@0.2.0-rc.2; }",
    path: ["../wit/wasi-io@0.2.0", "../wit/wasi-clocks@0.2.0", "../../wit/wasi-otel@0.2.0-rc.2"],
    world: "guest:sink/sink",
    generate_all,
});
#[cfg(otel_main)]
wit_bindgen::generate!({
    inline: "package guest:sink; world sink { export wasi:otel/tracing@0.2.0-rc.2; export wasi:otel/logs@0.2.0-rc.2; export wasi:otel/metrics@0.2.0-rc.2; }",
    path: ["../wit/wasi-io@0.2.0", "../wit/wasi-clocks@0.2.0", "../../wit/wasi-otel@0.2.0-rc.2-main"],
    world: "guest:sink/sink",
    generate_all,
});
use exports::wasi::otel::{logs, metrics, tracing};

struct Sink;
export!(Sink);

impl tracing::Guest for Sink {
    fn on_start(c: tracing::SpanContext) { eprintln!("start {}/{}", c.trace_id, c.span_id) }
    fn on_end(s: tracing::SpanData) {
        let attrs: Vec<_> = s.attributes.iter().map(|a| format!("{}={}", a.key, a.value)).collect();
        eprintln!("end {}/{} parent {} {:?} {:?} {:?} events {} links {} [{}]", s.span_context.trace_id, s.span_context.span_id, s.parent_span_id, s.name, s.span_kind, s.status, s.events.len(), s.links.len(), attrs.join(" "))
    }
    #[cfg(otel_main)]
    fn current_span_context() -> tracing::SpanContext { outer() }
    #[cfg(not(otel_main))]
    fn outer_span_context() -> tracing::SpanContext { outer() }
}

fn outer() -> tracing::SpanContext {
    tracing::SpanContext { trace_id: "0af7651916cd43dd8448eb211c80319c".into(), span_id: "b7ad6b7169203331".into(), trace_flags: tracing::TraceFlags::SAMPLED, is_remote: true, trace_state: vec![("vendor".into(), "1".into())] }
}

impl logs::Guest for Sink {
    fn on_emit(r: logs::LogRecord) { eprintln!("log severity {:?} {:?} body {:?} trace {:?} span {:?}", r.severity_number, r.severity_text, r.body, r.trace_id, r.span_id) }
}

impl metrics::Guest for Sink {
    fn export(m: metrics::ResourceMetrics) -> Result<(), String> {
        for s in m.scope_metrics { for m in s.metrics { eprintln!("metric {} {} {:?}", m.name, m.unit, m.data) } }
        Ok(())
    }
}

//! wasi:http/proxy 0.2 guest that makes its own spans, logs and metrics through wasi:otel. Routes: see design/guests.md.
//! $OTEL_WIT=main at build time: the interface of WASI's main branch (current-span-context instead of outer-span-context).
use std::io::Write;
use wasip2::clocks::{monotonic_clock, wall_clock};
use wasip2::http::outgoing_handler;
use wasip2::http::types::*;

#[cfg(not(otel_main))]
wit_bindgen::generate!({
    inline: "package guest:otel; world otel { include wasi:otel/imports@0.2.0-rc.2; }",
    path: ["../wit/wasi-io@0.2.0", "../wit/wasi-clocks@0.2.0", "../../wit/wasi-otel@0.2.0-rc.2"],
    world: "guest:otel/otel",
    with: { "wasi:clocks/wall-clock@0.2.0": wasip2::clocks::wall_clock, "wasi:clocks/monotonic-clock@0.2.0": wasip2::clocks::monotonic_clock, "wasi:io/poll@0.2.0": wasip2::io::poll },
    generate_all,
});
#[cfg(otel_main)]
wit_bindgen::generate!({
    inline: "package guest:otel; world otel { include wasi:otel/imports@0.2.0-rc.2; }",
    path: ["../wit/wasi-io@0.2.0", "../wit/wasi-clocks@0.2.0", "../../wit/wasi-otel@0.2.0-rc.2-main"],
    world: "guest:otel/otel",
    with: { "wasi:clocks/wall-clock@0.2.0": wasip2::clocks::wall_clock, "wasi:clocks/monotonic-clock@0.2.0": wasip2::clocks::monotonic_clock, "wasi:io/poll@0.2.0": wasip2::io::poll },
    generate_all,
});
#[cfg(not(otel_main))]
use wasi::otel::tracing::outer_span_context as host_context;
#[cfg(otel_main)]
use wasi::otel::tracing::current_span_context as host_context;

fn now() -> wall_clock::Datetime { wall_clock::now() }
fn random() -> u64 { wasip2::random::random::get_random_u64() }
include!("../../otel-common.rs");

struct App;
wasip2::http::proxy::export!(App);

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

fn get(url: &str, traceparent: &str) -> Result<u16, ErrorCode> {
    let rest = url.strip_prefix("http://").ok_or(ErrorCode::HttpRequestUriInvalid)?;
    let at = rest.find('/').unwrap_or(rest.len());
    let rq = OutgoingRequest::new(Fields::from_list(&[("traceparent".into(), traceparent.as_bytes().to_vec())]).unwrap());
    let _ = rq.set_scheme(Some(&Scheme::Http));
    let _ = rq.set_authority(Some(&rest[..at]));
    let _ = rq.set_path_with_query(Some(if at == rest.len() { "/" } else { &rest[at..] }));
    let f = outgoing_handler::handle(rq, None)?;
    f.subscribe().block();
    Ok(f.get().unwrap().unwrap()?.status())
}

impl wasip2::exports::http::incoming_handler::Guest for App {
    fn handle(req: IncomingRequest, out: ResponseOutparam) {
        let path = req.path_with_query().unwrap_or_default();
        match path.split('?').next().unwrap() {
            "/context" => text(out, 200, &show(&host_context())),
            // guest span "work" (child of the host's), in it "pause" around a clock call and "call" around ?url=
            "/trace" => {
                let mut work = Span::start("work", &host_context(), SpanKind::Internal);
                work.set("route", "\"/trace\"");
                let pause = Span::start("pause", &work.context, SpanKind::Internal);
                monotonic_clock::subscribe_duration(10_000_000).block();
                pause.end(Status::Ok);
                if let Some((_, url)) = path.split_once("url=") {
                    let mut call = Span::start("call", &work.context, SpanKind::Client);
                    let tp = format!("00-{}-{}-01", call.context.trace_id, call.context.span_id);
                    let done = get(url, &tp);
                    call.set("http.response.status_code", &match &done { Ok(s) => s.to_string(), Err(_) => "0".into() });
                    call.end(match done { Ok(_) => Status::Ok, Err(e) => Status::Error(format!("{e:?}")) });
                }
                work.event("done");
                let ids = show(&work.context);
                work.end(Status::Unset);
                text(out, 200, &ids)
            }
            "/logs" => { emit_logs(); text(out, 200, "3 records\n") }
            "/metrics" => match export_metrics() { Ok(()) => text(out, 200, "12 metrics\n"), Err(e) => text(out, 500, &format!("{e}\n")) },
            // a started span that never ends, and one that ends without a start
            "/leak" => {
                std::mem::forget(Span::start("never-ended", &host_context(), SpanKind::Internal));
                Span::unstarted("never-started", &host_context()).end(Status::Ok);
                text(out, 200, "leaked\n")
            }
            // identifiers that no tracer may take over
            "/bad" => {
                let mut s = Span::unstarted("bad", &host_context());
                s.context.trace_id = "xyz".into();
                s.context.span_id = String::new();
                on_start(&s.context);
                s.set("not json", "{");
                s.end(Status::Error("bad ids".into()));
                text(out, 200, "sent bad\n")
            }
            // ?n= spans in one request
            "/flood" => {
                let n: u64 = path.split_once("n=").and_then(|(_, n)| n.parse().ok()).unwrap_or(1000);
                let c = host_context();
                let mut s = Span::unstarted("flood", &c);
                for i in 0..n {
                    s.data.span_context.span_id = format!("{:016x}", i + 1);
                    on_end(&s.data);
                }
                text(out, 200, &format!("{n} spans\n"))
            }
            // spans that no tracer makes: names with HTML, attributes of 10 MB, times before and after all others, a circle of parents, one
            // identifier twice, no trace
            "/hostile" => {
                let c = host_context();
                let html = "<img src=x onerror=\"document.title='owned'\">\u{202e}gnp";
                let mut emit = |name: &str, span: u64, parent: u64, change: &dyn Fn(&mut SpanData)| {
                    let mut s = Span::unstarted(name, &c);
                    s.data.span_context.span_id = format!("{span:016x}");
                    if parent > 0 { s.data.parent_span_id = format!("{parent:016x}") }
                    change(&mut s.data);
                    on_end(&s.data);
                };
                let time = |seconds| wall_clock::Datetime { seconds, nanoseconds: 0 };
                emit(html, 0xa1, 0, &|s| s.attributes.push(kv(html, &format!("{html:?}"))));
                emit("long attribute", 0xa2, 0, &|s| s.attributes.push(kv("long", &format!("\"{}\"", "x".repeat(10 << 20)))));
                emit("many attributes", 0xa3, 0, &|s| for i in 0..5000 { s.attributes.push(kv(&format!("k{i}"), "1")) });
                emit("1970", 0xa4, 0, &|s| { s.start_time = time(0); s.end_time = time(0) });
                emit("far away", 0xa5, 0, &|s| { s.start_time = time(u64::MAX); s.end_time = time(u64::MAX) });
                emit("ends before it begins", 0xa6, 0, &|s| s.end_time = time(1));
                emit("first of a circle", 0xa7, 0xa8, &|_| ());
                emit("second of a circle", 0xa8, 0xa7, &|_| ());
                emit("its own parent", 0xa9, 0xa9, &|_| ());
                emit("twice", 0xaa, 0, &|_| ());
                emit("twice again", 0xaa, 0, &|_| ());
                emit("without a trace", 0xab, 0, &|s| s.span_context.trace_id = String::new());
                text(out, 200, "12 spans\n")
            }
            _ => text(out, 404, "routes: /context /trace /logs /metrics /leak /bad /flood /hostile\n"),
        }
    }
}

//! wasi:http/service 0.3 guest that makes its own spans, logs and metrics through wasi:otel, also in tasks that run at the same
//! time in one instance. wasi:otel itself is synchronous and takes its clock types from wasi:clocks 0.2: a guest of two generations.
use wasip3::clocks::{monotonic_clock, system_clock};
use wasip3::http::{client, types::*};
use wasip3::wit_bindgen::{spawn_local, yield_async};
use wasip3::{wit_future, wit_stream};

#[cfg(not(otel_main))]
wasip3::wit_bindgen::generate!({
    inline: "package guest:otel; world otel { include wasi:otel/imports@0.2.0-rc.2; }",
    path: ["../wit/wasi-io@0.2.0", "../wit/wasi-clocks@0.2.0", "../../wit/wasi-otel@0.2.0-rc.2"],
    world: "guest:otel/otel",
    runtime_path: "wasip3::wit_bindgen::rt",
    generate_all,
});
#[cfg(otel_main)]
wasip3::wit_bindgen::generate!({
    inline: "package guest:otel; world otel { include wasi:otel/imports@0.2.0-rc.2; }",
    path: ["../wit/wasi-io@0.2.0", "../wit/wasi-clocks@0.2.0", "../../wit/wasi-otel@0.2.0-rc.2-main"],
    world: "guest:otel/otel",
    runtime_path: "wasip3::wit_bindgen::rt",
    generate_all,
});
#[cfg(not(otel_main))]
use wasi::otel::tracing::outer_span_context as host_context;
#[cfg(otel_main)]
use wasi::otel::tracing::current_span_context as host_context;

fn now() -> wasi::clocks::wall_clock::Datetime {
    let t = system_clock::now();
    wasi::clocks::wall_clock::Datetime { seconds: t.seconds as u64, nanoseconds: t.nanoseconds }
}
fn random() -> u64 { wasip3::random::random::get_random_u64() }
include!("../../otel-common.rs");

struct App;
wasip3::http::service::export!(App);

fn text(status: u16, body: String) -> Response {
    let (mut tx, rx) = wit_stream::new();
    let (_end, end) = wit_future::new(|| Ok(None));
    let (r, _sent) = Response::new(Fields::from_list(&[("content-type".into(), b"text/plain".to_vec())]).unwrap(), Some(rx), end);
    let _ = r.set_status_code(status);
    spawn_local(async move { tx.write_all(body.into_bytes()).await; });
    r
}

async fn get(url: &str, traceparent: &str) -> Result<u16, ErrorCode> {
    let rest = url.strip_prefix("http://").ok_or(ErrorCode::HttpRequestUriInvalid)?;
    let at = rest.find('/').unwrap_or(rest.len());
    let h = Fields::from_list(&[("traceparent".into(), traceparent.as_bytes().to_vec())]).unwrap();
    let (rq, _sent) = Request::new(h, None, wit_future::new(|| Ok(None)).1, None);
    let _ = rq.set_scheme(Some(&Scheme::Http));
    let _ = rq.set_authority(Some(&rest[..at]));
    let _ = rq.set_path_with_query(Some(if at == rest.len() { "/" } else { &rest[at..] }));
    Ok(client::send(rq).await?.get_status_code())
}

impl wasip3::exports::http::handler::Guest for App {
    async fn handle(req: Request) -> Result<Response, ErrorCode> {
        let path = req.get_path_with_query().unwrap_or_default();
        Ok(match path.split('?').next().unwrap() {
            "/context" => text(200, show(&host_context())),
            // the host's context before and after waits: it must be this request's each time, however many run at once
            "/context-across" => {
                let before = show(&host_context());
                monotonic_clock::wait_for(20_000_000).await;
                yield_async().await;
                let after = show(&host_context());
                text(200, format!("{before}{after}same={}\n", before == after))
            }
            "/trace" => {
                let mut work = Span::start("work", &host_context(), SpanKind::Internal);
                work.set("route", "\"/trace\"");
                let pause = Span::start("pause", &work.context, SpanKind::Internal);
                monotonic_clock::wait_for(10_000_000).await;
                pause.end(Status::Ok);
                if let Some((_, url)) = path.split_once("url=") {
                    let mut call = Span::start("call", &work.context, SpanKind::Client);
                    let tp = format!("00-{}-{}-01", call.context.trace_id, call.context.span_id);
                    let done = get(url, &tp).await;
                    call.set("http.response.status_code", &match &done { Ok(s) => s.to_string(), Err(_) => "0".into() });
                    call.end(match done { Ok(_) => Status::Ok, Err(e) => Status::Error(format!("{e:?}")) });
                }
                work.event("done");
                let ids = show(&work.context);
                work.end(Status::Unset);
                text(200, ids)
            }
            // a guest span that ends after the handler's result is out
            "/after" => {
                let late = Span::start("late", &host_context(), SpanKind::Internal);
                let ids = show(&late.context);
                spawn_local(async move { monotonic_clock::wait_for(50_000_000).await; late.end(Status::Ok) });
                text(200, ids)
            }
            "/logs" => { emit_logs(); text(200, "3 records\n".into()) }
            "/metrics" => match export_metrics() { Ok(()) => text(200, "12 metrics\n".into()), Err(e) => text(500, e) },
            _ => text(404, "routes: /context /context-across /trace /after /logs /metrics\n".into()),
        })
    }
}

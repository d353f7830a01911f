//! An HTTP component (WASI 0.2) that tells of itself by `tracing` and OpenTelemetry's metrics. See README.md.
use opentelemetry::{global, Array, KeyValue, Value};
use std::io::Write;
use std::sync::OnceLock;
use tracing::{field, info, instrument, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;
use vitrine_otel::Telemetry;
use wasip2::http::outgoing_handler;
use wasip2::http::types::*;

wit_bindgen::generate!({
    inline: "package example:order; world order { import wasi:keyvalue/store@0.2.0-draft; }",
    path: ["../wit"],
    world: "example:order/order",
    generate_all,
});
use wasi::keyvalue::store;

include!("../../query.rs");

struct App;
wasip2::http::proxy::export!(App);

/// The telemetry of this instance; `tracing` is set up with it.
fn telemetry() -> &'static Telemetry {
    static TRACING: OnceLock<()> = OnceLock::new();
    let telemetry = vitrine_otel::install();
    TRACING.get_or_init(|| {
        let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(vitrine_otel::layer(telemetry)));
    });
    telemetry
}

impl wasip2::exports::http::incoming_handler::Guest for App {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        telemetry().request(|| {
            let path = request.path_with_query().unwrap_or_default();
            let answer = match path.split('?').next().unwrap_or_default() {
                "/order" => order(
                    &query(&path, "item").unwrap_or_else(|| "apple".into()),
                    query(&path, "n").and_then(|n| n.parse().ok()).unwrap_or(1),
                    query(&path, "url").as_deref(),
                ),
                "/fail" => fail(),
                "/spans" => Ok(spans(query(&path, "n").and_then(|n| n.parse().ok()).unwrap_or(10))),
                _ => return respond(out, 404, "routes: /order?item=&n=&url= /fail /spans?n="),
            };
            match answer {
                Ok(text) => respond(out, 200, &text),
                Err(text) => respond(out, 500, &text),
            }
        })
    }
}

/// Orders n of an item: asks for its price, and the stock at url for it.
#[instrument(skip(url), fields(gift = false))]
fn order(item: &str, n: i64, url: Option<&str>) -> Result<String, String> {
    let span = Span::current();
    span.set_attribute("weights", Value::Array(Array::F64(vec![0.5, 1.25])));
    span.add_event("order received", vec![]);
    info!("ordering {n} {item}");
    let value = price(item)? * n as f64;
    if let Some(url) = url {
        let status = get(url)?;
        info!("stock answered {status}");
    }
    let meter = global::meter("order");
    let of = [KeyValue::new("item", item.to_string())];
    meter.u64_counter("orders").build().add(1, &of);
    meter.f64_histogram("order.value").build().record(value, &[]);
    Ok(format!("{n} {item}: {value:.2}"))
}

/// The price of an item, which is 3 unless the store has another.
#[instrument(skip_all)]
fn price(item: &str) -> Result<f64, String> {
    let failed = |e: store::Error| format!("store: {e:?}");
    let bucket = store::open("default").map_err(failed)?;
    let key = format!("price/{item}");
    let text = match bucket.get(&key).map_err(failed)? {
        Some(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        None => {
            bucket.set(&key, b"3").map_err(failed)?;
            "3".into()
        }
    };
    let price = text.parse().map_err(|_| format!("the price of {item} is no number: {text}"))?;
    Span::current().add_event("price found", vec![]);
    info!("price of {item} is {price}");
    Ok(price)
}

/// Fails, and says so in its span.
#[instrument(fields(otel.status_code = field::Empty, otel.status_description = field::Empty))]
fn fail() -> Result<String, String> {
    let span = Span::current();
    span.add_event("exception", vec![KeyValue::new("exception.type", "Told"), KeyValue::new("exception.message", "told to fail")]);
    span.record("otel.status_code", "ERROR");
    span.record("otel.status_description", "told to fail");
    Err("told to fail".into())
}

/// Makes n spans, to measure what one costs.
fn spans(n: u32) -> String {
    for i in 0..n {
        tracing::info_span!("step", i, kind = "measured", price = 1.25).in_scope(|| ());
    }
    format!("{n} spans")
}

/// The status of a GET. The host adds traceparent.
fn get(url: &str) -> Result<u16, String> {
    let (https, authority, path) = parts(url).ok_or("url is no http URL")?;
    let request = OutgoingRequest::new(Fields::new());
    let _ = request.set_scheme(Some(if https { &Scheme::Https } else { &Scheme::Http }));
    let _ = request.set_authority(Some(authority));
    let _ = request.set_path_with_query(Some(path));
    let failed = |e: ErrorCode| format!("{e:?}");
    let answer = outgoing_handler::handle(request, None).map_err(failed)?;
    answer.subscribe().block();
    let response = answer.get().ok_or("no response")?.map_err(|_| "the response is taken")?.map_err(failed)?;
    Ok(response.status())
}

fn respond(out: ResponseOutparam, status: u16, text: &str) {
    let response = OutgoingResponse::new(Fields::new());
    let _ = response.set_status_code(status);
    let body = response.body();
    ResponseOutparam::set(out, Ok(response));
    let Ok(body) = body else { return };
    if let Ok(mut stream) = body.write() {
        let _ = stream.write_all(format!("{text}\n").as_bytes()).and_then(|()| Write::flush(&mut stream));
    }
    let _ = OutgoingBody::finish(body, None);
}

//! The same for WASI 0.3: many requests run at the same time in one instance, and spans stay with theirs over every await. See README.md.
use opentelemetry::{global, Array, KeyValue, Value};
use std::sync::OnceLock;
use tracing::{field, info, instrument, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;
use vitrine_otel::Telemetry;
use wasip3::clocks::monotonic_clock;
use wasip3::http::{client, types::*};
use wasip3::wit_bindgen::spawn_local;
use wasip3::{wit_future, wit_stream};

wasip3::wit_bindgen::generate!({
    inline: "package example:order; world order { import wasi:keyvalue/store@0.2.0-draft; }",
    path: ["../wit"],
    world: "example:order/order",
    runtime_path: "wasip3::wit_bindgen::rt",
    generate_all,
});
use wasi::keyvalue::store;

include!("../../query.rs");

struct App;
wasip3::http::service::export!(App);

/// The telemetry of this instance; `tracing` is set up with it.
fn telemetry() -> &'static Telemetry {
    static TRACING: OnceLock<()> = OnceLock::new();
    let telemetry = vitrine_otel::install();
    TRACING.get_or_init(|| {
        let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(vitrine_otel::layer(telemetry)));
    });
    telemetry
}

impl wasip3::exports::http::handler::Guest for App {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let path = request.get_path_with_query().unwrap_or_default();
        let number = |key| query(&path, key).and_then(|n| n.parse().ok());
        let work = async {
            match path.split('?').next().unwrap_or_default() {
                "/order" => {
                    let item = query(&path, "item").unwrap_or_else(|| "apple".into());
                    order(&item, number("n").unwrap_or(1), number("ms").unwrap_or(0), query(&path, "url").as_deref()).await
                }
                "/fail" => fail().await,
                _ => Ok("routes: /order?item=&n=&ms=&url= /fail".into()),
            }
        };
        Ok(match telemetry().request_async(work).await {
            Ok(text) => respond(200, text),
            Err(text) => respond(500, text),
        })
    }
}

/// Orders n of an item: asks for its price, waits for ms milliseconds, and asks the stock at url for it.
#[instrument(skip(ms, url), fields(gift = false))]
async fn order(item: &str, n: i64, ms: i64, url: Option<&str>) -> Result<String, String> {
    let span = Span::current();
    span.set_attribute("weights", Value::Array(Array::F64(vec![0.5, 1.25])));
    span.add_event("order received", vec![]);
    info!("ordering {n} {item}");
    let value = price(item, ms).await? * n as f64;
    wait(ms).await;
    if let Some(url) = url {
        let status = get(url).await?;
        info!("stock answered {status}");
    }
    let meter = global::meter("order");
    let of = [KeyValue::new("item", item.to_string())];
    meter.u64_counter("orders").build().add(1, &of);
    meter.f64_histogram("order.value").build().record(value, &[]);
    Ok(format!("{n} {item}: {value:.2}"))
}

async fn wait(ms: i64) {
    if ms > 0 {
        monotonic_clock::wait_for(ms as u64 * 1_000_000).await;
    }
}

/// The price of an item, which is 3 unless the store has another.
#[instrument(skip_all)]
async fn price(item: &str, ms: i64) -> Result<f64, String> {
    wait(ms).await;
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
async fn fail() -> Result<String, String> {
    let span = Span::current();
    span.add_event("exception", vec![KeyValue::new("exception.type", "Told"), KeyValue::new("exception.message", "told to fail")]);
    span.record("otel.status_code", "ERROR");
    span.record("otel.status_description", "told to fail");
    Err("told to fail".into())
}

/// The status of a GET. The host adds traceparent.
async fn get(url: &str) -> Result<u16, String> {
    let (https, authority, path) = parts(url).ok_or("url is no http URL")?;
    let (request, _sent) = Request::new(Fields::new(), None, wit_future::new(|| Ok(None)).1, None);
    let _ = request.set_scheme(Some(if https { &Scheme::Https } else { &Scheme::Http }));
    let _ = request.set_authority(Some(authority));
    let _ = request.set_path_with_query(Some(path));
    let response = client::send(request).await.map_err(|e| format!("{e:?}"))?;
    Ok(response.get_status_code())
}

fn respond(status: u16, text: String) -> Response {
    let (mut body, contents) = wit_stream::new();
    let (_end, trailers) = wit_future::new(|| Ok(None));
    let (response, _sent) = Response::new(Fields::new(), Some(contents), trailers);
    let _ = response.set_status_code(status);
    spawn_local(async move {
        body.write_all(format!("{text}\n").into_bytes()).await;
    });
    response
}

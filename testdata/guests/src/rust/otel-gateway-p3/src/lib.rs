//! wasi:http/middleware 0.3 that passes requests on within a span of its own, by the SDK.
use std::sync::OnceLock;
use tracing::{info, instrument, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;
use vitrine_otel::Telemetry;
use wasip3::http::types::{ErrorCode, Request, Response};
use wasip3::wit_future;

wasip3::wit_bindgen::generate!({
    inline: "package guest:gateway; world gateway { import wasi:http/handler@0.3.0; export wasi:http/handler@0.3.0; }",
    path: ["../../wit/p3-0.3.0/wasi-clocks", "../../wit/p3-0.3.0/wasi-filesystem", "../../wit/p3-0.3.0/wasi-sockets",
        "../../wit/p3-0.3.0/wasi-random", "../../wit/p3-0.3.0/wasi-cli", "../../wit/p3-0.3.0/wasi-http"],
    world: "guest:gateway/gateway",
    runtime_path: "wasip3::wit_bindgen::rt",
    with: {
        "wasi:clocks/types@0.3.0": wasip3::clocks::types,
        "wasi:http/types@0.3.0": wasip3::http::types,
        "wasi:http/handler@0.3.0": generate,
    },
});

struct Gateway;
export!(Gateway);

fn telemetry() -> &'static Telemetry {
    static TRACING: OnceLock<()> = OnceLock::new();
    let telemetry = vitrine_otel::install();
    TRACING.get_or_init(|| {
        let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(vitrine_otel::layer(telemetry)));
    });
    telemetry
}

impl exports::wasi::http::handler::Guest for Gateway {
    async fn handle(req: Request) -> Result<Response, ErrorCode> { telemetry().request_async(gateway(req)).await }
}

#[instrument(skip_all)]
async fn gateway(req: Request) -> Result<Response, ErrorCode> {
    info!("passing on");
    let (method, path, h) = (req.get_method(), req.get_path_with_query(), req.get_headers().clone());
    let (scheme, authority, options) = (req.get_scheme(), req.get_authority(), req.get_options());
    let (body, trailers) = Request::consume_body(req, wit_future::new(|| Ok(())).1);
    let (next, _sent) = Request::new(h, Some(body), trailers, options);
    let _ = next.set_method(&method);
    let _ = next.set_path_with_query(path.as_deref());
    let _ = next.set_scheme(scheme.as_ref());
    let _ = next.set_authority(authority.as_deref());
    let answer = wasi::http::handler::handle(next).await?;
    Span::current().add_event("answered", vec![]);
    Ok(answer)
}

//! Stands in front of another component: refuses requests to /private without a key, passes on all others, and says in a header how long
//! the answer has taken. Bodies pass from component to component without being read here.

use std::time::Instant;

use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::{wit_future, wit_stream};

wasip3::wit_bindgen::generate!({
    path: "wit",
    world: "middleware",
    runtime_path: "wasip3::wit_bindgen::rt",
    with: {
        "wasi:clocks/types@0.3.0": wasip3::clocks::types,
        "wasi:http/types@0.3.0": wasip3::http::types,
        "wasi:http/handler@0.3.0": generate,
    },
});

struct Middleware;

impl exports::wasi::http::handler::Guest for Middleware {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let path = request.get_path_with_query().unwrap_or_default();
        if path.starts_with("/private") && request.get_headers().get("x-key").is_empty() {
            println!("refusing {path}");
            return Ok(refusal());
        }
        let began = Instant::now();
        let response = wasi::http::handler::handle(request).await?;
        marked(response, &format!("app;dur={}", began.elapsed().as_millis()))
    }
}

/// The same answer with one header more. The headers of an answer that has come cannot be changed, so it is a new one with the same body.
fn marked(response: Response, timing: &str) -> Result<Response, ErrorCode> {
    let status = response.get_status_code();
    let headers = response.get_headers().clone();
    let _ = headers.append("server-timing", timing.as_bytes());
    let (_read, result) = wit_future::new(|| Ok(()));
    let (body, trailers) = Response::consume_body(response, result);
    let (response, _sent) = Response::new(headers, Some(body), trailers);
    response.set_status_code(status).expect("a valid status");
    Ok(response)
}

fn refusal() -> Response {
    let (_, body) = wit_stream::new();
    let (_, trailers) = wit_future::new(|| Ok(None));
    let (response, _sent) = Response::new(Fields::new(), Some(body), trailers);
    response.set_status_code(401).expect("a valid status");
    response
}

export!(Middleware);

//! Answers requests: GET /hello?name=you greets, anything else is 404.

use std::io::Write;

use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{Fields, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam};

struct Handler;

impl Guest for Handler {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        match (request.method(), path) {
            (Method::Get, "/hello") => {
                let name = query.strip_prefix("name=").unwrap_or("world");
                println!("greeting {name}");
                answer(out, 200, &format!("hello {name}\n"));
            }
            _ => answer(out, 404, "not found\n"),
        }
    }
}

fn answer(out: ResponseOutparam, status: u16, text: &str) {
    let fields = Fields::new();
    fields.append("content-type", b"text/plain").expect("a valid field");
    let response = OutgoingResponse::new(fields);
    response.set_status_code(status).expect("a valid status");
    let body = response.body().expect("the first call");
    ResponseOutparam::set(out, Ok(response));
    let mut stream = body.write().expect("the first call");
    // A client that has gone away is no failure of this component.
    let _ = stream.write_all(text.as_bytes());
    let _ = stream.flush();
    drop(stream);
    let _ = OutgoingBody::finish(body, None);
}

wasip2::http::proxy::export!(Handler);

//! Answers requests: GET /hello?name=you greets and says how often it has, which the service knows; anything else is 404.

use std::io::{Read, Result, Write};
use std::net::{Shutdown, TcpStream};
use std::thread::sleep;
use std::time::Duration;

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
                match count(name) {
                    Ok(n) => answer(out, 200, &format!("hello {name}, {n}\n")),
                    Err(why) => answer(out, 502, &format!("the counter does not answer: {why}\n")),
                }
            }
            _ => answer(out, 404, "not found\n"),
        }
    }
}

/// Asks the service how often a name has been sent to it.
fn count(name: &str) -> Result<String> {
    let mut counter = connect()?;
    writeln!(counter, "{name}")?;
    counter.shutdown(Shutdown::Write)?;
    let mut text = String::new();
    counter.read_to_string(&mut text)?;
    Ok(text.trim_end().to_owned())
}

/// Connects to the service, which may not listen yet: it begins with the workload, and again when it has failed.
fn connect() -> Result<TcpStream> {
    for _ in 0..100 {
        if let Ok(stream) = TcpStream::connect("127.0.0.1:7000") {
            return Ok(stream);
        }
        sleep(Duration::from_millis(10));
    }
    TcpStream::connect("127.0.0.1:7000")
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

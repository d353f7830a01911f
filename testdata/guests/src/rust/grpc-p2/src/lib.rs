//! gRPC by hand on wasi:http 0.2: the methods of ../grpc-p3, which do one thing after the other here, and its client.
use wasip2::clocks::monotonic_clock;
use wasip2::http::{outgoing_handler, types::*};
use wasip2::io::streams::{InputStream, OutputStream};

struct App;
wasip2::http::proxy::export!(App);

/// The messages of a body: a byte that is 0, four of the length, and the message.
struct Messages { body: InputStream, buf: Vec<u8>, over: bool }

impl Messages {
    fn new(body: InputStream) -> Self { Messages { body, buf: Vec::new(), over: false } }

    fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            if self.buf.len() >= 5 {
                let end = 5 + u32::from_be_bytes(self.buf[1..5].try_into().unwrap()) as usize;
                if self.buf.len() >= end {
                    let rest = self.buf.split_off(end);
                    return Some(std::mem::replace(&mut self.buf, rest).split_off(5));
                }
            }
            if self.over { return None }
            match self.body.blocking_read(16384) {
                Ok(part) => self.buf.extend(part),
                Err(_) => self.over = true,
            }
        }
    }
}

/// Writes bytes or a message, and says whether somebody took them.
fn write(to: &OutputStream, bytes: &[u8]) -> bool {
    bytes.chunks(4096).all(|c| to.blocking_write_and_flush(c).is_ok())
}

fn send(to: &OutputStream, message: &[u8]) -> bool {
    let mut out = vec![0];
    out.extend((message.len() as u32).to_be_bytes());
    out.extend(message);
    write(to, &out)
}

fn fields(of: &[(&str, &str)]) -> Fields {
    let h = Fields::new();
    for (k, v) in of { h.append(k, v.as_bytes()).unwrap() }
    h
}

fn value(h: &Fields, name: &str) -> String {
    String::from_utf8_lossy(&h.get(name).into_iter().next().unwrap_or_default()).into_owned()
}

fn answer(out: ResponseOutparam, head: &[(&str, &str)], body: impl FnOnce(&OutputStream) -> Option<Fields>) {
    let r = OutgoingResponse::new(fields(head));
    let b = r.body().unwrap();
    ResponseOutparam::set(out, Ok(r));
    let s = b.write().unwrap();
    let trailers = body(&s);
    drop(s);
    let _ = OutgoingBody::finish(b, trailers);
}

/// An answer of head and trailers in one.
fn trailers_only(out: ResponseOutparam, code: &str, message: &str) {
    answer(out, &[("content-type", "application/grpc"), ("grpc-status", code), ("grpc-message", message)], |_| None)
}

fn status(code: &str, message: &str) -> Option<Fields> {
    Some(fields(&[("grpc-status", code), ("grpc-message", message), ("x-end", "seen")]))
}

fn streamed(out: ResponseOutparam, body: impl FnOnce(&OutputStream) -> Option<Fields>) {
    answer(out, &[("content-type", "application/grpc"), ("x-begin", "seen")], body)
}

/// GET /call/METHOD?url=…&n=…: sends n messages, each after the answer to the last one where the method is Chat; prints the answers.
fn call(path: &str, out: ResponseOutparam) {
    let (method, query) = path["/call/".len()..].split_once('?').unwrap_or_default();
    let arg = |key: &str| query.split('&').find_map(|kv| kv.strip_prefix(key)?.strip_prefix('=')).unwrap_or("").to_string();
    let (url, n, chat) = (arg("url"), arg("n").parse().unwrap_or(1u32), method == "Chat");
    let h = fields(&[("content-type", "application/grpc+proto")]);
    for name in ["grpc-timeout", "x-status"] {
        if !arg(name).is_empty() { h.append(name, arg(name).as_bytes()).unwrap() }
    }
    let rq = OutgoingRequest::new(h);
    let (scheme, authority) = url.split_once("://").unwrap_or_default();
    rq.set_method(&Method::Post).unwrap();
    rq.set_scheme(Some(&if scheme == "https" { Scheme::Https } else { Scheme::Http })).unwrap();
    rq.set_authority(Some(authority)).unwrap();
    rq.set_path_with_query(Some(&format!("/vitrine.test.Echo/{method}"))).unwrap();
    // StringValue, by hand: field 1, its length, the text
    let message = |i: u32| { let s = format!("message {i}"); [&[10, s.len() as u8], s.as_bytes()].concat() };
    let body = rq.body().unwrap();
    let stream = body.write().unwrap();
    answer(out, &[("content-type", "text/plain")], move |out| {
        let print = |s: String| write(out, s.as_bytes());
        let f = match outgoing_handler::handle(rq, None) {
            Ok(f) => f,
            Err(e) => { print(format!("error {e:?}\n")); return None }
        };
        let mut ask = Some((body, stream));
        let end_of_request = |ask: &mut Option<(OutgoingBody, OutputStream)>| if let Some((body, stream)) = ask.take() {
            drop(stream);
            let _ = OutgoingBody::finish(body, None);
        };
        if !chat {
            for i in 0..n { if !send(&ask.as_ref().unwrap().1, &message(i)) { break } }
            end_of_request(&mut ask);
        }
        f.subscribe().block();
        let up = match f.get().unwrap().unwrap() {
            Ok(up) => up,
            Err(e) => { print(format!("error {e:?}\n")); return None }
        };
        let head = up.headers();
        print(format!("head x-begin={}\n", value(&head, "x-begin")));
        let mut end = value(&head, "grpc-status");
        drop(head);
        let from = up.consume().unwrap();
        let (mut messages, mut i) = (Messages::new(from.stream().unwrap()), 0);
        loop {
            match &ask {
                Some((_, stream)) if i < n => { send(stream, &message(i)); }
                _ => end_of_request(&mut ask),
            }
            let Some(m) = messages.next() else { break };
            i += 1;
            if !print(format!("got {}\n", String::from_utf8_lossy(m.get(2..).unwrap_or_default()))) { return None }
        }
        drop(messages);
        let t = IncomingBody::finish(from);
        t.subscribe().block();
        match t.get().unwrap().unwrap() {
            Ok(Some(t)) => end = format!("{} {}", value(&t, "grpc-status"), value(&t, "x-end")),
            Ok(None) => end += " in the head",
            Err(e) => end = format!("{e:?}"),
        }
        print(format!("status {end}\n"));
        None
    })
}

impl wasip2::exports::http::incoming_handler::Guest for App {
    fn handle(req: IncomingRequest, out: ResponseOutparam) {
        let path = req.path_with_query().unwrap_or_default();
        if path.starts_with("/call/") { return call(&path, out) }
        let Some(method) = path.strip_prefix("/vitrine.test.Echo/") else {
            return trailers_only(out, "12", &format!("no service at {path}"))
        };
        let h = req.headers();
        let (code, timeout) = (value(&h, "x-status"), value(&h, "grpc-timeout"));
        drop(h);
        let body = req.consume().unwrap();
        let mut messages = Messages::new(body.stream().unwrap());
        match method {
            "Unary" | "Repeat" => {
                let Some(m) = messages.next() else { return trailers_only(out, "13", "no message") };
                streamed(out, |s| {
                    for _ in 0..if method == "Unary" { 1 } else { 3 } { send(s, &m); }
                    status("0", "")
                })
            }
            // what lies one behind the other is one message that has all that is repeated
            "Collect" => {
                let mut all = Vec::new();
                while let Some(m) = messages.next() { all.extend(m) }
                streamed(out, |s| { send(s, &all); status("0", "") })
            }
            // the head is sent before a message has come
            "Chat" => streamed(out, |s| {
                while let Some(m) = messages.next() { if !send(s, &m) { return None } }
                status("0", "")
            }),
            // x-status, in the head, without any message, and in the trailers behind one
            "Fail" => trailers_only(out, &code, "told%20to fail"),
            "FailAfter" => streamed(out, |s| {
                if let Some(m) = messages.next() { send(s, &m); }
                status(&code, "told%20to fail")
            }),
            // ends while the client goes on
            "Enough" => {
                streamed(out, |s| {
                    if let Some(m) = messages.next() { send(s, &m); }
                    status("0", "")
                });
                while messages.next().is_some() {}
            }
            "Timeout" => streamed(out, |s| { send(s, &[&[10, timeout.len() as u8], timeout.as_bytes()].concat()); status("0", "") }),
            "Wait" => { monotonic_clock::subscribe_duration(3_600_000_000_000).block(); trailers_only(out, "0", "") }
            "Trap" => core::arch::wasm32::unreachable(),
            "TrapAfter" => streamed(out, |s| {
                if let Some(m) = messages.next() { send(s, &m); }
                core::arch::wasm32::unreachable()
            }),
            _ => trailers_only(out, "12", &format!("no method {method}")),
        }
    }
}

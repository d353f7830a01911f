//! gRPC by hand on wasi:http 0.3: a server that answers with the messages of its requests, whatever their encoding, and a client.
//! The methods are those of /vitrine.test.Echo; GET /call/METHOD?url=… calls one of another server and prints what it got.
use wasip3::clocks::monotonic_clock;
use wasip3::http::{client, types::*};
use wasip3::wit_bindgen::{rt::async_support::StreamResult, spawn_local, FutureReader, StreamReader, StreamWriter};
use wasip3::{wit_future, wit_stream};

struct App;
wasip3::http::service::export!(App);

type TrailerResult = Result<Option<Trailers>, ErrorCode>;

/// The messages of a body: a byte that is 0, four of the length, and the message.
struct Messages { body: StreamReader<u8>, buf: Vec<u8>, over: bool }

impl Messages {
    fn new(body: StreamReader<u8>) -> Self { Messages { body, buf: Vec::new(), over: false } }

    async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            if self.buf.len() >= 5 {
                let end = 5 + u32::from_be_bytes(self.buf[1..5].try_into().unwrap()) as usize;
                if self.buf.len() >= end {
                    let rest = self.buf.split_off(end);
                    return Some(std::mem::replace(&mut self.buf, rest).split_off(5));
                }
            }
            if self.over { return None }
            let (state, part) = self.body.read(Vec::with_capacity(16384)).await;
            self.buf.extend(part);
            self.over = !matches!(state, StreamResult::Complete(_));
        }
    }
}

fn framed(message: &[u8]) -> Vec<u8> {
    let mut out = vec![0];
    out.extend((message.len() as u32).to_be_bytes());
    out.extend(message);
    out
}

fn fields(of: &[(&str, &str)]) -> Fields {
    let h = Fields::new();
    for (k, v) in of { h.append(k, v.as_bytes()).unwrap() }
    h
}

fn value(h: &Fields, name: &str) -> String {
    String::from_utf8_lossy(&h.get(name).into_iter().next().unwrap_or_default()).into_owned()
}

fn status(code: &str, message: &str) -> TrailerResult {
    Ok(Some(fields(&[("grpc-status", code), ("grpc-message", message), ("x-end", "seen")])))
}

/// An answer of head and trailers in one.
fn trailers_only(code: &str, message: &str) -> Response {
    let h = fields(&[("content-type", "application/grpc"), ("grpc-status", code), ("grpc-message", message)]);
    Response::new(h, None, wit_future::new(|| Ok(None)).1).0
}

fn streamed<F>(content_type: &str, write: impl FnOnce(StreamWriter<u8>) -> F + 'static) -> Response
where F: std::future::Future<Output = TrailerResult> {
    let (tx, rx) = wit_stream::new();
    let (end_tx, end_rx) = wit_future::new(|| Ok(None));
    let (resp, _sent) = Response::new(fields(&[("content-type", content_type), ("x-begin", "seen")]), Some(rx), end_rx);
    spawn_local(async move {
        let end = write(tx).await;
        let _ = end_tx.write(end).await;
    });
    resp
}

/// A call of another server: sends head and body, and waits for the answer's head.
async fn send(url: &str, path: &str, h: Fields, body: StreamReader<u8>, trailers: FutureReader<TrailerResult>) -> Result<Response, ErrorCode> {
    let (scheme, authority) = url.split_once("://").ok_or(ErrorCode::HttpRequestUriInvalid)?;
    let (rq, _sent) = Request::new(h, Some(body), trailers, None);
    let _ = rq.set_method(&Method::Post);
    let _ = rq.set_scheme(Some(&if scheme == "https" { Scheme::Https } else { Scheme::Http }));
    rq.set_authority(Some(authority)).map_err(|_| ErrorCode::HttpRequestUriInvalid)?;
    rq.set_path_with_query(Some(path)).map_err(|_| ErrorCode::HttpRequestUriInvalid)?;
    client::send(rq).await
}

/// GET /call/METHOD?url=…&n=…: sends n messages, each after the answer to the last one where the method is Chat; prints the answers.
async fn call(path: &str) -> Result<Response, ErrorCode> {
    let (method, query) = path["/call/".len()..].split_once('?').unwrap_or_default();
    let arg = |key: &str| query.split('&').find_map(|kv| kv.strip_prefix(key)?.strip_prefix('=')).unwrap_or("").to_string();
    let (url, n, chat) = (arg("url"), arg("n").parse().unwrap_or(1u32), method == "Chat");
    let h = fields(&[("content-type", "application/grpc+proto")]);
    for name in ["grpc-timeout", "x-status"] {
        if !arg(name).is_empty() { h.append(name, arg(name).as_bytes()).unwrap() }
    }
    let (mut tx, rx) = wit_stream::new();
    // StringValue, by hand: field 1, its length, the text
    let message = |i: u32| { let s = format!("message {i}"); [&[10, s.len() as u8], s.as_bytes()].concat() };
    if !chat {
        spawn_local(async move { for i in 0..n { if !tx.write_all(framed(&message(i))).await.is_empty() { break } } });
        let up = send(&url, &format!("/vitrine.test.Echo/{method}"), h, rx, wit_future::new(|| Ok(None)).1).await;
        return print(up, None, n).await;
    }
    let up = send(&url, &format!("/vitrine.test.Echo/{method}"), h, rx, wit_future::new(|| Ok(None)).1).await;
    print(up, Some((tx, Box::new(message))), n).await
}

/// The text of an answer; a line for each message, with what the next one is asked for, if there is something to ask with.
async fn print(up: Result<Response, ErrorCode>, ask: Option<(StreamWriter<u8>, Box<dyn Fn(u32) -> Vec<u8>>)>, n: u32) -> Result<Response, ErrorCode> {
    Ok(streamed("text/plain", move |mut out| async move {
        let up = match up {
            Ok(up) => up,
            Err(e) => { out.write_all(format!("error {e:?}\n").into_bytes()).await; return Ok(None) }
        };
        let head = up.get_headers();
        out.write_all(format!("head x-begin={}\n", value(&head, "x-begin")).into_bytes()).await;
        let mut end = value(&head, "grpc-status");
        let (_ok, res) = wit_future::new(|| Ok(()));
        let (body, trailers) = Response::consume_body(up, res);
        let (mut messages, mut ask, mut i) = (Messages::new(body), ask, 0);
        loop {
            if let Some((tx, message)) = &mut ask {
                if i < n { tx.write_all(framed(&message(i))).await; } else { ask = None }
            }
            let Some(m) = messages.next().await else { break };
            i += 1;
            let text = String::from_utf8_lossy(m.get(2..).unwrap_or_default()).into_owned();
            if !out.write_all(format!("got {text}\n").into_bytes()).await.is_empty() { return Ok(None) }
        }
        drop(messages);
        match trailers.await {
            Ok(Some(t)) => end = format!("{} {}", value(&t, "grpc-status"), value(&t, "x-end")),
            Ok(None) => end += " in the head",
            Err(e) => end = format!("{e:?}"),
        }
        out.write_all(format!("status {end}\n").into_bytes()).await;
        Ok(None)
    }))
}

impl wasip3::exports::http::handler::Guest for App {
    async fn handle(req: Request) -> Result<Response, ErrorCode> {
        let path = req.get_path_with_query().unwrap_or_default();
        if path.starts_with("/call/") { return call(&path).await }
        let Some(method) = path.strip_prefix("/vitrine.test.Echo/") else {
            return Ok(trailers_only("12", &format!("no service at {path}")))
        };
        let method = method.to_string();
        let h = req.get_headers();
        let (code, to) = (value(&h, "x-status"), value(&h, "x-forward"));
        let (timeout, forwarded) = (value(&h, "grpc-timeout"), h.clone());
        let (_ok, res) = wit_future::new(|| Ok(()));
        let (body, trailers) = Request::consume_body(req, res);
        if !to.is_empty() { // another server answers in this one's place
            let _ = forwarded.delete("x-forward");
            let _ = forwarded.delete("grpc-timeout"); // the host knows what is left of it
            let up = match send(&to, &path, forwarded, body, trailers).await {
                Ok(up) => up,
                Err(e) => return Ok(trailers_only("14", &format!("{e:?}"))),
            };
            let head = up.get_headers().clone();
            let (_ok, res) = wit_future::new(|| Ok(()));
            let (body, trailers) = Response::consume_body(up, res);
            return Ok(Response::new(head, Some(body), trailers).0)
        }
        let mut messages = Messages::new(body);
        Ok(match method.as_str() {
            "Unary" => {
                let Some(m) = messages.next().await else { return Ok(trailers_only("13", "no message")) };
                streamed("application/grpc", move |mut tx| async move { tx.write_all(framed(&m)).await; status("0", "") })
            }
            "Repeat" => {
                let Some(m) = messages.next().await else { return Ok(trailers_only("13", "no message")) };
                streamed("application/grpc", move |mut tx| async move {
                    for _ in 0..3 { tx.write_all(framed(&m)).await; }
                    status("0", "")
                })
            }
            // what lies one behind the other is one message that has all that is repeated
            "Collect" => {
                let mut all = Vec::new();
                while let Some(m) = messages.next().await { all.extend(m) }
                streamed("application/grpc", move |mut tx| async move { tx.write_all(framed(&all)).await; status("0", "") })
            }
            // the head is sent before a message has come
            "Chat" => streamed("application/grpc", move |mut tx| async move {
                while let Some(m) = messages.next().await {
                    if !tx.write_all(framed(&m)).await.is_empty() { eprintln!("chat: the client has gone"); return Ok(None) }
                }
                status("0", "")
            }),
            // x-status, in the head, without any message, and in the trailers behind one
            "Fail" => trailers_only(&code, "told%20to fail"),
            "FailAfter" => streamed("application/grpc", move |mut tx| async move {
                if let Some(m) = messages.next().await { tx.write_all(framed(&m)).await; }
                status(&code, "told%20to fail")
            }),
            // ends while the client goes on
            "Enough" => streamed("application/grpc", move |mut tx| async move {
                if let Some(m) = messages.next().await { tx.write_all(framed(&m)).await; }
                drop(tx);
                spawn_local(async move { while messages.next().await.is_some() {} });
                status("0", "")
            }),
            "Timeout" => streamed("application/grpc", move |mut tx| async move {
                tx.write_all(framed(&[&[10, timeout.len() as u8], timeout.as_bytes()].concat())).await;
                status("0", "")
            }),
            "Wait" => { monotonic_clock::wait_for(3_600_000_000_000).await; trailers_only("0", "") }
            "Trap" => core::arch::wasm32::unreachable(),
            "TrapAfter" => streamed("application/grpc", move |mut tx| async move {
                if let Some(m) = messages.next().await { tx.write_all(framed(&m)).await; }
                core::arch::wasm32::unreachable()
            }),
            _ => trailers_only("12", &format!("no method {method}")),
        })
    }
}

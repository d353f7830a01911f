//! Handles messages of wasmcloud:messaging 0.2.0, and sends them when an HTTP request says so. Routes: see README.md.
use std::io::{Read, Write};
use wasip2::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

wit_bindgen::generate!({
    inline: "package guest:messages;
        world messages {
            import wasi:keyvalue/store@0.2.0-draft;
            import wasi:keyvalue/atomics@0.2.0-draft;
            import wasmcloud:messaging/consumer@0.2.0;
            export wasmcloud:messaging/handler@0.2.0;
        }",
    path: ["../../../../../plugin/keyvalue/wit", "../../../../../plugin/messaging/wit/0.2"],
    world: "guest:messages/messages",
    generate_all,
});
use exports::wasmcloud::messaging::handler::BrokerMessage as Incoming;
use wasi::keyvalue::{atomics, store};
use wasmcloud::messaging::{consumer, types::BrokerMessage};

struct App;
export!(App);
wasip2::http::proxy::export!(App);

fn send(subject: &str, body: &[u8]) -> Result<(), String> {
    consumer::publish(&BrokerMessage { subject: subject.into(), body: body.to_vec(), reply_to: None })
}

/// Counts the message under the key "count:SUBJECT", keeps it under "last:SUBJECT", and then does what its first word says:
/// `fail`: an error; `trap`; `spin`; `flaky`: an error, but for the third try on; `forward TO`: publishes the rest of the message there.
/// A message that waits for an answer gets `SUBJECT: MESSAGE`.
impl exports::wasmcloud::messaging::handler::Guest for App {
    fn handle_message(m: Incoming) -> Result<(), String> {
        let keys = store::open("").map_err(|e| format!("{e:?}"))?;
        let n = atomics::increment(&keys, &format!("count:{}", m.subject), 1).map_err(|e| format!("{e:?}"))?;
        keys.set(&format!("last:{}", m.subject), &m.body).map_err(|e| format!("{e:?}"))?;
        let text = String::from_utf8_lossy(&m.body).into_owned();
        println!("handled {} on {}", text.split(' ').next().unwrap_or(""), m.subject);
        match text.split_once(' ').unwrap_or((&text, "")) {
            ("fail", why) => return Err(format!("told to fail {why}")),
            ("trap", _) => std::process::abort(),
            ("spin", _) => loop { std::hint::black_box(0); },
            ("flaky", _) if n < 3 => return Err(format!("try {n}")),
            ("forward", rest) => {
                let (to, rest) = rest.split_once(' ').unwrap_or((rest, ""));
                send(to, rest.as_bytes())?;
            }
            _ => {}
        }
        if let Some(to) = m.reply_to {
            send(&to, format!("{}: {text}", m.subject).as_bytes())?;
        }
        Ok(())
    }
}

fn answer(out: ResponseOutparam, status: u16, body: &[u8]) {
    let r = OutgoingResponse::new(Fields::new());
    r.set_status_code(status).unwrap();
    let b = r.body().unwrap();
    ResponseOutparam::set(out, Ok(r));
    let mut s = b.write().unwrap();
    let _ = s.write_all(body);
    drop(s);
    let _ = OutgoingBody::finish(b, None);
}

impl wasip2::exports::http::incoming_handler::Guest for App {
    fn handle(req: IncomingRequest, out: ResponseOutparam) {
        let url = req.path_with_query().unwrap_or_default();
        let (path, query) = url.split_once('?').unwrap_or((&url, ""));
        let arg = |name: &str| query.split('&').find_map(|p| p.strip_prefix(name)?.strip_prefix('=')).unwrap_or("").to_string();
        let mut body = Vec::new();
        if let Ok(b) = req.consume() {
            let _ = b.stream().unwrap().read_to_end(&mut body);
        }
        let done: Result<Vec<u8>, String> = match path {
            "/publish" => {
                let n: u32 = arg("n").parse().unwrap_or(1);
                (0..n).try_for_each(|_| send(&arg("subject"), &body)).map(|_| format!("published {n}\n").into_bytes())
            }
            "/request" => consumer::request(&arg("subject"), &body, arg("ms").parse().unwrap_or(5000)).map(|m| m.body),
            "/get" => store::open("").and_then(|s| s.get(&arg("key"))).map_err(|e| format!("{e:?}")).map(|v| v.unwrap_or(b"none".to_vec())),
            _ => return answer(out, 404, b"no such route\n"),
        };
        match done {
            Ok(b) => answer(out, 200, &b),
            Err(e) => answer(out, 502, e.as_bytes()),
        }
    }
}

//! wasi:cli/run and wasi:http/handler 0.3 in one instance. run: "wait" for what a request asks for, "pending" for ever. Requests: GET / says how
//! often run was called and how many requests came; /return, /fail, /exit and /trap end run that way.
use std::sync::atomic::{AtomicU32, AtomicU8, Ordering};
use wasip3::cli::{environment, exit};
use wasip3::clocks::monotonic_clock;
use wasip3::http::types::*;
use wasip3::{wit_future, wit_stream};
use wasip3::wit_bindgen::spawn_local;

struct App;
wasip3::cli::command::export!(App);
wasip3::http::service::export!(App);

static RUNS: AtomicU32 = AtomicU32::new(0);
static REQUESTS: AtomicU32 = AtomicU32::new(0);
static WANTED: AtomicU8 = AtomicU8::new(0);

impl wasip3::exports::cli::run::Guest for App {
    async fn run() -> Result<(), ()> {
        RUNS.fetch_add(1, Ordering::Relaxed);
        if environment::get_arguments().get(1).map(String::as_str) == Some("pending") {
            let (_tx, mut rx) = wit_stream::new::<u8>(); // nobody writes to it
            rx.read(Vec::with_capacity(1)).await;
        }
        loop {
            monotonic_clock::wait_for(10_000_000).await;
            match WANTED.swap(0, Ordering::Relaxed) {
                1 => return Ok(()),
                2 => return Err(()),
                3 => exit::exit_with_code(7),
                4 => core::arch::wasm32::unreachable(),
                _ => {}
            }
        }
    }
}

impl wasip3::exports::http::handler::Guest for App {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let requests = REQUESTS.fetch_add(1, Ordering::Relaxed) + 1;
        let path = request.get_path_with_query().unwrap_or_default();
        let wanted = ["", "/return", "/fail", "/exit", "/trap"].iter().position(|p| *p == path).unwrap_or(0);
        if wanted > 0 { WANTED.store(wanted as u8, Ordering::Relaxed) }
        let (mut tx, rx) = wit_stream::new();
        let (_, trailers) = wit_future::new(|| Ok(None));
        let (response, _) = Response::new(Fields::new(), Some(rx), trailers);
        spawn_local(async move { tx.write_all(format!("runs {} requests {requests}\n", RUNS.load(Ordering::Relaxed)).into_bytes()).await; });
        Ok(response)
    }
}

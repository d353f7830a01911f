//! Answers requests: GET /hello?name=you greets, GET /count?n=3 counts while its answer is read, anything else is 404.

use std::time::Duration;

use wasip3::clocks::monotonic_clock;
use wasip3::exports::http::handler::Guest;
use wasip3::http::types::{ErrorCode, Fields, Method, Request, Response};
use wasip3::wit_bindgen::{spawn_local, StreamWriter};
use wasip3::{wit_future, wit_stream};

struct Handler;

impl Guest for Handler {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let target = request.get_path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        match (request.get_method(), path) {
            (Method::Get, "/hello") => {
                let name = query.strip_prefix("name=").unwrap_or("world");
                println!("greeting {name}");
                let text = format!("hello {name}\n");
                answer(200, |mut body| async move { send(&mut body, text).await; })
            }
            (Method::Get, "/count") => {
                let n = query.strip_prefix("n=").and_then(|n| n.parse().ok()).unwrap_or(3);
                answer(200, move |body| count(n, body))
            }
            _ => answer(404, |mut body| async move { send(&mut body, "not found\n".into()).await; }),
        }
    }
}

async fn count(n: u32, mut body: StreamWriter<u8>) {
    for i in 1..=n {
        monotonic_clock::wait_for(Duration::from_millis(10).as_nanos() as u64).await;
        if !send(&mut body, format!("{i}\n")).await {
            return; // the client has gone away
        }
    }
}

/// Sends a text, and says whether all of it was taken.
async fn send(body: &mut StreamWriter<u8>, text: String) -> bool {
    body.write_all(text.into_bytes()).await.is_empty()
}

/// An answer whose body is written after the handler has returned it.
fn answer<F>(status: u16, write: impl FnOnce(StreamWriter<u8>) -> F + 'static) -> Result<Response, ErrorCode>
where
    F: std::future::Future<Output = ()>,
{
    let fields = Fields::new();
    fields.append("content-type", b"text/plain").expect("a valid field");
    let (body, reader) = wit_stream::new();
    let (end, trailers) = wit_future::new(|| Ok(None));
    let (response, _sent) = Response::new(fields, Some(reader), trailers);
    response.set_status_code(status).expect("a valid status");
    spawn_local(async move {
        write(body).await;
        let _ = end.write(Ok(None)).await;
    });
    Ok(response)
}

wasip3::http::service::export!(Handler);

//! Answers requests: GET /hello?name=you greets, anything else is 404.

use wasip3::exports::http::handler::Guest;
use wasip3::http::types::{ErrorCode, Fields, Method, Request, Response};
use wasip3::wit_bindgen::spawn_local;
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
                Ok(answer(200, format!("hello {name}\n")))
            }
            _ => Ok(answer(404, "not found\n".into())),
        }
    }
}

fn answer(status: u16, text: String) -> Response {
    let fields = Fields::new();
    fields.append("content-type", b"text/plain").expect("a valid field");
    let (mut body, reader) = wit_stream::new();
    let (end, trailers) = wit_future::new(|| Ok(None));
    let (response, _sent) = Response::new(fields, Some(reader), trailers);
    response.set_status_code(status).expect("a valid status");
    spawn_local(async move {
        body.write_all(text.into_bytes()).await;
        drop(body);
        let _ = end.write(Ok(None)).await;
    });
    response
}

wasip3::http::service::export!(Handler);

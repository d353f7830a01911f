//! wasi:http/middleware 0.3: marks the request, passes it on to the imported handler, marks the response.
//! The name comes from $MW_NAME at build time, so that several of these can stand in one chain. The one named "mw-upper" also reads
//! the response body and writes it again in capitals, so that a stream runs from guest to guest.
use wasip3::http::types::{ErrorCode, Request, Response};
use wasip3::wit_bindgen::{rt::async_support::StreamResult, spawn_local};
use wasip3::{wit_future, wit_stream};

wasip3::wit_bindgen::generate!({
    inline: "package guest:mw; world mw { import wasi:http/handler@0.3.0; export wasi:http/handler@0.3.0; }",
    path: ["../../wit/p3-0.3.0/wasi-clocks", "../../wit/p3-0.3.0/wasi-filesystem", "../../wit/p3-0.3.0/wasi-sockets",
        "../../wit/p3-0.3.0/wasi-random", "../../wit/p3-0.3.0/wasi-cli", "../../wit/p3-0.3.0/wasi-http"],
    world: "guest:mw/mw",
    runtime_path: "wasip3::wit_bindgen::rt",
    with: {
        "wasi:clocks/types@0.3.0": wasip3::clocks::types,
        "wasi:http/types@0.3.0": wasip3::http::types,
        "wasi:http/handler@0.3.0": generate,
    },
});

const NAME: &str = match option_env!("MW_NAME") { Some(n) => n, None => "mw" };

struct Mw;
export!(Mw);

impl exports::wasi::http::handler::Guest for Mw {
    async fn handle(req: Request) -> Result<Response, ErrorCode> {
        let (method, path) = (req.get_method(), req.get_path_with_query());
        let h = req.get_headers().clone(); // incoming headers are immutable
        let _ = h.append("x-mw", NAME.as_bytes());
        let (scheme, authority, options) = (req.get_scheme(), req.get_authority(), req.get_options());
        let (_ok, res) = wit_future::new(|| Ok(()));
        let (body, trailers) = Request::consume_body(req, res);
        let (next, _sent) = Request::new(h, Some(body), trailers, options);
        let _ = next.set_method(&method);
        let _ = next.set_path_with_query(path.as_deref());
        let _ = next.set_scheme(scheme.as_ref());
        let _ = next.set_authority(authority.as_deref());
        let answer = wasi::http::handler::handle(next).await;
        match &answer {
            Ok(r) => eprintln!("[{NAME}] {method:?} {} -> {}", path.unwrap_or_default(), r.get_status_code()),
            Err(e) => eprintln!("[{NAME}] {method:?} {} -> {e:?}", path.unwrap_or_default()),
        }
        let up = answer?;
        let status = up.get_status_code();
        let h = up.get_headers().clone();
        let _ = h.append("x-mw", NAME.as_bytes());
        let (_ok, res) = wit_future::new(|| Ok(()));
        let (body, trailers) = Response::consume_body(up, res);
        let body = if NAME == "mw-upper" {
            let (mut from, (mut to, reader)) = (body, wit_stream::new());
            spawn_local(async move {
                loop {
                    let (state, mut part) = from.read(Vec::with_capacity(1000)).await;
                    part.make_ascii_uppercase();
                    if !part.is_empty() && !to.write_all(part).await.is_empty() { break }
                    if !matches!(state, StreamResult::Complete(_)) { break }
                }
            });
            reader
        } else { body };
        let (out, _sent) = Response::new(h, Some(body), trailers);
        let _ = out.set_status_code(status);
        Ok(out)
    }
}

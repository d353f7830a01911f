//! wasi:http/service 0.3 guest over wasmCloud's secrets: /get?name= opens the secret of a name and says nothing of it, /reveal?name= answers
//! with what it says.
use wasip3::http::types::*;
use wasip3::wit_bindgen::spawn_local;

wasip3::wit_bindgen::generate!({
    inline: "package guest:secrets;
        world secrets {
            import wasmcloud:secrets/store@2.1.0;
            import wasmcloud:secrets/reveal@2.1.0;
        }",
    path: ["../../../../../plugin/secrets/wit"],
    world: "guest:secrets/secrets",
    runtime_path: "wasip3::wit_bindgen::rt",
    generate_all,
});
use wasmcloud::secrets::{reveal::reveal, store::{self, Secret, SecretValue}};

struct App;
wasip3::http::service::export!(App);

fn text(status: u16, body: String) -> Response {
    let (mut tx, rx) = wasip3::wit_stream::new();
    let (_end, end) = wasip3::wit_future::new(|| Ok(None));
    let (r, _sent) = Response::new(Fields::from_list(&[("content-type".into(), b"text/plain".to_vec())]).unwrap(), Some(rx), end);
    let _ = r.set_status_code(status);
    spawn_local(async move { tx.write_all(body.into_bytes()).await; });
    r
}

async fn show(secret: &Secret) -> String {
    match reveal(secret).await {
        SecretValue::String(s) => format!("text {s}\n"),
        SecretValue::Bytes(b) => format!("bytes {b:?}\n"),
    }
}

impl wasip3::exports::http::handler::Guest for App {
    async fn handle(req: Request) -> Result<Response, ErrorCode> {
        let path = req.get_path_with_query().unwrap_or_default();
        let name = path.split_once("?name=").map(|(_, n)| n.to_owned()).unwrap_or_default();
        let answer = match path.split('?').next().unwrap() {
            p if p.starts_with("/get") => store::get(name).await.map(|_| "there\n".to_owned()),
            "/reveal" => match store::get(name).await {
                Ok(s) => Ok(show(&s).await),
                Err(e) => Err(e),
            },
            _ => return Ok(text(404, "no such path\n".into())),
        };
        Ok(text(200, answer.unwrap_or_else(|e| format!("error {e:?}\n"))))
    }
}

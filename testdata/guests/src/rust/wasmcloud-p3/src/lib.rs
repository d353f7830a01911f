//! wasi:http/service 0.3 guest over wasmCloud's stores: POST /kv and POST /blobs put the body into one and do all that the interfaces offer with
//! it, and answer with a line for each step: see README.md. An error ends the steps.
use wasip3::http::types::*;
use wasip3::wit_bindgen::spawn_local;

wasip3::wit_bindgen::generate!({
    inline: "package guest:stores;
        world stores {
            import wasmcloud:keyvalue/store@0.2.0;
            import wasmcloud:keyvalue/atomics@0.2.0;
            import wasmcloud:keyvalue/batch@0.2.0;
            import wasmcloud:keyvalue/cas@0.2.0;
            import wasmcloud:blobstore/blobstore@0.1.0;
        }",
    path: ["../../../../../plugin/keyvalue/bindings/wasmcloud/wit", "../../../../../plugin/blobstore/bindings/wasmcloud/wit"],
    world: "guest:stores/stores",
    runtime_path: "wasip3::wit_bindgen::rt",
    generate_all,
});
use wasmcloud::blobstore::{blobstore, types::ObjectId};
use wasmcloud::keyvalue::{atomics, batch, cas, store, types::SetOptions};

struct App;
wasip3::http::service::export!(App);

/// Runs a step, and adds a line to the answer with what it gives, or its error, which ends the steps.
macro_rules! step {
    ($out:ident, $name:literal, $call:expr) => {
        match $call.await {
            Ok(v) => { $out.push_str(concat!($name, " ")); v }
            Err(e) => { $out.push_str(&format!(concat!($name, " error {:?}\n"), e)); return; }
        }
    };
}

/// Adds a value to the answer, which may come of a step.
macro_rules! say {
    ($out:ident, $format:literal, $value:expr) => {{
        let v = $value;
        $out.push_str(&format!($format, v));
    }};
}

fn text(bytes: &[u8]) -> String { String::from_utf8_lossy(bytes).into_owned() }

/// The body is KEY=VALUE.
async fn keyvalue(name: &str, body: &str, out: &mut String) {
    let (key, value) = body.split_once('=').unwrap_or((body, ""));
    let (key, counter) = (key.to_owned(), format!("count:{key}"));
    let b = step!(out, "open", store::open(name.into()));
    step!(out, "set", b.set(key.clone(), value.as_bytes().to_vec(), None));
    let v = step!(out, "get", b.get(key.clone()));
    say!(out, "{:?} ", v.map(|v| text(&v)));
    say!(out, "{} ", step!(out, "exists", b.exists(key.clone())));
    let new = SetOptions { ttl_ms: None, if_not_exists: true };
    say!(out, "set-new {:?} ", b.set(key.clone(), vec![], Some(new)).await.is_err());
    say!(out, "{} ", step!(out, "increment", atomics::increment(&b, counter.clone(), 41)));
    say!(out, "{} ", step!(out, "increment", atomics::increment(&b, counter.clone(), 1)));
    let entry = step!(out, "current", cas::current(&b, key.clone()));
    let options = cas::CasOptions { require_version: entry.map(|e| e.version), require_value: None };
    let swapped = step!(out, "swap", cas::swap(&b, key.clone(), b"swapped".to_vec(), options.clone()));
    say!(out, "{} ", matches!(swapped, cas::CasResult::Swapped));
    let stale = step!(out, "swap", cas::swap(&b, key.clone(), b"again".to_vec(), options));
    say!(out, "{} ", matches!(stale, cas::CasResult::Stale(Some(_))));
    step!(out, "set-many", batch::set_many(&b, vec![("many-1".into(), b"1".to_vec()), ("many-2".into(), b"2".to_vec())]));
    let many = step!(out, "get-many", batch::get_many(&b, vec!["many-2".into(), "none".into()]));
    say!(out, "{:?} ", many.into_iter().map(|v| v.map(|(_, v)| text(&v))).collect::<Vec<_>>());
    let keys = step!(out, "list-keys", b.list_keys(Some("many-".into()), None));
    say!(out, "{} ", keys.keys.len());
    step!(out, "delete-many", batch::delete_many(&b, vec!["many-1".into(), "many-2".into()]));
    step!(out, "delete", b.delete(key.clone()));
    step!(out, "delete", b.delete(counter));
    say!(out, "{}\n", step!(out, "exists", b.exists(key)));
}

fn at(container: &str, object: &str) -> ObjectId { ObjectId { container: container.into(), object: object.into() } }

/// The body is the object, in the containers NAME and NAME-copies.
async fn blobs(name: &str, body: String, out: &mut String) {
    let copies = format!("{name}-copies");
    say!(out, "{} ", step!(out, "container-exists", blobstore::container_exists(name.into())));
    let c = step!(out, "create-container", blobstore::create_container(name.into()));
    let d = step!(out, "create-container", blobstore::create_container(copies.clone()));
    let (mut tx, rx) = wit_stream::new();
    let size = body.len() as u64;
    spawn_local(async move { tx.write_all(body.into_bytes()).await; });
    step!(out, "write-data", c.write_data("o".into(), rx));
    say!(out, "{} ", step!(out, "object-info", c.object_info("o".into())).size == size);
    step!(out, "copy-object", blobstore::copy_object(at(name, "o"), at(&copies, "o")));
    step!(out, "move-object", blobstore::move_object(at(&copies, "o"), at(&copies, "moved")));
    say!(out, "{} ", step!(out, "has-object", d.has_object("o".into())));
    let data = step!(out, "get-data", d.get_data("moved".into(), 0, u64::MAX));
    say!(out, "{} ", text(&data.collect().await));
    let part = step!(out, "get-data", c.get_data("o".into(), 1, 3));
    say!(out, "{} ", text(&part.collect().await));
    let names = step!(out, "list-objects", d.list_objects());
    say!(out, "{:?} ", names.collect().await);
    let again = step!(out, "get-container", blobstore::get_container(name.into()));
    say!(out, "{} ", step!(out, "name", again.name()) == name);
    say!(out, "{} ", step!(out, "info", again.info()).name == name);
    step!(out, "delete-object", c.delete_object("o".into()));
    step!(out, "delete-objects", d.delete_objects(vec!["moved".into()]));
    step!(out, "clear", d.clear());
    step!(out, "delete-container", blobstore::delete_container(name.into()));
    step!(out, "delete-container", blobstore::delete_container(copies));
    say!(out, "{}\n", step!(out, "container-exists", blobstore::container_exists(name.into())));
}

impl wasip3::exports::http::handler::Guest for App {
    async fn handle(req: Request) -> Result<Response, ErrorCode> {
        let path = req.get_path_with_query().unwrap_or_default();
        let name = path.split_once("?name=").map(|(_, n)| n.to_owned()).unwrap_or_else(|| "default".into());
        let (_sent, sent) = wasip3::wit_future::new(|| Ok(()));
        let (stream, _trailers) = Request::consume_body(req, sent);
        let body = text(&stream.collect().await);
        let (mut status, mut out) = (200, String::new());
        match path.split('?').next().unwrap() {
            "/kv" => keyvalue(&name, &body, &mut out).await,
            "/blobs" => blobs(&name, body, &mut out).await,
            _ => (status, out) = (404, "no such path\n".into()),
        }
        let (mut tx, rx) = wasip3::wit_stream::new();
        let (_end, end) = wasip3::wit_future::new(|| Ok(None));
        let (r, _sent) = Response::new(Fields::new(), Some(rx), end);
        let _ = r.set_status_code(status);
        spawn_local(async move { tx.write_all(out.into_bytes()).await; });
        Ok(r)
    }
}

//! wasi:http/proxy 0.2 guest over the draft interfaces keyvalue, config, logging and blobstore. Routes: see design/guests.md.
//! $KV_ONLY set at build time: without logging and blobstore, for hosts that lack them.
use std::io::{Read, Write};
use wasip2::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

wit_bindgen::generate!({
    inline: "package guest:kv;
        world kv {
            import wasi:keyvalue/store@0.2.0-draft;
            import wasi:keyvalue/atomics@0.2.0-draft;
            import wasi:keyvalue/batch@0.2.0-draft;
            import wasi:config/store@0.2.0-rc.1;
            import wasi:logging/logging@0.1.0-draft;
            import wasi:blobstore/types@0.2.0-draft;
            import wasi:blobstore/container@0.2.0-draft;
            import wasi:blobstore/blobstore@0.2.0-draft;
        }",
    path: ["../wit/wasi-io@0.2.1", "../../../../../plugin/keyvalue/wit", "../../../../../plugin/config/wit",
        "../../../../../plugin/logging/wit", "../../../../../plugin/blobstore/wit"],
    world: "guest:kv/kv",
    with: {
        "wasi:io/streams@0.2.1": wasip2::io::streams,
        "wasi:io/poll@0.2.1": wasip2::io::poll,
        "wasi:io/error@0.2.1": wasip2::io::error,
    },
    generate_all,
});
#[cfg(not(kv_only))]
use wasi::blobstore::{blobstore, types::{IncomingValue, OutgoingValue}};
use wasi::keyvalue::{atomics, batch, store};
#[cfg(not(kv_only))]
use wasi::logging::logging::{log, Level};

struct App;
wasip2::http::proxy::export!(App);

fn text(out: ResponseOutparam, status: u16, body: &str) {
    let h = Fields::new();
    h.append("content-type", b"text/plain").unwrap();
    let r = OutgoingResponse::new(h);
    r.set_status_code(status).unwrap();
    let b = r.body().unwrap();
    ResponseOutparam::set(out, Ok(r));
    let mut s = b.write().unwrap();
    let _ = s.write_all(body.as_bytes());
    let _ = s.flush();
    drop(s);
    let _ = OutgoingBody::finish(b, None);
}

fn query<'a>(path: &'a str, key: &str, default: &'a str) -> &'a str {
    path.split_once('?').and_then(|(_, q)| q.split('&').find_map(|kv| kv.split_once('=').filter(|(k, _)| *k == key).map(|(_, v)| v))).unwrap_or(default)
}

fn route(path: &str, body: Vec<u8>) -> Result<String, String> {
    let kv = |e: store::Error| format!("{e:?}");
    let key = query(path, "key", "k");
    let open = || store::open(query(path, "store", "")).map_err(kv);
    let show = |v: Option<Vec<u8>>| v.map_or("none".into(), |v| String::from_utf8_lossy(&v).into_owned());
    #[cfg(not(kv_only))]
    let (name, object) = (query(path, "container", "box"), query(path, "name", "thing"));
    Ok(match path.split('?').next().unwrap() {
        "/kv/set" => { open()?.set(key, &body).map_err(kv)?; format!("set {key} {} bytes\n", body.len()) }
        "/kv/get" => format!("{}\n", show(open()?.get(key).map_err(kv)?)),
        "/kv/delete" => { open()?.delete(key).map_err(kv)?; format!("deleted {key}\n") }
        "/kv/exists" => format!("{}\n", open()?.exists(key).map_err(kv)?),
        "/kv/list" => {
            let b = open()?;
            let (mut all, mut cursor, mut pages) = (Vec::new(), None, 0);
            loop {
                let r = b.list_keys(cursor).map_err(kv)?;
                all.extend(r.keys);
                pages += 1;
                cursor = r.cursor;
                if cursor.is_none() || pages > 100 { break }
            }
            all.sort();
            format!("{} keys, {pages} pages: {}\n", all.len(), all.join(" "))
        }
        "/kv/incr" => format!("{}\n", atomics::increment(&open()?, key, query(path, "by", "1").parse().unwrap_or(1)).map_err(kv)?),
        // all in one request, so that it proves something on hosts whose store lives as long as one instance
        "/kv/selftest" => {
            let b = open()?;
            b.set("a", b"1").map_err(kv)?;
            batch::set_many(&b, &[("b".into(), b"2".to_vec()), ("c".into(), b"3".to_vec())]).map_err(kv)?;
            let got = batch::get_many(&b, &["a".into(), "b".into(), "nope".into()]).map_err(kv)?;
            batch::delete_many(&b, &["b".into(), "c".into()]).map_err(kv)?;
            let n1 = atomics::increment(&b, "n", 5).map_err(kv)?;
            let n2 = atomics::increment(&b, "n", 2).map_err(kv)?;
            let got: Vec<_> = got.into_iter().map(|p| p.map_or("-".into(), |(k, v)| format!("{k}={}", String::from_utf8_lossy(&v)))).collect();
            format!("many {} exists-c {} incr {n1} {n2}\n", got.join(","), b.exists("c").map_err(kv)?)
        }
        "/kv/nostore" => match store::open("no-such-store-here") { Ok(_) => "opened\n".into(), Err(e) => format!("{e:?}\n") },
        "/config" => match wasi::config::store::get(key) { Ok(v) => format!("{}\n", v.unwrap_or("none".into())), Err(e) => return Err(format!("{e:?}")) },
        "/config/all" => { let mut a = wasi::config::store::get_all().map_err(|e| format!("{e:?}"))?; a.sort(); format!("{a:?}\n") }
        #[cfg(not(kv_only))]
        "/log" => {
            for (l, n) in [(Level::Trace, "trace"), (Level::Debug, "debug"), (Level::Info, "info"), (Level::Warn, "warn"), (Level::Error, "error"), (Level::Critical, "critical")] {
                log(l, "kv-guest", &format!("a {n} line"));
            }
            "logged 6\n".into()
        }
        #[cfg(not(kv_only))]
        "/blob/put" => {
            let c = if blobstore::container_exists(name)? { blobstore::get_container(name)? } else { blobstore::create_container(name)? };
            let v = OutgoingValue::new_outgoing_value();
            let mut s = v.outgoing_value_write_body().map_err(|_| "write-body")?;
            c.write_data(object, &v)?;
            s.write_all(&body).map_err(|e| e.to_string())?;
            s.flush().map_err(|e| e.to_string())?;
            drop(s);
            OutgoingValue::finish(v)?;
            format!("put {name}/{object} {} bytes\n", body.len())
        }
        #[cfg(not(kv_only))]
        "/blob/get" => {
            let v = blobstore::get_container(name)?.get_data(object, query(path, "start", "0").parse().unwrap_or(0), query(path, "end", "1048575").parse().unwrap_or(0))?;
            let size = v.size();
            let bytes = if query(path, "how", "sync") == "sync" { IncomingValue::incoming_value_consume_sync(v)? } else {
                let (mut b, mut s) = (Vec::new(), IncomingValue::incoming_value_consume_async(v)?);
                s.read_to_end(&mut b).map_err(|e| e.to_string())?;
                b
            };
            format!("size {size}: {}\n", String::from_utf8_lossy(&bytes))
        }
        #[cfg(not(kv_only))]
        "/blob/list" => {
            let names = blobstore::get_container(name)?.list_objects()?;
            let mut all = Vec::new();
            loop { let (mut some, end) = names.read_stream_object_names(2)?; all.append(&mut some); if end { break } }
            all.sort();
            format!("{}\n", all.join(" "))
        }
        #[cfg(not(kv_only))]
        "/blob/info" => {
            let c = blobstore::get_container(name)?;
            format!("container {} object {} size {} has {}\n", c.info()?.name, object, c.object_info(object)?.size, c.has_object(object)?)
        }
        #[cfg(not(kv_only))]
        "/blob/delete" => { blobstore::get_container(name)?.delete_object(object)?; format!("deleted {name}/{object}\n") }
        _ => return Err(format!("no route {path}")),
    })
}

impl wasip2::exports::http::incoming_handler::Guest for App {
    fn handle(req: IncomingRequest, out: ResponseOutparam) {
        let path = req.path_with_query().unwrap_or_default();
        let mut body = Vec::new();
        if let Ok(b) = req.consume() { if let Ok(mut s) = b.stream() { let _ = s.read_to_end(&mut body); } }
        match route(&path, body) { Ok(s) => text(out, 200, &s), Err(e) => text(out, 500, &format!("error: {e}\n")) }
    }
}

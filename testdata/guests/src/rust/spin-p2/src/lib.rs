//! A component of Spin's SDK, as its users write them: SQLite, key-value stores, variables, requests to others.
use spin_sdk::http::{IntoResponse, Request, Response};
use spin_sdk::http_component;
use spin_sdk::key_value::Store;
use spin_sdk::sqlite::{Connection, Value};
use spin_sdk::variables;

#[http_component]
async fn handle(req: Request) -> anyhow::Result<impl IntoResponse> {
    let query = req.query().to_owned();
    let body = String::from_utf8_lossy(req.body()).into_owned();
    let param = |name: &str| query.split('&').find_map(|p| p.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned);
    let given = |name: &str| param(name).unwrap_or_default();
    let named = |name: &str| param(name).unwrap_or_else(|| body.clone()); // what may not be in a URL is the body
    let answer = match req.path() {
        p if p.starts_with("/sqlite/visit") => visit(&given("db"), &named("who"))?,
        "/sqlite/statement" => statement(&given("db"), &body),
        "/kv/set" => said(match (param("key"), body.split_once('=')) {
            (None, Some((key, value))) => set(&given("store"), key, value.as_bytes()),
            _ => set(&given("store"), &given("key"), req.body()),
        }),
        "/kv/get" => said(get(&given("store"), &named("key"))),
        "/kv/keys" => said(keys(&given("store"))),
        "/kv/delete" => said(delete(&given("store"), &named("key"))),
        "/var" => said(variables::get(&named("name"))),
        "/fetch" => fetch(&given("url")).await,
        _ => return Ok(Response::new(404, "no such path\n".to_owned())),
    };
    Ok(Response::new(200, answer))
}

/// Says what came of a call.
fn said<E: std::fmt::Debug>(result: Result<String, E>) -> String {
    match result {
        Ok(text) => format!("{text}\n"),
        Err(e) => format!("error {e:?}\n"),
    }
}

/// Opens a key-value store; the empty name means the default one.
fn store(name: &str) -> Result<Store, spin_sdk::key_value::Error> {
    if name.is_empty() { Store::open_default() } else { Store::open(name) }
}

fn set(name: &str, key: &str, value: &[u8]) -> Result<String, spin_sdk::key_value::Error> {
    store(name)?.set(key, value)?;
    Ok(format!("set {key} {} bytes", value.len()))
}

fn get(name: &str, key: &str) -> Result<String, spin_sdk::key_value::Error> {
    Ok(match store(name)?.get(key)? {
        Some(value) => String::from_utf8_lossy(&value).into_owned(),
        None => "none".to_owned(),
    })
}

fn keys(name: &str) -> Result<String, spin_sdk::key_value::Error> {
    let mut keys = store(name)?.get_keys()?;
    keys.sort();
    Ok(format!("{keys:?}"))
}

fn delete(name: &str, key: &str) -> Result<String, spin_sdk::key_value::Error> {
    let s = store(name)?;
    s.delete(key)?;
    Ok(format!("there is {}", s.exists(key)?))
}

/// Gets what a URL has.
async fn fetch(url: &str) -> String {
    match spin_sdk::http::send::<_, Response>(Request::get(url)).await {
        Ok(r) => format!("{} {}\n", r.status(), String::from_utf8_lossy(r.body())),
        Err(e) => format!("error {e:?}\n"),
    }
}

/// Counts the visits of somebody, in a table that the first one makes.
fn visit(db: &str, who: &str) -> anyhow::Result<String> {
    let c = Connection::open(if db.is_empty() { "default" } else { db })?;
    c.execute("CREATE TABLE IF NOT EXISTS visits (who TEXT PRIMARY KEY, n INTEGER NOT NULL)", &[])?;
    let args = [Value::Text(who.to_owned())];
    c.execute("INSERT INTO visits VALUES (?, 1) ON CONFLICT (who) DO UPDATE SET n = n + 1", &args)?;
    let rows = c.execute("SELECT n FROM visits WHERE who = ?", &args)?;
    let n = rows.rows().next().and_then(|r| r.get::<i64>("n")).unwrap_or(0);
    Ok(format!("{n}\n"))
}

/// Runs a statement of the body, and says what came of it.
fn statement(db: &str, text: &str) -> String {
    let result = Connection::open(if db.is_empty() { "default" } else { db }).and_then(|c| c.execute(text, &[]));
    match result {
        Ok(r) => format!("{:?} {:?}\n", r.columns, r.rows.iter().map(|r| &r.values).collect::<Vec<_>>()),
        Err(e) => format!("error {e:?}\n"),
    }
}

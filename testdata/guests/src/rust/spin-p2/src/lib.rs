//! A component of Spin's SDK, as its users write them: SQLite.
use spin_sdk::http::{IntoResponse, Request, Response};
use spin_sdk::http_component;
use spin_sdk::sqlite::{Connection, Value};

#[http_component]
fn handle(req: Request) -> anyhow::Result<impl IntoResponse> {
    let query = req.query().to_owned();
    let param = |name: &str| query.split('&').find_map(|p| p.strip_prefix(name)?.strip_prefix('=')).unwrap_or("").to_owned();
    let answer = match req.path() {
        p if p.starts_with("/sqlite/visit") => visit(&param("db"), &param("who"))?,
        "/sqlite/statement" => statement(&param("db"), std::str::from_utf8(req.body())?),
        _ => return Ok(Response::new(404, "no such path\n".to_owned())),
    };
    Ok(Response::new(200, answer))
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

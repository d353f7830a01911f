//! A component of Spin's SDK that uses PostgreSQL, by each version of the interface.
use spin_sdk::http::{IntoResponse, Request, Response};
use spin_sdk::http_component;
use spin_sdk::{pg, pg3, pg4};

/// The functions on one version of the interface. The first parameter of a statement, if it has one, is a text.
macro_rules! version {
    ($name:ident, $pg:ident) => {
        mod $name {
            use super::$pg::{Connection, Error, ParameterValue};

            fn args(arg: Option<String>) -> Vec<ParameterValue> {
                arg.map(ParameterValue::Str).into_iter().collect()
            }

            pub fn query(db: &str, statement: &str, arg: Option<String>) -> Result<String, Error> {
                let r = Connection::open(db)?.query(statement, &args(arg))?;
                let columns: Vec<_> = r.columns.iter().map(|c| format!("{} {:?}", c.name, c.data_type)).collect();
                Ok(format!("{columns:?} {:?}", r.rows))
            }

            pub fn execute(db: &str, statement: &str, arg: Option<String>) -> Result<String, Error> {
                Ok(Connection::open(db)?.execute(statement, &args(arg))?.to_string())
            }

            /// Runs statements, with semicolons between them, in a transaction on one connection.
            pub fn transaction(db: &str, statements: &str) -> Result<String, Error> {
                let c = Connection::open(db)?;
                c.execute("BEGIN", &[])?;
                for s in statements.split(';') {
                    c.execute(s, &[])?;
                }
                c.execute("COMMIT", &[])?;
                Ok("committed".to_owned())
            }
        }
    };
}
version!(v2, pg);
version!(v3, pg3);
version!(v4, pg4);

#[http_component]
async fn handle(req: Request) -> anyhow::Result<impl IntoResponse> {
    let query = req.query().to_owned();
    // The body is the statement, and after a line feed its parameter. A database that may not be in a URL is the first line then.
    let body = String::from_utf8_lossy(req.body()).into_owned();
    let mut lines = body.split('\n').map(str::to_owned);
    let db = match query.split('&').find_map(|p| p.strip_prefix("db=")) {
        Some("") => lines.next().unwrap_or_default(),
        Some(name) => name.to_owned(),
        None => "default".to_owned(),
    };
    let statement = lines.next().unwrap_or_default();
    let arg = lines.next();
    let said = match req.path() {
        "/v2/query" => say(v2::query(&db, &statement, arg)),
        "/v2/execute" => say(v2::execute(&db, &statement, arg)),
        "/v2/transaction" => say(v2::transaction(&db, &statement)),
        "/v3/query" => say(v3::query(&db, &statement, arg)),
        "/v3/execute" => say(v3::execute(&db, &statement, arg)),
        "/v3/transaction" => say(v3::transaction(&db, &statement)),
        "/v4/query" => say(v4::query(&db, &statement, arg)),
        "/v4/execute" => say(v4::execute(&db, &statement, arg)),
        "/v4/transaction" => say(v4::transaction(&db, &statement)),
        _ => return Ok(Response::new(404, "no such path\n".to_owned())),
    };
    let (status, text) = said;
    Ok(Response::new(status, text))
}

/// Says what came of a call: errors are answers with status 500.
fn say<E: std::fmt::Debug>(result: Result<String, E>) -> (u16, String) {
    match result {
        Ok(text) => (200, format!("{text}\n")),
        Err(e) => (500, format!("error {e:?}\n")),
    }
}

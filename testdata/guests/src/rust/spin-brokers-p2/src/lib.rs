//! A component of Spin's SDK, as its users write them, that uses Redis and sends messages by MQTT.
use spin_sdk::http::{IntoResponse, Request, Response};
use spin_sdk::http_component;
use spin_sdk::{mqtt, redis};

#[http_component]
fn handle(req: Request) -> anyhow::Result<impl IntoResponse> {
    let query = req.query().to_owned();
    let param = |name: &str| query.split('&').find_map(|p| p.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default().to_owned();
    let body = req.body();
    let answer = match req.path() {
        "/mqtt/publish" => said(publish(&param("address"), &param("user"), &param("password"), &param("topic"), &param("qos"), body)),
        path => match path.strip_prefix("/redis/") {
            Some(function) => said(call(function, &param("address"), &param("key"), body)),
            None => return Ok(Response::new(404, "no such path\n".to_owned())),
        },
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

fn publish(address: &str, user: &str, password: &str, topic: &str, qos: &str, body: &[u8]) -> Result<String, mqtt::Error> {
    let qos = match qos {
        "0" => mqtt::Qos::AtMostOnce,
        "2" => mqtt::Qos::ExactlyOnce,
        _ => mqtt::Qos::AtLeastOnce,
    };
    mqtt::Connection::open(address, user, password, 30)?.publish(topic, &body.to_vec(), qos)?;
    Ok("sent".to_owned())
}

/// Calls a function by its name. The words of the body are its further arguments.
fn call(function: &str, address: &str, key: &str, body: &[u8]) -> Result<String, redis::Error> {
    let c = redis::Connection::open(address)?;
    let words: Vec<String> = String::from_utf8_lossy(body).split_whitespace().map(str::to_owned).collect();
    Ok(match function {
        "publish" => c.publish(key, &body.to_vec()).map(|()| "sent".to_owned())?,
        "get" => c.get(key)?.map_or("none".to_owned(), |v| String::from_utf8_lossy(&v).into_owned()),
        "set" => c.set(key, &body.to_vec()).map(|()| "set".to_owned())?,
        "incr" => c.incr(key)?.to_string(),
        "del" => c.del(&words)?.to_string(),
        "sadd" => c.sadd(key, &words)?.to_string(),
        "srem" => c.srem(key, &words)?.to_string(),
        "smembers" => {
            let mut all = c.smembers(key)?;
            all.sort();
            format!("{all:?}")
        }
        _ => {
            let args: Vec<_> = words.into_iter().map(|w| redis::RedisParameter::Binary(w.into_bytes())).collect();
            format!("{:?}", c.execute(key, &args)?)
        }
    })
}

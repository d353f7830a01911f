//! A handler of messages of a channel of Redis, as users of Spin's SDK write them. It prints each message; `fail` is an error, `trap` ends the instance, and
//! `count ADDRESS KEY` increments a number.
use bytes::Bytes;
use spin_sdk::{redis, redis_component};

#[redis_component]
fn on_message(message: Bytes) -> anyhow::Result<()> {
    let text = String::from_utf8_lossy(&message).into_owned();
    println!("handled {text}");
    let words: Vec<&str> = text.split_whitespace().collect();
    match words[..] {
        ["fail", ..] => anyhow::bail!("told to fail"),
        ["trap", ..] => std::process::abort(),
        ["count", address, key] => {
            let c = redis::Connection::open(address).map_err(|e| anyhow::anyhow!("{e:?}"))?;
            c.incr(key).map_err(|e| anyhow::anyhow!("{e:?}"))?;
        }
        _ => {}
    }
    Ok(())
}

//! Handles what the front publishes: has the ledger, a service of the workload, sign each order, and confirms it.
use std::io::{BufRead, BufReader, Write};
include!("../../../../testdata/guests/src/rust/tcp-common.rs");

wit_bindgen::generate!({
    inline: "package example:orders;
        world worker {
            import wasi:keyvalue/store@0.2.0-draft;
            export wasmcloud:messaging/handler@0.2.0;
        }",
    path: ["../../../plugin/keyvalue/wit", "../../../plugin/messaging/wit/0.2"],
    world: "example:orders/worker",
    generate_all,
});
use exports::wasmcloud::messaging::handler::BrokerMessage;
use wasi::keyvalue::store;

struct App;
export!(App);

/// The port of the ledger in the workload's own loopback.
const LEDGER: u16 = 7001;

/// Has the ledger sign a line.
fn sign(line: &str) -> Result<String, String> {
    let (socket, network) = socket().map_err(|e| format!("{e:?}"))?;
    socket.start_connect(&network, loopback(LEDGER)).map_err(|e| format!("{e:?}"))?;
    let (input, mut output) = finish(&socket, || socket.finish_connect()).map_err(|e| format!("the ledger: {e:?}"))?;
    output.write_all(format!("{line}\n").as_bytes()).map_err(|e| e.to_string())?;
    let mut answer = String::new();
    BufReader::new(input).read_line(&mut answer).map_err(|e| e.to_string())?;
    Ok(answer.trim().to_owned())
}

impl exports::wasmcloud::messaging::handler::Guest for App {
    fn handle_message(message: BrokerMessage) -> Result<(), String> {
        let number = String::from_utf8(message.body).map_err(|e| e.to_string())?;
        let key = format!("order:{number}");
        let orders = store::open("default").map_err(|e| format!("{e:?}"))?;
        let order = orders.get(&key).map_err(|e| format!("{e:?}"))?.ok_or("there is no such order")?;
        let order = String::from_utf8_lossy(&order).into_owned();
        let Some(order) = order.strip_prefix("placed: ") else { return Ok(()) }; // it was confirmed by an earlier delivery
        let signature = sign(&format!("order {number}"))?;
        orders.set(&key, format!("confirmed: {order}, signed {signature}").as_bytes()).map_err(|e| format!("{e:?}"))?;
        println!("order {number} confirmed");
        Ok(())
    }
}

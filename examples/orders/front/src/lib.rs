//! The shop's front: takes orders by HTTP, has another component price them, keeps them, and publishes that they are there.
use std::io::{Read, Write};
use wasip2::http::types::{Fields, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam};

wit_bindgen::generate!({
    inline: "package example:orders;
        world front {
            import shop:cart/cart@0.1.0;
            import wasi:keyvalue/store@0.2.0-draft;
            import wasi:keyvalue/atomics@0.2.0-draft;
            import wasmcloud:messaging/consumer@0.2.0;
        }",
    path: ["../../../testdata/guests/src/rust/wit/shop", "../../../plugin/keyvalue/wit", "../../../plugin/messaging/wit/0.2"],
    world: "example:orders/front",
    generate_all,
});
use shop::cart::cart;
use wasi::keyvalue::{atomics, store};
use wasmcloud::messaging::{consumer, types::BrokerMessage};

struct App;
wasip2::http::proxy::export!(App);

/// An HTTP status with its text.
type Answer = (u16, String);

fn failed(e: impl std::fmt::Debug) -> Answer { (502, format!("{e:?}\n")) }

/// Takes an order of a text such as `item-2:3,item-5:1`.
fn place(lines: &str) -> Result<String, Answer> {
    let basket = cart::Basket::new("orders");
    for line in lines.trim().split(',') {
        let (item, count) = line.split_once(':').unwrap_or((line, "1"));
        let count = count.parse().map_err(|_| (400, format!("{count} is not a number\n")))?;
        basket.add(item, count).map_err(|e| (409, format!("{e}\n")))?;
    }
    let orders = store::open("default").map_err(failed)?;
    let number = atomics::increment(&orders, "last", 1).map_err(failed)?;
    let cents = basket.total();
    let text = format!("placed: {}, {}.{:02}", lines.trim(), cents / 100, cents % 100);
    orders.set(&format!("order:{number}"), text.as_bytes()).map_err(failed)?;
    consumer::publish(&BrokerMessage { subject: "orders.placed".into(), body: number.to_string().into_bytes(), reply_to: None }).map_err(failed)?;
    Ok(format!("order {number} {text}\n"))
}

/// What has become of an order.
fn show(number: &str) -> Result<String, Answer> {
    let orders = store::open("default").map_err(failed)?;
    match orders.get(&format!("order:{number}")).map_err(failed)? {
        Some(text) => Ok(format!("order {number} {}\n", String::from_utf8_lossy(&text))),
        None => Err((404, format!("there is no order {number}\n"))),
    }
}

impl wasip2::exports::http::incoming_handler::Guest for App {
    fn handle(req: IncomingRequest, out: ResponseOutparam) {
        let path = req.path_with_query().unwrap_or_default();
        let result = match (req.method(), path.strip_prefix("/orders")) {
            (Method::Post, Some("")) => {
                let mut body = String::new();
                let read = req.consume().map(|b| b.stream().unwrap().take(4096).read_to_string(&mut body));
                match read {
                    Ok(Ok(_)) => place(&body),
                    _ => Err((400, "want an order such as item-2:3,item-5:1\n".into())),
                }
            }
            (Method::Get, Some(rest)) if rest.starts_with('/') => show(&rest[1..]),
            _ => Err((404, "POST /orders with item-2:3,item-5:1, then GET /orders/1\n".into())),
        };
        let (status, text) = match result { Ok(text) => (200, text), Err(answer) => answer };
        let response = OutgoingResponse::new(Fields::new());
        response.set_status_code(status).unwrap();
        let body = response.body().unwrap();
        ResponseOutparam::set(out, Ok(response));
        let _ = body.write().unwrap().write_all(text.as_bytes());
        let _ = OutgoingBody::finish(body, None);
    }
}

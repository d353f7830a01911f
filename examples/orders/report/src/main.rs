//! A command that a timer runs: says how many orders there are.
wit_bindgen::generate!({
    inline: "package example:orders; world report { import wasi:keyvalue/store@0.2.0-draft; }",
    path: ["../../../plugin/keyvalue/wit"],
    world: "example:orders/report",
    generate_all,
});
use wasi::keyvalue::store;

fn main() {
    let orders = store::open("default").expect("the orders");
    let count = orders.get("last").expect("their count").map_or("0".into(), |n| String::from_utf8_lossy(&n).into_owned());
    println!("{count} orders so far");
}

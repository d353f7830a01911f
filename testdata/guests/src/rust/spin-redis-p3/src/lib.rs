//! Handles messages of spin:redis 3.0.0, and calls its functions, which are asynchronous.
wit_bindgen::generate!({
    inline: "package guest:spin;
        world handler {
            import spin:redis/redis@3.0.0;
            import spin:mqtt/mqtt@3.0.0;
            export spin:redis/inbound-redis@3.0.0;
        }",
    path: ["../../../../../plugin/redis/wit/spin3", "../../../../../plugin/mqtt/wit/spin3"],
    world: "guest:spin/handler",
    generate_all,
});
use spin::mqtt::mqtt;
use spin::redis::redis::{Connection, Error};

struct App;
export!(App);

/// `fail`: an error; `trap`; `count ADDRESS KEY`: increments a number; `forward ADDRESS TOPIC TEXT`: sends a message by MQTT.
impl exports::spin::redis::inbound_redis::Guest for App {
    async fn handle_message(message: Vec<u8>) -> Result<(), Error> {
        let text = String::from_utf8_lossy(&message).into_owned();
        match text.split_whitespace().collect::<Vec<_>>()[..] {
            ["fail", ..] => Err(Error::Other("told to fail".into())),
            ["trap", ..] => core::arch::wasm32::unreachable(),
            ["count", address, key] => Connection::open(address.into()).await?.incr(key.into()).await.map(|_| ()),
            ["forward", address, topic, ref rest @ ..] => {
                let failed = |e: mqtt::Error| Error::Other(format!("{e:?}"));
                let c = mqtt::Connection::open(address.into(), "".into(), "".into(), 30).await.map_err(failed)?;
                c.publish(topic.into(), rest.join(" ").into_bytes(), mqtt::Qos::AtLeastOnce).await.map_err(failed)
            }
            _ => Ok(()),
        }
    }
}

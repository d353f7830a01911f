//! A handler of messages of MQTT, by the interface of the trigger of Spin's community. It prints each message; `fail` is an error, `trap` ends the instance.
wit_bindgen::generate!({
    path: "../../../../../plugin/mqtt/wit/trigger",
    world: "spin:mqtt-trigger/spin-mqtt",
    generate_all,
});

struct App;
export!(App);

impl Guest for App {
    fn handle_message(message: Payload, metadata: Metadata) -> Result<(), Error> {
        let text = String::from_utf8_lossy(&message).into_owned();
        println!("handled {text} on {}", metadata.topic);
        match text.split(' ').next() {
            Some("fail") => Err(Error::Other("told to fail".into())),
            Some("trap") => std::process::abort(),
            _ => Ok(()),
        }
    }
}

//! Handles messages of wasmcloud:messaging 0.3.0. The first word of a message says what becomes of it: see README.md.
wit_bindgen::generate!({
    inline: "package guest:messages;
        world messages {
            import wasmcloud:messaging/consumer@0.3.0;
            export wasmcloud:messaging/handler@0.3.0;
        }",
    path: ["../../../../../plugin/messaging/wit/0.3"],
    world: "guest:messages/messages",
    generate_all,
});
use exports::wasmcloud::messaging::handler::BrokerMessage as Incoming;
use wasmcloud::messaging::{consumer, types::{BrokerMessage, HandleMessageError}};

struct App;
export!(App);

/// Sends a message while its body is written, byte after byte of it in the host's hands.
async fn send(subject: &str, body: String) -> Result<(), HandleMessageError> {
    let (mut tx, rx) = wit_stream::new();
    wit_bindgen::spawn_local(async move { tx.write_all(body.into_bytes()).await; });
    consumer::publish(BrokerMessage { subject: subject.into(), body: rx, reply_to: None }).await.map_err(|e| HandleMessageError::Other(format!("{e:?}")))
}

/// `forward TO TEXT`: publishes the text there; `ask TO BACK TEXT`: requests an answer to the text from TO, and publishes it to BACK;
/// `reject`, `retry`: that error; `drop`: does not read the body. One that waits for an answer gets `SUBJECT: MESSAGE`.
impl exports::wasmcloud::messaging::handler::Guest for App {
    async fn handle_message(m: Incoming) -> Result<(), HandleMessageError> {
        if m.subject.ends_with(".drop") { return Ok(()) }
        let text = String::from_utf8_lossy(&m.body.collect().await).into_owned();
        match text.split(' ').collect::<Vec<_>>()[..] {
            ["reject", ..] => return Err(HandleMessageError::Reject),
            ["retry", ..] => return Err(HandleMessageError::Retry),
            ["forward", to, ref rest @ ..] => send(to, rest.join(" ")).await?,
            ["ask", to, back, ref rest @ ..] => {
                let (mut tx, rx) = wit_stream::new();
                let question = rest.join(" ").into_bytes();
                wit_bindgen::spawn_local(async move { tx.write_all(question).await; });
                let answer = match consumer::request(to.into(), rx, Some(200)).await {
                    Ok(a) => String::from_utf8_lossy(&a.body.collect().await).into_owned(),
                    Err(e) => format!("{e:?}"),
                };
                send(back, answer).await?;
            }
            _ => {}
        }
        match m.reply_to {
            Some(to) => send(&to, format!("{}: {text}", m.subject)).await,
            None => Ok(()),
        }
    }
}

//! What OpenTelemetry's exporters send by: an HttpClient over wasi:http. The exporters themselves are as they are published.
use bytes::Bytes;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use std::io::{Read, Write};
use wasip2::http::outgoing_handler;
use wasip2::http::types::*;

#[derive(Debug)]
pub struct Transport;

#[async_trait::async_trait]
impl HttpClient for Transport {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> { Ok(send(request)?) }
}

/// Sends a request and waits for all of its response.
pub fn send(request: Request<Bytes>) -> Result<Response<Bytes>, String> {
    let (head, body) = request.into_parts();
    let fields: Vec<_> = head.headers.iter().map(|(k, v)| (k.to_string(), v.as_bytes().to_vec())).collect();
    let out = OutgoingRequest::new(Fields::from_list(&fields).map_err(|e| format!("{e:?}"))?);
    let _ = out.set_method(&match head.method.as_str() {
        "GET" => Method::Get,
        "POST" => Method::Post,
        other => Method::Other(other.into()),
    });
    let _ = out.set_scheme(Some(&if head.uri.scheme_str() == Some("https") { Scheme::Https } else { Scheme::Http }));
    let _ = out.set_authority(head.uri.authority().map(|a| a.as_str()));
    let _ = out.set_path_with_query(head.uri.path_and_query().map(|p| p.as_str()));
    let sent = out.body().unwrap();
    let answer = outgoing_handler::handle(out, None).map_err(|e| format!("{e:?}"))?;
    {
        let mut to = sent.write().unwrap();
        to.write_all(&body).map_err(|e| e.to_string())?;
        to.flush().map_err(|e| format!("{e:?}"))?;
    }
    OutgoingBody::finish(sent, None).map_err(|e| format!("{e:?}"))?;
    answer.subscribe().block();
    let got = answer.get().unwrap().unwrap().map_err(|e| format!("{e:?}"))?;
    let mut response = Response::builder().status(got.status());
    for (k, v) in got.headers().entries() {
        response = response.header(k, v);
    }
    let body = got.consume().unwrap();
    let mut all = Vec::new();
    body.stream().unwrap().read_to_end(&mut all).map_err(|e| e.to_string())?;
    response.body(all.into()).map_err(|e| e.to_string())
}

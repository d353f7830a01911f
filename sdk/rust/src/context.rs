//! Span contexts to and from the host, whose span is the parent of a component's first ones.
use crate::host::{wit, Host, Imports};
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::Context;
use opentelemetry_sdk::propagation::TraceContextPropagator;

/// The host's span around the running call; with the feature `current-span-context`, the span entered last. It is invalid where the
/// host has none, as with telemetry off.
pub fn host_span_context() -> SpanContext {
    context_of(&Imports)
}

/// The current context with [`host_span_context`] as its span, so that a span started in it is the host's child. It is the current
/// context itself if the host has no span: a span started in that begins a trace of its own.
pub fn host_context() -> Context {
    with_host(&Imports, &Context::current())
}

pub(crate) fn with_host(host: &dyn Host, cx: &Context) -> Context {
    let parent = context_of(host);
    if parent.is_valid() {
        cx.with_remote_span_context(parent)
    } else {
        cx.clone()
    }
}

fn context_of(host: &dyn Host) -> SpanContext {
    host.span_context().map_or(SpanContext::NONE, |c| from_wit(&c))
}

/// A propagator whose incoming context is the host's span, whatever a carrier says: the host has already read the request's headers, and
/// its span is the nearer parent. What it injects is W3C trace context. An outgoing request of a component need not carry any: the host
/// adds that of its own CLIENT span.
#[derive(Debug, Default)]
pub struct HostPropagator {
    w3c: TraceContextPropagator,
}

impl HostPropagator {
    /// A propagator.
    pub fn new() -> Self {
        Self::default()
    }
}

impl TextMapPropagator for HostPropagator {
    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        self.w3c.inject_context(cx, injector)
    }
    fn extract_with_context(&self, cx: &Context, _: &dyn Extractor) -> Context {
        with_host(&Imports, cx)
    }
    fn fields(&self) -> FieldIter<'_> {
        self.w3c.fields()
    }
}

/// The context for the host. Identifiers have all their digits, leading zeros too.
pub(crate) fn to_wit(c: &SpanContext) -> wit::SpanContext {
    wit::SpanContext {
        trace_id: trace_id(c.trace_id()),
        span_id: span_id(c.span_id()),
        trace_flags: flags(c.trace_flags()),
        is_remote: c.is_remote(),
        trace_state: entries(&c.trace_state().header()),
    }
}

pub(crate) fn trace_id(id: TraceId) -> String {
    format!("{:032x}", u128::from_be_bytes(id.to_bytes()))
}

pub(crate) fn span_id(id: SpanId) -> String {
    format!("{:016x}", u64::from_be_bytes(id.to_bytes()))
}

pub(crate) fn flags(f: TraceFlags) -> wit::TraceFlags {
    if f.is_sampled() {
        wit::TraceFlags::SAMPLED
    } else {
        wit::TraceFlags::empty()
    }
}

/// The entries of a tracestate header, in their order.
fn entries(header: &str) -> Vec<(String, String)> {
    header.split(',').filter_map(|e| e.split_once('=')).map(|(k, v)| (k.to_string(), v.to_string())).collect()
}

/// A context of the host's. Identifiers that lack leading zeros, as some hosts write them, are what they are with them; what is no
/// identifier is none. A tracestate with an invalid entry is empty.
pub(crate) fn from_wit(c: &wit::SpanContext) -> SpanContext {
    let trace_id = hex(&c.trace_id, 32).map_or(TraceId::INVALID, |n| TraceId::from_bytes(n.to_be_bytes()));
    let span_id = hex(&c.span_id, 16).map_or(SpanId::INVALID, |n| SpanId::from_bytes((n as u64).to_be_bytes()));
    let flags = TraceFlags::default().with_sampled(c.trace_flags.contains(wit::TraceFlags::SAMPLED));
    let named = c.trace_state.iter().all(|(k, _)| !k.is_empty());
    let state = TraceState::from_key_value(c.trace_state.iter().map(|(k, v)| (k.as_str(), v.as_str())));
    let state = state.ok().filter(|_| named).unwrap_or_default();
    SpanContext::new(trace_id, span_id, flags, c.is_remote, state)
}

fn hex(text: &str, most: usize) -> Option<u128> {
    let digits = !text.is_empty() && text.len() <= most && text.bytes().all(|b| b.is_ascii_hexdigit());
    digits.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::collections::HashMap;

    pub(crate) fn context(trace: &str, span: &str, state: &[(&str, &str)]) -> wit::SpanContext {
        wit::SpanContext {
            trace_id: trace.into(),
            span_id: span.into(),
            trace_flags: wit::TraceFlags::SAMPLED,
            is_remote: false,
            trace_state: state.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect(),
        }
    }

    #[test]
    fn both_ways() {
        let c = context("000102030405060708090a0b0c0d0e0f", "0011223344556677", &[("vendor", "1"), ("a@b", "x y")]);
        let got = to_wit(&from_wit(&c));
        assert_eq!((&got.trace_id, &got.span_id), (&c.trace_id, &c.span_id));
        assert_eq!(got.trace_state, c.trace_state);
        assert!(got.trace_flags.contains(wit::TraceFlags::SAMPLED) && !got.is_remote);
    }

    #[test]
    fn what_hosts_write() {
        for (trace, span, valid) in [
            ("a", "b", true), // without leading zeros
            ("00000000000000000000000000000000", "0000000000000000", false),
            ("0", "0", false),
            ("", "", false),
            ("+1", "1", false),
            ("no hexadecimal number", "ü", false),
            ("0AF7651916CD43DD8448EB211C80319C", "B7AD6B7169203331", true),
            ("100000000000000000000000000000000", "1", false),
        ] {
            assert_eq!(from_wit(&context(trace, span, &[])).is_valid(), valid, "{trace} {span}");
        }
        assert_eq!(from_wit(&context("1", "1", &[("", ""), ("a", "b")])).trace_state().header(), "");
    }

    #[test]
    fn without_a_host() {
        assert!(!host_span_context().is_valid());
        assert!(!host_context().span().span_context().is_valid());
        let p = HostPropagator::new();
        let mut carrier = HashMap::new();
        p.inject_context(&Context::new().with_remote_span_context(from_wit(&context("1", "2", &[("a", "b")]))), &mut carrier);
        assert_eq!(carrier["traceparent"], "00-00000000000000000000000000000001-0000000000000002-01");
        assert_eq!(carrier["tracestate"], "a=b");
        assert!(!p.extract(&carrier).span().span_context().is_valid()); // the host decides, not a carrier
    }
}

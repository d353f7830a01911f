//! Values of attributes and bodies as JSON (wasi:otel/types, value).
use crate::host::types;
use opentelemetry::logs::AnyValue;
use opentelemetry::{Array, InstrumentationScope, Key, KeyValue, Value};
use opentelemetry_sdk::Resource;
use std::fmt::Write;

/// What a JSON string begins with that stands for bytes.
const BYTES_PREFIX: &str = "data:application/octet-stream;base64,";

/// Lists and maps in a log record that are nested deeper than this are null.
const MAX_DEPTH: usize = 32;

pub(crate) fn key_values<'a>(attributes: impl IntoIterator<Item = &'a KeyValue>) -> Vec<types::KeyValue> {
    attributes.into_iter().map(|kv| key_value(&kv.key, &kv.value)).collect()
}

fn key_value(key: &Key, value: &Value) -> types::KeyValue {
    types::KeyValue { key: key.to_string(), value: json(value) }
}

pub(crate) fn any_key_value(key: &Key, value: &AnyValue) -> types::KeyValue {
    types::KeyValue { key: key.to_string(), value: any_json(value) }
}

pub(crate) fn resource(r: &Resource) -> types::Resource {
    types::Resource { attributes: r.iter().map(|(k, v)| key_value(k, v)).collect(), schema_url: r.schema_url().map(String::from) }
}

pub(crate) fn scope(s: &InstrumentationScope) -> types::InstrumentationScope {
    types::InstrumentationScope {
        name: s.name().to_string(),
        version: s.version().map(String::from),
        schema_url: s.schema_url().map(String::from),
        attributes: key_values(s.attributes()),
    }
}

/// The JSON of an attribute's value.
pub(crate) fn json(v: &Value) -> String {
    let mut out = String::new();
    match v {
        Value::Bool(b) => put(&mut out, b),
        Value::I64(i) => put(&mut out, i),
        Value::F64(f) => put_f64(&mut out, *f),
        Value::String(s) => put_str(&mut out, s.as_str()),
        Value::Array(Array::Bool(l)) => put_list(&mut out, l, put),
        Value::Array(Array::I64(l)) => put_list(&mut out, l, put),
        Value::Array(Array::F64(l)) => put_list(&mut out, l, |out, f| put_f64(out, *f)),
        Value::Array(Array::String(l)) => put_list(&mut out, l, |out, s| put_str(out, s.as_str())),
        // Kinds that a later version of the API may add have their text.
        other => put_str(&mut out, &other.to_string()),
    }
    out
}

/// The JSON of a log record's body, or of its attribute's value.
pub(crate) fn any_json(v: &AnyValue) -> String {
    let mut out = String::new();
    put_any(&mut out, v, MAX_DEPTH);
    out
}

fn put_any(out: &mut String, v: &AnyValue, depth: usize) {
    match v {
        AnyValue::Int(i) => put(out, i),
        AnyValue::Double(f) => put_f64(out, *f),
        AnyValue::String(s) => put_str(out, s.as_str()),
        AnyValue::Boolean(b) => put(out, b),
        AnyValue::Bytes(b) => {
            out.push('"');
            out.push_str(BYTES_PREFIX);
            put_base64(out, b);
            out.push('"');
        }
        AnyValue::ListAny(_) | AnyValue::Map(_) if depth == 0 => out.push_str("null"),
        AnyValue::ListAny(l) => put_list(out, l, |out, v| put_any(out, v, depth - 1)),
        AnyValue::Map(m) => {
            let mut entries: Vec<_> = m.iter().collect();
            entries.sort_by(|a, b| a.0.as_str().cmp(b.0.as_str())); // a map has no order: the same one has the same text
            out.push('{');
            for (i, (k, v)) in entries.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                put_str(out, k.as_str());
                out.push(':');
                put_any(out, v, depth - 1);
            }
            out.push('}');
        }
        other => put_str(out, &format!("{other:?}")),
    }
}

fn put(out: &mut String, v: &impl std::fmt::Display) {
    let _ = write!(out, "{v}");
}

/// A double always has a fraction or an exponent, so that 1.0 stays one. JSON has no others than finite numbers: those are their names.
fn put_f64(out: &mut String, f: f64) {
    if f.is_finite() {
        let _ = write!(out, "{f:?}");
    } else {
        out.push_str(if f.is_nan() { "\"NaN\"" } else if f > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" });
    }
}

fn put_list<T>(out: &mut String, list: &[T], mut item: impl FnMut(&mut String, &T)) {
    out.push('[');
    for (i, v) in list.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        item(out, v);
    }
    out.push(']');
}

fn put_str(out: &mut String, s: &str) {
    out.reserve(s.len() + 2);
    out.push('"');
    for c in s.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

fn put_base64(out: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for group in bytes.chunks(3) {
        let n = group.iter().fold(0u32, |n, b| n << 8 | *b as u32) << (8 * (3 - group.len()));
        for i in 0..4 {
            out.push(if i <= group.len() { DIGITS[(n >> (18 - 6 * i) & 63) as usize] as char } else { '=' });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn values() {
        let cases: Vec<(Value, &str)> = vec![
            (true.into(), "true"),
            (i64::MIN.into(), "-9223372036854775808"),
            (i64::MAX.into(), "9223372036854775807"),
            (1.0.into(), "1.0"),
            (0.1.into(), "0.1"),
            (1e300.into(), "1e300"),
            (f64::NAN.into(), "\"NaN\""),
            (f64::INFINITY.into(), "\"Infinity\""),
            (f64::NEG_INFINITY.into(), "\"-Infinity\""),
            ("".into(), "\"\""),
            ("a \"b\"\\\n\r\t\u{0}\u{1f} ü€𝄞".into(), "\"a \\\"b\\\"\\\\\\n\\r\\t\\u0000\\u001f ü€𝄞\""),
            (Value::Array(vec![true, false].into()), "[true,false]"),
            (Value::Array(vec![1i64, -2].into()), "[1,-2]"),
            (Value::Array(vec![0.5, 1.0].into()), "[0.5,1.0]"),
            (Value::Array(Array::String(vec!["a".into(), "\"".into()])), "[\"a\",\"\\\"\"]"),
            (Value::Array(Vec::<i64>::new().into()), "[]"),
        ];
        for (v, want) in cases {
            assert_eq!(json(&v), want, "{v:?}");
        }
    }

    #[test]
    fn any_values() {
        let map = HashMap::from([(Key::new("b"), AnyValue::Int(1)), (Key::new("a\""), AnyValue::ListAny(Box::default()))]);
        let cases: Vec<(AnyValue, &str)> = vec![
            (AnyValue::Int(-7), "-7"),
            (AnyValue::Double(2.0), "2.0"),
            (AnyValue::from("x"), "\"x\""),
            (AnyValue::Boolean(false), "false"),
            (AnyValue::Map(Box::new(map)), "{\"a\\\"\":[],\"b\":1}"),
            (AnyValue::ListAny(Box::new(vec![AnyValue::Int(1), AnyValue::Double(2.5), AnyValue::from("x")])), "[1,2.5,\"x\"]"),
        ];
        for (v, want) in cases {
            assert_eq!(any_json(&v), want, "{v:?}");
        }
        for (bytes, want) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("\u{7f}~?>", "f34/Pg==")] {
            let got = any_json(&AnyValue::Bytes(Box::new(bytes.as_bytes().to_vec())));
            assert_eq!(got, format!("\"{BYTES_PREFIX}{want}\""), "{bytes:?}");
        }
    }

    #[test]
    fn deep_values_are_bounded() {
        let mut v = AnyValue::Int(1);
        for _ in 0..10_000 {
            v = AnyValue::ListAny(Box::new(vec![v]));
        }
        assert_eq!(any_json(&v), format!("{}null{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH)));
        // Dropping it as it is would recurse as deep as it is nested.
        while let AnyValue::ListAny(mut l) = v {
            v = l.pop().unwrap_or(AnyValue::Int(0));
        }
    }
}

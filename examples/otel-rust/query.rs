// What a request asks for; both components include this file.

/// The value of a key in the query of a path, with %XX decoded.
fn query(path: &str, key: &str) -> Option<String> {
    let (_, query) = path.split_once('?')?;
    let value = query.split('&').filter_map(|p| p.split_once('=')).find(|(k, _)| *k == key)?.1;
    let mut out = Vec::new();
    let mut bytes = value.bytes();
    while let Some(b) = bytes.next() {
        match b {
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                out.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
            }
            b'+' => out.push(b' '),
            b => out.push(b),
        }
    }
    String::from_utf8(out).ok()
}

/// Scheme, authority and path of an http or https URL; None for anything else.
fn parts(url: &str) -> Option<(bool, &str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let at = rest.find('/').unwrap_or(rest.len());
    let path = if at == rest.len() { "/" } else { &rest[at..] };
    matches!(scheme, "http" | "https").then_some((scheme == "https", &rest[..at], path))
}

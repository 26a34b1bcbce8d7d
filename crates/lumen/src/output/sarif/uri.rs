//! Paths as URI references (RFC 3986).

#![expect(
    clippy::format_push_string,
    reason = "the texts are short: a copy costs less than errors that cannot happen"
)]

use serde_json::{Value, json};

/// The `artifactLocation` of an input: a relative path is taken from the root of the checked-out sources.
pub(super) fn artifact(source: &str) -> Value {
    if source.starts_with('/') {
        json!({ "uri": format!("file://{}", encoded(source)) })
    } else {
        let path = source.strip_prefix("./").unwrap_or(source);
        json!({ "uri": encoded(path), "uriBaseId": "%SRCROOT%" })
    }
}

/// The path with every byte percent-encoded that is neither unreserved nor a `/`.
fn encoded(path: &str) -> String {
    let mut out = String::with_capacity(path.len() + 8);
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_encoded_bytewise() {
        assert_eq!(encoded("a b/ü:%.yaml"), "a%20b/%C3%BC%3A%25.yaml");
        assert_eq!(artifact("/etc/x.yaml"), json!({ "uri": "file:///etc/x.yaml" }));
        assert_eq!(artifact("./x.yaml"), json!({ "uri": "x.yaml", "uriBaseId": "%SRCROOT%" }));
    }
}

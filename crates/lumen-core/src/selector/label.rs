//! What may stand as a label's key and value (`k8s.io/apimachinery/pkg/api/validate/content/kube.go` and `dns.go`).

/// Longest name part of a key, and longest value, in bytes.
pub const NAME_BYTES_MAX: usize = 63;

/// Longest prefix of a key, in bytes.
pub const PREFIX_BYTES_MAX: usize = 253;

/// Why a text is no label's key or value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// The name is missing.
    #[error("its name is empty")]
    Empty,
    /// The name or the value is too long.
    #[error("it is longer than {NAME_BYTES_MAX} bytes")]
    TooLong,
    /// A letter is out of place.
    #[error("it must consist of letters, digits, `-`, `_` and `.`, with a letter or a digit at both ends")]
    Characters,
    /// The part before the `/` is no DNS name.
    #[error(
        "what stands before the `/` must be a DNS name in lower case of at most {PREFIX_BYTES_MAX} bytes"
    )]
    Prefix,
    /// More than one `/`.
    #[error("it has more than one `/`")]
    Slashes,
}

/// Whether a text may stand as a label's key, or an annotation's: a name, or a DNS name, `/` and a name.
pub fn check_key(key: &str) -> Result<(), LabelError> {
    let name = match key.split_once('/') {
        None => key,
        Some((_, name)) if name.contains('/') => return Err(LabelError::Slashes),
        Some((prefix, name)) if is_dns_subdomain(prefix) => name,
        Some(_) => return Err(LabelError::Prefix),
    };
    if name.is_empty() { Err(LabelError::Empty) } else { check_value(name) }
}

/// Whether a text may stand as a label's value: an empty one may.
pub fn check_value(value: &str) -> Result<(), LabelError> {
    if value.len() > NAME_BYTES_MAX {
        return Err(LabelError::TooLong);
    }
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    let ends_well = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_alphanumeric);
    let bytes = value.as_bytes();
    if bytes.iter().all(inner) && ends_well(bytes.first()) && ends_well(bytes.last()) {
        Ok(())
    } else {
        Err(LabelError::Characters)
    }
}

/// Whether a text is a DNS name in lower case (RFC 1123), as object names and prefixes are.
pub fn is_dns_subdomain(name: &str) -> bool {
    name.len() <= PREFIX_BYTES_MAX && name.split('.').all(is_dns_label)
}

/// Whether a text has the letters of one label of a DNS name, as names of namespaces have; how long it may be is for the
/// caller to say.
pub fn is_dns_label(text: &str) -> bool {
    let is_alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.iter().all(|byte| is_alphanumeric(byte) || *byte == b'-')
        && bytes.first().is_some_and(is_alphanumeric)
        && bytes.last().is_some_and(is_alphanumeric)
}

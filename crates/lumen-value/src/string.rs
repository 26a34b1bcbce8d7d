//! [`Str`]: a string that is cheap to clone and may hold bytes that are not UTF-8.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Longest string that is kept inside the value, without an allocation: what makes a [`Value`](crate::Value)
/// 24 bytes. Nearly all keys and most scalars of Kubernetes' manifests are shorter.
const INLINE_BYTES_MAX: usize = 22;

/// A string value. Short ones live in place, longer ones are shared; a clone never copies text on the heap.
///
/// Rego's decode built-ins make strings of arbitrary bytes, so a `Str` need not be UTF-8. It compares and
/// hashes by its bytes, as Go's strings do.
#[derive(Clone)]
pub struct Str(Repr);

#[derive(Clone)]
enum Repr {
    Inline { len: u8, bytes: [u8; INLINE_BYTES_MAX] },
    Text(Arc<str>),
    Bytes(Arc<[u8]>),
}

impl Str {
    /// A string of these bytes, which need not be UTF-8.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        if let Some(inline) = Self::inline(bytes) {
            return inline;
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Self(Repr::Text(text.into())),
            Err(_) => Self(Repr::Bytes(bytes.into())),
        }
    }

    fn inline(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; INLINE_BYTES_MAX];
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        let len = u8::try_from(text.len()).ok()?;
        Some(Self(Repr::Inline { len, bytes }))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline { len, bytes } => bytes.get(..usize::from(*len)).unwrap_or_default(),
            Repr::Text(text) => text.as_bytes(),
            Repr::Bytes(bytes) => bytes,
        }
    }

    /// The text, or `None` where the bytes are not UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        match &self.0 {
            Repr::Text(text) => Some(text),
            Repr::Inline { .. } => std::str::from_utf8(self.as_bytes()).ok(),
            Repr::Bytes(_) => None,
        }
    }

    /// The text, with U+FFFD in place of what is not UTF-8: for people to read.
    pub fn to_text(&self) -> Cow<'_, str> {
        match self.as_str() {
            Some(text) => Cow::Borrowed(text),
            None => lossy_as_go(self.as_bytes()),
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }
}

/// The text of some bytes, with U+FFFD in place of each byte that is not part of UTF-8, as Go's `encoding/json` has it.
/// (The standard library puts one in place of all bytes of a character that is cut off.)
pub(crate) fn lossy_as_go(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    Cow::Owned(text)
}

impl From<&str> for Str {
    fn from(text: &str) -> Self {
        Self::inline(text.as_bytes()).unwrap_or_else(|| Self(Repr::Text(text.into())))
    }
}

impl From<String> for Str {
    fn from(text: String) -> Self {
        Self::inline(text.as_bytes()).unwrap_or_else(|| Self(Repr::Text(text.into())))
    }
}

impl PartialEq for Str {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Str {}

impl PartialEq<str> for Str {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Str {
    fn eq(&self, other: &&str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialOrd for Str {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Str {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for Str {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Debug for Str {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_text(), out)
    }
}

impl fmt::Display for Str {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&self.to_text())
    }
}

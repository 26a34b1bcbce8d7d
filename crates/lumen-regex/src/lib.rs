//! Go's regular expressions: whatever Gatekeeper, OPA and the API server match, they match with Go's syntax, where `\w` is
//! ASCII, `a{,2}` is a literal, and `a**` is refused. A pattern is translated to the form that the `regex` library reads.
//!
//! Where the two differ by nature: the library's Unicode is newer than Go's (16 against 15).

mod class;
mod names;
mod syntax;

pub use syntax::{Refusal, Translated, translate};

/// Most memory of a compiled pattern, in bytes.
pub const PROGRAM_BYTES_MAX: usize = 16 << 20;
/// The same for a pattern of which foreign texts may have many kept at once.
pub const KEPT_PROGRAM_BYTES_MAX: usize = 1 << 20;
/// How deep a translated pattern may nest: more than Go allows.
const NEST_MAX: u32 = 4_000;

fn build_within(pattern: &str, bytes: usize) -> Option<regex::Regex> {
    stacker::maybe_grow(128 * 1024, 4 << 20, || {
        regex::RegexBuilder::new(pattern).size_limit(bytes).nest_limit(NEST_MAX).build().ok()
    })
}

/// Compiles a pattern in the form that the library reads; `None` where it needs more memory than any may take.
#[must_use]
pub fn build(pattern: &str) -> Option<regex::Regex> {
    build_within(pattern, PROGRAM_BYTES_MAX)
}

/// Compiles a pattern in Go's syntax, with at most so many bytes of memory.
///
/// # Errors
///
/// What is wrong with it, as Go says it, or that it needs too much memory.
pub fn compile(pattern: &str, bytes: usize) -> Result<regex::Regex, String> {
    let translated = translate(pattern, None).map_err(|refusal| match refusal {
        Refusal::Syntax(message) => format!("error parsing regexp: {message}"),
        Refusal::Large => LARGE.to_owned(),
    })?;
    build_within(&translated.pattern, bytes).ok_or_else(|| LARGE.to_owned())
}

const LARGE: &str = "error parsing regexp: expression too large";

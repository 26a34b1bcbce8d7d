//! Classes of characters.

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange, HirKind};

use super::names::NAMES;

/// A class in the making; what is added with `fold` is added in every case.
#[derive(Clone)]
pub(super) struct Class(ClassUnicode);

/// Of no character.
impl Default for Class {
    fn default() -> Self {
        Self(ClassUnicode::empty())
    }
}

impl Class {
    fn of(ranges: &[(char, char)]) -> Self {
        let ranges = ranges.iter().map(|(first, last)| ClassUnicodeRange::new(*first, *last));
        Self(ClassUnicode::new(ranges))
    }

    /// The characters from one code to another, without the surrogates.
    pub(super) fn range(first: u32, last: u32) -> Self {
        let first = char::from_u32(first).unwrap_or('\u{e000}');
        let last = char::from_u32(last).unwrap_or(if last < 0xe000 { '\u{d7ff}' } else { char::MAX });
        if first > last { Self::default() } else { Self::of(&[(first, last)]) }
    }

    /// `\d`, `\s`, `\w` by their letters; of ASCII.
    pub(super) fn perl(letter: char) -> Option<Self> {
        Some(match letter {
            'd' => Self::of(&[('0', '9')]),
            's' => Self::of(&[('\t', '\n'), ('\u{c}', '\r'), (' ', ' ')]),
            'w' => Self::of(&[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')]),
            _ => return None,
        })
    }

    /// `[:alpha:]` and the like by their names.
    pub(super) fn posix(name: &str) -> Option<Self> {
        Some(match name {
            "alnum" => Self::of(&[('0', '9'), ('A', 'Z'), ('a', 'z')]),
            "alpha" => Self::of(&[('A', 'Z'), ('a', 'z')]),
            "ascii" => Self::of(&[('\0', '\u{7f}')]),
            "blank" => Self::of(&[('\t', '\t'), (' ', ' ')]),
            "cntrl" => Self::of(&[('\0', '\u{1f}'), ('\u{7f}', '\u{7f}')]),
            "digit" => Self::of(&[('0', '9')]),
            "graph" => Self::of(&[('!', '~')]),
            "lower" => Self::of(&[('a', 'z')]),
            "print" => Self::of(&[(' ', '~')]),
            "punct" => Self::of(&[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')]),
            "space" => Self::of(&[('\t', '\r'), (' ', ' ')]),
            "upper" => Self::of(&[('A', 'Z')]),
            "word" => Self::of(&[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')]),
            "xdigit" => Self::of(&[('0', '9'), ('A', 'F'), ('a', 'f')]),
            _ => return None,
        })
    }

    /// A category or script of Unicode by one of the names that Go knows; case, underscores, hyphens and spaces do not
    /// count.
    pub(super) fn unicode(name: &str) -> Option<Self> {
        let name: String = name.chars().filter(|char| !matches!(char, '_' | '-' | ' ')).collect();
        let name = name.to_ascii_lowercase();
        NAMES.binary_search(&name.as_str()).ok()?;
        let name = match name.as_str() {
            "combiningmark" => "mark",
            "cntrl" => "control",
            "punct" => "punctuation",
            name => name,
        };
        match regex_syntax::parse(&format!("\\p{{{name}}}")).ok()?.into_kind() {
            HirKind::Class(regex_syntax::hir::Class::Unicode(class)) => Some(Self(class)),
            // No character of UTF-8 is a surrogate.
            _ => Some(Self::default()),
        }
    }

    /// With all cases of its characters.
    pub(super) fn folded(mut self, fold: bool) -> Self {
        if fold {
            self.0.case_fold_simple();
        }
        self
    }

    /// All other characters.
    pub(super) fn negated(mut self, negate: bool) -> Self {
        if negate {
            self.0.negate();
        }
        self
    }

    /// With the characters of another.
    pub(super) fn add(&mut self, other: &Self) {
        self.0.union(&other.0);
    }

    /// As the library reads it.
    pub(super) fn pattern(&self) -> String {
        use std::fmt::Write;
        if self.0.ranges().is_empty() {
            return "[a&&b]".to_owned();
        }
        let mut text = "[".to_owned();
        for range in self.0.ranges() {
            let (first, last) = (u32::from(range.start()), u32::from(range.end()));
            write!(text, "\\x{{{first:x}}}-\\x{{{last:x}}}").unwrap_or_default();
        }
        text.push(']');
        text
    }
}

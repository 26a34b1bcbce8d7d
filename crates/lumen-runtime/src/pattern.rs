//! The regular expressions of conditions: POSIX's extended ones as RE2 reads them (`re2::RE2::POSIX`).
//!
//! Against Go's syntax, to which they are translated: there are neither groups with `?` nor classes with letters, `^` and
//! `$` are the ends of lines, repetitions may follow each other, and `-` in a class is itself at an end alone.

use std::iter::Peekable;
use std::str::Chars;

/// The bytes that a compiled pattern may take. What is tried first is what most need, so that less is charged.
const PROGRAM_BYTES: [usize; 4] = [8 << 10, 64 << 10, 512 << 10, PATTERN_BYTES_MAX];

/// The most that a compiled pattern can be charged.
pub(super) const PATTERN_BYTES_MAX: usize = 4 << 20;

/// The bytes that the patterns of all rules may take.
pub(super) const PATTERNS_BYTES_MAX: usize = 64 << 20;

/// Repetitions behind repetitions that are no single one, in a pattern.
const WRAPS_MAX: usize = 100;

/// A regular expression that a text as a whole must be of.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    regex: regex::Regex,
    /// The bytes that it takes at most.
    pub(super) bytes: usize,
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    ///
    /// What is wrong with it, or that it takes more memory than any may.
    pub(super) fn compile(pattern: &str) -> Result<Self, String> {
        let invalid = |error: String| format!("invalid regex pattern: {error}");
        let translated = Translation::of(pattern).map_err(invalid)?;
        let whole = format!("^(?m:{translated})$");
        let mut last = String::new();
        for bytes in PROGRAM_BYTES {
            match lumen_regex::compile(&whole, bytes) {
                Ok(regex) => return Ok(Self { regex, bytes }),
                Err(error) => last = error,
            }
            if !last.ends_with("expression too large") {
                break;
            }
        }
        Err(invalid(last.trim_start_matches("error parsing regexp: ").to_owned()))
    }

    /// Compiles several.
    ///
    /// # Errors
    ///
    /// What is wrong with the first that is none, or that they take more memory than all may.
    pub(super) fn compile_all(patterns: &[Vec<u8>]) -> Result<Vec<Self>, String> {
        let mut left = PATTERNS_BYTES_MAX;
        let mut compiled = Vec::new();
        for pattern in patterns {
            let pattern = Self::compile(&String::from_utf8_lossy(pattern))?;
            left = left.checked_sub(pattern.bytes).ok_or("the list of regex patterns is too large")?;
            compiled.push(pattern);
        }
        Ok(compiled)
    }

    /// Whether a text as a whole is of it.
    pub(super) fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

/// How an element is repeated.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repetition {
    /// Not.
    None,
    /// By one sign: `*`, `+` or `?`.
    Sign(char),
    /// By counts in braces.
    Counted,
}

struct Translation<'t> {
    rest: Peekable<Chars<'t>>,
    text: String,
    /// Where each open group begins.
    groups: Vec<usize>,
    /// Where the last element begins, and how it is repeated; none where nothing stands that could be repeated.
    last: Option<(usize, Repetition)>,
    wraps: usize,
}

impl<'t> Translation<'t> {
    fn of(pattern: &'t str) -> Result<String, String> {
        let mut translation = Self {
            rest: pattern.chars().peekable(),
            text: String::with_capacity(pattern.len()),
            groups: Vec::new(),
            last: None,
            wraps: 0,
        };
        while let Some(letter) = translation.rest.next() {
            translation.element(letter)?;
        }
        if translation.groups.is_empty() {
            Ok(translation.text)
        } else {
            Err(format!("missing ): {pattern}"))
        }
    }

    fn element(&mut self, letter: char) -> Result<(), String> {
        match letter {
            '(' => {
                self.groups.push(self.text.len());
                // Which groups there are does not matter.
                self.text.push_str("(?:");
                self.last = None;
            }
            ')' => {
                let start = self.groups.pop().ok_or("unexpected )")?;
                self.text.push(')');
                self.last = Some((start, Repetition::None));
            }
            '|' => {
                self.text.push('|');
                self.last = None;
            }
            '*' | '+' | '?' => self.repeat(letter)?,
            '{' => match counts(&self.rest) {
                Some(counts) => self.repeat_counted(&counts)?,
                None => self.start().push_str("\\{"),
            },
            '[' => self.class()?,
            '\\' => {
                let escaped = self.escaped()?;
                self.start().push_str(&escaped);
            }
            '}' | ']' => {
                let text = self.start();
                text.push('\\');
                text.push(letter);
            }
            other => self.start().push(other),
        }
        Ok(())
    }

    /// Where an element begins.
    fn start(&mut self) -> &mut String {
        self.last = Some((self.text.len(), Repetition::None));
        &mut self.text
    }

    fn repeat(&mut self, sign: char) -> Result<(), String> {
        match self.last {
            None => return Err(format!("no argument for repetition operator: {sign}")),
            Some((at, Repetition::None)) => {
                self.text.push(sign);
                self.last = Some((at, Repetition::Sign(sign)));
            }
            Some((at, Repetition::Sign(before))) => {
                // `**` is `*`; two that differ are `*`.
                if before != sign {
                    self.text.pop();
                    self.text.push('*');
                    self.last = Some((at, Repetition::Sign('*')));
                }
            }
            Some((at, Repetition::Counted)) => {
                self.wrap(at)?;
                self.text.push(sign);
                self.last = Some((at, Repetition::Sign(sign)));
            }
        }
        Ok(())
    }

    fn repeat_counted(&mut self, counts: &str) -> Result<(), String> {
        let Some((at, repetition)) = self.last else {
            return Err(format!("no argument for repetition operator: {{{counts}}}"));
        };
        self.rest.nth(counts.len());
        if repetition != Repetition::None {
            self.wrap(at)?;
        }
        self.text.push('{');
        self.text.push_str(counts);
        self.text.push('}');
        self.last = Some((at, Repetition::Counted));
        Ok(())
    }

    /// Makes one element of the last and its repetition.
    fn wrap(&mut self, at: usize) -> Result<(), String> {
        self.wraps += 1;
        if self.wraps > WRAPS_MAX {
            return Err("expression too large".to_owned());
        }
        self.text.insert_str(at, "(?:");
        self.text.push(')');
        Ok(())
    }

    /// Reads what follows a backslash.
    fn escaped(&mut self) -> Result<String, String> {
        let Some(letter) = self.rest.next() else { return Err("trailing \\".to_owned()) };
        let mut text = format!("\\{letter}");
        match letter {
            'a' | 'f' | 'n' | 'r' | 't' | 'v' => {}
            '0' => {
                while text.len() < 4 && self.rest.peek().is_some_and(|digit| digit.is_digit(8)) {
                    text.extend(self.rest.next());
                }
            }
            '1'..='7' if self.rest.peek().is_some_and(|digit| digit.is_digit(8)) => {
                while text.len() < 4 && self.rest.peek().is_some_and(|digit| digit.is_digit(8)) {
                    text.extend(self.rest.next());
                }
            }
            'x' => {
                let braced = self.rest.peek() == Some(&'{');
                let mut digits = 0;
                while let Some(letter) = self.rest.peek().copied() {
                    let is_end = if braced { letter == '}' } else { digits == 2 };
                    let is_part = letter.is_ascii_hexdigit() || braced && (letter == '{' || letter == '}');
                    if digits > 10 || !is_part || is_end && !braced {
                        break;
                    }
                    text.extend(self.rest.next());
                    digits += 1;
                    if is_end {
                        break;
                    }
                }
            }
            other if other.is_ascii_punctuation() && other != '_' => {}
            other if other.is_ascii() && !other.is_ascii_alphanumeric() => text = other.to_string(),
            _ => return Err(format!("invalid escape sequence: {text}")),
        }
        Ok(text)
    }

    fn class(&mut self) -> Result<(), String> {
        let mut class = String::from("[");
        if self.rest.next_if_eq(&'^').is_some() {
            class.push('^');
        }
        let mut is_first = true;
        loop {
            let missing = || format!("missing ]: {class}");
            let Some(letter) = self.rest.next() else { return Err(missing()) };
            match letter {
                ']' if !is_first => break,
                '-' if !is_first && self.rest.peek() != Some(&']') => {
                    return Err(format!(
                        "invalid character class range: -{}",
                        self.rest.next().unwrap_or('-')
                    ));
                }
                '[' if self.rest.peek() == Some(&':') && self.named_class(&mut class) => {
                    is_first = false;
                    continue;
                }
                letter => self.member(letter, &mut class)?,
            }
            is_first = false;
            let mut ahead = self.rest.clone();
            if ahead.next() == Some('-') && ahead.next().is_some_and(|next| next != ']') {
                self.rest.next();
                class.push('-');
                let Some(end) = self.rest.next() else { return Err(format!("missing ]: {class}")) };
                self.member(end, &mut class)?;
            }
        }
        class.push(']');
        self.start().push_str(&class);
        Ok(())
    }

    /// Reads `[:name:]` behind its first bracket, if that is what follows.
    fn named_class(&mut self, class: &mut String) -> bool {
        let mut ahead = self.rest.clone();
        let mut name = String::from("[");
        // The longest name has six letters; what is not known is told by name.
        while name.len() < 32 {
            let Some(letter) = ahead.next() else { return false };
            name.push(letter);
            if name.len() > 2 && name.ends_with(":]") {
                class.push_str(&name);
                self.rest = ahead;
                return true;
            }
        }
        false
    }

    /// Writes one letter of a class.
    fn member(&mut self, letter: char, class: &mut String) -> Result<(), String> {
        match letter {
            '\\' => class.push_str(&self.escaped()?),
            ']' | '[' | '-' | '^' | '&' | '~' => {
                class.push('\\');
                class.push(letter);
            }
            other => class.push(other),
        }
        Ok(())
    }
}

/// The counts that stand in braces behind the opening one: `2`, `2,` or `2,3`; anything else is no repetition.
fn counts(rest: &Peekable<Chars<'_>>) -> Option<String> {
    // More than nine digits are too many for any.
    let text: String = rest.clone().take(32).take_while(|letter| *letter != '}').collect();
    let is_number = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && (text.len() == 1 || !text.starts_with('0'))
    };
    let is_counts = match text.split_once(',') {
        None => is_number(&text),
        Some((least, most)) => is_number(least) && (most.is_empty() || is_number(most)),
    };
    (is_counts && rest.clone().nth(text.chars().count()) == Some('}')).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::{PATTERN_BYTES_MAX, Pattern};

    fn holds(pattern: &str, text: &str) -> bool {
        Pattern::compile(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}")).matches(text)
    }

    #[test]
    fn what_is_perls_is_refused() {
        for pattern in [
            r"\d",
            r"\w+",
            r"\s",
            r"\bcat",
            r"[\d]",
            r"(?i)cat",
            r"(?:cat)",
            r"(?P<n>a)",
            r"\pL",
            r"\Qa\E",
            r"\A",
            r"\z",
            r"\C",
            r"\1",
            "a|*",
            "(+)",
            "(",
            ")",
            "[",
            "[a-c-e]",
            "[b-a]",
            "[[:nosuch:]]",
            r"a\",
            "x{1001}",
            "{2}",
        ] {
            assert!(Pattern::compile(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn what_is_posixs_is_meant_so() {
        for (pattern, text, expected) in [
            ("a**", "aaa", true),
            ("a*?", "aaa", true),
            ("a+?", "", true),
            ("a{2}{3}", "aaaaaa", true),
            ("a{2}?", "", true),
            ("a{2}?", "a", false),
            ("(a|b)+", "abab", true),
            ("a{,2}", "a{,2}", true),
            ("a]}", "a]}", true),
            ("[]a]", "]", true),
            ("[^]a]", "b", true),
            ("[a-]", "-", true),
            ("[--/]", ".", true),
            ("[[:alpha:]]+", "abc", true),
            ("[&&a]", "&", true),
            (r"\_\ ", "_ ", true),
            (r"\x41\x{42}\103\.", "ABC.", true),
            ("ab", "xab", false),
            ("a.b", "a\nb", false),
            ("a$\n^b", "a\nb", true),
            ("[^a]", "\n", true),
            ("A", "a", false),
            ("", "", true),
            ("|a", "a", true),
        ] {
            assert_eq!(holds(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn what_explodes_is_bounded() {
        for pattern in [
            "(((a{100}){100}){100}){100}".to_owned(),
            "([[:alpha:]]{1000}|.{1000}){1000}".to_owned(),
            "(".repeat(100_000),
            format!("{}a{}", "(".repeat(100_000), ")".repeat(100_000)),
            format!("a{}", "{2}".repeat(100_000)),
        ] {
            assert!(Pattern::compile(&pattern).is_err());
        }
        let many = format!("a{}", "*+?".repeat(100_000));
        assert!(Pattern::compile(&many).is_ok_and(|pattern| pattern.bytes <= PATTERN_BYTES_MAX));
        let named = format!("[{}", "[:".repeat(100_000));
        assert!(Pattern::compile(&named).is_err());
    }
}

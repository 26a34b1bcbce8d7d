//! Regular expressions as Go writes them (RE2's syntax with Perl's extensions), brought into the form that the `regex`
//! library reads. What is refused, and with which words, is Go's choice; nothing reaches the library but groups,
//! repetitions, classes of plain ranges, escaped literals, and assertions, so that its own extensions (`&&` in classes,
//! `\<`, `(?x)`, ..) cannot be written.
//!
//! Source: Go 1.26, `regexp/syntax/parse.go`.

use super::class::Class;

/// A regular expression for the library.
#[derive(Debug)]
pub struct Translated {
    /// The pattern.
    pub pattern: String,
    /// The names of the groups, from the first; empty where a group has none.
    pub names: Vec<String>,
    /// About how many instructions it takes.
    pub size: u64,
}

/// Why a text is no regular expression.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// As Go says it, without `error parsing regexp: `.
    Syntax(String),
    /// It is too large to be looked at.
    Large,
}

/// Most bytes of a translated pattern: classes of many ranges grow.
const PATTERN_BYTES_MAX: usize = 4 << 20;
/// Go's bounds: instructions, levels, and repetitions of a repetition.
const SIZE_MAX: u64 = (128 << 20) / 40;
const HEIGHT_MAX: u32 = 1_000;
const REPEAT_MAX: u64 = 1_000;

/// One element of a sequence, translated.
struct Item {
    text: String,
    size: u64,
    height: u32,
    /// The product of the counts of nested repetitions.
    repeats: u64,
}

#[derive(Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a letter of `(?imsU)`")]
struct Flags {
    fold: bool,
    multi_line: bool,
    dot_newline: bool,
    lazy: bool,
}

/// An open group.
#[derive(Default)]
struct Group {
    alternatives: Vec<Item>,
    items: Vec<Item>,
    /// What holds again behind the group.
    flags: Flags,
    is_capture: bool,
}

struct Parser<'a> {
    whole: &'a str,
    rest: &'a str,
    flags: Flags,
    groups: Vec<Group>,
    current: Group,
    names: Vec<String>,
    bytes: usize,
}

fn refused<T>(why: &str, part: &str) -> Result<T, Refusal> {
    Err(Refusal::Syntax(format!("{why}: `{part}`")))
}

/// Translates a pattern. `stray` is where in it the first U+FFFD stands in place of what is no UTF-8.
pub fn translate(pattern: &str, stray: Option<usize>) -> Result<Translated, Refusal> {
    let mut parser = Parser {
        whole: pattern,
        rest: pattern,
        flags: Flags::default(),
        groups: Vec::new(),
        current: Group::default(),
        names: Vec::new(),
        bytes: 0,
    };
    // The repetition that ends here, from its operator on.
    let mut last_repeat = "";
    while let Some(char) = parser.peek() {
        let next = parser.next(char, last_repeat);
        let at = pattern.len() - parser.rest.len();
        if let Some(stray) = stray.filter(|stray| *stray < at) {
            return refused("invalid UTF-8", pattern.get(stray..).unwrap_or_default());
        }
        last_repeat = next?;
    }
    if !parser.groups.is_empty() {
        return refused("missing closing )", pattern);
    }
    let item = parser.close_alternatives()?;
    Ok(Translated { pattern: item.text, names: parser.names, size: item.size })
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    /// The part of the pattern from `start`, a rest of before, up to where the reading is.
    fn since(&self, start: &'a str) -> &'a str {
        start.get(..start.len().saturating_sub(self.rest.len())).unwrap_or(start)
    }

    fn push(&mut self, text: String) -> Result<(), Refusal> {
        self.bytes = self.bytes.saturating_add(text.len());
        if self.bytes > PATTERN_BYTES_MAX {
            return Err(Refusal::Large);
        }
        self.current.items.push(Item { text, size: 1, height: 1, repeats: 1 });
        Ok(())
    }

    fn literal(&mut self, code: u32) -> Result<(), Refusal> {
        let Some(char) = char::from_u32(code) else { return self.push(Class::default().pattern()) };
        let escaped =
            if char.is_ascii_alphanumeric() { char.to_string() } else { format!("\\x{{{code:x}}}") };
        self.push(if self.flags.fold { format!("(?i:{escaped})") } else { escaped })
    }

    fn class(&mut self, class: &Class) -> Result<(), Refusal> {
        self.push(class.pattern())
    }

    /// Reads what begins with a character; gives the text of a repetition that may not be repeated at once.
    fn next(&mut self, char: char, last_repeat: &'a str) -> Result<&'a str, Refusal> {
        match char {
            '(' if self.rest.starts_with("(?") => self.perl_group()?,
            '(' => {
                self.skip(1);
                self.open(Some(String::new()));
            }
            '|' => {
                self.skip(1);
                let item = self.close_items()?;
                self.current.alternatives.push(item);
            }
            ')' => {
                self.close_group()?;
                self.skip(1);
            }
            '^' => self.simple(1, if self.flags.multi_line { "(?m:^)" } else { "\\A" })?,
            '$' => self.simple(1, if self.flags.multi_line { "(?m:$)" } else { "\\z" })?,
            '.' => self.simple(1, if self.flags.dot_newline { "(?s:.)" } else { "[^\\n]" })?,
            '[' => self.bracket()?,
            '*' | '+' | '?' | '{' => return self.repetition(char, last_repeat),
            '\\' => self.backslash()?,
            _ => {
                self.skip(char.len_utf8());
                self.literal(u32::from(char))?;
            }
        }
        Ok("")
    }

    fn simple(&mut self, bytes: usize, text: &str) -> Result<(), Refusal> {
        self.skip(bytes);
        self.push(text.to_owned())
    }

    fn open(&mut self, name: Option<String>) {
        let is_capture = name.is_some();
        self.names.extend(name);
        let group = Group { flags: self.flags, is_capture, ..Group::default() };
        self.groups.push(std::mem::replace(&mut self.current, group));
    }

    fn close_group(&mut self) -> Result<(), Refusal> {
        let Some(outer) = self.groups.pop() else { return refused("unexpected )", self.whole) };
        let mut item = self.close_alternatives()?;
        let group = std::mem::replace(&mut self.current, outer);
        self.flags = group.flags;
        if group.is_capture {
            item.text = format!("({})", item.text);
            item.size += 2;
            item.height += 1;
        } else {
            item.text = format!("(?:{})", item.text);
        }
        self.checked(item)
    }

    fn checked(&mut self, item: Item) -> Result<(), Refusal> {
        // What stands in many groups has been copied as often.
        self.bytes = self.bytes.saturating_add(item.text.len());
        if self.bytes > PATTERN_BYTES_MAX {
            return Err(Refusal::Large);
        }
        if item.size > SIZE_MAX {
            return refused("expression too large", self.whole);
        }
        if item.height > HEIGHT_MAX {
            return refused("expression nests too deeply", self.whole);
        }
        self.current.items.push(item);
        Ok(())
    }

    /// The sequence so far as one item.
    fn close_items(&mut self) -> Result<Item, Refusal> {
        let items = std::mem::take(&mut self.current.items);
        self.joined(&items, "")
    }

    fn joined(&self, items: &[Item], between: &str) -> Result<Item, Refusal> {
        let is_one = items.len() == 1;
        let texts: Vec<_> = items.iter().map(|item| item.text.as_str()).collect();
        let item = Item {
            text: texts.join(between),
            size: items.iter().map(|item| item.size).sum::<u64>().max(1),
            height: items.iter().map(|item| item.height).max().unwrap_or(0) + u32::from(!is_one),
            repeats: items.iter().map(|item| item.repeats).max().unwrap_or(1),
        };
        if item.text.len() > PATTERN_BYTES_MAX {
            return Err(Refusal::Large);
        }
        if item.size > SIZE_MAX {
            return refused("expression too large", self.whole);
        }
        Ok(item)
    }

    fn close_alternatives(&mut self) -> Result<Item, Refusal> {
        let last = self.close_items()?;
        let mut alternatives = std::mem::take(&mut self.current.alternatives);
        alternatives.push(last);
        self.joined(&alternatives, "|")
    }

    fn repetition(&mut self, operator: char, last_repeat: &'a str) -> Result<&'a str, Refusal> {
        let before = self.rest;
        let (least, most, is_counted) = match operator {
            '*' => (0, None, false),
            '+' => (1, None, false),
            '?' => (0, Some(1), false),
            _ => {
                let Some((least, most)) = self.counts() else {
                    self.skip(1);
                    self.literal(u32::from('{'))?;
                    return Ok("");
                };
                (least, most, true)
            }
        };
        if !is_counted {
            self.skip(1);
        }
        if least > REPEAT_MAX || most.is_some_and(|most| most > REPEAT_MAX || most < least) {
            return refused("invalid repeat count", self.since(before));
        }
        let is_lazy = self.rest.starts_with('?');
        if is_lazy {
            self.skip(1);
        }
        if !last_repeat.is_empty() {
            return refused("invalid nested repetition operator", self.since(last_repeat));
        }
        let Some(item) = self.current.items.pop() else {
            return refused("missing argument to repetition operator", self.since(before));
        };
        let factor = if is_counted { most.unwrap_or(least) } else { 1 };
        let repeats =
            if is_counted && most == Some(0) { 0 } else { item.repeats.saturating_mul(factor.max(1)) };
        if is_counted && (least >= 2 || most.is_some_and(|most| most >= 2)) && repeats > REPEAT_MAX {
            return refused("invalid repeat count", self.since(before));
        }
        let counts = match (operator, most) {
            ('{', Some(most)) => format!("{{{least},{most}}}"),
            ('{', None) => format!("{{{least},}}"),
            _ => operator.to_string(),
        };
        let mark = if is_lazy == self.flags.lazy { "" } else { "?" };
        let size = match (is_counted, most) {
            (true, Some(most)) => item.size.saturating_mul(most) + (most - least),
            (true, None) => 2 + item.size.saturating_mul(least.max(1)),
            (false, _) => 2 + item.size,
        };
        self.checked(Item {
            text: format!("(?:{}){counts}{mark}", item.text),
            size: size.max(1),
            height: item.height + 1,
            repeats,
        })?;
        Ok(before)
    }

    /// `{2}`, `{2,}`, `{2,3}`; too large numbers are the largest. `None`, and nothing read, where it is none of these.
    fn counts(&mut self) -> Option<(u64, Option<u64>)> {
        let inner = self.rest.strip_prefix('{')?;
        let end = inner.find(|char: char| !char.is_ascii_digit() && char != ',')?;
        let (counts, behind) = inner.split_at_checked(end)?;
        let behind = behind.strip_prefix('}')?;
        let number = |digits: &str| {
            let is_number = !digits.is_empty() && (digits.len() == 1 || !digits.starts_with('0'));
            (is_number && !digits.contains(',')).then(|| digits.parse().unwrap_or(u64::MAX))
        };
        let counts = match counts.split_once(',') {
            None => (number(counts)?, Some(number(counts)?)),
            Some((least, "")) => (number(least)?, None),
            Some((least, most)) => (number(least)?, Some(number(most)?)),
        };
        self.rest = behind;
        Some(counts)
    }

    /// What begins with `(?`.
    fn perl_group(&mut self) -> Result<(), Refusal> {
        let start = self.rest;
        let named = start.strip_prefix("(?P<").or_else(|| start.strip_prefix("(?<"));
        if let Some(named) = named.filter(|named| !named.is_empty()) {
            let Some((name, behind)) = named.split_once('>') else {
                return refused("invalid named capture", start);
            };
            self.rest = behind;
            if name.is_empty() || !name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric()) {
                return refused("invalid named capture", self.since(start));
            }
            self.open(Some(name.to_owned()));
            return Ok(());
        }
        self.skip(2);
        let (mut flags, mut is_set, mut saw_flag) = (self.flags, true, false);
        while let Some(char) = self.peek() {
            self.skip(char.len_utf8());
            let flag = match char {
                'i' => &mut flags.fold,
                'm' => &mut flags.multi_line,
                's' => &mut flags.dot_newline,
                'U' => &mut flags.lazy,
                '-' if is_set => {
                    (is_set, saw_flag) = (false, false);
                    continue;
                }
                ':' | ')' if is_set || saw_flag => {
                    if char == ':' {
                        self.open(None);
                    }
                    self.flags = flags;
                    return Ok(());
                }
                _ => break,
            };
            *flag = is_set;
            saw_flag = true;
        }
        refused("invalid or unsupported Perl syntax", self.since(start))
    }

    /// What begins with a backslash, outside of a class.
    fn backslash(&mut self) -> Result<(), Refusal> {
        match self.rest.chars().nth(1) {
            Some('A') => return self.simple(2, "\\A"),
            Some('b') => return self.simple(2, "(?-u:\\b)"),
            Some('B') => return self.simple(2, "(?-u:\\B)"),
            Some('z') => return self.simple(2, "\\z"),
            Some('C') => return refused("invalid escape sequence", "\\C"),
            Some('Q') => {
                self.skip(2);
                let (literal, behind) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
                self.rest = behind;
                return literal.chars().try_for_each(|char| self.literal(u32::from(char)));
            }
            _ => {}
        }
        if let Some(class) = self.escaped_class()? {
            return self.class(&class);
        }
        let code = self.escape()?;
        self.literal(code)
    }

    /// `\d`, `\pL`, `\p{Greek}`, and their negations, where one stands here.
    fn escaped_class(&mut self) -> Result<Option<Class>, Refusal> {
        let start = self.rest;
        let mut chars = start.chars();
        if chars.next() != Some('\\') {
            return Ok(None);
        }
        let Some(letter) = chars.next() else { return Ok(None) };
        let fold = self.flags.fold;
        if let Some(class) = Class::perl(letter.to_ascii_lowercase()) {
            self.skip(2);
            return Ok(Some(class.folded(fold).negated(letter.is_ascii_uppercase())));
        }
        if !matches!(letter, 'p' | 'P') {
            return Ok(None);
        }
        let name = match chars.next() {
            // Go has read an end of text as a character that is none.
            None => {
                self.rest = "";
                ""
            }
            Some('{') => {
                let Some((name, behind)) = chars.as_str().split_once('}') else {
                    return refused("invalid character class range", start);
                };
                self.rest = behind;
                name
            }
            Some(char) => {
                let name = start.get(2..2 + char.len_utf8()).unwrap_or_default();
                self.skip(2 + char.len_utf8());
                name
            }
        };
        let (name, is_negated) = match name.strip_prefix('^') {
            Some(name) => (name, letter == 'p'),
            None => (name, letter == 'P'),
        };
        match Class::unicode(name) {
            Some(class) => Ok(Some(class.folded(fold).negated(is_negated))),
            None => refused("invalid character class range", self.since(start)),
        }
    }

    /// The code that an escape stands for.
    fn escape(&mut self) -> Result<u32, Refusal> {
        let start = self.rest;
        self.skip(1);
        let Some(char) = self.peek() else { return refused("trailing backslash at end of expression", "") };
        self.skip(char.len_utf8());
        let octal = |rest: &str| rest.bytes().next().filter(|byte| (b'0'..=b'7').contains(byte));
        let code = match char {
            '1'..='7' if octal(self.rest).is_none() => None,
            '0'..='7' => {
                let mut code = u32::from(char) - u32::from('0');
                for _ in 0..2 {
                    let Some(digit) = octal(self.rest) else { break };
                    code = code * 8 + u32::from(digit - b'0');
                    self.skip(1);
                }
                Some(code)
            }
            'x' => self.hexadecimal(),
            'a' => Some(7),
            'f' => Some(12),
            'n' => Some(10),
            'r' => Some(13),
            't' => Some(9),
            'v' => Some(11),
            _ if char.is_ascii() && !char.is_ascii_alphanumeric() => Some(u32::from(char)),
            _ => None,
        };
        match code {
            Some(code) => Ok(code),
            None => refused("invalid escape sequence", self.since(start)),
        }
    }

    /// Two digits, or any number of them in braces.
    fn hexadecimal(&mut self) -> Option<u32> {
        let first = self.peek()?;
        self.skip(first.len_utf8());
        if first != '{' {
            let second = self.peek();
            self.skip(second.map_or(0, char::len_utf8));
            return Some(first.to_digit(16)? * 16 + second?.to_digit(16)?);
        }
        let mut code: Option<u32> = None;
        loop {
            let char = self.peek()?;
            self.skip(char.len_utf8());
            if char == '}' {
                return code;
            }
            code = Some(code.unwrap_or(0) * 16 + char.to_digit(16)?)
                .filter(|code| *code <= u32::from(char::MAX));
            code?;
        }
    }

    /// `[..]`
    fn bracket(&mut self) -> Result<(), Refusal> {
        let start = self.rest;
        self.skip(1);
        let is_negated = self.rest.starts_with('^');
        if is_negated {
            self.skip(1);
        }
        let mut class = Class::default();
        let mut is_first = true;
        while is_first || !self.rest.starts_with(']') {
            is_first = false;
            if let Some(named) = self.posix_class()? {
                class.add(&named);
                continue;
            }
            if let Some(escaped) = self.escaped_class()? {
                class.add(&escaped);
                continue;
            }
            let from = self.rest;
            let first = self.class_character(start)?;
            let mut last = first;
            if self.rest.len() >= 2 && self.rest.starts_with('-') && !self.rest.starts_with("-]") {
                self.skip(1);
                last = self.class_character(start)?;
                if last < first {
                    return refused("invalid character class range", self.since(from));
                }
            }
            class.add(&Class::range(first, last).folded(self.flags.fold));
        }
        self.skip(1);
        self.class(&class.negated(is_negated))
    }

    fn class_character(&mut self, class: &str) -> Result<u32, Refusal> {
        match self.peek() {
            None => refused("missing closing ]", class),
            Some('\\') => self.escape(),
            Some(char) => {
                self.skip(char.len_utf8());
                Ok(u32::from(char))
            }
        }
    }

    /// `[:alpha:]` or `[:^alpha:]`, where one stands here.
    fn posix_class(&mut self) -> Result<Option<Class>, Refusal> {
        let Some((name, behind)) = self.rest.strip_prefix("[:").and_then(|rest| rest.split_once(":]")) else {
            return Ok(None);
        };
        let start = self.rest;
        self.rest = behind;
        let (bare, is_negated) = match name.strip_prefix('^') {
            Some(bare) => (bare, true),
            None => (name, false),
        };
        match Class::posix(bare) {
            Some(class) => Ok(Some(class.folded(self.flags.fold).negated(is_negated))),
            None => refused("invalid character class range", self.since(start)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(pattern: &str) -> String {
        match translate(pattern, None) {
            Err(Refusal::Syntax(message)) => message,
            other => panic!("{pattern}: {other:?}"),
        }
    }

    #[test]
    fn refuses_in_gos_words() {
        for (pattern, message) in [
            ("a**", "invalid nested repetition operator: `**`"),
            ("(a)\\1", "invalid escape sequence: `\\1`"),
            ("(", "missing closing ): `(`"),
            ("a)", "unexpected ): `a)`"),
            ("[a", "missing closing ]: `[a`"),
            ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
            ("*", "missing argument to repetition operator: `*`"),
            ("a{1001}", "invalid repeat count: `{1001}`"),
            ("(a{100}){100}", "invalid repeat count: `{100}`"),
            ("[z-a]", "invalid character class range: `z-a`"),
            ("\\", "trailing backslash at end of expression: ``"),
            ("\\p{Foo}", "invalid character class range: `\\p{Foo}`"),
        ] {
            assert_eq!(refusal(pattern), message);
        }
        let deep = format!("{}a{}", "(".repeat(2_000), ")".repeat(2_000));
        assert!(refusal(&deep).starts_with("expression nests too deeply"));
    }

    #[test]
    fn what_only_the_library_knows_is_literal() {
        for (pattern, text) in
            [("[a&&b]", "&"), ("[--]", "-"), ("[[a]]", "[]"), ("a{,2}", "a{,2}"), ("# x", "# x")]
        {
            let translated = translate(pattern, None).unwrap();
            let regex = regex::Regex::new(&translated.pattern).unwrap();
            assert!(regex.is_match(text), "{pattern} {translated:?}");
        }
    }
}

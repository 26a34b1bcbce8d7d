//! Shell patterns as `fnmatch(3)` matches them without flags: `*` and `?` match a slash, too. A pattern is read once, in linear
//! time.

#[cfg(test)]
mod tests;

/// Most bytes of a pattern.
pub(super) const PATTERN_BYTES_MAX: usize = 4096;

/// A pattern, made ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glob {
    written: Vec<u8>,
    parts: Vec<Part>,
    ignores_case: bool,
}

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// Any bytes, or none.
    Star,
    /// Any byte.
    Any,
    /// A byte; the small letter where case is ignored.
    Byte(u8),
    /// A byte of a class.
    Class(Box<Bytes>),
}

/// A set of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Bytes([u128; 2]);

impl Bytes {
    fn add(&mut self, byte: u8) {
        let [low, high] = &mut self.0;
        *if byte < 128 { low } else { high } |= 1 << (byte & 127);
    }

    fn has(&self, byte: u8) -> bool {
        let [low, high] = self.0;
        (if byte < 128 { low } else { high }) >> (byte & 127) & 1 == 1
    }
}

impl Glob {
    /// Reads a pattern; what is wrong with one that is too long.
    pub(super) fn compile(pattern: &[u8], ignores_case: bool) -> Result<Self, String> {
        if pattern.len() > PATTERN_BYTES_MAX {
            return Err(format!("a glob pattern has {} bytes, more than {PATTERN_BYTES_MAX}", pattern.len()));
        }
        let reader = Reader::new(pattern, ignores_case);
        let mut parts = Vec::new();
        let mut at = 0;
        while let Some((part, next)) = reader.part(at) {
            // Several stars say what one says.
            if part != Part::Star || parts.last() != Some(&Part::Star) {
                parts.push(part);
            }
            at = next;
        }
        Ok(Self { written: pattern.to_vec(), parts, ignores_case })
    }

    /// Whether a text as a whole is of the pattern. Takes at most as many steps as the product of both lengths.
    pub(super) fn matches(&self, text: &[u8]) -> bool {
        let (mut at, mut from) = (0, 0);
        // Where the pattern goes on behind the last `*`, and the text that it has taken so far ends.
        let mut star: Option<(usize, usize)> = None;
        loop {
            let fits = match (self.parts.get(at), text.get(from)) {
                (None, None) => return true,
                (Some(Part::Star), _) => {
                    at += 1;
                    star = Some((at, from));
                    continue;
                }
                (Some(part), Some(byte)) => self.takes(part, *byte),
                (None, Some(_)) => false,
                // A star that takes more leaves even less for the parts that are left.
                (Some(_), None) => return false,
            };
            match star {
                _ if fits => {
                    at += 1;
                    from += 1;
                }
                Some((behind, taken)) if taken < text.len() => {
                    star = Some((behind, taken + 1));
                    at = behind;
                    from = taken + 1;
                }
                _ => return false,
            }
        }
    }

    /// The longest part of the pattern that is in every text of it.
    pub(super) fn literal(&self) -> &[u8] {
        literal(&self.written)
    }

    fn takes(&self, part: &Part, byte: u8) -> bool {
        match part {
            Part::Star | Part::Any => true,
            Part::Byte(wanted) => *wanted == folded(byte, self.ignores_case),
            Part::Class(class) => class.has(byte),
        }
    }
}

/// Whether a pattern has anything but letters that stand for themselves, as path lists look for it.
pub(super) fn is_pattern(text: &[u8]) -> bool {
    text.iter().any(|byte| matches!(byte, b'?' | b'*' | b'['))
}

/// The longest part of a pattern that is in every text of it.
fn literal(pattern: &[u8]) -> &[u8] {
    // What stands in brackets is none, nor is what a backslash may stand before.
    let plain = pattern.split(|byte| matches!(byte, b'[' | b'\\')).next().unwrap_or_default();
    let parts = plain.split(|byte| matches!(byte, b'*' | b'?'));
    parts.max_by_key(|part| part.len()).unwrap_or_default()
}

fn folded(byte: u8, ignores_case: bool) -> u8 {
    if ignores_case { byte.to_ascii_lowercase() } else { byte }
}

/// What stands at a place in brackets, and where the pattern goes on behind it.
enum Item<'p> {
    End,
    Named(&'p [u8], usize),
    Range(u8, u8, usize),
}

/// Reads a pattern.
struct Reader<'p> {
    pattern: &'p [u8],
    ignores_case: bool,
    /// Where the next `:]` stands, from each place on.
    name_ends: Vec<Option<usize>>,
    /// Whether brackets of which an item begins at a place are closed.
    closed: Vec<bool>,
}

impl<'p> Reader<'p> {
    fn new(pattern: &'p [u8], ignores_case: bool) -> Self {
        let length = pattern.len();
        let mut reader =
            Self { pattern, ignores_case, name_ends: vec![None; length], closed: vec![false; length] };
        // What is behind a place is known before it, so that nothing is looked at twice.
        if !pattern.contains(&b'[') {
            return reader;
        }
        let mut end = None;
        for at in (0..length).rev() {
            if pattern.get(at..at + 2) == Some(b":]") {
                end = Some(at);
            }
            if let Some(place) = reader.name_ends.get_mut(at) {
                *place = end;
            }
            let is_closed = reader.item(at, false).is_some_and(|item| match item {
                Item::End => true,
                Item::Named(_, next) | Item::Range(_, _, next) => reader.is_closed(next),
            });
            if let Some(place) = reader.closed.get_mut(at) {
                *place = is_closed;
            }
        }
        reader
    }

    fn is_closed(&self, at: usize) -> bool {
        self.closed.get(at).is_some_and(|is_closed| *is_closed)
    }

    /// The part at a place, and where the pattern goes on behind it.
    fn part(&self, at: usize) -> Option<(Part, usize)> {
        let byte = |byte: u8| Part::Byte(folded(byte, self.ignores_case));
        Some(match self.pattern.get(at)? {
            b'*' => (Part::Star, at + 1),
            b'?' => (Part::Any, at + 1),
            // A bracket that nothing closes stands for itself.
            b'[' => self.class(at + 1).unwrap_or((byte(b'['), at + 1)),
            b'\\' => match self.pattern.get(at + 1) {
                Some(escaped) => (byte(*escaped), at + 2),
                // Nothing is of a pattern that ends so.
                None => (Part::Class(Box::default()), at + 1),
            },
            letter => (byte(*letter), at + 1),
        })
    }

    /// The class whose first letter stands at a place; `None` where it has no end.
    fn class(&self, start: usize) -> Option<(Part, usize)> {
        let is_negated = matches!(self.pattern.get(start)?, b'!' | b'^');
        let first = start + usize::from(is_negated);
        let (mut named, mut letters) = (Bytes::default(), Bytes::default());
        let mut at = first;
        loop {
            let next = match self.item(at, at == first)? {
                Item::End => break,
                Item::Named(name, next) => {
                    (0..=u8::MAX)
                        .filter(|byte| is_of(name, *byte, self.ignores_case))
                        .for_each(|byte| named.add(byte));
                    next
                }
                Item::Range(low, high, next) => {
                    let (low, high) = (folded(low, self.ignores_case), folded(high, self.ignores_case));
                    (low..=high).for_each(|byte| letters.add(byte));
                    next
                }
            };
            if !self.is_closed(next) {
                return None;
            }
            at = next;
        }
        let mut class = Bytes::default();
        (0..=u8::MAX)
            .filter(|byte| (named.has(*byte) || letters.has(folded(*byte, self.ignores_case))) != is_negated)
            .for_each(|byte| class.add(byte));
        Some((Part::Class(Box::new(class)), at + 1))
    }

    /// What stands at a place in brackets; `None` where the pattern ends before it does.
    fn item(&self, at: usize, is_first: bool) -> Option<Item<'p>> {
        let letter = *self.pattern.get(at)?;
        if letter == b']' && !is_first {
            return Some(Item::End);
        }
        if letter == b'['
            && self.pattern.get(at + 1) == Some(&b':')
            && let Some(end) = self.name_ends.get(at + 2).copied().flatten()
        {
            return Some(Item::Named(self.pattern.get(at + 2..end)?, end + 2));
        }
        let (low, behind) = self.letter(at)?;
        let is_range = self.pattern.get(behind) == Some(&b'-')
            && self.pattern.get(behind + 1).is_some_and(|end| *end != b']');
        if !is_range {
            return Some(Item::Range(low, low, behind));
        }
        let (high, behind) = self.letter(behind + 1)?;
        Some(Item::Range(low, high, behind))
    }

    /// A letter of a class, which a backslash may protect, and where the pattern goes on.
    fn letter(&self, at: usize) -> Option<(u8, usize)> {
        match self.pattern.get(at)? {
            b'\\' => Some((*self.pattern.get(at + 1)?, at + 2)),
            letter => Some((*letter, at + 1)),
        }
    }
}

/// Whether a byte is of a class that has a name.
fn is_of(name: &[u8], byte: u8, ignores_case: bool) -> bool {
    match name {
        b"alpha" => byte.is_ascii_alphabetic(),
        b"digit" => byte.is_ascii_digit(),
        b"alnum" => byte.is_ascii_alphanumeric(),
        b"upper" => byte.is_ascii_uppercase() || ignores_case && byte.is_ascii_lowercase(),
        b"lower" => byte.is_ascii_lowercase() || ignores_case && byte.is_ascii_uppercase(),
        b"space" => byte.is_ascii_whitespace() || byte == 0x0b,
        b"blank" => matches!(byte, b' ' | b'\t'),
        b"punct" => byte.is_ascii_punctuation(),
        b"print" => byte.is_ascii_graphic() || byte == b' ',
        b"graph" => byte.is_ascii_graphic(),
        b"cntrl" => byte.is_ascii_control(),
        b"xdigit" => byte.is_ascii_hexdigit(),
        _ => false,
    }
}

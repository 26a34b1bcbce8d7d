//! Lists are filled into the text of a condition before it is read, as the reference does it (`resolve_list` in
//! `rule_loader_compiler.cpp`), its peculiarities with it: items with blanks get quotes whatever they hold, an empty
//! list takes a comma with it, and a list that stands at the very beginning hides the byte behind it.

use std::collections::{BTreeSet, HashMap};

use crate::condition::CONDITION_BYTES_MAX;

/// What may stand around the name of a list.
const DELIMITERS: &[u8] = b" \t\n\r(),=";
const BLANKS: &[u8] = b" \t\n\r";

/// A list with its lists filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filling {
    pub(super) name: String,
    /// Its items as they stand in a condition, with commas between them.
    text: String,
}

/// A condition into which lists were filled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filled {
    pub(super) text: String,
    /// Where each part of it begins, here and in the condition that was given; in order.
    origins: Vec<(usize, usize)>,
    /// The lists that were used, by their places.
    pub(super) used: Vec<usize>,
}

impl Filling {
    pub(super) fn new<'a>(name: &str, items: impl IntoIterator<Item = &'a str>) -> Self {
        let mut text = String::new();
        for item in items {
            if !text.is_empty() {
                text.push_str(", ");
            }
            text.push_str(&quoted(item));
        }
        Self { name: name.to_owned(), text }
    }
}

/// An item as it stands in a condition.
pub(super) fn quoted(item: &str) -> std::borrow::Cow<'_, str> {
    if item.contains(' ') && !item.starts_with(['"', '\'']) {
        format!("\"{item}\"").into()
    } else {
        item.into()
    }
}

/// All lists, in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Fillings {
    lists: Vec<Filling>,
    by_name: HashMap<String, usize>,
    /// Those whose names are no words, and have to be looked for.
    odd: Vec<usize>,
}

impl FromIterator<Filling> for Fillings {
    fn from_iter<I: IntoIterator<Item = Filling>>(lists: I) -> Self {
        let mut fillings = Self::default();
        for (position, list) in lists.into_iter().enumerate() {
            if list.name.bytes().any(|byte| DELIMITERS.contains(&byte)) {
                fillings.odd.push(position);
            }
            fillings.by_name.insert(list.name.clone(), position);
            fillings.lists.push(list);
        }
        fillings
    }
}

impl Fillings {
    /// Fills the lists into a condition, one list after the other.
    ///
    /// # Errors
    ///
    /// A sentence for people, where the text would be longer than [`CONDITION_BYTES_MAX`].
    pub(super) fn fill(&self, condition: &str) -> Result<Filled, String> {
        let mut filled = Filled { text: condition.to_owned(), origins: vec![(0, 0)], used: Vec::new() };
        let mut waiting: BTreeSet<usize> = self.odd.iter().copied().chain(self.named(condition)).collect();
        while let Some(position) = waiting.pop_first() {
            let Some(list) = self.lists.get(position) else { break };
            if let Some(next) = fill_one(&filled, list)? {
                filled = next;
                filled.used.push(position);
                waiting.extend(self.named(&list.text).filter(|later| *later > position));
            }
        }
        Ok(filled)
    }

    /// The lists whose names are words of a text.
    fn named(&self, text: &str) -> impl Iterator<Item = usize> {
        text.split([' ', '\t', '\n', '\r', '(', ')', ',', '='])
            .filter(|word| !word.is_empty())
            .filter_map(|word| self.by_name.get(word).copied())
    }
}

/// Fills one list in, wherever its name stands; `None` where it stands nowhere.
fn fill_one(before: &Filled, list: &Filling) -> Result<Option<Filled>, String> {
    let text = before.text.as_str();
    let bytes = text.as_bytes();
    let mut after = Filled { used: before.used.clone(), ..Filled::default() };
    // What of the text stands in the new one already, and from where a name is looked for.
    let (mut copied, mut from) = (0, 0);
    let mut is_used = false;
    while let Some(found) = text.get(from..).and_then(|rest| rest.find(&list.name)) {
        let start = from + found;
        let end = start + list.name.len();
        let left = if start > copied { bytes.get(start - 1) } else { after.text.as_bytes().last() };
        if !is_delimiter(left) || !is_delimiter(bytes.get(end)) {
            from = text.ceil_char_boundary(start + 1);
            continue;
        }
        is_used = true;
        after.copy(before, copied, start);
        after.trim_end();
        let mut end = end + bytes.iter().skip(end).take_while(|byte| BLANKS.contains(byte)).count();
        if list.text.is_empty() && !after.drop_comma() && bytes.get(end) == Some(&b',') {
            end += 1;
        }
        let is_first = after.text.is_empty();
        if !is_first {
            after.text.push(' ');
        }
        after.origins.push((after.text.len(), before.origin(start)));
        after.text.push_str(&list.text);
        after.text.push(' ');
        if after.text.len() > CONDITION_BYTES_MAX {
            return Err(format!("the condition has more than {CONDITION_BYTES_MAX} bytes with its lists"));
        }
        copied = end;
        from = if is_first { text.ceil_char_boundary(end + 1) } else { end };
    }
    if !is_used {
        return Ok(None);
    }
    after.copy(before, copied, text.len());
    Ok(Some(after))
}

fn is_delimiter(byte: Option<&u8>) -> bool {
    byte.is_none_or(|byte| DELIMITERS.contains(byte))
}

impl Filled {
    /// Where a byte of the text stood in the condition that was given; the name, for what a list brought.
    pub(super) fn origin(&self, byte: usize) -> usize {
        let behind = self.origins.partition_point(|(at, _)| *at <= byte);
        let Some((at, origin)) = behind.checked_sub(1).and_then(|last| self.origins.get(last)) else {
            return 0;
        };
        match self.origins.get(behind) {
            // A part that ends where the next one begins is no longer than it was.
            Some((_, next)) => (origin + (byte - at)).min(*next),
            None => origin + (byte - at),
        }
    }

    /// Adds a part of another text.
    fn copy(&mut self, other: &Self, start: usize, end: usize) {
        let Some(part) = other.text.get(start..end).filter(|part| !part.is_empty()) else { return };
        let length = self.text.len();
        self.origins.push((length, other.origin(start)));
        let first = other.origins.partition_point(|(at, _)| *at <= start);
        let last = other.origins.partition_point(|(at, _)| *at < end);
        let inner = other.origins.get(first..last).unwrap_or_default();
        self.origins.extend(inner.iter().map(|(at, origin)| (length + at - start, *origin)));
        self.text.push_str(part);
    }

    fn trim_end(&mut self) {
        let length = self.text.trim_end_matches([' ', '\t', '\n', '\r']).len();
        self.shorten(length);
    }

    /// Drops a comma at the end; whether there was one.
    fn drop_comma(&mut self) -> bool {
        let has_comma = self.text.ends_with(',');
        if has_comma {
            self.shorten(self.text.len() - 1);
        }
        has_comma
    }

    fn shorten(&mut self, length: usize) {
        self.text.truncate(length);
        while self.origins.last().is_some_and(|(at, _)| *at > length) {
            self.origins.pop();
        }
    }
}

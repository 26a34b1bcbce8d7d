//! The longest of many beginnings that a text has.

use std::collections::VecDeque;

/// Beginnings, each with a class, by what they share.
#[derive(Clone, Debug, Default)]
pub(super) struct Prefixes {
    /// The first stands for the empty text. The children of each stand side by side, in the order of their first bytes.
    nodes: Box<[Node]>,
    /// The first byte of each node, by its place.
    first: Box<[u8]>,
    bytes: Box<[u8]>,
}

#[derive(Clone, Debug)]
struct Node {
    /// The bytes behind those of its parent: where they begin and end.
    label: (u32, u32),
    children: (u32, u32),
    class: Option<u16>,
}

/// Beginnings side by side that share their first bytes, and how many.
struct Range {
    start: usize,
    end: usize,
    depth: usize,
}

impl Prefixes {
    /// Takes beginnings in the order of their bytes, each once.
    pub(super) fn new(sorted: &[(&[u8], u16)]) -> Self {
        let mut nodes = Vec::new();
        let (mut first, mut bytes): (Vec<u8>, Vec<u8>) = (Vec::new(), Vec::new());
        let mut open = VecDeque::from([Range { start: 0, end: sorted.len(), depth: 0 }]);
        let mut next = 1;
        while let Some(Range { start, end, depth }) = open.pop_front() {
            let range = sorted.get(start..end).unwrap_or_default();
            let low = range.first().map(|(text, _)| *text).unwrap_or_default();
            let high = range.last().map(|(text, _)| *text).unwrap_or_default();
            let shared = low.iter().zip(high).take_while(|(low, high)| low == high).count();
            // The root has no bytes of its own: what all begin with belongs to its one child.
            let shared = if nodes.is_empty() { 0 } else { shared };
            let from = position(bytes.len());
            bytes.extend_from_slice(low.get(depth..shared).unwrap_or_default());
            first.push(low.get(depth).copied().unwrap_or_default());
            let class = range.first().filter(|(text, _)| text.len() == shared).map(|(_, class)| *class);
            let children = next;
            let mut at = start + usize::from(class.is_some());
            let byte = |place: usize| sorted.get(place).and_then(|(text, _)| text.get(shared));
            while at < end {
                let same = (at..end).take_while(|place| byte(*place) == byte(at)).count();
                open.push_back(Range { start: at, end: at + same, depth: shared });
                at += same;
                next += 1;
            }
            let label = (from, position(bytes.len()));
            nodes.push(Node { label, children: (position(children), position(next)), class });
        }
        Self { nodes: nodes.into(), first: first.into(), bytes: bytes.into() }
    }

    /// The class of the longest beginning that a text has.
    pub(super) fn longest(&self, text: &[u8]) -> Option<u16> {
        let mut node = self.nodes.first()?;
        let mut class = node.class;
        let mut rest = text;
        while let Some(next) = rest.first() {
            let (start, end) = node.children;
            let children = self.first.get(start as usize..end as usize).unwrap_or_default();
            let Some(place) = children.iter().position(|first| first == next) else { break };
            let Some(child) = self.nodes.get(start as usize + place) else { break };
            let label = self.bytes.get(child.label.0 as usize..child.label.1 as usize).unwrap_or_default();
            let Some(behind) = rest.strip_prefix(label) else { break };
            (node, rest) = (child, behind);
            class = node.class.or(class);
        }
        class
    }
}

/// Texts of a rule set are shorter than four gigabytes.
fn position(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Prefixes;

    proptest! {
        #[test]
        fn the_longest_beginning_is_found(
            texts in proptest::collection::btree_set("[abc]{0,5}", 0..12),
            asked in "[abcd]{0,8}",
        ) {
            let sorted: Vec<(&[u8], u16)> = texts.iter().map(String::as_bytes).zip(0..).collect();
            let expected = sorted.iter().filter(|(text, _)| asked.as_bytes().starts_with(text));
            let expected = expected.max_by_key(|(text, _)| text.len()).map(|(_, class)| *class);
            prop_assert_eq!(Prefixes::new(&sorted).longest(asked.as_bytes()), expected);
        }
    }
}

//! Paths of which one is to be a text or a folder above it: what `pmatch` asks (`prefix_search.h`). Empty parts count for
//! nothing, parts may be shell patterns.

use std::collections::HashMap;

use super::glob;

/// A set of paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Paths {
    /// Whether a path ends here.
    ends: bool,
    plain: HashMap<Vec<u8>, Paths>,
    patterns: Vec<(Vec<u8>, Paths)>,
}

/// Most parts of a path in a list; what is behind them is not looked at.
const PARTS_MAX: usize = 256;

fn parts(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/').filter(|part| !part.is_empty())
}

impl Paths {
    /// Adds a path.
    pub(super) fn insert(&mut self, path: &[u8]) {
        let mut node = self;
        for part in parts(path).take(PARTS_MAX) {
            node = if glob::is_pattern(part) {
                let known = node.patterns.iter().position(|(pattern, _)| pattern == part);
                let place = known.unwrap_or_else(|| {
                    node.patterns.push((part.to_vec(), Self::default()));
                    node.patterns.len() - 1
                });
                match node.patterns.get_mut(place) {
                    Some((_, next)) => next,
                    None => return,
                }
            } else {
                node.plain.entry(part.to_vec()).or_default()
            };
        }
        node.ends = true;
    }

    /// Whether a path of the set is this one, or a folder above it.
    pub(super) fn hold(&self, path: &[u8]) -> bool {
        let parts: Vec<&[u8]> = parts(path).take(PARTS_MAX).collect();
        self.holds_parts(&parts)
    }

    fn holds_parts(&self, parts: &[&[u8]]) -> bool {
        if self.ends {
            return true;
        }
        let Some((first, rest)) = parts.split_first() else { return false };
        self.plain.get(*first).is_some_and(|next| next.holds_parts(rest))
            || self
                .patterns
                .iter()
                .any(|(pattern, next)| glob::matches(pattern, first, false) && next.holds_parts(rest))
    }
}

//! Paths of which one is to be a text or a folder above it: what `pmatch` asks (`prefix_search.h`). Empty parts count for
//! nothing, parts may be shell patterns.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::glob::{self, Glob};

/// A set of paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Paths {
    /// Whether a path ends here.
    ends: bool,
    plain: HashMap<Vec<u8>, Paths, FixedState>,
    patterns: Vec<(Glob, Paths)>,
    /// Where each pattern stands.
    places: HashMap<Vec<u8>, usize, FixedState>,
}

/// Most parts of a path in a list; what is behind them is not looked at.
pub(super) const PARTS_MAX: usize = 256;

/// Most patterns that are parts of one folder: all of them are asked.
const PATTERNS_MAX: usize = 1024;

pub(super) fn parts(path: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    path.split(|byte| *byte == b'/').filter(|part| !part.is_empty())
}

impl Paths {
    /// Adds a path; why it cannot be one.
    pub(super) fn insert(&mut self, path: &[u8]) -> Result<(), String> {
        let mut node = self;
        for part in parts(path).take(PARTS_MAX) {
            node = if glob::is_pattern(part) {
                node.below(part)?
            } else {
                node.plain.entry(part.to_vec()).or_default()
            };
        }
        node.ends = true;
        Ok(())
    }

    /// What is below a pattern.
    fn below(&mut self, part: &[u8]) -> Result<&mut Self, String> {
        let place = if let Some(place) = self.places.get(part) {
            *place
        } else {
            let place = self.patterns.len();
            if place >= PATTERNS_MAX {
                return Err(format!(
                    "more than {PATTERNS_MAX} patterns stand below one folder in a list of paths"
                ));
            }
            self.patterns.push((Glob::compile(part, false)?, Self::default()));
            self.places.insert(part.to_vec(), place);
            place
        };
        self.patterns.get_mut(place).map(|(_, next)| next).ok_or_else(String::new)
    }

    /// Whether a path of the set is this one, or a folder above it.
    pub(super) fn hold(&self, path: &[u8]) -> bool {
        self.hold_parts(parts(path).take(PARTS_MAX))
    }

    fn hold_parts<'p>(&self, mut parts: impl Iterator<Item = &'p [u8]> + Clone) -> bool {
        if self.ends {
            return true;
        }
        let Some(first) = parts.next() else { return false };
        self.plain.get(first).is_some_and(|next| next.hold_parts(parts.clone()))
            || self
                .patterns
                .iter()
                .any(|(pattern, next)| pattern.matches(first) && next.hold_parts(parts.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_one_folder_are_bounded_and_each_stands_once() {
        let mut paths = Paths::default();
        for number in 0..PATTERNS_MAX {
            paths.insert(format!("/run/{number}*/x").as_bytes()).unwrap();
        }
        paths.insert(b"/run/7*/y").unwrap();
        assert!(paths.hold(b"/run/7a/y/z"));
        assert!(!paths.hold(b"/run/a/y"));
        assert!(paths.insert(b"/run/a*/x").is_err());
    }
}

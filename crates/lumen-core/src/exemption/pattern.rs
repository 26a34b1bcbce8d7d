//! Which rules, kinds and names an exemption is about.

use std::fmt;
use std::str::FromStr;

use crate::finding::{Layer, RuleId};

/// Longest pattern, in bytes: Kubernetes' names end at 253.
pub const PATTERN_BYTES_MAX: usize = 512;

/// A text in which `*` stands for any characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Glob(String);

impl Glob {
    /// The pattern; `None` where it is empty or longer than [`PATTERN_BYTES_MAX`].
    pub fn new(text: &str) -> Option<Self> {
        (!text.is_empty() && text.len() <= PATTERN_BYTES_MAX).then(|| Self(text.into()))
    }

    /// Whether the whole text matches. Linear where there is one `*`; never worse than the product of the lengths.
    pub fn matches(&self, text: &str) -> bool {
        let mut parts = self.0.split('*');
        let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
            return false;
        };
        let Some(last) = parts.next_back() else {
            return rest.is_empty();
        };
        for part in parts {
            // The first place that fits leaves the most for the parts behind it.
            let Some((_, behind)) = rest.split_once(part) else {
                return false;
            };
            rest = behind;
        }
        rest.ends_with(last)
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// A rule's id, or `layer/*` for several rules of one layer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RulePattern {
    layer: Layer,
    name: Glob,
}

/// A text that is no [`RulePattern`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no rule: write an id such as `pod-security/privileged`, or `pod-security/*`")]
pub struct NoRule(String);

impl RulePattern {
    /// The layer whose rules these are.
    #[must_use]
    pub fn layer(&self) -> Layer {
        self.layer
    }

    /// Whether the rule is one of these.
    pub fn matches(&self, rule: &RuleId) -> bool {
        self.layer == rule.layer && self.name.matches(&rule.name)
    }
}

impl FromStr for RulePattern {
    type Err = NoRule;

    fn from_str(text: &str) -> Result<Self, NoRule> {
        let parse = || {
            let (layer, name) = text.split_once('/')?;
            Some(Self { layer: layer.parse().ok()?, name: Glob::new(name)? })
        };
        parse().ok_or_else(|| NoRule(text.chars().take(80).collect()))
    }
}

impl fmt::Display for RulePattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.layer, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, yes, no) in [
            ("web", &["web"][..], &["", "we", "web2", "aweb"][..]),
            ("*", &["", "a", "*"], &[]),
            ("web-*", &["web-", "web-1"], &["web", "a-web-1"]),
            ("*-web", &["-web", "a-web"], &["web", "a-web-"]),
            ("a*b*c", &["abc", "a1b2c", "abbcc"], &["ab", "acb", "abcd"]),
            ("ab*ba", &["abba", "ab1ba"], &["aba"]),
        ] {
            let glob = Glob::new(pattern).expect("a pattern");
            assert!(yes.iter().all(|text| glob.matches(text)), "{pattern}");
            assert!(!no.iter().any(|text| glob.matches(text)), "{pattern}");
        }
        assert_eq!(Glob::new(""), None);
    }

    #[test]
    fn a_rule_names_its_layer() {
        let pattern: RulePattern = "pod-security/*".parse().expect("a pattern");
        assert!(pattern.matches(&RuleId::new(Layer::PodSecurity, "privileged")));
        assert!(!pattern.matches(&RuleId::new(Layer::Input, "privileged")));
        for text in ["", "privileged", "*", "*/privileged", "pod-security/", "podsecurity/privileged"] {
            assert!(text.parse::<RulePattern>().is_err(), "{text}");
        }
    }
}

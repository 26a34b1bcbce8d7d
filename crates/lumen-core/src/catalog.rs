//! The table of built-in rules: what each is for. It feeds `lumen explain`, the docs and SARIF.

use crate::rule::Rule;
use crate::{admission, input, network, podsecurity, posture};

/// The rules of each layer: the one place where a layer is added.
fn layers() -> [Box<dyn Iterator<Item = &'static Rule>>; 6] {
    [
        Box::new(admission::rules()),
        Box::new(podsecurity::rules()),
        Box::new(network::rules::RULES.iter().copied()),
        Box::new(network::lint::rules::RULES.iter().copied()),
        Box::new(posture::rules()),
        Box::new(input::RULES.iter().copied()),
    ]
}

/// All built-in rules, layer by layer.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    layers().into_iter().flatten()
}

/// Why no single rule has a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    /// No rule has it.
    #[error("no rule is called `{name}`")]
    NotFound {
        /// What was asked for.
        name: String,
    },
    /// Several rules end so.
    #[error("`{name}` could be any of {}", candidates.join(", "))]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// The ids of all rules that end so.
        candidates: Vec<String>,
    },
}

/// The rule with an id, or with an id that alone ends so: `pod-security/privileged`, or just `privileged`. A whole
/// name in its layer goes before the end of a longer one.
pub fn find(name: &str) -> Result<&'static Rule, FindError> {
    let ways: [fn(&str, &Rule) -> bool; 3] = [
        |name, rule| rule.id().to_string() == name,
        |name, rule| rule.name == name,
        |name, rule| !name.is_empty() && rule.id().to_string().ends_with(name),
    ];
    for fits in ways {
        let named: Vec<_> = rules().filter(|rule| fits(name, rule)).collect();
        match named.as_slice() {
            [] => {}
            [rule] => return Ok(rule),
            several => {
                return Err(FindError::Ambiguous {
                    name: name.to_owned(),
                    candidates: several.iter().map(|rule| rule.id().to_string()).collect(),
                });
            }
        }
    }
    Err(FindError::NotFound { name: name.to_owned() })
}

/// The ids of the rules that are most like a name that none has: a whole id, or its end alone.
pub fn nearest(name: &str) -> Vec<String> {
    let ids: Vec<String> = rules().map(|rule| rule.id().to_string()).collect();
    lumen_value::nearest::nearest(name, ids.iter().map(String::as_str))
        .into_iter()
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_texts_are_sentences() {
        let mut ids: Vec<_> = rules().map(Rule::id).collect();
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count);
        for rule in rules() {
            assert!(!rule.summary.is_empty() && !rule.summary.ends_with('.'), "{}", rule.name);
            assert!(!rule.rationale.is_empty() && !rule.remedy.is_empty(), "{}", rule.name);
        }
    }

    #[test]
    fn a_rule_is_found_by_its_id_and_by_the_end_of_it() {
        assert_eq!(find("input/too-deep").map(|rule| rule.name), Ok("too-deep"));
        assert_eq!(find("too-deep").map(|rule| rule.name), Ok("too-deep"));
        assert_eq!(find("deep").map(|rule| rule.name), Ok("too-deep"));
        assert!(
            matches!(find("object"), Err(FindError::Ambiguous { candidates, .. }) if candidates.len() == 2)
        );
        assert_eq!(
            nearest("input/duplicate-objekt").first().map(String::as_str),
            Some("input/duplicate-object")
        );
        assert_eq!(nearest("too-deap").first().map(String::as_str), Some("input/too-deep"));
        assert!(nearest("").is_empty());
    }
}

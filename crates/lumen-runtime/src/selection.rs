//! Which rules are used: by their names, their tags and their priorities, whatever the files say.

use super::load::{Priority, Rule};

/// Which rules are used. Each part is applied behind the one before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Rules of a lower priority are switched off.
    pub priority_min: Option<Priority>,
    /// Rules whose names have this in them are switched off; with a `*` in it, which stands for any letters, those whose whole
    /// name is so.
    pub without_names: Vec<String>,
    /// Rules with one of these tags are switched off.
    pub without_tags: Vec<String>,
    /// Where there are any: rules with one of these tags are switched on, but those that a name or tag above switches off, and
    /// all others off.
    pub only_tags: Vec<String>,
}

impl Selection {
    /// Switches rules on and off.
    pub fn apply(&self, rules: &mut [Rule]) {
        for rule in rules {
            let has_one = |tags: &[String]| tags.iter().any(|tag| rule.tags.contains(tag));
            let is_without = has_one(&self.without_tags)
                || self.without_names.iter().any(|name| is_named(name, &rule.name));
            let is_chosen =
                if self.only_tags.is_empty() { rule.is_enabled } else { has_one(&self.only_tags) };
            let is_on = is_chosen && !is_without;
            // The order of priorities is that of their severity, the worst first.
            rule.is_enabled = is_on && self.priority_min.is_none_or(|least| rule.priority <= least);
        }
    }
}

/// Whether a rule's name is one that a pattern of [`Selection::without_names`] means.
pub fn is_named(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(last) = parts.next_back() else { return name.contains(pattern) };
    let Some(rest) = name.strip_prefix(first).and_then(|rest| rest.strip_suffix(last)) else { return false };
    // Each part at the first place where it stands: what is left for those behind it is longest so.
    parts.try_fold(rest, |rest, part| rest.split_once(part).map(|(_, behind)| behind)).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{File, load};

    fn enabled(selection: &Selection) -> Vec<String> {
        let rule = |name: &str, priority: &str, tags: &str, is_enabled: bool| {
            format!(
                "- rule: {name}\n  desc: d\n  condition: evt.type=open\n  output: o\n  priority: {priority}\n  tags: [{tags}]\n  enabled: {is_enabled}\n"
            )
        };
        let text = [
            rule("Read a key", "CRITICAL", "a, host", true),
            rule("Read a token", "NOTICE", "b", true),
            rule("Write a key", "DEBUG", "b, host", false),
        ];
        let mut loaded = load(&[File { text: &text.concat() }]);
        selection.apply(&mut loaded.rules);
        let names = loaded.rules.into_iter().filter(|rule| rule.is_enabled);
        names.map(|rule| rule.name).collect()
    }

    fn list(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn nothing_chosen_changes_nothing() {
        assert_eq!(enabled(&Selection::default()), ["Read a key", "Read a token"]);
    }

    #[test]
    fn rules_are_switched_off_by_name_tag_and_priority() {
        let names = |names: &[&str]| Selection { without_names: list(names), ..Selection::default() };
        assert_eq!(enabled(&names(&["key"])), ["Read a token"]);
        assert_eq!(enabled(&names(&["Read*"])), [""; 0]);
        assert_eq!(enabled(&names(&["*key"])), ["Read a token"]);
        assert_eq!(enabled(&names(&["R*d*o*en", "nothing"])), ["Read a key"]);
        assert_eq!(enabled(&names(&["key*"])), ["Read a key", "Read a token"]);
        let tags = Selection { without_tags: list(&["b"]), ..Selection::default() };
        assert_eq!(enabled(&tags), ["Read a key"]);
        let priority = Selection { priority_min: Some(Priority::Error), ..Selection::default() };
        assert_eq!(enabled(&priority), ["Read a key"]);
    }

    #[test]
    fn tags_that_are_asked_for_switch_on() {
        let only = Selection { only_tags: list(&["host"]), ..Selection::default() };
        assert_eq!(enabled(&only), ["Read a key", "Write a key"]);
        let only = Selection { priority_min: Some(Priority::Warning), ..only };
        assert_eq!(enabled(&only), ["Read a key"]);
        let only =
            Selection { only_tags: list(&["host"]), without_names: list(&["Read"]), ..Selection::default() };
        assert_eq!(enabled(&only), ["Write a key"]);
    }

    #[test]
    fn a_star_stands_for_any_letters() {
        for (pattern, name, is_match) in [
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("*", "", true),
            ("a*b*c", "abxbc", true),
            ("a*bb*c", "abc", false),
            ("", "a", true),
        ] {
            assert_eq!(is_named(pattern, name), is_match, "{pattern} {name}");
        }
    }
}

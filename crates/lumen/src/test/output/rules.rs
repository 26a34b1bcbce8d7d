//! What tests saw of rules of the runtime layer, for people and as JSON.

#![expect(
    clippy::format_push_string,
    reason = "the texts are short: a copy costs less than errors that cannot happen"
)]

use lumen_runtime::coverage::{Item, ItemKind};
use schemars::JsonSchema;
use serde::Serialize;

use crate::output::escape::line;
use crate::test::report::RuleSeen;

/// A rule or a macro.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Rule<'a> {
    /// Its name.
    name: &'a str,
    /// Which of both it is.
    #[schemars(extend("enum" = ["rule", "macro"]))]
    kind: &'static str,
    /// The file of a rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    file: Option<&'a str>,
    /// Its line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "usize")]
    line: Option<usize>,
    /// Whether an event of a test matched the whole condition.
    matched: bool,
    /// Whether an event of a type that it looks at did not.
    unmatched: bool,
    /// Of the parts of the condition what was seen, in per cent, rounded down: that each held, and that each did not.
    percent: usize,
    /// What was not seen.
    missed: Vec<Missed<'a>>,
}

/// A part of a condition of which something was not seen.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct Missed<'a> {
    /// The part.
    condition: &'a str,
    /// It never held.
    never_true: bool,
    /// It never failed.
    never_false: bool,
}

pub(super) fn json(rules: &[RuleSeen]) -> Vec<Rule<'_>> {
    rules
        .iter()
        .map(|seen| Rule {
            name: &seen.body.name,
            kind: if seen.body.is_macro { "macro" } else { "rule" },
            file: seen.place.as_ref().map(|(file, _)| &**file),
            line: seen.place.as_ref().map(|(_, row)| *row),
            matched: seen.body.whole.to_hold,
            unmatched: seen.body.whole.to_fail,
            percent: percent(seen.body.covered()),
            missed: seen.body.items.iter().filter_map(missed).collect(),
        })
        .collect()
}

fn missed(item: &Item) -> Option<Missed<'_>> {
    let (never_true, never_false) = (item.is_never_true(), item.is_never_false());
    (never_true || never_false).then_some(Missed { condition: &item.text, never_true, never_false })
}

/// The sums, then what was not seen of which rule.
pub fn human(rules: &[RuleSeen]) -> String {
    if rules.is_empty() {
        return String::new();
    }
    let own = || rules.iter().filter(|seen| !seen.body.is_macro);
    let fired = own().filter(|seen| !seen.never_fires()).count();
    let (seen, all) = rules
        .iter()
        .map(|rule| rule.body.covered())
        .fold((0, 0), |(seen, all), (more, most)| (seen + more, all + most));
    let branches = |is_dead: fn(&Item) -> bool| {
        rules.iter().flat_map(|rule| &rule.body.items).filter(|item| is_dead(item)).count()
    };
    let (branch_count, dead) = (
        branches(|item| item.is_branch && item.kind != ItemKind::Never),
        branches(|item| item.is_branch && item.is_never_true()),
    );
    let mut text = format!(
        "{:3} %  rules: {fired} of {} fire\n{:3} %  conditions: {seen} of {all} outcomes seen; branches: {} of {branch_count} \
         seen to hold\n",
        percent((fired, own().count())),
        own().count(),
        percent((seen, all)),
        branch_count - dead,
    );
    for rule in rules {
        let kind = if rule.body.is_macro { "macro" } else { "rule" };
        let place =
            rule.place.as_ref().map_or(String::new(), |(file, row)| format!("  {}:{row}", line(file)));
        let items: Vec<Missed<'_>> = rule.body.items.iter().filter_map(missed).collect();
        if rule.never_fires() {
            text.push_str(&format!("       {kind} `{}` never fires{place}\n", line(&rule.body.name)));
        } else if !items.is_empty() {
            text.push_str(&format!("       {kind} `{}`{place}\n", line(&rule.body.name)));
        }
        for item in items {
            let word = match (item.never_true, item.never_false) {
                (true, true) => "never reached",
                (true, false) => "never true",
                (false, _) => "never false",
            };
            text.push_str(&format!("         {word}: {}\n", line(item.condition)));
        }
    }
    text
}

/// Of all, in per cent, rounded down; 100 of nothing.
fn percent((part, all): (usize, usize)) -> usize {
    (part * 100).checked_div(all).unwrap_or(100)
}

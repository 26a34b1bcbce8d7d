//! The rules of a report by their id.

use std::collections::BTreeMap;

use lumen_core::finding::{Layer, RuleId};
use lumen_core::rule::Rule;

use crate::report::Report;

/// Finds the description of a rule that a finding names.
pub(super) struct Rules<'a> {
    built_in: BTreeMap<(Layer, &'static str), &'static Rule>,
    remedies: &'a BTreeMap<RuleId, String>,
}

impl<'a> Rules<'a> {
    pub(super) fn of(report: &'a Report) -> Self {
        let built_in = report.rules.iter().map(|&rule| ((rule.layer, rule.name), rule)).collect();
        Self { built_in, remedies: &report.remedies }
    }

    /// The rule, where it is a built-in one.
    pub(super) fn get(&self, id: &RuleId) -> Option<&'static Rule> {
        self.built_in.get(&(id.layer, &*id.name)).copied()
    }

    /// How to mend what a policy finds, where the policy says so.
    pub(super) fn remedy(&self, id: &RuleId) -> Option<&'a str> {
        self.remedies.get(id).map(String::as_str)
    }
}

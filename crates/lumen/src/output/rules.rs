//! The rules of a report by their id.

use std::collections::BTreeMap;

use lumen_core::finding::{Layer, RuleId};
use lumen_core::rule::Rule;

use crate::report::Report;

/// Finds the description of a rule that a finding names.
pub(super) struct Rules(BTreeMap<(Layer, &'static str), &'static Rule>);

impl Rules {
    pub(super) fn of(report: &Report) -> Self {
        Self(report.rules.iter().map(|&rule| ((rule.layer, rule.name), rule)).collect())
    }

    /// The rule, where it is a built-in one.
    pub(super) fn get(&self, id: &RuleId) -> Option<&'static Rule> {
        self.0.get(&(id.layer, &*id.name)).copied()
    }
}

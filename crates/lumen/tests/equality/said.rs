//! What is said of an object by a check and by the webhook, brought into one form and compared.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use lumen_core::finding::{Action, Finding, Layer};
use serde_json::Value as Json;

use crate::text;

/// What differs, in words.
pub(crate) type Difference = String;

pub(crate) fn same<T: PartialEq + Debug>(what: &str, check: &T, other: &T) -> Result<(), Difference> {
    if check == other {
        Ok(())
    } else {
        Err(format!("{what}: the check says\n  {check:?}\nnot\n  {other:?}"))
    }
}

/// What constraints say of an object: each of their names with what it says.
pub(crate) type Said = BTreeSet<(String, String)>;

/// The kind and name of the constraint that a finding is of.
pub(crate) fn constraint_of(finding: &Finding) -> Option<(String, String)> {
    let rule = finding.rule.to_string();
    let (kind, name) = rule.strip_prefix("admission/")?.split_once('/')?;
    Some((kind.to_owned(), name.to_owned()))
}

/// What the findings of constraints with an action say.
pub(crate) fn said(findings: &[Finding], which: impl Fn(&Finding) -> bool) -> Said {
    let of_constraints = findings.iter().filter(|finding| which(finding)).filter_map(|finding| {
        let (_, name) = constraint_of(finding)?;
        let message = finding.upstream_message.as_deref().unwrap_or(&finding.message);
        let message = message.strip_prefix(&format!("[{name}] ")).unwrap_or(message);
        Some((name, message.to_owned()))
    });
    of_constraints.collect()
}

const MADE: &str = "[Implied by ";

pub(crate) fn is_about_made(message: &str) -> bool {
    message.starts_with(MADE)
}

/// What is said of what an object makes, or of the object itself.
fn part(said: &Said, of_made: bool) -> Said {
    said.iter().filter(|(_, message)| is_about_made(message) == of_made).cloned().collect()
}

/// `[constraint] message`.
fn of_line(line: &str) -> Option<(String, String)> {
    let (name, message) = line.strip_prefix('[')?.split_once("] ")?;
    name.starts_with('c').then(|| (name.to_owned(), message.to_owned()))
}

/// An answer of the webhook, taken apart.
#[derive(Debug, Default)]
pub(crate) struct Answered {
    pub(crate) code: u64,
    pub(crate) message: String,
    denials: Said,
    warnings: Said,
    /// Of Pod Security.
    refusal: Option<String>,
    warning: Option<String>,
    annotations: BTreeMap<String, String>,
}

impl Answered {
    /// What is answered where nobody could judge.
    pub(crate) fn failed() -> Self {
        Self { code: 500, ..Self::default() }
    }

    pub(crate) fn of(response: &Json) -> Self {
        let message = text(response, "/status/message");
        let annotations = response["auditAnnotations"].as_object().into_iter().flatten();
        let mut answered = Self {
            code: response.pointer("/status/code").and_then(Json::as_u64).unwrap_or(200),
            message: message.to_owned(),
            annotations: annotations
                .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
                .collect(),
            ..Self::default()
        };
        // An error of an evaluation goes on in indented lines.
        let mut lines: Vec<String> = Vec::new();
        for line in message.lines().filter(|_| response["allowed"] != true) {
            match lines.last_mut().filter(|_| line.starts_with("  ")) {
                Some(last) => last.extend(["\n", line]),
                None => lines.push(line.to_owned()),
            }
        }
        for line in &lines {
            match of_line(line) {
                Some(said) => {
                    answered.denials.insert(said);
                }
                None => answered.refusal = Some(line.clone()),
            }
        }
        for line in response["warnings"].as_array().into_iter().flatten().filter_map(Json::as_str) {
            match of_line(line) {
                Some(said) => {
                    answered.warnings.insert(said);
                }
                None => answered.warning = Some(line.to_owned()),
            }
        }
        answered
    }
}

/// The same of layer 1, of an object itself or of what it makes.
pub(crate) fn compare_policies(
    findings: &[Finding],
    answered: &Answered,
    of_made: bool,
) -> Result<(), Difference> {
    let of_check = |action: Action| part(&said(findings, |finding| finding.action == action), of_made);
    same("denied", &of_check(Action::Deny), &part(&answered.denials, of_made))?;
    let warnings = part(&answered.warnings, of_made);
    // Where a constraint both denies and warns, a check says the stronger.
    let is_also_denied = |said: &&(String, String)| answered.denials.contains(*said);
    let only_warned: Said = warnings.iter().filter(|said| !is_also_denied(said)).cloned().collect();
    same("warned of", &of_check(Action::Warn), &only_warned)
}

/// The same of layer 2. `is_whole`: nothing of it is exempted, so that its texts, which name all that is wrong, are the same.
pub(crate) fn compare_pod_security(
    kind: &str,
    findings: &[Finding],
    answered: &Answered,
    is_whole: bool,
) -> Result<(), Difference> {
    let texts = |action: Action| -> BTreeSet<&str> {
        let of_layer = findings
            .iter()
            .filter(|finding| finding.rule.layer == Layer::PodSecurity && finding.action == action);
        of_layer.map(|finding| finding.upstream_message.as_deref().unwrap_or_default()).collect()
    };
    let refusal = answered.refusal.as_deref();
    if !is_whole && kind == "Namespace" {
        // Labels that mean nothing are refused by the API server itself, exempted or not.
        return Ok(());
    }
    if !is_whole {
        return same("Pod Security denies", &!texts(Action::Deny).is_empty(), &refusal.is_some());
    }
    same("Pod Security denies", &texts(Action::Deny), &refusal.into_iter().collect())?;
    if refusal.is_some() {
        return Ok(());
    }
    let warned: BTreeSet<&str> = answered.warning.as_deref().into_iter().collect();
    let recorded: BTreeSet<&str> =
        answered.annotations.get("audit-violations").map(String::as_str).into_iter().collect();
    if kind == "Pod" || texts(Action::DenyPods).is_empty() {
        same("Pod Security warns", &texts(Action::Warn), &warned)?;
        // What is warned of is not said again to be recorded.
        let is_said_already = |said: &BTreeSet<&str>| said.is_empty() && !warned.is_empty();
        let dryrun = texts(Action::Dryrun);
        if !is_said_already(&dryrun) {
            same("Pod Security records", &dryrun, &recorded)?;
        }
    } else if !texts(Action::Warn).is_empty() {
        same("Pod Security warns", &texts(Action::Warn), &warned)?;
    }
    Ok(())
}

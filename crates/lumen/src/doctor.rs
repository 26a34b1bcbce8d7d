//! `lumen doctor`: what keeps a cluster from being protected, or could keep it from coming back.
//!
//! [`fetch()`] asks the API server; [`examine`] judges what it said, and asks nobody.

use serde::Serialize;

mod admission;
mod cluster;
mod fetch;

pub use fetch::{Facts, connect, fetch};

use crate::exit::Exit;

/// How a check ended. A later one is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// √
    Ok,
    /// - What it looks at could not be read: nothing is known.
    Unchecked,
    /// ‼ Something is to be looked at.
    Warning,
    /// × Something is broken, or will be.
    Error,
}

impl Level {
    /// The sign before a line.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Ok => "√",
            Self::Unchecked => "-",
            Self::Warning => "‼",
            Self::Error => "×",
        }
    }
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// The check.
    pub check: &'static str,
    /// How it ended.
    pub level: Level,
    /// What is so, in one sentence.
    pub message: String,
    /// What to do about it; empty where all is well.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hint: String,
}

/// How a check says what it found.
struct Findings<'a> {
    check: &'static str,
    found: &'a mut Vec<Remark>,
}

impl Findings<'_> {
    fn add(&mut self, level: Level, message: impl Into<String>, hint: impl Into<String>) {
        self.found.push(Remark { check: self.check, level, message: message.into(), hint: hint.into() });
    }

    fn ok(&mut self, message: impl Into<String>) {
        self.add(Level::Ok, message, "");
    }

    fn unchecked(&mut self, reason: &str) {
        self.add(Level::Unchecked, format!("not checked: {reason}"), "");
    }

    fn warn(&mut self, message: impl Into<String>, hint: impl Into<String>) {
        self.add(Level::Warning, message, hint);
    }

    fn error(&mut self, message: impl Into<String>, hint: impl Into<String>) {
        self.add(Level::Error, message, hint);
    }
}

/// A check.
struct Check {
    id: &'static str,
    /// What it looks at, by the names in [`Facts::unread`]: without one of them nothing can be said.
    needs: Needs,
    /// Whether it is made before the installation, and after it.
    before: bool,
    after: bool,
    run: Run,
}

type Needs = &'static [&'static str];
type Run = fn(&Facts, &mut Findings<'_>);

const fn always(id: &'static str, needs: Needs, run: Run) -> Check {
    Check { id, needs, before: true, after: true, run }
}

const fn before(id: &'static str, needs: Needs, run: Run) -> Check {
    Check { id, needs, before: true, after: false, run }
}

const fn after(id: &'static str, needs: Needs, run: Run) -> Check {
    Check { id, needs, before: false, after: true, run }
}

const VALIDATING: &str = "validatingwebhookconfigurations";
const MUTATING: &str = "mutatingwebhookconfigurations";

const CHECKS: [Check; 14] = [
    always("api-server", &[], cluster::api_server),
    before("rights", &["selfsubjectaccessreviews"], cluster::rights),
    always("gatekeeper", &[VALIDATING, MUTATING], cluster::gatekeeper),
    always("pod-security", &["namespaces"], cluster::pod_security),
    always("network-policies", &[], cluster::enforcement),
    always("dns", &["networkpolicies"], cluster::dns),
    always("scraping", &["networkpolicies", "services", "deployments"], cluster::scraping),
    always("refused-pods", &["replicasets"], cluster::refused_pods),
    after("definitions", &["customresourcedefinitions"], cluster::definitions),
    always("templates", &["constrainttemplates"], cluster::templates),
    after("reports", &["customresourcedefinitions"], cluster::reports),
    always("webhooks", &[VALIDATING, MUTATING, "namespaces", "endpointslices"], admission::foreign),
    after("webhook", &[VALIDATING, "namespaces", "endpointslices"], admission::own),
    after("certificate", &["secrets", VALIDATING], admission::certificate),
];

/// Judges what was fetched: before an installation, or after it. Where nothing answers, nothing else is judged; a check whose
/// inputs could not be read says so alone.
pub fn examine(facts: &Facts, is_before: bool) -> Vec<Remark> {
    let mut found = Vec::new();
    let is_made = |check: &&Check| if is_before { check.before } else { check.after };
    let most = if facts.refusal.is_some() { 1 } else { CHECKS.len() };
    for check in CHECKS.iter().filter(is_made).take(most) {
        let mut findings = Findings { check: check.id, found: &mut found };
        match facts.unreadable(check.needs) {
            Some(reason) => findings.unchecked(&reason),
            None => (check.run)(facts, &mut findings),
        }
    }
    found
}

/// How the call ends.
pub fn exit(remarks: &[Remark]) -> Exit {
    match remarks.iter().map(|remark| remark.level).max() {
        None | Some(Level::Ok) => Exit::Clean,
        Some(Level::Unchecked | Level::Warning) => Exit::Found,
        Some(Level::Error) => Exit::Failed,
    }
}

/// The list for people.
pub fn human(remarks: &[Remark]) -> String {
    let mut lines = Vec::new();
    for remark in remarks {
        lines.push(format!("{} {}: {}", remark.level.sign(), remark.check, remark.message));
        if !remark.hint.is_empty() {
            lines.push(format!("    {}", remark.hint));
        }
    }
    // Where the API server cannot be asked, it takes no word either.
    if remarks.len() == 1 {
        return lines.join("\n") + "\n";
    }
    lines.push(format!(
        "\nIf the webhook ever keeps the cluster from working:\n  {EMERGENCY}\nThe server does not make it again; this does: {APPLY}."
    ));
    lines.join("\n") + "\n"
}

/// What brings the installation back. Other flags than those of the time would set it back.
const APPLY: &str = "`lumen install | kubectl apply -f -` with the flags you installed with";

/// What takes the webhook out of the way.
pub const EMERGENCY: &str = "kubectl delete validatingwebhookconfiguration lumen";

#[cfg(test)]
mod tests;

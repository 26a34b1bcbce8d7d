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
    /// Whether it is made before the installation, and after it.
    before: bool,
    after: bool,
    run: fn(&Facts, &mut Findings<'_>),
}

const fn always(id: &'static str, run: fn(&Facts, &mut Findings<'_>)) -> Check {
    Check { id, before: true, after: true, run }
}

const fn before(id: &'static str, run: fn(&Facts, &mut Findings<'_>)) -> Check {
    Check { id, before: true, after: false, run }
}

const fn after(id: &'static str, run: fn(&Facts, &mut Findings<'_>)) -> Check {
    Check { id, before: false, after: true, run }
}

const CHECKS: [Check; 13] = [
    always("api-server", cluster::api_server),
    before("rights", cluster::rights),
    always("gatekeeper", cluster::gatekeeper),
    always("pod-security", cluster::pod_security),
    always("network-policies", cluster::enforcement),
    always("dns", cluster::dns),
    always("scraping", cluster::scraping),
    always("refused-pods", cluster::refused_pods),
    after("definitions", cluster::definitions),
    always("templates", cluster::templates),
    always("webhooks", admission::foreign),
    after("webhook", admission::own),
    after("certificate", admission::certificate),
];

/// Judges what was fetched: before an installation, or after it.
pub fn examine(facts: &Facts, is_before: bool) -> Vec<Remark> {
    let mut found = Vec::new();
    for check in &CHECKS {
        if if is_before { check.before } else { check.after } {
            (check.run)(facts, &mut Findings { check: check.id, found: &mut found });
        }
    }
    found
}

/// How the call ends.
pub fn exit(remarks: &[Remark]) -> Exit {
    match remarks.iter().map(|remark| remark.level).max() {
        None | Some(Level::Ok) => Exit::Clean,
        Some(Level::Warning) => Exit::Found,
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
    lines.push(format!(
        "\nIf the webhook ever keeps the cluster from working:\n  {EMERGENCY}\nThe server does not make it again: `lumen install | kubectl apply -f -` does."
    ));
    lines.join("\n") + "\n"
}

/// What takes the webhook out of the way.
pub const EMERGENCY: &str = "kubectl delete validatingwebhookconfiguration lumen";

#[cfg(test)]
mod tests;

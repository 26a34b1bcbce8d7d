//! Answers for people: the verdict, and on both sides the rule with its text.

use std::io;

use lumen_core::finding::Location;
use lumen_core::network::policy::RuleAction;
use lumen_core::network::why::{NearMiss, Reason, RuleRef, Verdict};
use lumen_core::network::{Direction, PolicyId, Side};

use super::{Answer, Answers};
use crate::graph::cut;
use crate::network::Network;
use crate::output::escape::line;
use crate::output::{Quotation, Style, quoted};

/// Most rules of one kind that are shown with their text; more are named.
const QUOTED_MAX: usize = 3;

/// Most characters of an end: ranges of addresses may be many.
const NAME_CHARACTERS_MAX: usize = 120;

/// Most rules that nearly fit.
const NEAR_MAX: usize = 2;

/// Writes answers with the text of the rules.
///
/// # Errors
///
/// Where writing fails.
pub fn human(network: &Network, answers: &Answers, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    for answer in &answers.answers {
        let mut human = Human { network, style, out };
        human.answer(answer)?;
    }
    Ok(())
}

struct Human<'a> {
    network: &'a Network,
    style: &'a Style,
    out: &'a mut dyn io::Write,
}

impl Human<'_> {
    fn answer(&mut self, answer: &Answer) -> io::Result<()> {
        let (verdict, color) = match answer.decision.verdict {
            Verdict::Allowed => ("allowed", "\x1b[1;32m"),
            Verdict::Denied => ("denied", "\x1b[1;31m"),
            Verdict::Undecided => ("not decided", "\x1b[1;33m"),
        };
        let (start, end) = if self.style.color { (color, "\x1b[0m") } else { ("", "") };
        let service = answer
            .service
            .as_ref()
            .map(|service| format!(" (by Service {})", line(service)))
            .unwrap_or_default();
        writeln!(
            self.out,
            "{start}{verdict}{end}: {} -> {}, {} {}{service}",
            line(&cut(&answer.source, NAME_CHARACTERS_MAX)),
            line(&cut(&answer.destination, NAME_CHARACTERS_MAX)),
            answer.protocol,
            answer.port
        )?;
        if let Some(example) = answer.example {
            writeln!(self.out, "  by the example of {example}")?;
        }
        if answer.decision.may_share_node && answer.decision.verdict == Verdict::Undecided {
            let end = "one end is on the host's network: where it is on the node of the other pod, they always reach each other";
            writeln!(self.out, "  {end}")?;
        }
        self.side(&answer.decision.egress, &answer.source, &answer.destination)?;
        self.side(&answer.decision.ingress, &answer.destination, &answer.source)?;
        writeln!(self.out, "open from the one to the other: {}\n", answer.open)
    }

    fn side(&mut self, side: &Side, subject: &str, peer: &str) -> io::Result<()> {
        let (subject, peer) = (cut(subject, NAME_CHARACTERS_MAX), cut(peer, NAME_CHARACTERS_MAX));
        let (direction, subject, peer) = (side.direction, line(&subject), line(&peer));
        let by = || {
            let names: Vec<_> = side.isolated_by.iter().map(|id| format!("`{}`", self.policy(*id))).collect();
            names.join(", ")
        };
        let title = match side.reason {
            Reason::Outside => format!("`{subject}` is outside the cluster: no policy is about it"),
            Reason::HostNetwork => {
                format!("allowed: `{subject}` is on the host's network, policies do not select it")
            }
            Reason::NotSelected => format!("allowed: no policy selects `{subject}` for {direction}"),
            Reason::Rule(tier, action) => {
                let verb = if action == RuleAction::Deny { "denied" } else { "allowed" };
                let tier = match tier {
                    lumen_core::network::Tier::Namespace => String::new(),
                    tier => format!(", {tier} tier"),
                };
                let ids: Vec<_> =
                    side.decided_by.iter().map(|rule| format!("`{}`", self.rule(rule))).collect();
                format!("{verb} by {}{tier}", ids.join(", "))
            }
            Reason::Isolated => {
                let rule = match direction {
                    Direction::Ingress => format!("no rule lets `{peer}` in"),
                    Direction::Egress => format!("no rule lets it out to `{peer}`"),
                };
                format!("denied: {rule}; `{subject}` is isolated by {}", by())
            }
            Reason::Undecided => {
                format!("allowed: no rule of a cluster policy decides, and nothing isolates `{subject}`")
            }
            Reason::Unknown => "nothing is known of it".into(),
        };
        let title = match side.verdict {
            Verdict::Undecided => format!("not decided, though as far as manifests tell {title}"),
            Verdict::Allowed | Verdict::Denied => title,
        };
        let places: Vec<Location> = if side.reason == Reason::Isolated {
            // The one that says least besides is the one that was written to isolate.
            let policies = side.isolated_by.iter().filter_map(|id| self.network.model.policy(*id));
            let first = policies.min_by_key(|policy| policy.section(direction).rules.len());
            first.map(|policy| policy.locate(&policy.subject_at)).into_iter().collect()
        } else {
            side.decided_by
                .iter()
                .take(QUOTED_MAX)
                .filter_map(|rule| self.network.model.locate(rule))
                .collect()
        };
        self.quote(direction.as_str(), &title, &places, &[])?;
        for rule in &side.passed_by {
            let place: Vec<_> = self.network.model.locate(rule).into_iter().collect();
            self.quote("note", &format!("passed on by `{}`", self.rule(rule)), &place, &[])?;
        }
        for miss in side.near_misses.iter().take(NEAR_MAX) {
            self.near(miss)?;
        }
        for rule in side.undecided.iter().take(NEAR_MAX) {
            let place: Vec<_> = self.network.model.locate(rule).into_iter().collect();
            let action = self.network.model.peer(rule).map(|(rule, _)| rule.action);
            let verb = match action {
                Some(RuleAction::Deny) => "deny it",
                Some(RuleAction::Pass) => "pass it on",
                Some(RuleAction::Allow) | None => "allow it",
            };
            let title =
                format!("`{}` may {verb}: manifests do not tell whether it means `{peer}`", self.rule(rule));
            self.quote("note", &title, &place, &[])?;
        }
        for id in side.may_select.iter().take(NEAR_MAX) {
            let Some(policy) = self.network.model.policy(*id) else { continue };
            let title = format!(
                "`{}` may select `{subject}`: manifests do not tell the labels that it asks for",
                policy.name()
            );
            self.quote("note", &title, &[policy.locate(&policy.subject_at)], &[])?;
        }
        Ok(())
    }

    fn near(&mut self, miss: &NearMiss) -> io::Result<()> {
        let Some(policy) = self.network.model.policy(miss.rule.policy) else {
            return Ok(());
        };
        // What does not fit is said at its place; several things may have one.
        let mut said: Vec<(Location, String)> = Vec::new();
        for mismatch in &miss.failed {
            let place = policy.locate(&mismatch.at);
            match said.iter_mut().find(|(other, _)| *other == place) {
                Some((_, text)) => *text = format!("{text}; {mismatch}"),
                None => said.push((place, mismatch.to_string())),
            }
        }
        let title = format!("`{}` would allow it, but for", self.rule(&miss.rule));
        let (places, texts): (Vec<Location>, Vec<String>) = said.into_iter().unzip();
        self.quote("nearest", &title, &places, &texts)
    }

    fn rule(&self, rule: &RuleRef) -> String {
        self.network.model.rule_id(rule)
    }

    fn policy(&self, id: PolicyId) -> String {
        self.network.model.policy(id).map(lumen_core::network::Policy::name).unwrap_or_default()
    }

    fn quote(&mut self, level: &str, title: &str, places: &[Location], labels: &[String]) -> io::Result<()> {
        let manifests = &self.network.manifests;
        let regions = manifests.regions(places);
        let quotations: Vec<Quotation<'_>> = places
            .iter()
            .zip(&regions)
            .zip(labels.iter().map(|label| Some(label.as_str())).chain(std::iter::repeat(None)))
            .filter_map(|((location, region), label)| {
                let text = manifests.text(&location.source)?;
                Some(Quotation { location, region: region.as_ref()?, text, label })
            })
            .collect();
        writeln!(self.out, "{}", quoted(level, title, &quotations, self.style))
    }
}

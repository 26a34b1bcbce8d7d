//! The manifests that a test is about, read as `lumen check` and `lumen net` read them.

use std::ffi::OsString;
use std::fmt::Write;
use std::path::Path;

use lumen_core::finding::{Finding, Location, Outcome};
use lumen_core::network::why::{Reason, RuleRef};
use lumen_core::network::{AddressSet, Direction, Endpoint, Ports, Protocol, Side, WorkloadId};
use lumen_core::snapshot::SourceDocument;

use super::spec::{Line, Spec, Wanted};
use crate::check::Manifests;
use crate::network::Network;
use crate::network::end::port::whole;
use crate::network::end::{Destination, End};
use crate::source;
use crate::test::kinds::{Document, Reading};

/// Most rules and policies of one side that are named.
const SHOWN_MAX: usize = 5;

/// What the source of `spec.objects` is called.
const OBJECTS: &str = "spec.objects";

/// The manifests and their network.
pub(super) struct Cluster {
    pub(super) network: Network,
}

/// A pair of ends that is looked at.
pub(super) enum Pair<'a> {
    Pods(WorkloadId, Destination),
    /// Addresses that connect to pods.
    From(&'a AddressSet, Destination),
    /// A workload that connects to addresses.
    To(WorkloadId, &'a AddressSet),
}

impl Cluster {
    /// Reads the files and objects of a test.
    ///
    /// # Errors
    ///
    /// What cannot be read or is left out of the model: it would make its answers those of another cluster.
    pub(super) fn read(document: &Document<'_>, spec: &Spec, reading: &Reading) -> Result<Self, String> {
        let folder = document.path.parent().unwrap_or(Path::new("."));
        let given: Vec<OsString> = spec.files.iter().map(|file| folder.join(file).into_os_string()).collect();
        let gathered = source::gather(&given, &reading.source).map_err(|error| error.to_string())?;
        let objects = spec.objects.iter().enumerate();
        let objects: Vec<SourceDocument> = objects
            .map(|(index, value)| SourceDocument { source: OBJECTS.into(), index, value: value.clone() })
            .collect();
        let build = |planted: Vec<SourceDocument>| {
            let added = objects.iter().cloned().chain(planted).collect();
            let inputs = gathered.inputs.clone();
            let manifests = Manifests::read(inputs, &gathered.problems, &reading.settings, added);
            Network::build(manifests, &reading.network)
        };
        let mut network = build(Vec::new());
        let ends = spec.lines.iter().flat_map(|line| line.from.iter().chain(&line.except).chain(&line.to));
        let planted = End::planted(ends, &network.model);
        if !planted.is_empty() {
            network = build(planted);
        }
        let cluster = Self { network };
        let is_unread = |finding: &&Finding| finding.is_unread();
        let is_broken = |finding: &&Finding| finding.outcome == Outcome::Error;
        let unread = cluster.network.manifests.findings.iter().find(is_unread);
        match unread.or(cluster.network.findings.iter().find(is_broken)) {
            None => Ok(cluster),
            Some(finding) => {
                let place = finding.location.as_ref().map(|location| cluster.place(location) + ": ");
                Err(format!("{}{}", place.unwrap_or_default(), finding.message))
            }
        }
    }

    /// What is wrong with a pair, if anything is.
    pub(super) fn pair(&self, pair: &Pair<'_>, line: &Line) -> Result<Option<String>, String> {
        let model = &self.network.model;
        match pair {
            Pair::Pods(source, destination) => {
                let asked = self.asked(line, Some(destination))?;
                let (source, target) = (*source, destination.workload);
                let found = unmet(line.wanted, &asked, &model.allowed(source, target));
                Ok(found.map(|at| self.explain((source.into(), target.into()), at, line.wanted)))
            }
            Pair::From(set, destination) => {
                let asked = self.asked(line, Some(destination))?;
                self.outside(set, destination.workload, Direction::Ingress, &asked, line.wanted)
            }
            Pair::To(source, set) => {
                let asked = self.asked(line, None)?;
                self.outside(set, *source, Direction::Egress, &asked, line.wanted)
            }
        }
    }

    fn outside(
        &self,
        set: &AddressSet,
        workload: WorkloadId,
        direction: Direction,
        asked: &Asked,
        wanted: Wanted,
    ) -> Result<Option<String>, String> {
        let ranges = self.network.model.external(workload, direction).map_err(|error| error.to_string())?;
        for (range, allowed) in ranges {
            let Some(part) = set.within(&range).ranges().first().copied() else { continue };
            if let Some(at) = unmet(wanted, asked, &allowed) {
                let (address, pod) = (Endpoint::from(part.first), Endpoint::from(workload));
                let ends = match direction {
                    Direction::Ingress => (address, pod),
                    Direction::Egress => (pod, address),
                };
                return Ok(Some(self.explain(ends, at, wanted)));
            }
        }
        Ok(None)
    }

    /// The ports that a line asks for.
    fn asked(&self, line: &Line, destination: Option<&Destination>) -> Result<Asked, String> {
        let model = &self.network.model;
        let Some(ports) = &line.ports else { return Ok(Asked::Any(whole(destination, model))) };
        let ports: Vec<Ports> =
            ports.iter().map(|port| port.at(destination, model)).collect::<Result<_, _>>()?;
        Ok(Asked::All(Ports::union_of(&ports)))
    }

    /// Says what a connection is and why, with the rules and their places.
    fn explain(
        &self,
        (source, destination): (Endpoint, Endpoint),
        at: (Protocol, u16),
        wanted: Wanted,
    ) -> String {
        let (protocol, port) = at;
        let is = match wanted {
            Wanted::Allow => "is denied",
            Wanted::Deny => "is allowed",
        };
        let mut text =
            format!("{} -> {} {protocol} {port} {is}", self.called(source), self.called(destination));
        let decision = self.network.model.why(source, destination, protocol, port);
        for side in [&decision.egress, &decision.ingress] {
            // What lets through does not explain a denial.
            if wanted == Wanted::Deny || !side.allowed {
                self.side(side, &mut text);
            }
        }
        text
    }

    fn called(&self, end: Endpoint) -> String {
        match end {
            Endpoint::Address(address) => address.to_string(),
            Endpoint::Workload(id) => {
                self.network.model.workload(id).map(ToString::to_string).unwrap_or_default()
            }
        }
    }

    fn side(&self, side: &Side, text: &mut String) {
        let why = match side.reason {
            Reason::Outside => return,
            Reason::HostNetwork => "on the host's network, where policies do not count".to_owned(),
            Reason::NotSelected => "no policy selects it".to_owned(),
            Reason::Undecided | Reason::Unknown => "no rule decides".to_owned(),
            Reason::Isolated => {
                let policies = side.isolated_by.iter().filter_map(|id| self.network.model.policy(*id));
                let named: Vec<String> = policies
                    .take(SHOWN_MAX)
                    .map(|policy| {
                        format!("{} ({})", policy.name(), self.place(&policy.locate(&policy.subject_at)))
                    })
                    .collect();
                format!("isolated by {}, and no rule allows it", named.join(", "))
            }
            Reason::Rule(_, action) => {
                let rules: Vec<String> =
                    side.decided_by.iter().take(SHOWN_MAX).map(|rule| self.rule(rule)).collect();
                format!("{action} by {}", rules.join(", "))
            }
        };
        _ = write!(text, "\n  {}: {why}", side.direction);
        if let Some(nearest) = side.near_misses.first() {
            let failed: Vec<String> = nearest.failed.iter().map(ToString::to_string).collect();
            _ = write!(text, "\n    nearest: {}: {}", self.rule(&nearest.rule), failed.join("; "));
        }
    }

    fn rule(&self, rule: &RuleRef) -> String {
        let model = &self.network.model;
        let place = model.locate(rule).map(|location| format!(" ({})", self.place(&location)));
        format!("{}{}", model.rule_id(rule), place.unwrap_or_default())
    }

    /// `file:line`, or the file alone.
    fn place(&self, location: &Location) -> String {
        let regions = self.network.manifests.regions(std::slice::from_ref(location));
        match regions.into_iter().next().flatten() {
            Some(region) => format!("{}:{}", location.source, region.line),
            None => location.source.to_string(),
        }
    }

    /// The policies among the inputs that are not judged, one sentence for each maker.
    pub(super) fn not_judged(&self) -> Vec<String> {
        self.network.not_judged()
    }
}

/// The ports that a line is about at one destination.
enum Asked {
    /// All of these.
    All(Ports),
    /// One of these, whichever it is.
    Any(Ports),
}

/// A port on which a pair is not as it should be.
fn unmet(wanted: Wanted, asked: &Asked, allowed: &Ports) -> Option<(Protocol, u16)> {
    let wrong = match (wanted, asked) {
        (Wanted::Allow, Asked::All(asked)) => asked.difference(allowed),
        (Wanted::Allow, Asked::Any(asked)) if asked.intersection(allowed).is_empty() => asked.clone(),
        (Wanted::Allow, Asked::Any(_)) => Ports::none(),
        (Wanted::Deny, Asked::All(asked) | Asked::Any(asked)) => asked.intersection(allowed),
    };
    Protocol::ALL
        .into_iter()
        .find_map(|protocol| wrong.of(protocol).ranges().first().map(|(first, _)| (protocol, *first)))
}

//! `kind: ReachabilityTest` of `lumensec.io`: lines of what the network policies should allow and deny.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use lumen_core::finding::{Location, Place};
use lumen_core::network::why::Reason;
use lumen_core::network::{
    AddressSet, Direction, Endpoint, Model, Options, Ports, Protocol, Side, WorkloadId,
};
use lumen_core::snapshot::{self, Snapshot, SourceDocument};
use lumen_value::read::{Limits, read};
use lumen_value::{Pointer, Value};

use super::kinds::{Choice, Document};
use super::report::{Case, Coverage, Ending, Ran, Suite};
use crate::locate::{DocumentPlace, Part, Text};
use crate::source;

pub mod spec;

use spec::{End, Fault, Line, Port, Spec, Wanted};

/// The API group.
pub const GROUP: &str = "lumensec.io";

/// The kind.
pub const KIND: &str = "ReachabilityTest";

/// Most pairs that one line looks at.
const PAIRS_MAX: usize = 1_000_000;

/// Most pairs of one line that are shown where they are not as they should be.
const SHOWN_MAX: usize = 5;

/// What the source of `spec.objects` is called.
const OBJECTS: &str = "spec.objects";

/// Runs the test that a document of a file is.
pub fn run(document: &Document<'_>, choice: &Choice<'_>) -> Ran {
    let spec = spec::read(document.value);
    let mut report = Suite { file: document.file.clone(), cases: Vec::new(), remarks: Vec::new() };
    let broken = |faults: &[Fault]| {
        let messages: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
        let at = faults.first().and_then(|fault| document.position(&fault.at));
        Case { test: spec.name.clone(), message: messages.join("\n"), at, ..Case::ended(Ending::Error) }
    };
    let names = spec.lines.iter().map(|line| line.name.as_str());
    if !choice.filter.takes_test(&spec.name, names) {
        report.cases.push(Case { test: spec.name.clone(), ..Case::ended(Ending::Skip) });
    } else if !spec.faults.is_empty() {
        report.cases.push(broken(&spec.faults));
    } else {
        match Cluster::read(document, &spec) {
            Err(message) => {
                let at = document.position(&Pointer::ROOT.child("spec").child("files"));
                report.cases.push(Case {
                    test: spec.name.clone(),
                    message,
                    at,
                    ..Case::ended(Ending::Error)
                });
            }
            Ok(cluster) => {
                remark_on(&spec, &mut report.remarks);
                for line in &spec.lines {
                    let named = Case {
                        test: spec.name.clone(),
                        name: line.name.clone(),
                        ..Case::ended(Ending::Skip)
                    };
                    let mut case = if !choice.filter.takes(&spec.name, &line.name) {
                        named
                    } else if line.faults.is_empty() {
                        let (ending, message) = cluster.line(line, &mut report.remarks);
                        Case { ending, message, ..named }
                    } else {
                        Case { name: line.name.clone(), ..broken(&line.faults) }
                    };
                    if case.ending >= Ending::Fail && case.at.is_none() {
                        case.at = document.position(&line.at);
                    }
                    report.cases.push(case);
                }
            }
        }
    }
    Ran { suites: vec![report], coverage: Coverage::default() }
}

/// What cannot fail, or fails for the wrong reason, tests little.
fn remark_on(spec: &Spec, remarks: &mut Vec<String>) {
    let has = |wanted| spec.lines.iter().any(|line| line.wanted == wanted);
    if spec.lines.is_empty() {
        remarks.push("it has no lines".to_owned());
    } else if !has(Wanted::Deny) {
        remarks.push("it has no `deny`: a cluster without policies would pass".to_owned());
    } else if !has(Wanted::Allow) {
        remarks.push("it has no `allow`: a cluster that denies everything would pass".to_owned());
    }
}

/// The manifests that a test is about.
struct Cluster {
    model: Model,
    /// The files, to say where rules stand.
    texts: BTreeMap<Arc<str>, Vec<u8>>,
}

/// A pair of ends that is looked at.
enum Pair<'a> {
    Pods(WorkloadId, WorkloadId),
    /// A workload, the addresses at the other end, and which way the workload sees it.
    Outside(WorkloadId, &'a AddressSet, Direction),
}

impl Cluster {
    fn read(document: &Document<'_>, spec: &Spec) -> Result<Self, String> {
        let folder = document.path.parent().unwrap_or(Path::new("."));
        let given: Vec<OsString> = spec.files.iter().map(|file| folder.join(file).into_os_string()).collect();
        let gathered =
            source::gather(&given, &source::Options::default()).map_err(|error| error.to_string())?;
        if let Some(problem) = gathered.problems.first() {
            return Err(format!("{}: {}", problem.name, problem.message));
        }
        let mut texts = BTreeMap::new();
        let mut documents = Vec::new();
        for input in gathered.inputs.into_iter().filter(|input| !input.in_chart) {
            let reading = read(&input.bytes, &Limits::default());
            if let Some(error) = reading.errors.first() {
                let (line, column) = lumen_value::span::LineIndex::new(&input.bytes).position(error.at);
                return Err(format!("{}:{line}:{column}: {}", input.name, error.message));
            }
            documents.extend(reading.documents.into_iter().map(|document| SourceDocument {
                source: input.name.clone(),
                index: document.index,
                value: document.value,
            }));
            texts.insert(input.name.clone(), input.bytes.to_vec());
        }
        documents.extend(spec.objects.iter().enumerate().map(|(index, value)| SourceDocument {
            source: OBJECTS.into(),
            index,
            value: Value::clone(value),
        }));
        let (snapshot, _) = Snapshot::build(documents, &snapshot::Options::default());
        let (model, findings) = Model::build(&snapshot, &Options::default());
        // What is left out of the model would make its answers those of another cluster.
        if let Some(finding) =
            findings.iter().find(|finding| finding.outcome == lumen_core::finding::Outcome::Error)
        {
            let place = finding.location.as_ref().map(|location| format!("{}: ", location.source));
            return Err(format!("{}{}", place.unwrap_or_default(), finding.message));
        }
        Ok(Self { model, texts })
    }

    /// Holds one line against the model.
    fn line(&self, line: &Line, remarks: &mut Vec<String>) -> (Ending, String) {
        let sides = |ends: &[End]| -> (Vec<WorkloadId>, Vec<AddressSet>) {
            (self.workloads(ends), ends.iter().filter_map(|end| end.addresses(line.wanted)).collect())
        };
        let ((mut from, from_addresses), (to, to_addresses)) = (sides(&line.from), sides(&line.to));
        let except = self.workloads(&line.except);
        from.retain(|id| except.binary_search(id).is_err());
        let is_pattern = line.from.iter().chain(&line.to).any(End::is_pattern);
        let pods =
            from.iter().flat_map(|source| to.iter().map(|destination| Pair::Pods(*source, *destination)));
        // A workload need not speak to itself to speak to all others.
        let pods = pods.filter(|pair| !matches!(pair, Pair::Pods(from, to) if from == to && is_pattern));
        let arriving = from_addresses
            .iter()
            .flat_map(|set| to.iter().map(move |id| Pair::Outside(*id, set, Direction::Ingress)));
        let leaving = to_addresses
            .iter()
            .flat_map(|set| from.iter().map(move |id| Pair::Outside(*id, set, Direction::Egress)));
        if let Some(message) = self.unknown(line) {
            return (Ending::Error, message);
        }
        let (mut count, mut wrong, mut shown) = (0, 0, Vec::new());
        for pair in pods.chain(arriving).chain(leaving) {
            count += 1;
            if count > PAIRS_MAX {
                return (
                    Ending::Error,
                    format!("it matches more than {PAIRS_MAX} pairs: make two lines of it"),
                );
            }
            match self.pair(&pair, line) {
                Err(message) => return (Ending::Error, message),
                Ok(None) => {}
                Ok(Some(message)) => {
                    wrong += 1;
                    if shown.len() < SHOWN_MAX {
                        shown.push(message);
                    }
                }
            }
        }
        if count == 0 {
            remarks.push(format!("`{}` matches no pair", line.name));
            // What should be allowed and is not there is not allowed; a denial of nothing holds.
            return match line.wanted {
                Wanted::Allow => (Ending::Fail, self.nobody(line)),
                Wanted::Deny => (Ending::Pass, String::new()),
            };
        }
        if wrong == 0 {
            return (Ending::Pass, String::new());
        }
        if wrong > shown.len() {
            shown.push(format!("and {} more pairs", wrong - shown.len()));
        }
        (Ending::Fail, shown.join("\n"))
    }

    /// The workloads that ends mean, sorted.
    fn workloads(&self, ends: &[End]) -> Vec<WorkloadId> {
        let is_meant = |workload: &lumen_core::network::Workload| {
            ends.iter().any(|end| end.is(&workload.namespace, &workload.kind, &workload.name))
        };
        self.model.iter().filter(|(_, workload)| is_meant(workload)).map(|(id, _)| id).collect()
    }

    /// What is said of a name without a wildcard that nobody has: a slip, and a denial of nobody would hold for ever.
    fn unknown(&self, line: &Line) -> Option<String> {
        [("from", &line.from), ("to", &line.to)].into_iter().find_map(|(field, ends)| {
            let is_unknown = |end: &&End| {
                matches!(end, End::Workloads { .. })
                    && !end.is_pattern()
                    && self.workloads(std::slice::from_ref(*end)).is_empty()
            };
            ends.iter().find(is_unknown).map(|end| match end {
                End::Workloads { namespace, name, .. } => {
                    format!("no workload is called as `{field}` says: `{namespace}/{name}` is not in the manifests")
                }
                End::Addresses(_) | End::Internet => String::new(),
            })
        })
    }

    /// What is said where a line means nothing.
    fn nobody(&self, line: &Line) -> String {
        let missing = |ends: &[End]| {
            self.workloads(ends).is_empty() && ends.iter().all(|end| end.addresses(line.wanted).is_none())
        };
        match (missing(&line.from), missing(&line.to)) {
            (true, false) => "no workload is called as `from` says".to_owned(),
            (false, true) => "no workload is called as `to` says".to_owned(),
            (true, true) => "no workload is called as `from` or `to` says".to_owned(),
            (false, false) => "no pair is meant: one end must be a workload".to_owned(),
        }
    }

    /// What is wrong with a pair, if anything is.
    fn pair(&self, pair: &Pair<'_>, line: &Line) -> Result<Option<String>, String> {
        match pair {
            Pair::Pods(source, destination) => {
                let asked = self.asked(line, Some(*destination))?;
                let allowed = self.model.allowed(*source, *destination);
                let ends = (Endpoint::from(*source), Endpoint::from(*destination));
                Ok(unmet(line.wanted, asked.as_ref(), &allowed).map(|at| self.explain(ends, at, line.wanted)))
            }
            Pair::Outside(workload, set, direction) => {
                let destination = (*direction == Direction::Ingress).then_some(*workload);
                let asked = self.asked(line, destination)?;
                let ranges = self.model.external(*workload, *direction).map_err(|error| error.to_string())?;
                for (range, allowed) in ranges {
                    let part =
                        set.ranges().iter().find(|each| each.first <= range.last && range.first <= each.last);
                    let Some(part) = part else { continue };
                    if let Some(at) = unmet(line.wanted, asked.as_ref(), &allowed) {
                        let (address, pod) =
                            (Endpoint::from(part.first.max(range.first)), Endpoint::from(*workload));
                        let ends = match direction {
                            Direction::Ingress => (address, pod),
                            Direction::Egress => (pod, address),
                        };
                        return Ok(Some(self.explain(ends, at, line.wanted)));
                    }
                }
                Ok(None)
            }
        }
    }

    /// The ports that a line asks for; `None` for any.
    fn asked(&self, line: &Line, destination: Option<WorkloadId>) -> Result<Option<Ports>, String> {
        let Some(ports) = &line.ports else { return Ok(None) };
        let mut all = Vec::new();
        for port in ports {
            all.push(match port {
                Port::Numbers(ports) => ports.clone(),
                Port::All(protocol) => Ports::range(*protocol, 1, u16::MAX),
                Port::Named(protocol, name) => {
                    let workload = destination.and_then(|id| self.model.workload(id));
                    let found = workload.map(|workload| workload.ports.find(Some(*protocol), name));
                    let called = workload.map(ToString::to_string).unwrap_or_default();
                    found
                        .filter(|ports| !ports.is_empty())
                        .ok_or_else(|| format!("no port of `{called}` is called `{name}`"))?
                }
            });
        }
        Ok(Some(Ports::union_of(&all)))
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
        let decision = self.model.why(source, destination, protocol, port);
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
            Endpoint::Workload(id) => self.model.workload(id).map(ToString::to_string).unwrap_or_default(),
        }
    }

    fn side(&self, side: &Side, text: &mut String) {
        let why = match side.reason {
            Reason::Outside => return,
            Reason::HostNetwork => "on the host's network, where policies do not count".to_owned(),
            Reason::NotSelected => "no policy selects it".to_owned(),
            Reason::Undecided | Reason::Unknown => "no rule decides".to_owned(),
            Reason::Isolated => {
                let policies = side.isolated_by.iter().filter_map(|id| self.model.policy(*id));
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

    fn rule(&self, rule: &lumen_core::network::why::RuleRef) -> String {
        let place = self.model.locate(rule).map(|location| format!(" ({})", self.place(&location)));
        format!("{}{}", self.model.rule_id(rule), place.unwrap_or_default())
    }

    /// `file:line`, or the file alone.
    fn place(&self, location: &Location) -> String {
        let line = || {
            let bytes = self.texts.get(&location.source)?;
            let Place::Field { document, .. } = &location.place else { return None };
            let reading = read(bytes, &Limits::default());
            let places: Vec<DocumentPlace> = reading.documents.iter().map(DocumentPlace::from).collect();
            DocumentPlace::find(&places, *document)?;
            Some(Text::new(bytes, &places).region(&location.place, Part::Entry)?.line)
        };
        match line() {
            Some(line) => format!("{}:{line}", location.source),
            None => location.source.to_string(),
        }
    }
}

/// A port on which a pair is not as it should be.
fn unmet(wanted: Wanted, asked: Option<&Ports>, allowed: &Ports) -> Option<(Protocol, u16)> {
    let wrong = match (wanted, asked) {
        (Wanted::Allow, Some(asked)) => asked.difference(allowed),
        (Wanted::Allow, None) if allowed.is_empty() => Ports::all(),
        (Wanted::Allow, None) => Ports::none(),
        (Wanted::Deny, Some(asked)) => asked.intersection(allowed),
        (Wanted::Deny, None) => allowed.clone(),
    };
    Protocol::ALL
        .into_iter()
        .find_map(|protocol| wrong.of(protocol).ranges().first().map(|(first, _)| (protocol, *first)))
}

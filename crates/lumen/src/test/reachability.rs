//! `kind: ReachabilityTest` of `lumensec.io`: lines of what the network policies should allow and deny.

use std::collections::BTreeSet;

use lumen_core::network::{AddressRange, AddressSet, WorkloadId};
use lumen_value::Pointer;

use super::kinds::{Choice, Document};
use super::report::{Case, Coverage, Ending, Ran, Suite};
use crate::network::end::{Destination, End, Ends, Resolved};

mod cluster;
pub mod spec;

use cluster::{Cluster, Pair};
use spec::{Line, Spec, Wanted};

/// The API group.
pub const GROUP: &str = "lumensec.io";

/// The kind.
pub const KIND: &str = "ReachabilityTest";

/// Most pairs that one line looks at.
const PAIRS_MAX: usize = 1_000_000;

/// Most pairs of one line that are shown where they are not as they should be.
const SHOWN_MAX: usize = 5;

/// Runs the test that a document of a file is.
pub fn run(document: &Document<'_>, choice: &Choice<'_>) -> Ran {
    let spec = spec::read(document.value);
    let mut report = Suite { file: document.file.clone(), cases: Vec::new(), remarks: Vec::new() };
    let names = spec.lines.iter().map(|line| line.name.as_str());
    if !choice.filter.takes_test(&spec.name, names) {
        report.cases.push(Case { test: spec.name.clone(), ..Case::ended(Ending::Skip) });
    } else if !spec.faults.is_empty() {
        report.cases.push(document.faulty(&spec.name, "", &spec.faults));
    } else {
        match Cluster::read(document, &spec, choice.reading) {
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
                report.remarks.extend(cluster.not_judged());
                let lines = Lines { cluster: &cluster, ends: Ends::of(&cluster.network) };
                for line in &spec.lines {
                    let named = Case {
                        test: spec.name.clone(),
                        name: line.name.clone(),
                        ..Case::ended(Ending::Skip)
                    };
                    let mut case = if !choice.filter.takes(&spec.name, &line.name) {
                        named
                    } else if line.faults.is_empty() {
                        let (ending, message) = lines.line(line, &mut report.remarks);
                        Case { ending, message, ..named }
                    } else {
                        document.faulty(&spec.name, &line.name, &line.faults)
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

/// Holds lines against the model.
struct Lines<'a> {
    cluster: &'a Cluster,
    ends: Ends<'a>,
}

/// What the ends of one side of a line mean.
#[derive(Default)]
struct Meant {
    pods: BTreeSet<Destination>,
    addresses: Vec<AddressSet>,
}

impl Meant {
    fn workloads(&self) -> BTreeSet<WorkloadId> {
        self.pods.iter().map(|destination| destination.workload).collect()
    }
}

impl Lines<'_> {
    fn line(&self, line: &Line, remarks: &mut Vec<String>) -> (Ending, String) {
        let mut meant = |field, ends| self.meant(line, field, ends, remarks);
        let sides = (meant("from", &line.from), meant("except", &line.except), meant("to", &line.to));
        let (from, except, to) = match sides {
            (Ok(from), Ok(except), Ok(to)) => (from, except, to),
            (Err(message), ..) | (_, Err(message), _) | (.., Err(message)) => {
                return (Ending::Error, message);
            }
        };
        let (sources, addresses) = without(&from, &except);
        if !line.except.is_empty() && sources == from.workloads() && addresses == from.addresses {
            remarks.push(format!("`{}`: `except` takes nothing out of `from`", line.name));
        }
        let is_pattern = line.from.iter().chain(&line.to).any(End::is_pattern);
        let pods = sources.iter().flat_map(|source| to.pods.iter().map(|pods| Pair::Pods(*source, *pods)));
        // A workload need not speak to itself to speak to all others.
        let pods =
            pods.filter(|pair| !matches!(pair, Pair::Pods(from, to) if *from == to.workload && is_pattern));
        let arriving =
            addresses.iter().flat_map(|set| to.pods.iter().map(move |pods| Pair::From(set, *pods)));
        let leaving =
            to.addresses.iter().flat_map(|set| sources.iter().map(move |source| Pair::To(*source, set)));
        let (mut count, mut wrong, mut shown) = (0, 0, Vec::new());
        for pair in pods.chain(arriving).chain(leaving) {
            count += 1;
            if count > PAIRS_MAX {
                let message = format!("it matches more than {PAIRS_MAX} pairs: make two lines of it");
                return (Ending::Error, message);
            }
            match self.cluster.pair(&pair, line) {
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
                Wanted::Allow => (Ending::Fail, nobody(&from, &to)),
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

    /// What the ends of a field mean. A name that nobody has is an error: it is a slip, and a denial of nobody would hold for
    /// ever. A pattern that fits nobody is remarked on.
    fn meant(
        &self,
        line: &Line,
        field: &str,
        ends: &[End],
        remarks: &mut Vec<String>,
    ) -> Result<Meant, String> {
        let mut meant = Meant::default();
        for end in ends {
            match (self.ends.resolve(end), end) {
                (Ok(Resolved::Addresses(_, set)), _) => meant.addresses.push(counted(set, line.wanted)),
                (Ok(pods), _) => meant.pods.extend(pods.destinations()),
                (Err(_), End::Named(name)) if name.is_pattern() => {
                    remarks.push(format!("`{}`: `{field}: {}` fits nobody", line.name, name.text));
                }
                (Err(message), _) => return Err(format!("`{field}`: {message}")),
            }
        }
        Ok(meant)
    }
}

/// Of addresses of both families those that a line is about: that something is allowed is said of IPv4, for few clusters have
/// both; that it is not must hold of both.
fn counted(set: AddressSet, wanted: Wanted) -> AddressSet {
    let older = set.within(&AddressRange::IPV4);
    if wanted == Wanted::Allow && !older.ranges().is_empty() { older } else { set }
}

/// What is left of a side without the exceptions.
fn without(from: &Meant, except: &Meant) -> (BTreeSet<WorkloadId>, Vec<AddressSet>) {
    let pods = from.workloads().difference(&except.workloads()).copied().collect();
    let mut addresses = from.addresses.clone();
    for set in &except.addresses {
        addresses = addresses.iter().map(|each| each.difference(set)).collect();
    }
    (pods, addresses)
}

/// What is said where a line means nothing.
fn nobody(from: &Meant, to: &Meant) -> String {
    let is_empty = |side: &Meant| side.pods.is_empty() && side.addresses.is_empty();
    match (is_empty(from), is_empty(to)) {
        (true, false) => "no workload is called as `from` says".to_owned(),
        (false, true) => "no workload is called as `to` says".to_owned(),
        (true, true) => "no workload is called as `from` or `to` says".to_owned(),
        (false, false) => "no pair is meant: one end must be a workload".to_owned(),
    }
}

//! Network policies in files that the tool which deploys the folder leaves out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use lumen_core::finding::{Finding, Location, Place, Related};
use lumen_core::network::PolicyKind;
use lumen_core::network::lint::rules::NOT_DEPLOYED;
use lumen_core::snapshot::{Entry, Snapshot};
use lumen_value::read::{Limits, read};
use lumen_value::{Pointer, Value};

use super::Input;

/// Names of the file that tells Kustomize what is in a folder.
const KUSTOMIZATIONS: [&str; 2] = ["kustomization.yaml", "kustomization.yml"];

/// The file in the root of a Helm chart.
const CHART: &str = "Chart.yaml";

/// Findings about policies in the root of a chart, and in files that the kustomization beside them does not name. One a file.
pub(super) fn judge(inputs: &[Input], snapshot: &Snapshot) -> Vec<Finding> {
    let (charts, kustomizations) = roots(inputs);
    if charts.is_empty() && kustomizations.is_empty() {
        return Vec::new();
    }
    let named: BTreeSet<&PathBuf> = kustomizations.values().flat_map(|(_, named)| named).collect();
    let mut firsts: BTreeMap<&Arc<str>, &Arc<Entry>> = BTreeMap::new();
    for (_, group, kind) in PolicyKind::ALL {
        for entry in snapshot.of_kind(group, kind) {
            firsts.entry(&entry.location.source).or_insert(entry);
        }
    }
    let mut findings = Vec::new();
    for (source, entry) in firsts {
        let path = clean(Path::new(&**source));
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let (message, root) = if let Some(chart) = charts.get(&folder) {
            let message = "Helm renders only what is in `templates`: this policy, beside `Chart.yaml`, is never applied";
            (message, chart)
        } else if let Some((kustomization, _)) =
            kustomizations.get(&folder).filter(|_| !named.contains(&path))
        {
            (
                "the kustomization beside this file does not list it: this policy is never applied",
                kustomization,
            )
        } else {
            continue;
        };
        let mut finding = NOT_DEPLOYED.finding(message.to_owned());
        finding.object = Some(entry.object.clone());
        finding.location = Some(entry.locate(&Pointer::ROOT.child("kind")));
        let location = Location { source: root.clone(), place: Place::Whole };
        finding.related.push(Related { location, label: "what is deployed".to_owned(), is_step: false });
        findings.push(finding);
    }
    findings
}

/// Folders by what makes them one: the name of the file, and the paths that a kustomization names.
type Charts = BTreeMap<PathBuf, Arc<str>>;
type Kustomizations = BTreeMap<PathBuf, (Arc<str>, BTreeSet<PathBuf>)>;

fn roots(inputs: &[Input]) -> (Charts, Kustomizations) {
    let (mut charts, mut kustomizations) = (Charts::new(), Kustomizations::new());
    for input in inputs {
        let path = clean(Path::new(&*input.name));
        let (Some(name), Some(folder)) = (path.file_name().and_then(|name| name.to_str()), path.parent())
        else {
            continue;
        };
        if name == CHART {
            charts.insert(folder.to_owned(), input.name.clone());
        } else if KUSTOMIZATIONS.contains(&name) {
            let reading = read(&input.bytes, &Limits::default());
            if !reading.errors.is_empty() {
                continue;
            }
            let mut named = BTreeSet::new();
            for document in &reading.documents {
                paths(&document.value, folder, &mut named);
            }
            kustomizations.insert(folder.to_owned(), (input.name.clone(), named));
        }
    }
    (charts, kustomizations)
}

/// Every text in a kustomization may be a path, whichever field it is in.
fn paths(value: &Value, folder: &Path, named: &mut BTreeSet<PathBuf>) {
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items.iter()),
            Value::Object(entries) => open.extend(entries.iter().map(|(_, value)| value)),
            other => {
                if let Some(text) = other.as_str() {
                    // Generators write `name=path`.
                    let path = text.rsplit_once('=').map_or(text, |(_, path)| path);
                    named.insert(clean(&folder.join(path)));
                }
            }
        }
    }
}

/// A path without `.` and, where that can be told, without `..`.
fn clean(path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::new();
    for part in path.components() {
        match (part, cleaned.components().next_back()) {
            (Component::CurDir, _) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => _ = cleaned.pop(),
            _ => cleaned.push(part),
        }
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use super::super::{Input, Settings, run};

    const POLICY: &str = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: deny, namespace: shop}\n\
                          spec: {podSelector: {}}\n";

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let inputs = files.iter().map(|(name, text)| Input::new(*name, text.as_bytes())).collect();
        let report = run(inputs, &Settings::default());
        let findings = report
            .findings
            .iter()
            .filter(|finding| finding.finding.rule.to_string() == "network/not-deployed");
        findings
            .map(|finding| finding.finding.location.as_ref().expect("a place").source.to_string())
            .collect()
    }

    #[test]
    fn a_policy_in_the_root_of_a_chart_is_never_applied() {
        let chart = ("chart/Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.0.0\n");
        assert_eq!(found(&[chart, ("chart/network.yaml", POLICY)]), ["chart/network.yaml"]);
        assert!(found(&[chart, ("chart/templates/network.yaml", POLICY)]).is_empty());
        assert!(found(&[("network.yaml", POLICY)]).is_empty());
    }

    #[test]
    fn a_policy_that_the_kustomization_does_not_name_is_never_applied() {
        let lists = |text| ("shop/kustomization.yaml", text);
        let policy = ("shop/network.yaml", POLICY);
        assert_eq!(found(&[lists("resources: [api.yaml]\n"), policy]), ["shop/network.yaml"]);
        assert!(found(&[lists("resources: [./network.yaml]\n"), policy]).is_empty());
        let overlay = ("overlay/kustomization.yaml", "resources: [../shop/network.yaml]\n");
        assert!(found(&[lists("resources: [api.yaml]\n"), overlay, policy]).is_empty());
    }
}

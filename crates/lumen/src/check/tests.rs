//! Tests of the check as a function.

use proptest::prelude::*;

use super::*;
use crate::fix::{self, Allowed};
use crate::output::{self, Format, Style};

/// Documents that refer to each other, are broken, exempt each other, or are none.
const DOCUMENTS: &[&str] = &[
    "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: shop}\nspec:\n  hostNetwork: true # lumen: ignore[pod-security/*] agreed\n  containers:\n  - {name: c, image: x}\n",
    "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n  labels: {pod-security.kubernetes.io/enforce: baseline}\n",
    "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n  labels: {pod-security.kubernetes.io/enforce: restricted}\n",
    "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: b\nspec:\n  template:\n    spec:\n      containers:\n      - name: c\n        securityContext: {privileged: true}\n",
    "apiVersion: lumensec.io/v1alpha1\nkind: Exemption\nmetadata: {name: e}\nspec:\n  reason: r\n  rules: [pod-security/privileged]\n  match: {names: [b]}\n",
    "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  annotations: {lumensec.io/ignore: 'pod-security/run-as-non-root: later'}\nspec:\n  containers:\n  - name: c\n    securityContext: &c {}\n  - name: d\n    securityContext: *c\n",
    "a: [\n",
    "resources: [a]\n",
    "kind: {{ .Values.kind }}\nx: {{ [\n",
    "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"j\"}, \"spec\": {\"containers\": [{\"name\": \"c\"}]}}",
    "",
    "\u{feff}# only a comment\n",
];

fn any_inputs() -> impl Strategy<Value = Vec<Input>> {
    let name =
        prop::sample::select(vec!["a.yaml", "b.yaml", "sub/c.yaml", "values.yaml", "templates/d.yaml"]);
    let text =
        prop::collection::vec(prop::sample::select(DOCUMENTS), 1..4).prop_map(|parts| parts.join("\n---\n"));
    let input = (name, text, any::<bool>()).prop_map(|(name, text, in_chart)| Input {
        in_chart: in_chart && name.starts_with("templates"),
        ..Input::new(name, text.into_bytes())
    });
    prop::collection::vec(input, 0..5).prop_map(|mut inputs| {
        // Two inputs of one name do not come from the sources.
        inputs.sort_by(|a, b| a.name.cmp(&b.name));
        inputs.dedup_by(|a, b| a.name == b.name);
        inputs
    })
}

fn written(report: &Report) -> Vec<Vec<u8>> {
    let write = |format: &Format| {
        let mut text = Vec::new();
        output::write(*format, report, &Style::default(), &mut text).expect("is written");
        text
    };
    Format::ALL.iter().map(write).collect()
}

fn fixed(inputs: &[Input], settings: &Settings, allowed: Allowed) -> Vec<Input> {
    let checked = check(inputs.to_vec(), &[], settings);
    let plan = fix::plan(&checked.report, &checked.documents, allowed);
    let mut fixed = inputs.to_vec();
    for change in plan.changes {
        for input in fixed.iter_mut().filter(|input| input.name == change.name) {
            input.bytes = change.text().into();
        }
    }
    fixed
}

fn texts(inputs: &[Input]) -> Vec<&[u8]> {
    inputs.iter().map(|input| &*input.bytes).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_same_bytes_in_any_order_give_the_same_bytes_out(
        (inputs, shuffled) in any_inputs().prop_flat_map(|inputs| (Just(inputs.clone()), Just(inputs).prop_shuffle())),
    ) {
        let settings = Settings::default();
        prop_assert_eq!(written(&run(inputs, &settings)), written(&run(shuffled, &settings)));
    }

    #[test]
    fn fixing_twice_is_fixing_once(inputs in any_inputs()) {
        let settings = Settings::default();
        for allowed in [Allowed::Safe, Allowed::Unsafe] {
            let once = fixed(&inputs, &settings, allowed);
            let twice = fixed(&once, &settings, allowed);
            prop_assert_eq!(texts(&once), texts(&twice));
        }
    }

    #[test]
    fn a_baseline_of_everything_silences_everything(inputs in any_inputs()) {
        let settings = Settings::default();
        let baseline = check(inputs.clone(), &[], &settings).baseline;
        let again = check(inputs, &[], &Settings { baseline: Some(baseline.clone()), ..settings });
        let left = again.report.findings.iter().filter(|reported| {
            reported.finding.outcome != lumen_core::finding::Outcome::Error
        });
        prop_assert_eq!(left.count(), 0);
        prop_assert!(again.known.mended.is_empty());
        prop_assert_eq!(again.baseline, baseline);
    }

    #[test]
    fn any_bytes_are_checked(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[-{}\\[\\]:&*#|>'\"!%a \n]{0,80}") {
        let inputs = vec![Input::new("a.yaml", bytes), Input::new("b.yaml", text.into_bytes())];
        let report = run(inputs, &Settings::default());
        let bug = report.findings.iter().any(|reported| &*reported.finding.rule.name == "internal-error");
        prop_assert!(!bug);
        written(&report);
    }
}

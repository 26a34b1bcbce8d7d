//! `lumen install`: what it renders, and that it keeps to Lumen's own rules.

use lumen::install::{Options, Part, removed, render, yaml};

use crate::support::Folder;

fn own(options: &Options) -> String {
    let own: Vec<_> = render(options)
        .into_iter()
        .filter(|(part, manifest)| *part == Part::Own && manifest["kind"] != "CustomResourceDefinition")
        .collect();
    String::from_utf8(yaml(&own).expect("YAML")).expect("text")
}

#[test]
fn what_is_rendered() {
    let options = Options {
        image: "localhost:5000/lumen:1".into(),
        exempt_namespaces: vec!["ci".into()],
        ..Options::default()
    };
    insta::assert_snapshot!(own(&options));
}

#[test]
fn beside_a_gatekeeper_nothing_of_upstreams_is_rendered_or_written() {
    let manifests = render(&Options { is_shadow: true, ..Options::default() });
    assert!(manifests.iter().all(|(part, _)| *part == Part::Own));
    let text = String::from_utf8(yaml(&manifests).expect("YAML")).expect("text");
    assert!(text.contains("--shadow") && text.contains("failurePolicy: Ignore"), "{text}");
    assert!(!text.contains("constrainttemplates/status"), "{text}");
}

#[test]
fn a_namespace_that_is_exempt_has_a_name_or_a_pattern_at_one_end() {
    let folder = Folder::new(&[]);
    for name in ["c*i", "*", "", "Ci", "-", "a b"] {
        let output = folder.command("install --exempt-namespace").arg(name).output().expect("lumen");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{name}: {said}");
        assert!(said.contains("no name of a namespace"), "{name}: {said}");
    }
    assert_eq!(folder.run("install --exempt-namespace ci").code, 0);
}

#[test]
fn what_is_removed_is_what_was_made_and_nothing_of_upstreams() {
    let removed = removed();
    assert_eq!(removed[0]["kind"], "ValidatingWebhookConfiguration");
    for manifest in &removed {
        assert_eq!(manifest["metadata"]["labels"]["app.kubernetes.io/managed-by"], "lumen", "{manifest}");
        let name = manifest["metadata"]["name"].as_str().expect("a name");
        assert!(!name.ends_with("gatekeeper.sh"), "{name}");
    }
}

#[test]
fn what_is_rendered_keeps_to_the_built_in_policies() {
    let digest = "0".repeat(64);
    let options = Options { image: format!("localhost:5000/lumen:1@sha256:{digest}"), ..Options::default() };
    let text = String::from_utf8(yaml(&render(&options)).expect("YAML")).expect("text");
    let folder = Folder::new(&[]);
    let outcome = folder.run_with("check --policy builtin -o concise -", &[], text.as_bytes());
    assert_eq!(outcome.stdout, "", "{}", outcome.stderr);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
}

//! Each lint has an example in `tests/corpus/network` that has what it looks for, and a twin that has not.

#![expect(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use lumen_core::finding::{Action, Finding};
use lumen_core::network::{Model, Options, lint};
use lumen_core::snapshot::{self, Snapshot, SourceDocument};
use lumen_value::read::{Limits, read};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/network")
}

fn lints(file: &Path) -> Vec<Finding> {
    let text = std::fs::read(file).expect("a file of the corpus");
    let reading = read(&text, &Limits::default());
    assert!(reading.errors.is_empty(), "{}", file.display());
    let documents = reading.documents.into_iter().map(|document| SourceDocument {
        source: "test.yaml".into(),
        index: document.index,
        value: document.value,
    });
    let (snapshot, _) = Snapshot::build(documents, &snapshot::Options::default());
    let (model, broken) = Model::build(&snapshot, &Options::default());
    assert!(broken.is_empty(), "{}: {broken:?}", file.display());
    lint(&model, &snapshot)
}

fn folders() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(corpus()).expect("the corpus");
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

#[test]
fn each_lint_finds_the_bad_example_and_not_its_twin() {
    for folder in folders() {
        let rule = folder.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
        let files = std::fs::read_dir(&folder).expect("a folder");
        let files = files.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"));
        // Besides `bad.yaml` and `good.yaml` there may be more pairs, such as `bad-tier.yaml` and `good-tier.yaml`.
        let files: Vec<String> = files.collect();
        assert!(files.iter().any(|file| file == "bad.yaml"), "{rule}");
        let endings = |start: &str| -> BTreeSet<&str> {
            files.iter().filter_map(|file| file.strip_prefix(start)).collect()
        };
        assert_eq!(endings("bad"), endings("good"), "{rule}: each example has its twin");
        for file in files.iter().filter_map(|file| file.strip_prefix("bad")) {
            for (start, wanted) in [("bad", 1), ("good", 0)] {
                let found = lints(&folder.join(format!("{start}{file}")));
                let count = found.iter().filter(|finding| *finding.rule.name == *rule).count();
                assert_eq!(count, wanted, "{rule}: {start}{file}: {found:?}");
            }
        }
    }
}

#[test]
fn every_lint_has_examples_and_is_advice() {
    let mut named: BTreeSet<String> = BTreeSet::new();
    for folder in folders() {
        named.insert(folder.file_name().and_then(|name| name.to_str()).expect("a name").to_owned());
        for finding in lints(&folder.join("bad.yaml")) {
            assert_eq!(finding.action, Action::None, "{finding:?}");
            assert!(!finding.message.ends_with('.'), "{}", finding.message);
        }
    }
    // Only the program knows files: see `crates/lumen/tests/cli/network.rs`.
    named.insert("not-deployed".to_owned());
    let rules: BTreeSet<String> =
        lumen_core::network::lint::rules::RULES.iter().map(|rule| rule.name.to_owned()).collect();
    assert_eq!(named, rules);
}

//! `lumen policy`.

use crate::support::Folder;

#[test]
fn policies_are_listed_shown_and_written() {
    let folder = Folder::new(&[]);
    let list = folder.run("policy list");
    assert_eq!(list.code, 0);
    assert!(list.stdout.lines().any(|line| line.starts_with("block-latest-tag ") && line.contains("high")));
    let show = folder.run("policy show block-latest-tag");
    assert!(show.stdout.contains("kind: K8sBlockLatestTag\n"), "{}", show.stdout);
    let wrong = folder.run("policy show block-latest-tags");
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("did you mean `block-latest-tag`"), "{}", wrong.stderr);
}

#[test]
fn an_export_keeps_what_was_changed() {
    let folder = Folder::new(&[]);
    assert_eq!(folder.run("policy export own require-probes").code, 0);
    assert!(folder.path("own/require-probes/suite.yaml").is_file());
    assert_eq!(folder.run("policy export own require-probes").code, 0, "nothing differs");
    folder.write("own/require-probes/constraint.yaml", "changed");
    let again = folder.run("policy export own require-probes");
    assert_eq!(again.code, 2);
    assert!(again.stderr.contains("--force"), "{}", again.stderr);
    assert_eq!(folder.run("policy export --force own require-probes").code, 0);
}

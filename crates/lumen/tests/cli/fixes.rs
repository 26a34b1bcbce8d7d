//! Fixes: what they change, and what they leave.

use crate::support::{Folder, PRIVILEGED};

const COMMENTED: &str = "\
# The agent of each node.
apiVersion: v1
kind: Pod
metadata:
  name: agent   # not an operator
spec:
  containers:
  - name: agent
    image: \"registry.internal/agent:1\"
    securityContext:
      # It mounts disks.
      privileged: true
";

#[test]
fn safe_fixes_leave_comments_and_are_made_once() {
    let folder = Folder::new(&[("pod.yaml", COMMENTED)]);
    let outcome = folder.run("check -o concise --fix pod.yaml");
    outcome.expect(1).expect_note("fixed 1 finding").expect_line(&["privileged", "pod.yaml:12"]);
    let fixed = folder.read("pod.yaml");
    assert!(fixed.contains("seccompProfile:") && fixed.contains("# It mounts disks."), "{fixed}");
    let lines: Vec<_> = fixed.lines().collect();
    assert!(COMMENTED.lines().all(|line| lines.contains(&line)), "nothing else is touched: {fixed}");
    let again = folder.run("check --fix pod.yaml");
    assert!(!again.stderr.contains("fixed 1"), "{again:#?}");
    assert_eq!(folder.read("pod.yaml"), fixed);
}

#[test]
fn unsafe_fixes_are_made_only_when_asked_for() {
    let folder = Folder::new(&[("pod.yaml", COMMENTED)]);
    folder.run("check --fix --unsafe-fixes pod.yaml").expect(0);
    let fixed = folder.read("pod.yaml");
    assert!(fixed.contains("privileged: false") && fixed.contains("# It mounts disks."), "{fixed}");
    folder.run("check --fail-on medium pod.yaml").expect(0);
    folder.run("check --unsafe-fixes pod.yaml").expect(2).expect_note("goes with `--fix` or `--diff`");
}

#[test]
fn a_patch_is_printed_and_nothing_changed() {
    let folder = Folder::new(&[("pod.yaml", COMMENTED)]);
    let outcome = folder.run("check --diff --unsafe-fixes pod.yaml");
    outcome
        .expect(1)
        .expect_line(&["--- pod.yaml"])
        .expect_line(&["-      privileged: true"])
        .expect_line(&["+      privileged: false"]);
    assert_eq!(folder.read("pod.yaml"), COMMENTED);
    let outcome = folder.run_with("check --diff -", &[], COMMENTED.as_bytes());
    outcome.expect(1).expect_line(&["+    seccompProfile:"]);
    folder
        .run_with("check --fix -", &[], COMMENTED.as_bytes())
        .expect(2)
        .expect_note("cannot rewrite standard input");
}

#[test]
fn all_documents_of_a_file_are_fixed() {
    let three = format!("{PRIVILEGED}---\n# between\n---\n{}", PRIVILEGED.replace("agent", "other"));
    let folder = Folder::new(&[("all.yaml", &three)]);
    folder.run("check --fix --unsafe-fixes .").expect(0);
    let fixed = folder.read("all.yaml");
    assert_eq!(fixed.matches("privileged: false").count(), 2);
    assert!(fixed.contains("---\n# between\n---\n"), "{fixed}");
}

#[test]
fn a_value_behind_an_anchor_is_not_changed_and_that_is_said() {
    let shared = "\
apiVersion: v1
kind: Pod
metadata:
  name: agent
spec:
  containers:
  - name: one
    image: x
    securityContext: &context
      privileged: true
  - name: two
    image: x
    securityContext: *context
";
    let folder = Folder::new(&[("pod.yaml", shared)]);
    let outcome = folder.run("check --fix --unsafe-fixes pod.yaml");
    outcome.expect(1).expect_note("not fixed").expect_note("anchor `context`");
    assert!(folder.read("pod.yaml").contains("&context\n      privileged: true"));
}

#[cfg(unix)]
#[test]
fn links_stay_links_and_permissions_stay() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new(&[("real/pod.yaml", PRIVILEGED)]);
    let mode = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(folder.path("real/pod.yaml"), mode).expect("permissions are set");
    std::os::unix::fs::symlink("real/pod.yaml", folder.path("pod.yaml")).expect("a link");
    folder.run("check --fix pod.yaml").expect(1).expect_note("fixed");
    assert!(folder.path("pod.yaml").is_symlink());
    let metadata = std::fs::metadata(folder.path("real/pod.yaml")).expect("it is there");
    assert_eq!(metadata.permissions().mode() & 0o777, 0o640);
    assert!(folder.read("real/pod.yaml").contains("seccompProfile"));
    let names: Vec<_> = std::fs::read_dir(folder.path("real")).expect("a folder").collect();
    assert_eq!(names.len(), 1, "nothing is left behind");
}

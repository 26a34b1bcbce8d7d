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

/// A bad sample of a built-in policy, what `--fix` writes for it, and that with `--unsafe-fixes`. All other lines stay.
struct Mended {
    policy: &'static str,
    object: &'static str,
    gone: &'static [&'static str],
    new: &'static [&'static str],
    is_safe: bool,
}

const POD: &str = "apiVersion: v1
kind: Pod
metadata:
  name: web
  namespace: shop
spec:
";

/// Pod Security has nothing to say, nor to fix, here.
const ANYTHING_GOES: &str = "apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels:
    pod-security.kubernetes.io/enforce: privileged
";

const MENDED: &[Mended] = &[
    Mended {
        policy: "block-automount-token",
        object: "  containers:\n  - name: web # the only one\n    image: web:1\n",
        gone: &[],
        new: &["  automountServiceAccountToken: false"],
        is_safe: true,
    },
    Mended {
        policy: "block-automount-token",
        object: "  serviceAccountName: watcher\n  containers:\n  - name: web\n    image: web:1\n",
        gone: &[],
        new: &["  automountServiceAccountToken: false"],
        is_safe: false,
    },
    Mended {
        policy: "block-automount-token",
        object: "  automountServiceAccountToken: true\n  containers:\n  - name: web\n    image: web:1\n",
        gone: &["  automountServiceAccountToken: true"],
        new: &["  automountServiceAccountToken: false"],
        is_safe: false,
    },
    Mended {
        policy: "block-host-namespaces",
        object: "  hostPID: true\n  hostIPC: true\n  hostNetwork: true\n  containers:\n  - name: web\n    image: web:1\n    \
                 ports:\n    - containerPort: 80\n      hostPort: 80\n",
        gone: &["  hostPID: true", "  hostIPC: true", "  hostNetwork: true", "      hostPort: 80"],
        new: &[],
        is_safe: false,
    },
    Mended {
        policy: "read-only-root",
        object: "  containers:\n  - name: web\n    image: web:1\n    securityContext:\n      readOnlyRootFilesystem: false\n",
        gone: &["      readOnlyRootFilesystem: false"],
        new: &["      readOnlyRootFilesystem: true"],
        is_safe: false,
    },
    Mended {
        policy: "allowed-capabilities",
        object: "  containers:\n  - name: web\n    image: web:1\n    securityContext:\n      capabilities:\n        add:\n        \
                 - NET_ADMIN\n        - NET_BIND_SERVICE\n        drop:\n        - NET_RAW\n",
        gone: &["        - NET_ADMIN", "        - NET_RAW"],
        new: &["        - ALL"],
        is_safe: false,
    },
];

#[test]
fn a_built_in_policys_fix_mends_what_it_finds_and_nothing_else() {
    for Mended { policy, object, gone, new, is_safe } in MENDED {
        let before = format!("{POD}{object}");
        mends(policy, &before, gone, new, *is_safe);
    }
    mends(
        "minimum-replicas",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: shop\nspec:\n  replicas: 1 # for now\n",
        &["  replicas: 1 # for now"],
        &["  replicas: 2 # for now"],
        false,
    );
    mends(
        "block-exposed-services",
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  namespace: shop\nspec:\n  externalIPs:\n  - 192.0.2.1\n  - 192.0.2.2\n",
        &["  externalIPs:", "  - 192.0.2.1", "  - 192.0.2.2"],
        &["  externalIPs: []"],
        false,
    );
    mends(
        "disruption-budget",
        "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata:\n  name: web\n  namespace: shop\nspec:\n  maxUnavailable: 0\n",
        &["  maxUnavailable: 0"],
        &["  maxUnavailable: 1"],
        false,
    );
    mends(
        "block-open-bindings",
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata:\n  name: web\n  namespace: shop\nroleRef:\n  \
         kind: Role\n  name: reader\nsubjects:\n- kind: User\n  name: anna\n- kind: Group\n  name: system:authenticated\n",
        &["- kind: Group", "  name: system:authenticated"],
        &[],
        false,
    );
}

/// Makes the fixes of one policy: its findings are gone, and so are these lines; the new ones are there; all others stay.
fn mends(policy: &str, before: &str, gone: &[&str], new: &[&str], is_safe: bool) {
    let folder = Folder::new(&[("it.yaml", before), ("namespace.yaml", ANYTHING_GOES)]);
    let check =
        |options: &str| folder.run(&format!("check --policy builtin:{policy} -o concise {options} ."));
    let found = check("");
    assert!(found.stdout.contains(&format!("/{policy}]")), "{policy}: {found:#?}");
    check("--fix");
    assert_eq!(folder.read("it.yaml") != before, is_safe, "{policy}: {}", folder.read("it.yaml"));
    check("--fix --unsafe-fixes");
    let after = folder.read("it.yaml");
    let mut expected: Vec<&str> =
        before.lines().filter(|line| !gone.contains(line)).chain(new.iter().copied()).collect();
    let mut lines: Vec<&str> = after.lines().collect();
    expected.sort_unstable();
    lines.sort_unstable();
    assert_eq!(lines, expected, "{policy}");
    let left = check("");
    assert!(!left.stdout.contains(&format!("/{policy}]")), "{policy}: {left:#?}");
}

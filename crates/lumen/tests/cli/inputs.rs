//! What is read, and what is left alone.

use crate::support::{ENFORCING, Folder, HARDENED, PRIVILEGED};

#[test]
fn a_namespace_in_one_file_labels_the_pods_of_another() {
    let folder = Folder::new(&[("a/pod.yaml", PRIVILEGED), ("b/namespace.yaml", ENFORCING)]);
    folder.run("check --fail-on deny a").expect(0);
    let outcome = folder.run("check --fail-on deny -o jsonl a b");
    outcome.expect(1).expect_line(&["pod-security/privileged", "\"action\":\"deny\""]);
    folder.run("check --fail-on deny -n other a b").expect(0);
}

#[test]
fn standard_input_is_read_like_a_file() {
    let folder = Folder::new(&[]);
    let text = format!("{ENFORCING}---\n{PRIVILEGED}");
    let outcome = folder.run_with("check -o concise --fail-on deny -", &[], text.as_bytes());
    outcome.expect(1).expect_line(&["<stdin>:17", "pod-security/privileged"]);
    folder.run_with("check -", &[], HARDENED.as_bytes()).expect(0);
    folder.run_with("check -", &[], b"").expect(0);
}

#[cfg(target_os = "linux")]
#[test]
fn what_the_shell_opened_is_read() {
    let folder = Folder::new(&[]);
    folder
        .run_with("check -o concise /dev/stdin", &[], PRIVILEGED.as_bytes())
        .expect(1)
        .expect_line(&["/dev/stdin:10"]);
}

#[test]
fn no_path_means_the_current_folder() {
    let folder = Folder::new(&[("pod.yaml", PRIVILEGED)]);
    folder.run("check -o concise").expect(1).expect_line(&["pod.yaml:10:7", "pod-security/privileged"]);
}

#[test]
fn git_ignores_and_hidden_files_are_left_out_unless_they_are_named() {
    let folder = Folder::new(&[
        (".gitignore", "generated/\n"),
        ("generated/a.yaml", PRIVILEGED),
        (".hidden.yaml", PRIVILEGED),
        ("notes.txt", PRIVILEGED),
        ("vendor/b.yml", PRIVILEGED),
    ]);
    folder.run("check --exclude vendor .").expect(0);
    folder.run("check -o concise .").expect(1).expect_line(&["vendor/b.yml"]);
    folder
        .run("check -o concise --no-ignore --exclude vendor .")
        .expect(1)
        .expect_line(&["generated/a.yaml"]);
    for named in ["generated/a.yaml", ".hidden.yaml", "notes.txt"] {
        folder.run(&format!("check -o concise {named}")).expect(1).expect_line(&[named, "privileged"]);
    }
}

#[test]
fn what_is_no_manifest_is_named_and_changes_nothing() {
    let folder = Folder::new(&[
        ("chart/Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.0.0\n"),
        ("chart/values.yaml", "image: x\nreplicas: 2\n"),
        ("chart/templates/pod.yaml", &format!("{{{{- if .Values.on }}}}\n{PRIVILEGED}{{{{- end }}}}\n")),
        (
            "chart/templates/quoted.yaml",
            &PRIVILEGED.replace("registry.internal/agent:1", "\"{{ .Values.image }}\""),
        ),
        ("kustomization.yaml", "resources: [a.yaml]\n"),
        ("stray.yaml", "kind: {{ .Values.kind }}\nmetadata: {{- toYaml .Values.meta | nindent 2 }}\n"),
        ("pod.yaml", HARDENED),
    ]);
    let outcome = folder.run("check .");
    outcome
        .expect(0)
        .expect_note(
            "chart/templates/pod.yaml: this is a template, not a manifest; render it first: `helm template ..`",
        )
        .expect_note("chart/templates/quoted.yaml")
        .expect_note("chart/values.yaml")
        .expect_note("kustomization.yaml")
        .expect_note("stray.yaml");
    assert!(!outcome.stdout.contains("pod-security/privileged"), "never half-parsed: {outcome:#?}");
    assert_eq!(outcome.stderr.matches("chart/values.yaml").count(), 1);
    assert_eq!(folder.run("check -q .").stderr, "");
    folder
        .run("check -o concise --strict .")
        .expect(2)
        .expect_line(&["chart/values.yaml", "input/not-a-manifest"]);
    // A template stays one when it is named.
    folder.run("check chart/templates/quoted.yaml").expect(0).expect_note("quoted.yaml: this is a template");
}

#[test]
fn to_have_checked_nothing_is_said() {
    let folder = Folder::new(&[("pod.yaml", HARDENED), ("values.yaml", "a: 1\n")]);
    let note = "nothing was checked";
    folder.run_with("check -", &[], b"").expect(0).expect_note(note);
    folder.run_with("check -", &[], b"Error: chart requires kubeVersion").expect(0).expect_note(note);
    folder.run("check values.yaml").expect(0).expect_note(note);
    for line in ["check .", "check nowhere.yaml"] {
        assert!(!folder.run(line).stderr.contains(note), "{line}");
    }
}

#[test]
fn an_error_is_not_hidden_by_braces_in_a_comment() {
    let folder = Folder::new(&[("bad.yaml", "# {{ not a template }}\na: [\n")]);
    folder.run("check -o concise .").expect(2).expect_line(&["bad.yaml", "input/syntax"]);
}

#[cfg(unix)]
#[test]
fn files_behind_links_are_read_once() {
    let folder = Folder::new(&[("..data/pod.yaml", PRIVILEGED)]);
    std::os::unix::fs::symlink("..data/pod.yaml", folder.path("pod.yaml")).expect("a link");
    let outcome = folder.run("check -o concise . pod.yaml ./pod.yaml");
    let lines = outcome
        .expect(1)
        .stdout
        .lines()
        .filter(|line| line.contains("pod-security/privileged (") || line.contains("runs privileged"))
        .count();
    assert_eq!(lines, 1, "{outcome:#?}");
}

#[test]
fn latest_means_the_version_of_the_cluster() {
    // `tcp_rmem` is allowed from 1.32 on.
    let pod = PRIVILEGED.replace("privileged: true", "privileged: false").replace(
        "spec:\n",
        "spec:\n  securityContext:\n    sysctls: [{name: net.ipv4.tcp_rmem, value: \"1\"}]\n",
    );
    let namespace = ENFORCING.replace("restricted", "baseline");
    let folder = Folder::new(&[("pod.yaml", &pod), ("namespace.yaml", &namespace)]);
    folder.run("check --fail-on deny .").expect(0);
    folder.run("check --fail-on deny --kubernetes-version v1.32 .").expect(0);
    folder.run("check --fail-on deny --kubernetes-version v1.31 .").expect(1);
    folder.run("check --kubernetes-version 2 .").expect(2);
}

#[test]
fn the_configuration_of_pod_security_counts_only_where_it_is_given() {
    let configuration = "\
apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
- name: PodSecurity
  configuration:
    apiVersion: pod-security.admission.config.k8s.io/v1
    kind: PodSecurityConfiguration
    defaults:
      enforce: baseline
    exemptions:
      usernames: [admin]
";
    let folder = Folder::new(&[("pod.yaml", PRIVILEGED), ("admission.yaml", configuration)]);
    folder
        .run("check --fail-on deny .")
        .expect(0)
        .expect_note("admission.yaml: this is an API server configuration");
    let given = "check -o concise --fail-on deny --pod-security-config admission.yaml pod.yaml";
    folder.run(given).expect(1).expect_line(&["pod.yaml", "privileged", "deny"]);
    folder.run(&format!("{given} --user admin")).expect(0);
    folder.run(&format!("{given} --user other")).expect(1);
    folder.write("admission.yaml", configuration.replace("enforce: baseline", "enforce: none"));
    folder.run(given).expect(2).expect_note("the API server would not start with it");
    folder.write("admission.yaml", "a: b\n");
    folder.run(given).expect(2).expect_note("it holds no PodSecurityConfiguration");
}

#[cfg(unix)]
#[test]
fn links_that_lead_out_are_not_followed() {
    use std::os::unix::fs::symlink;
    let elsewhere = Folder::new(&[("pod.yaml", PRIVILEGED), ("more/pod.yaml", HARDENED)]);
    let folder = Folder::new(&[("sub/web.yaml", HARDENED), ("shared/db.yaml", HARDENED)]);
    symlink(elsewhere.path("pod.yaml"), folder.path("sub/out.yaml")).expect("a link");
    symlink(elsewhere.path("more"), folder.path("sub/more")).expect("a link");
    symlink("../shared/db.yaml", folder.path("sub/db.yaml")).expect("a link");
    let outcome = folder.run("check sub -o concise --fix --unsafe-fixes");
    outcome
        .expect(2)
        .expect_line(&["sub/out.yaml", "input/symlink-outside"])
        .expect_line(&["sub/more", "input/symlink-outside"]);
    assert!(!outcome.stdout.contains("pod-security/privileged"), "{}", outcome.stdout);
    assert_eq!(std::fs::read_to_string(elsewhere.path("pod.yaml")).expect("text"), PRIVILEGED);
    let named = format!("check sub {} -o concise", elsewhere.root().display());
    folder.run(&named).expect(1).expect_line(&["pod-security/privileged"]);
}

#[test]
fn what_is_hidden_is_read_on_demand() {
    let folder = Folder::new(&[(".hidden/pod.yaml", PRIVILEGED), (".git/pod.yaml", PRIVILEGED)]);
    folder.run("check .").expect(0);
    let outcome = folder.run("check . --no-ignore -o concise");
    outcome.expect(1).expect_line(&[".hidden/pod.yaml", "pod-security/privileged"]);
    assert!(!outcome.stdout.contains(".git/"), "{}", outcome.stdout);
}

#[test]
fn patches_of_a_kustomization_are_not_judged() {
    let patch = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n\
        spec: {template: {spec: {containers: [{name: web, securityContext: {privileged: true}}]}}}\n";
    let folder = Folder::new(&[
        ("prod/kustomization.yaml", "resources: [pod.yaml]\npatches:\n- path: patches/web.yaml\n"),
        ("prod/patches/web.yaml", patch),
        ("prod/pod.yaml", HARDENED),
    ]);
    let outcome = folder.run("check .");
    outcome.expect(0).expect_note("skipped prod/patches/web.yaml: this is a part of a kustomization");
    folder.run("check . --strict").expect(2);
    folder.run("check prod/patches/web.yaml").expect(1);
}

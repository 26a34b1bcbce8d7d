//! What the commands that ask a cluster say where there is none, and `lumen server` where it cannot start.

use crate::support::{Folder, HARDENED, Outcome};

const KUBECONFIG: &str = "\
apiVersion: v1
kind: Config
current-context: default
clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]
contexts: [{name: default, context: {cluster: c, user: u}}]
users: [{name: u, user: {}}]
";

/// Runs a line in the folder, which is the home of a user without a cluster.
fn run(folder: &Folder, line: &str, kubeconfig: Option<&str>) -> Outcome {
    let mut command = folder.command(line);
    for variable in ["KUBECONFIG", "KUBERNETES_SERVICE_HOST"] {
        command.env_remove(variable);
    }
    command.env("HOME", folder.root()).envs(kubeconfig.map(|path| ("KUBECONFIG", path)));
    crate::support::run(&mut command, b"")
}

#[test]
fn without_a_cluster_each_command_says_so_in_one_line() {
    let folder = Folder::new(&[("kube.yaml", KUBECONFIG)]);
    let asking = ["doctor", "scan", "install --dry-run=server", "server --https [::1]:0 --http [::1]:0"];
    for line in asking {
        let outcome = run(&folder, line, None);
        let remedy = if line.starts_with("server") { "set `KUBECONFIG`" } else { "give `--kubeconfig FILE`" };
        let said = format!(
            "no cluster is configured: neither KUBECONFIG nor ~/.kube/config is there, and this is no pod; {remedy}"
        );
        outcome.expect(2).expect_note(&said);
        assert_eq!(outcome.stderr.trim().lines().count(), 1, "{outcome:#?}");
        let outcome = run(&folder, line, Some("nope"));
        outcome.expect(2).expect_note("cannot read `nope`, which KUBECONFIG names: there is no such file");
        assert!(outcome.stderr.len() < 150, "{outcome:#?}");
    }
    run(&folder, "doctor --context prod", Some("kube.yaml"))
        .expect(2)
        .expect_note("the kubeconfig has no context `prod`; it has: default");
}

#[test]
fn where_nothing_answers_the_doctor_says_why_and_nothing_else() {
    let folder = Folder::new(&[("kube.yaml", KUBECONFIG)]);
    let outcome = run(&folder, "doctor --kubeconfig kube.yaml", None);
    outcome.expect(2).expect_line(&["× api-server:", "http://127.0.0.1:1/ refuses connections"]);
    assert!(!outcome.stdout.contains('√') && !outcome.stdout.contains("dns"), "{outcome:#?}");
}

#[test]
fn a_server_of_files_does_not_start_without_a_policy() {
    let folder = Folder::new(&[("pods/pod.yaml", HARDENED), ("tls.crt", ""), ("tls.key", "")]);
    std::fs::create_dir(folder.path("empty")).expect("a folder");
    for name in ["empty", "pods"] {
        let line = format!("server --tls-cert tls.crt --tls-key tls.key --policies {name}");
        let said = format!("there is no policy in `{name}`, which `--policies` names");
        run(&folder, &line, None).expect(2).expect_note(&said);
    }
    run(&folder, "server --threads 0", None).expect(2).expect_note("at least 1");
}

#[test]
fn a_manifest_in_the_place_of_the_settings_is_called_one() {
    let folder = Folder::new(&[("pod.yaml", HARDENED)]);
    folder.write("lumen.yaml", folder.run("install").expect(0).stdout.as_bytes());
    folder
        .run("check pod.yaml")
        .expect(2)
        .expect_note("this is a Kubernetes manifest, not Lumen's settings: rename it");
}

#[test]
fn a_file_that_is_no_log_has_no_preview() {
    let folder = Folder::new(&[("pod.yaml", HARDENED), ("empty", "")]);
    folder.run("policy preview pod.yaml").expect(2).expect_note("no line of this is a log of `lumen server`");
    folder.run("policy preview empty").expect(0);
}

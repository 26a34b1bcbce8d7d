//! `lumen scan` where there is no cluster.

use crate::support::Folder;

/// A kubeconfig for an API server at a port on which nobody listens.
const NOBODY: &str = "\
apiVersion: v1
kind: Config
current-context: nobody
clusters: [{name: nobody, cluster: {server: 'http://127.0.0.1:1'}}]
contexts: [{name: nobody, context: {cluster: nobody, user: nobody}}]
users: [{name: nobody, user: {}}]
";

fn folder() -> Folder {
    Folder::new(&[("kubeconfig", NOBODY), ("empty/x.txt", ""), ("none/a.yaml", "{}\n")])
}

#[test]
fn a_kubeconfig_that_is_missing_is_named() {
    let folder = folder();
    folder
        .run("scan --kubeconfig nowhere.yaml")
        .expect(2)
        .expect_note("cannot read `nowhere.yaml`, which `--kubeconfig` names");
    let home = folder.path("empty").display().to_string();
    let outcome = folder.run_with("scan", &[("HOME", &home), ("KUBECONFIG", "")], b"");
    outcome.expect(2).expect_note("this is no pod; give `--kubeconfig FILE`");
    folder.run("scan --kubeconfig kubeconfig --context other").expect(2).expect_note("other");
}

#[test]
fn an_api_server_that_does_not_answer_is_an_error_and_no_clean_report() {
    let outcome = folder().run("scan --kubeconfig kubeconfig");
    outcome.expect(2).expect_note("the cluster cannot be asked");
    assert_eq!(outcome.stdout, "");
}

#[test]
fn arguments_that_mean_nothing_are_refused() {
    let folder = folder();
    let refused = |line: &str, says: &str| {
        folder.run(&format!("scan --kubeconfig kubeconfig {line}")).expect(2).expect_note(says);
    };
    refused("-n shop -A", "cannot be used with");
    refused("--chunk-size 0", "--chunk-size");
    refused("-l app=", "the cluster cannot be asked");
    refused("-l a==b==c", "--selector");
    refused("--policy none", "there is no policy in `none`");
    refused("--source missing/", "missing");
    refused("--fix", "--fix");
    refused("--baseline a --write-baseline b", "cannot be used with");
}

#[test]
fn a_policy_that_is_missing_ends_it() {
    let outcome = folder().run("scan --kubeconfig kubeconfig --policy nosuch");
    outcome.expect(2).expect_note("`--policy nosuch`: there is no such file");
    assert!(!outcome.stderr.contains("the cluster cannot be asked"), "{}", outcome.stderr);
}

#[test]
fn help_says_what_settings_mean_to_a_scan() {
    let help = folder().run("scan --help").stdout;
    let help: String = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in ["when a kind of object cannot be read", "that of the API server", "those of the cluster"] {
        assert!(help.contains(words), "{words}: {help}");
    }
}

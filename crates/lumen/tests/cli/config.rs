//! Settings: who wins, and what is wrong with them.

use crate::support::{Folder, HARDENED, PRIVILEGED, clean, run};

#[test]
fn a_flag_wins_over_the_environment_that_over_the_file_that_over_the_default() {
    let folder = Folder::new(&[("sub/pod.yaml", PRIVILEGED)]);
    let show = |line: &str, environment: &[(&str, &str)]| {
        let outcome = folder.run_with(&format!("config show --origin {line}"), environment, b"");
        outcome
            .expect(0)
            .stdout
            .lines()
            .next()
            .expect("a line")
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(show("sub", &[]), "fail-on: high # default");
    folder.write("lumen.yaml", "# ours\n\nfail-on: low\n");
    assert_eq!(show("sub", &[]), "fail-on: low # lumen.yaml:3", "found upward");
    assert!(show("sub", &[]).ends_with("lumen.yaml:3"));
    let environment = [("LUMEN_FAIL_ON", "medium")];
    assert_eq!(show("sub", &environment), "fail-on: medium # environment variable LUMEN_FAIL_ON");
    assert_eq!(show("sub --fail-on never", &environment), "fail-on: never # --fail-on");
    assert_eq!(show("sub --config none", &[]), "fail-on: high # default");
    folder.write("other.yaml", "fail-on: deny\n");
    assert_eq!(show("sub --config other.yaml", &[]), "fail-on: deny # other.yaml:1");
    assert_eq!(show("sub", &[("LUMEN_CONFIG", "other.yaml")]), "fail-on: deny # other.yaml:1");
}

#[test]
fn the_settings_decide() {
    let folder = Folder::new(&[("pod.yaml", PRIVILEGED), ("lumen.yaml", "fail-on: deny\noutput: concise\n")]);
    folder.run("check .").expect(0).expect_line(&["pod.yaml:10:7: high[pod-security/privileged]"]);
    folder.run("check --fail-on high .").expect(1);
    folder.run_with("check .", &[("LUMEN_FAIL_ON", "high")], b"").expect(1);
    folder.run("check --fail-on critical .").expect(0);
    folder.run("check --fail-on never .").expect(0);
}

#[test]
fn what_is_wrong_is_wrong_usage_with_the_place() {
    let folder = Folder::new(&[("pod.yaml", HARDENED), ("lumen.yaml", "strict: false\nfail_on: low\n")]);
    folder
        .run("check .")
        .expect(2)
        .expect_note("lumen.yaml:2: there is no setting `fail_on`, did you mean `fail-on`?");
    folder.write("lumen.yaml", "max-depth: deep\n");
    folder.run("check .").expect(2).expect_note("lumen.yaml:1: `deep` is no value for `max-depth`");
    folder.write("lumen.yaml", "a: [\n");
    folder.run("check .").expect(2).expect_note("lumen.yaml:");
    folder.write("lumen.yaml", "");
    folder.run("check .").expect(0);
    folder
        .run_with("check .", &[("LUMEN_FAIL_ONN", "low")], b"")
        .expect(2)
        .expect_note("did you mean `LUMEN_FAIL_ON`");
    folder.run("check --config missing.yaml .").expect(2).expect_note("missing.yaml");
    folder.run("check -o json -o sarif .").expect(2).expect_note("two outputs go to standard output");
    folder.run("check -o xml .").expect(2);
    folder.run("check --no-such-flag .").expect(2);
    folder.run("check --max-depth 0 .").expect(2);
    folder.write("alias.yaml", "apiVersion: v1\nkind: ConfigMap\ndata: {a: &a aaaaaaaa, b: *a, c: *a}\n");
    folder.run("check alias.yaml").expect(0);
    folder
        .run("check --max-alias-size 20 -o concise alias.yaml")
        .expect(2)
        .expect_line(&["input/too-many-aliases"]);
    folder.run("frobnicate").expect(2);
    folder.run("").expect(2);
}

#[cfg(unix)]
#[test]
fn settings_that_cannot_be_read_are_not_done_without() {
    use std::os::unix::ffi::OsStrExt;
    let folder = Folder::new(&[("sub/pod.yaml", PRIVILEGED)]);
    std::os::unix::fs::symlink("nowhere", folder.path("lumen.yaml")).expect("a link");
    folder.run("check sub").expect(2).expect_note("lumen.yaml: there is no such file");
    std::fs::remove_file(folder.path("lumen.yaml")).expect("is gone");
    std::fs::create_dir(folder.path("lumen.yaml")).expect("a folder");
    folder.run("check sub").expect(1);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lumen"));
    clean(command.args(["check", "sub"]).current_dir(folder.root()));
    command.env("LUMEN_FAIL_ON", std::ffi::OsStr::from_bytes(b"never\xff"));
    run(&mut command, b"").expect(2).expect_note("environment variable LUMEN_FAIL_ON");
}

#[test]
fn what_is_shown_is_a_file_that_says_the_same() {
    let folder = Folder::new(&[]);
    let line =
        "config show --fail-on low -o json -o sarif=out.sarif --exclude a --max-file-size 1MiB --strict";
    let shown = folder.run(line).expect(0).stdout.clone();
    folder.write("lumen.yaml", &shown);
    let again = folder.run("config show").expect(0).stdout.clone();
    assert_eq!(
        again
            .replace(&format!("{}/", folder.root().canonicalize().expect("a path").display()), "")
            .replace("./", ""),
        shown
    );
}

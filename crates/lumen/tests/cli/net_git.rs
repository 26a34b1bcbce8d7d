//! `lumen net diff --git`: revisions of repositories, which may be hostile.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::Folder;

const WEB: &str = "
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: a, labels: {app: web}}
spec: {containers: [{name: c, image: web}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: a, labels: {app: db}}
spec: {containers: [{name: c, image: db}]}
";

const DENY: &str = "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: a}
spec: {podSelector: {}}
";

/// Runs `git` as someone without settings; `false` where it fails, or is not there.
fn git(folder: &Folder, line: &str) -> bool {
    let mut command = Command::new("git");
    command.current_dir(folder.root()).args(line.split_whitespace());
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "a").env(format!("GIT_{who}_EMAIL"), "a@example.com");
    }
    command.output().is_ok_and(|output| output.status.success())
}

/// Makes a repository; `false` where there is no `git`, which CI must have.
#[expect(clippy::print_stdout, reason = "it says what is skipped")]
fn has_repository(folder: &Folder) -> bool {
    let made = git(folder, "init -q");
    if !made {
        assert!(std::env::var_os("CI").is_none(), "`git init` fails");
        println!("skipped: `git init` fails");
    }
    made
}

#[test]
fn revisions_are_compared() {
    let folder = Folder::new(&[("deploy/web.yaml", WEB)]);
    if !has_repository(&folder) {
        return;
    }
    assert!(git(&folder, "add .") && git(&folder, "commit -q -m first"));
    folder.write("deploy/deny.yaml", DENY);
    folder.write("deploy/note.txt", "no manifest");
    assert!(git(&folder, "add .") && git(&folder, "commit -q -m second"));
    let found = folder.run("net diff --git HEAD~1..HEAD -f deploy");
    found.expect(1).expect_line(&["- a/web", "a/db", "all ports"]);
    folder.run("net diff --git HEAD..HEAD -f deploy").expect(0);
    folder.run("net diff --git HEAD~1..HEAD -f elsewhere").expect(2).expect_note("has a manifest below");
    folder.run("net diff --git HEAD~1...HEAD").expect(2).expect_note("write `REV..REV`");
    folder.run("net diff --git nothing..HEAD").expect(2).expect_note("revision `nothing`");
    folder.run("net diff --git HEAD").expect(2).expect_note("REV..REV");
    folder.run("net diff --git --output=x..HEAD").expect(2);
    assert!(!folder.path("x").exists());
}

/// Settings that run a program wherever `git` lets a repository name one. Each would leave a file `ran-*` behind.
const HOSTILE: &str = "
[core]
    repositoryformatversion = 1
    fsmonitor = touch ran-fsmonitor
    hooksPath = hooks
    pager = touch ran-pager
    sshCommand = touch ran-ssh
    askPass = hooks/ask
    alternateRefsCommand = touch ran-refs
    editor = touch ran-editor
[pager]
    ls-tree = touch ran-pager
    cat-file = touch ran-pager
[alias]
    ls-tree = !touch ran-alias
    cat-file = !touch ran-alias
[diff]
    external = hooks/external
[diff \"x\"]
    textconv = touch ran-textconv
    command = touch ran-command
[filter \"x\"]
    smudge = touch ran-smudge
    clean = touch ran-clean
    process = touch ran-process
    required = true
[extensions]
    partialClone = origin
[protocol]
    allow = always
[protocol \"ext\"]
    allow = always
[remote \"origin\"]
    promisor = true
    partialclonefilter = blob:none
    url = ext::touch ran-origin
    uploadpack = touch ran-upload
";

/// The files of the objects that a repository keeps one by one.
fn objects(folder: &Folder) -> Vec<PathBuf> {
    let list = |path: &Path| -> Vec<PathBuf> {
        fs::read_dir(path).expect("a folder").map(|entry| entry.expect("an entry").path()).collect()
    };
    let folders = list(&folder.path(".git/objects"));
    let is_short = |path: &&PathBuf| path.file_name().is_some_and(|name| name.len() == 2);
    folders.iter().filter(is_short).flat_map(|path| list(path)).collect()
}

#[test]
fn what_a_repository_would_run_is_not_run() {
    let folder = Folder::new(&[("deploy/web.yaml", WEB), (".gitattributes", "*.yaml filter=x diff=x\n")]);
    if !has_repository(&folder) {
        return;
    }
    assert!(git(&folder, "add .") && git(&folder, "commit -q -m first"));
    let before = objects(&folder);
    folder.write("deploy/deny.yaml", DENY);
    assert!(git(&folder, "add .") && git(&folder, "commit -q -m second"));
    for name in
        ["external", "ask", "post-index-change", "reference-transaction", "post-checkout", "pre-auto-gc"]
    {
        let script = format!("hooks/{name}");
        folder.write(&script, format!("#!/bin/sh\ntouch ran-{name}\n"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::Permissions::from_mode(0o755);
            fs::set_permissions(folder.path(&script), mode).expect("a mode");
        }
    }
    folder.write(".git/config", HOSTILE);
    let nothing_ran = || {
        let entries = fs::read_dir(folder.root()).expect("the folder");
        let mut names =
            entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
        assert_eq!(names.find(|name| name.starts_with("ran-")), None);
    };
    folder.run("net diff --git HEAD~1..HEAD -f deploy").expect(1).expect_line(&[
        "- a/web",
        "a/db",
        "all ports",
    ]);
    nothing_ran();
    // What is missing would be fetched from an origin that is a program.
    for object in objects(&folder).iter().filter(|object| !before.contains(object)) {
        let kept = fs::read(object).expect("an object");
        fs::remove_file(object).expect("an object");
        folder.run("net diff --git HEAD~1..HEAD -f deploy").expect(2);
        nothing_ran();
        fs::write(object, kept).expect("a file");
    }
    folder.run("net diff --git HEAD~1..HEAD -f deploy").expect(1);
    for revisions in ["--exec=x..HEAD", "HEAD..--exec=x", "-x..-y"] {
        folder.run(&format!("net diff --git={revisions} -f deploy")).expect(2).expect_note("is no revision");
    }
    nothing_ran();
}

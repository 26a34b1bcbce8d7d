//! The other commands.

use crate::support::{Folder, HARDENED, PRIVILEGED};

#[test]
fn rules_are_explained() {
    let folder = Folder::new(&[]);
    folder.run("explain pod-security/privileged").expect(0).expect_line(&["pod-security/privileged"]);
    folder.run("explain input/too-deep").expect(0);
    folder
        .run("explain")
        .expect(0)
        .expect_line(&["pod-security/privileged"])
        .expect_line(&["input/unused-exemption"]);
    folder.run("explain pod-security/privileged").expect_line(&["PodSecurityConfiguration"]);
    folder.run("explain pod-security/priviledged").expect(2).expect_note("privileged");
}

#[test]
fn policies_are_explained() {
    let folder = Folder::new(&[]);
    for name in ["admission/K8sBlockLatestTag/block-latest-tag", "block-latest-tag"] {
        folder
            .run(&format!("explain {name}"))
            .expect(0)
            .expect_line(&["Images have a tag that stays"])
            .expect_line(&["`exemptImages` (array)"])
            .expect_line(&["--policy builtin:block-latest-tag"])
            .expect_line(&["Give the image a tag"]);
    }
    folder.run("explain admission/RequireOwner/everybody").expect(0).expect_line(&["kind `RequireOwner`"]);
}

#[test]
fn schemas_completions_and_man_pages_are_made() {
    let folder = Folder::new(&[]);
    for name in folder.run("schema").expect(0).stdout.lines() {
        let schema = folder.run(&format!("schema {name}")).expect(0).stdout.clone();
        serde_json::from_str::<serde_json::Value>(&schema).expect("JSON");
    }
    folder.run("schema report").expect(0);
    folder.run("schema nothing").expect(2).expect_note("lumen.report/v1");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(folder.run(&format!("completions {shell}")).expect(0).stdout.contains("fail-on"), "{shell}");
    }
    assert!(folder.run("man").expect(0).stdout.contains(".TH"));
    folder.run("man pages/man1").expect(0);
    assert!(folder.read("pages/man1/lumen-check.1").contains("fail\\-on"));
    assert!(folder.path("pages/man1/lumen-config-show.1").is_file());
    assert!(!folder.path("pages/man1/lumen-help.1").exists(), "`help` has no page");
}

#[test]
fn help_ends_with_examples() {
    let folder = Folder::new(&[]);
    for line in ["--help", "check --help"] {
        let outcome = folder.run(line);
        outcome.expect(0).expect_line(&["Examples:"]).expect_line(&["Exit status:"]);
    }
    folder.run("--version").expect(0).expect_line(&["lumen", env!("CARGO_PKG_VERSION")]);
}

#[cfg(unix)]
#[test]
fn watching_checks_again_after_a_change() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;
    use std::sync::mpsc;
    use std::time::Duration;

    let folder = Folder::new(&[("pod.yaml", PRIVILEGED)]);
    let mut child = folder
        .command("check --watch -o concise -o json=report.json .")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let stdout = child.stdout.take().expect("it is piped");
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            _ = sender.send(line);
        }
    });
    let wait_for = |word: &str| {
        std::iter::from_fn(|| receiver.recv_timeout(Duration::from_mins(1)).ok())
            .any(|line| line.contains(word))
    };
    assert!(wait_for("runs privileged"));
    folder.write("other.yaml", PRIVILEGED.replace("agent", "second"));
    let seen = wait_for("`second`");
    let rests = (0..500).any(|_| receiver.recv_timeout(Duration::from_secs(1)).is_err());
    assert!(rests, "the report that it writes is no change");
    folder.write("other.yaml", HARDENED);
    _ = child.kill();
    _ = child.wait();
    assert!(seen, "the new file is checked");
    folder.run("check --watch -").expect(2).expect_note("cannot watch standard input");
}

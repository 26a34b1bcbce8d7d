//! Streams: data on standard output, the rest on standard error.

use std::process::Stdio;

use crate::support::{Folder, HARDENED, PRIVILEGED, run};

#[test]
fn several_outputs_at_once() {
    let folder = Folder::new(&[("pod.yaml", PRIVILEGED)]);
    let outcome = folder.run("check -o concise -o json=out/../a.json -o sarif=b.sarif pod.yaml");
    assert_eq!(outcome.code, 2, "there is no folder `out`: {outcome:#?}");
    let outcome = folder.run("check -o concise -o json=a.json -o sarif=b.sarif -o junit=c.xml pod.yaml");
    outcome.expect(1).expect_line(&["pod.yaml:10:7"]);
    for name in ["a.json", "b.sarif"] {
        serde_json::from_str::<serde_json::Value>(&folder.read(name)).expect("JSON");
    }
    assert!(folder.read("c.xml").starts_with("<?xml"));
}

#[test]
fn a_file_that_is_checked_is_not_written_over() {
    let folder = Folder::new(&[("pod.yaml", PRIVILEGED)]);
    folder.run("check -o json=./pod.yaml pod.yaml").expect(2).expect_note("would destroy it");
    assert_eq!(folder.read("pod.yaml"), PRIVILEGED);
    for _ in 0..2 {
        folder.run("check -o report=report.yaml .").expect(1);
    }
}

#[test]
fn colours_only_where_they_are_wanted() {
    let folder = Folder::new(&[("pod.yaml", PRIVILEGED)]);
    let colored = |line: &str, environment: &[(&str, &str)]| {
        folder.run_with(line, environment, b"").stdout.contains('\x1b')
    };
    assert!(!colored("check pod.yaml", &[]), "a pipe has none");
    assert!(colored("check --color always pod.yaml", &[]));
    assert!(colored("check pod.yaml", &[("CLICOLOR_FORCE", "1")]));
    assert!(!colored("check --color never pod.yaml", &[("CLICOLOR_FORCE", "1")]));
    assert!(!colored("check pod.yaml", &[("NO_COLOR", "1"), ("TERM", "dumb")]));
    assert!(colored("check --color always pod.yaml", &[("NO_COLOR", "1")]), "a flag wins");
}

#[test]
fn the_order_of_inputs_does_not_matter() {
    let folder = Folder::new(&[
        ("a.yaml", PRIVILEGED),
        ("b.yaml", &PRIVILEGED.replace("agent", "x")),
        ("c.yaml", HARDENED),
    ]);
    let first = folder.run("check a.yaml b.yaml c.yaml");
    for line in ["check c.yaml b.yaml a.yaml", "check b.yaml . a.yaml", "check ."] {
        assert_eq!(folder.run(line).stdout, first.stdout, "{line}");
    }
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let folder = Folder::new(&[("pod.yaml", PRIVILEGED)]);
    let mut child = folder
        .command("check pod.yaml")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"));
}

#[test]
fn passes_are_shown_on_demand() {
    let folder = Folder::new(&[("pod.yaml", HARDENED)]);
    assert!(!folder.run("check -o jsonl pod.yaml").expect(0).stdout.contains("\"pass\""));
    folder.run("check -o jsonl --show-passes pod.yaml").expect(0).expect_line(&["\"outcome\":\"pass\""]);
}

#[test]
fn nothing_foreign_reaches_the_terminal() {
    let folder = Folder::new(&[]);
    let mut command = folder.command("check");
    command.arg("https://x/\u{1b}[31m");
    let outcome = run(&mut command, b"");
    assert!(outcome.code == 2 && !outcome.stderr.contains('\u{1b}'), "{outcome:#?}");
}

#[test]
fn a_port_that_only_the_nodes_network_takes_is_marked_itself() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: agent}\nspec:\n  hostNetwork: true\n  containers:\n  - name: a\n    \
               image: b\n    ports:\n    - containerPort: 9100\n";
    let folder = Folder::new(&[("pod.yaml", pod)]);
    folder.run("check -o concise .").expect(1).expect_line(&[
        "pod.yaml:10:7",
        "host-ports",
        "on the node's network",
    ]);
    let human = folder.run("check .");
    human.expect_line(&["do not share the node's network"]);
    assert!(!human.says(&["hostPort", "is missing"]), "nobody is asked to add one: {human:#?}");
}

#[test]
fn what_holds_for_a_whole_namespace_is_said_to_people_once() {
    let folder = Folder::new(&[("pod.yaml", PRIVILEGED)]);
    let times = |line: &str| folder.run(line).stdout.matches("no label of namespace").count();
    assert_eq!(times("check ."), 1);
    assert!(times("check -o concise .") > 1, "a line of its own each");
}

#[test]
fn sarif_and_the_exit_status_agree_on_whether_all_was_read() {
    let refused = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {hostNetwork: 'yes'}\n";
    let folder = Folder::new(&[("refused.yaml", refused), ("unread.yaml", "a: [\n")]);
    for (file, code, successful) in [("refused.yaml", 1, true), ("unread.yaml", 2, false)] {
        let outcome = folder.run(&format!("check -o sarif {file}"));
        outcome.expect(code);
        let log: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
        assert_eq!(log["runs"][0]["invocations"][0]["executionSuccessful"], successful, "{file}");
    }
}

//! `lumen check --conftest`.

use crate::support::{Folder, HARDENED};

const POLICY: &str = "package main

import rego.v1

deny contains msg if {
	input.kind == \"Pod\"
	some container in input.spec.containers
	not container.resources.limits
	msg := sprintf(\"Container <%s> has no limits\", [container.name])
}

deny_owner contains {\"msg\": \"nobody owns it\", \"path\": [\"metadata\", \"labels\", \"owner\"]} if {
	input.kind == \"Pod\"
	not input.metadata.labels.owner
}

warn contains \"debug is on\" if input.debug
";

const OLD: &str = "package main

exception[rules] {
	input.metadata.name == \"web\"
	rules := [\"owner\"]
}
";

fn folder() -> Folder {
    Folder::new(&[
        ("deploy/pod.yaml", HARDENED),
        ("deploy/settings.json", "{\"debug\": true}"),
        ("policy/main.rego", POLICY),
        ("policy/main_test.rego", "package main\n\nthis is no rego"),
    ])
}

#[test]
fn rules_are_asked_about_every_document_and_are_advice() {
    let folder = folder();
    folder
        .run("check -o concise --conftest policy deploy")
        .expect(1)
        .expect_line(&[
            "deploy/pod.yaml:11:",
            "high[admission/conftest/main.deny]",
            "Container <web> has no limits",
        ])
        .expect_line(&["deploy/pod.yaml:3:", "admission/conftest/main.deny_owner", "nobody owns it"])
        .expect_line(&["deploy/settings.json:1:1", "medium[admission/conftest/main.warn]", "debug is on"]);
    folder.run("check --fail-on deny --conftest policy deploy").expect(0);
}

#[test]
fn exceptions_and_namespaces_are_heeded() {
    let folder = folder();
    folder.write("policy/exceptions.rego", OLD);
    let report = folder.run("check -o concise --conftest policy deploy");
    report.expect(1).expect_line(&["main.deny]"]);
    assert!(!report.stdout.contains("deny_owner"), "{report:#?}");
    folder
        .run("check -o concise --conftest policy --conftest-namespace other deploy")
        .expect_line(&["admission/invalid-policy", "--conftest-namespace"]);
    folder.write(
        "policy/other.rego",
        "package other.team\n\nviolation[{\"msg\": \"no\"}] { input.kind == \"Pod\" }\n",
    );
    folder
        .run("check -o concise --conftest policy --conftest-namespace other.team deploy")
        .expect_line(&["admission/conftest/other.team.violation", "no"]);
}

#[test]
fn a_broken_policy_is_shown_at_its_place() {
    let folder = folder();
    folder.write("policy/broken.rego", "package main\n\nimport rego.v1\n\ndeny contains x if { y }\n");
    folder
        .run("check -o concise --conftest policy deploy")
        .expect_line(&["policy/broken.rego:5:", "admission/invalid-policy"]);
}

const SERVER: &str = "package main

import rego.v1

deny contains {\"msg\": sprintf(\"port %v of %s\", [input.server.port, data.conftest.file.name]), \"path\": [\"server\", \"port\"]} if {
	input.server.port < data.ports.least
}
";

#[test]
fn toml_is_asked_about_with_base_documents_and_shown_at_its_lines() {
    let folder = Folder::new(&[
        ("conf/server.toml", "name = \"x\"\nsince = 1979-05-27\n\n[server]\nport = 80\n"),
        ("conf/broken.toml", "a = 1\na = 2\n"),
        ("policy/main.rego", SERVER),
        ("data/ports/least.yaml", "least: 1024\n"),
    ]);
    folder
        .run("check -o concise --conftest policy --conftest-data data conf")
        .expect(2)
        .expect_line(&["conf/server.toml:5:1", "conftest/main.deny", "port 80 of server.toml"])
        .expect_line(&["conf/broken.toml:2:1", "input/syntax", "the key `a` is defined twice"]);
    // Without the policies it is nobody's file.
    let report = folder.run("check -o concise conf");
    report.expect(0);
    assert!(!report.stderr.contains("server.toml"), "{report:#?}");
    let report = folder.run("check -o concise conf/server.toml");
    report.expect(0);
    assert!(report.stderr.contains("skipped conf/server.toml: this is TOML"), "{report:#?}");
}

#[test]
fn lists_are_asked_about_by_element_and_wildcards_choose_packages() {
    let folder = folder();
    folder.write("deploy/list.json", "[{\"debug\": false},\n {\"debug\": true}]");
    folder.run("check -o concise --conftest policy --conftest-namespace m* deploy/list.json").expect_line(&[
        "deploy/list.json:2:2",
        "conftest/main.warn",
        "debug is on",
    ]);
    folder
        .run("check -o concise --conftest policy --conftest-namespace team.? deploy/list.json")
        .expect_line(&["admission/invalid-policy", "`team.?`"]);
}

#[test]
fn a_rule_that_only_looks_as_if_it_were_asked_is_an_error() {
    let folder = folder();
    folder
        .write("policy/trap.rego", "package main\n\nimport rego.v1\n\ndeny_trap[msg] if { msg := \"x\" }\n");
    folder.run("check -o concise --conftest policy deploy").expect_line(&[
        "policy/trap.rego:5:",
        "admission/invalid-policy",
        "write `deny_trap contains message if ..`",
    ]);
}

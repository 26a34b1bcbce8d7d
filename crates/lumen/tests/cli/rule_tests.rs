//! `kind: RuleTest` in `lumen test`, `lumen rules explain` and `lumen rules coverage`.

use crate::support::{Folder, Outcome, run};

const RULES: &str = "\
- list: secret_files
  items: [/etc/shadow, /etc/gshadow]
- macro: opened_for_reading
  condition: (evt.type in (open, openat) and evt.is_open_read = true and fd.num >= 0)
- rule: Credential file read
  desc: A program reads the hashes of passwords.
  condition: opened_for_reading and fd.name in (secret_files) and not proc.name in (sshd, login)
  output: Credentials read by %proc.name | file=%fd.name container=%container.id
  priority: WARNING
  tags: [host, mitre_credential_access, T1003.008]
";
const SHADOWED: &str = "\
- rule: Shadow file read
  desc: The same again.
  condition: opened_for_reading and fd.name = /etc/shadow and not proc.name in (sshd, login, su)
  output: x
  priority: NOTICE
";
const HEAD: &str = "\
apiVersion: lumensec.io/v1alpha1
kind: RuleTest
metadata: {name: credentials}
spec:
  rules: [rules.yaml]
  events:
    read: {evt.type: openat, proc.name: cat, fd.name: /etc/shadow}
  cases:
";
const PASSES: &str = "  - name: cat reads the shadow file
    event: {like: read}
    expect: [{rule: Credential file read, priority: WARNING, output: read by cat, fields: {container.id: host}}]
  - name: login does
    event: {like: read, proc.name: login}
    expect: none
";

fn folder(rules: &str, cases: &str) -> Folder {
    Folder::new(&[("rules.yaml", rules), ("test.yaml", &format!("{HEAD}{cases}"))])
}

/// `lumen rules explain` with words that may have blanks.
fn words(folder: &Folder, words: &[&str]) -> Outcome {
    run(folder.command("rules explain").args(words), b"")
}

/// What is printed on both streams, and the exit code.
fn said(folder: &Folder, call: &str) -> (i32, String) {
    let outcome = folder.run(call);
    (outcome.code, outcome.stdout + &outcome.stderr)
}

#[test]
fn a_sound_test_passes_strictly() {
    let (code, text) = said(&folder(RULES, PASSES), "test --strict -a");
    assert_eq!(
        text,
        "ok    test.yaml  2/2\n  pass  credentials / cat reads the shadow file\n  pass  credentials / login does\n2 passed in 1 file\n"
    );
    assert_eq!(code, 0);
    let (code, text) = said(&folder(RULES, PASSES), "test --run //login");
    assert_eq!((code, text.as_str()), (0, "ok    test.yaml  1/2\n1 passed, 1 skipped in 1 file\n"));
}

#[test]
fn a_case_that_fails_says_why() {
    let cases = "  - name: a missing file
    rule: Credential file read
    event: {like: read, evt.res: ENOENT}
    expect: alert
  - name: quiet
    event: {like: read, fd.name: /etc/gshadow}
    expect: none
";
    let (code, text) = said(&folder(RULES, cases), "test");
    assert_eq!(
        text,
        "\
FAIL  test.yaml  0/2
  fail  credentials / a missing file  test.yaml:9:5
        an alert is missing: `Credential file read` gave none
        why `Credential file read` does not match event 1:
          no  opened_for_reading
          no    fd.num >= 0   <- fd.num is -1
  fail  credentials / quiet  test.yaml:13:5
        `Credential file read` gave an alert that was not expected, of event 1 (openat)
        why `Credential file read` matches event 1:
          yes opened_for_reading
          yes   evt.type in (open, openat)   <- evt.type is openat
          yes   evt.is_open_read = true   <- evt.is_open_read is true
          yes   fd.num >= 0   <- fd.num is 3
          yes fd.name in (/etc/shadow, /etc/gshadow)   <- fd.name is /etc/gshadow
          yes not proc.name in (sshd, login)   <- proc.name is cat
0 passed, 2 failed in 1 file
"
    );
    assert_eq!(code, 1);
}

#[test]
fn slips_are_told_at_their_places_and_take_no_other_case_down() {
    let cases = format!("{PASSES}  - {{name: slip, event: {{like: read, fd.nmae: x}}, expect: none}}\n");
    let (code, text) = said(&folder(RULES, &cases), "test");
    assert_eq!(
        text,
        "\
FAIL  test.yaml  2/3
  error credentials / slip  test.yaml:15:38
        spec.cases[2].event.fd.nmae: there is no field fd.nmae; is `fd.name` meant?
2 passed, 1 could not be run in 1 file
"
    );
    assert_eq!(code, 2);
    let (code, text) = said(&folder("- rule: r\n  condition: fd.nmae = x\n", PASSES), "test");
    assert!(code == 2 && text.contains("rules.yaml:1:"), "{text}");
    let missing = Folder::new(&[("test.yaml", &format!("{HEAD}{PASSES}"))]);
    let (code, text) = said(&missing, "test");
    assert!(code == 2 && text.contains("test.yaml:5:11"), "{text}");
}

#[test]
fn macros_that_double_each_other_are_not_written_out_to_the_end() {
    let doubling = |number: usize| {
        let before = number - 1;
        format!(
            "- {{macro: m{number}, condition: (m{before} and proc.name=x) or (not m{before} and proc.name=y)}}\n"
        )
    };
    let doubling: Vec<String> = (1..=40).map(doubling).collect();
    let mut text = format!("- {{macro: m0, condition: proc.name=z}}\n{}", doubling.concat());
    text.push_str(
        "- {rule: Doubled, desc: d, condition: evt.type=open and m40, output: o, priority: INFO}\n",
    );
    let folder = Folder::new(&[("doubled.yaml", &text)]);
    for line in ["rules list -o json doubled.yaml", "rules explain Doubled doubled.yaml"] {
        let told = folder.run(line);
        told.expect(0);
        assert!(told.stdout.contains(" ..") && told.stdout.len() < 100_000, "{line}");
    }
}

#[test]
fn folders_without_rules_files_are_wrong_usage() {
    let folder = Folder::new(&[("empty/notes.txt", "")]);
    for line in ["rules check empty", "rules list empty", "rules explain NAME empty"] {
        folder.run(line).expect(2).expect_note("there are no rules files in `empty`");
    }
}

#[test]
fn the_version_is_asked_of_the_program_alone() {
    let folder = Folder::new(&[("rules.yaml", RULES)]);
    // Of Falco, `-V FILE` checks rules: a version and 0 would pass for "they are sound".
    for line in ["rules -V rules.yaml", "rules check -V rules.yaml", "replay -V rules.yaml"] {
        assert_eq!(folder.run(line).expect(2).stdout, "", "{line}");
    }
    folder.run("-V").expect(0);
}

#[test]
fn coverage_says_what_was_seen_of_conditions() {
    let (code, text) = said(
        &folder(
            &format!("{RULES}{SHADOWED}"),
            "  - {name: a, rule: Credential file read, event: {like: read}, expect: alert}\n",
        ),
        "rules coverage --strict .",
    );
    assert_eq!(
        text,
        "\
100 %  rules: 2 of 2 fire
 52 %  conditions: 9 of 17 outcomes seen; branches: 0 of 0 seen to hold
       rule `Credential file read`  rules.yaml:5
         never false: opened_for_reading
         never false: fd.name in (/etc/shadow, /etc/gshadow)
         never true: proc.name in (sshd, login)
       rule `Shadow file read`  rules.yaml:11
         never false: opened_for_reading
         never false: fd.name = /etc/shadow
         never true: proc.name in (sshd, login, su)
       macro `opened_for_reading`
         never false: evt.is_open_read = true
         never false: fd.num >= 0
       rule `Shadow file read` is shadowed by `Credential file read`, which stands before it and matches whatever it matches  rules.yaml:11
"
    );
    assert_eq!(code, 1, "a rule is shadowed");
    let outcome = folder(RULES, PASSES).run("test --coverage -o json");
    assert_eq!(outcome.code, 0);
    let report: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let rule = &report["rules"][0];
    assert_eq!((&rule["name"], &rule["matched"]), (&"Credential file read".into(), &true.into()));
    assert_eq!(rule["missed"][0]["condition"], "opened_for_reading");
}

#[test]
fn a_rule_is_explained_with_its_macros_by_name_and_written_out() {
    let folder = folder(RULES, PASSES);
    let mistyped = words(&folder, &["Credential file raed", "rules.yaml"]);
    assert_eq!(mistyped.code, 2);
    assert!(mistyped.stderr.contains("did you mean `Credential file read`?"), "{}", mistyped.stderr);
    folder.write("event.yaml", "{evt.type: openat, fd.name: /etc/hosts}\n");
    let outcome = words(&folder, &["credential FILE read", "rules.yaml", "--event", "event.yaml"]);
    assert_eq!(
        outcome.stdout,
        "\
Credential file read  rules.yaml:5
  priority  Warning
  source    syscall
  tags      T1003.008 host mitre_credential_access
  ATT&CK    credential access, T1003.008
  events    open openat

A program reads the hashes of passwords.

condition: all of
  opened_for_reading
  fd.name in (/etc/shadow, /etc/gshadow)
  not proc.name in (sshd, login)

condition, written out
  ((evt.type in (open, openat) and evt.is_open_read = true and fd.num >= 0) and fd.name in (/etc/shadow, /etc/gshadow) and not proc.name in (sshd, login))

output
  Credentials read by %proc.name | file=%fd.name container=%container.id
  fields: container.id fd.name proc.name

event 1 (openat): it does not match
  no  fd.name in (/etc/shadow, /etc/gshadow)   <- fd.name is /etc/hosts
"
    );
    let arguments = ["Credential file read", "rules.yaml", "--event", "event.yaml", "-o", "json"];
    let json: serde_json::Value = serde_json::from_str(&words(&folder, &arguments).stdout).expect("JSON");
    assert_eq!(
        json["byName"],
        "(opened_for_reading and fd.name in (/etc/shadow, /etc/gshadow) and not proc.name in (sshd, login))"
    );
    assert_eq!(json["answers"][0]["why"]["all"][1]["values"]["fd.name"], "/etc/hosts");
}

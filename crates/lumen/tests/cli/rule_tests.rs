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
fn tests_beside_rules_are_told_from_them_however_they_are_written() {
    let test = format!("{HEAD}{PASSES}").replace("  rules: [rules.yaml]\n", "");
    let kind = |written: &str| test.replace("kind: RuleTest", written);
    let folder = Folder::new(&[
        ("rules.yaml", &format!("# A RuleTest is beside it.\n{RULES}")),
        ("a.yaml", &kind("kind: \"RuleTest\"")),
        ("b.yaml", &kind("'kind':  RuleTest # of rules")),
        ("c.yaml", &format!("# {{}}\n---\n{}", kind("? kind\n: !!str RuleTest"))),
        ("events.jsonl", ""),
    ]);
    folder.run("test").expect(0).expect_line(&["6 passed in 3 files"]);
    folder.run("rules check .").expect(0).expect_line(&["1 rule, 1 macro, 1 list; 0 errors, 0 warnings"]);
    assert_eq!(folder.run("replay --strict --rule-set none -r . events.jsonl").stderr, "");
    // Of a test that cannot be read, too, nothing is said but by `lumen test`.
    folder.write("b.yaml", format!("{}   :[", kind("kind: 'RuleTest'\t # of rules")));
    folder.run("rules check .").expect(0);
    folder.run("test").expect(2).expect_line(&["4 passed, 1 could not be run in 3 files"]);
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
        spec.cases[2].event.fd.nmae: there is no field fd.nmae, did you mean `fd.name`?
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

/// Changes the default rules: a list, a macro, a rule; names one that there is not.
const LOCAL: &str = "\
- list: allowed_memory_programs
  items: [my-agent]
  override: {items: append}
- macro: on_host
  condition: and not proc.name = mine
  override: {condition: append}
- rule: Attack tool started
  enabled: false
  override: {enabled: replace}
- {rule: Ours, desc: d, condition: evt.type = open and in_container, output: o, priority: INFO}
";
const UNKNOWN: &str = "- {rule: Attack tool strated, enabled: false, override: {enabled: replace}}\n";

#[test]
fn a_file_that_changes_the_default_rules_has_them_beneath() {
    let folder = Folder::new(&[("local.yaml", &format!("{LOCAL}{UNKNOWN}")), ("good.yaml", LOCAL)]);
    let sound = folder.run("rules check --strict --rule-set default good.yaml");
    assert!(sound.expect(0).stdout.ends_with(" lists; 0 errors, 0 warnings\n"), "{sound:#?}");
    let listed = folder.run("rules list --rule-set default good.yaml");
    listed.expect(0).expect_line(&["Critical", "Attack tool started (off): "]).expect_line(&[" Ours: open"]);
    let explained = words(&folder, &["Attack tool started", "good.yaml", "--rule-set", "default"]);
    explained.expect(0).expect_line(&["priority", "switched off"]);
    // Without them it says what is missing, but of what they do not have either.
    let told = folder.run("rules check local.yaml");
    assert_eq!(told.expect(1).stdout.matches("help: ").count(), 4, "{told:#?}");
    let help = "help: `Attack tool started` is a default rule: add `--rule-set default`";
    told.expect_line(&[help]).expect_line(&["help: it needs the default rules: add `--rule-set default`"]);
    let unknown = told.stdout.split("\n\n").find(|told| told.contains("strated")).expect("it is told");
    assert!(!unknown.contains("help: "), "{unknown}");
    words(&folder, &["Attack tool started", "local.yaml"])
        .expect(2)
        .expect_note(help.trim_start_matches("help: "));
    for (line, note) in [
        ("rules check --rule-set none", "`--rule-set none` needs a path"),
        ("rules list --rule-set default absent.yaml", "absent.yaml: there is no such file"),
    ] {
        folder.run(line).expect(2).expect_note(note);
    }
    assert_eq!(folder.run("rules list --rule-set default").stdout, folder.run("rules list").stdout);
}

#[test]
fn errors_are_counted_as_such() {
    let slip = format!("{RULES}- macro: m\n  condition: '('\n- [a]\n");
    let folder = Folder::new(&[("two.yaml", &slip), ("one.yaml", "- rule: a: b\n")]);
    let listed = folder.run("-q rules list two.yaml");
    listed.expect(1).expect_note("warning: 2 errors: not all was loaded, see `lumen rules check`");
    folder.run("rules list one.yaml").expect(1).expect_note("warning: 1 error: not all was loaded");
    folder
        .run("rules check one.yaml")
        .expect(1)
        .expect_line(&["0 rules, 0 macros, 0 lists; 1 error, 0 warnings"]);
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
fn coverage_without_tests_says_so() {
    let folder = Folder::new(&[
        ("rules/rules.yaml", RULES),
        ("tests/test.yaml", &format!("{HEAD}{PASSES}").replace("[rules.yaml]", "[../rules/rules.yaml]")),
    ]);
    let none = folder.run("rules coverage rules");
    assert_eq!(none.expect(0).stderr, "lumen: warning: no tests were found in `rules`: nothing is counted\n");
    folder.run("rules coverage --strict rules").expect(1);
    let file = folder.run("rules coverage rules/rules.yaml");
    file.expect(0).expect_note("in `rules/rules.yaml`: nothing is counted; only tests in the paths are used");
    folder.write("broken/rules.yaml", RULES.replace("fd.name", "fd.nmae"));
    let broken = folder.run("rules coverage broken");
    broken
        .expect(2)
        .expect_note("left out: broken/rules.yaml:8:49")
        .expect_note("there are no rules and no tests");
    // Files of both kinds are told apart.
    let both = folder.run("rules coverage --strict rules/rules.yaml tests/test.yaml");
    both.expect(0).expect_line(&["100 %  rules: 1 of 1 fire"]);
    assert_eq!(both.stderr, "");
}

#[test]
fn coverage_as_json_has_what_can_never_be() {
    let odd = "\
- macro: odd
  condition: (fd.num = 1 or fd.num in (1, 2))
- {rule: Broken, desc: d, condition: fd.nmae=x, output: o, priority: INFO}
- {rule: Dead, desc: d, condition: evt.type = close and fd.num = 3 and fd.num = 4, output: o, priority: INFO}
- {rule: Odd, desc: d, condition: evt.type = connect and odd, output: o, priority: INFO}
";
    let outcome =
        folder(&format!("{RULES}{SHADOWED}{odd}"), PASSES).run("-q rules coverage -o json rules.yaml");
    outcome.expect(0).expect_note("left out: rules.yaml:").expect_note("`Broken`");
    let report: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let findings = report["findings"].as_array().expect("a list");
    let told: Vec<_> = findings
        .iter()
        .map(|finding| ["rule", "macro", "kind", "file"].map(|key| finding[key].as_str().unwrap_or_default()))
        .collect();
    assert_eq!(
        told,
        [
            ["Shadow file read", "", "shadowed", "rules.yaml"],
            ["Dead", "", "never", "rules.yaml"],
            ["Odd", "odd", "redundant", "rules.yaml"],
        ]
    );
    assert_eq!(findings[0]["line"], 11);
    assert_eq!(
        findings[0]["message"],
        "rule `Shadow file read` is shadowed by `Credential file read`, which stands before it and matches whatever it matches"
    );
    // Of sound rules there are none; `lumen test` does not look for them.
    let sound = folder(RULES, PASSES);
    for (line, findings) in
        [("rules coverage -o json .", Some(serde_json::json!([]))), ("test --coverage -o json", None)]
    {
        let report: serde_json::Value = serde_json::from_str(&sound.run(line).stdout).expect("JSON");
        assert_eq!(report.get("findings"), findings.as_ref(), "{line}");
    }
}

#[test]
fn a_rule_is_explained_with_its_macros_by_name_and_written_out() {
    let folder = folder(RULES, PASSES);
    let mistyped = words(&folder, &["Credential file raed", "rules.yaml"]);
    assert_eq!(mistyped.code, 2);
    assert!(mistyped.stderr.contains("did you mean `Credential file read`?"), "{}", mistyped.stderr);
    folder.write("event.yaml", "evt.type: openat\nfd.name: [/etc/hosts\nproc.name: a]: b\n");
    words(&folder, &["Credential file read", "rules.yaml", "--event", "event.yaml"])
        .expect(2)
        .expect_note("error: event.yaml:3:");
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

kernel filter, passes on
  open openat: all of
    evt.is_open_read = true
    fd.name in (/etc/gshadow, /etc/shadow)
    fd.num >= 0
    not proc.name in (login, sshd)

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

#[test]
fn what_a_kernel_can_ask_of_a_rule_is_shown_in_short() {
    let many: Vec<String> =
        (0..5).map(|number| format!("(fd.name=/f{number} and proc.name=p{number})")).collect();
    let condition = format!(
        "(evt.type in (open, openat) and evt.failed=false and ({})) or evt.type=execve or (evt.type=close and fd.num=3)",
        many.join(" or ")
    );
    let rules = format!(
        "- {{rule: Many, desc: d, condition: {condition:?}, output: o, priority: INFO, enabled: false}}\n\
         - {{rule: None, desc: d, condition: evt.type=open and fd.num=3 and fd.num=4, output: o, priority: INFO}}\n"
    );
    let folder = Folder::new(&[("rules.yaml", &rules)]);
    let kernel = |name: &str| {
        let text = words(&folder, &[name, "rules.yaml"]).stdout;
        let (_, behind) = text.split_once("\nkernel filter, passes on\n").expect("a section");
        behind.split_once("\noutput\n").expect("the next").0.to_owned()
    };
    // A rule that is switched off is shown as if it were not.
    assert_eq!(
        kernel("Many"),
        "  close:
    fd.num = 3
  execve: every event
  open openat: all of
    evt.failed = false
    one of
      (fd.name = /f0 and proc.name = p0)
      (fd.name = /f1 and proc.name = p1)
      (fd.name = /f2 and proc.name = p2)
      and 2 more, which `-o json` has
"
    );
    assert_eq!(kernel("None"), "  no event\n");
    let json: serde_json::Value =
        serde_json::from_str(&words(&folder, &["Many", "rules.yaml", "-o", "json"]).stdout).expect("JSON");
    assert_eq!(json["kernel"][1], serde_json::json!({"events": ["execve"]}));
    assert!(json["kernel"][2]["condition"].as_str().is_some_and(|text| text.contains("/f4")), "{json}");
}

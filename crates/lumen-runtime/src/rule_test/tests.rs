use lumen_value::Value;
use lumen_value::read::{Limits, read};

use super::{Case, RuleTest, Rules, read_event};
use crate::condition;
use crate::explain::Told;
use crate::field;
use crate::load::{File, Loaded, load};
use crate::output::print;
use crate::record::Encoded;
use crate::ruleset::Matching;
use crate::term::Event;

const RULES: &str = "
- list: secret_files
  items: [/etc/shadow, /etc/gshadow]
- macro: opened_for_reading
  condition: (evt.type in (open, openat) and evt.is_open_read = true and fd.num >= 0)
- rule: Credential file read
  desc: d
  condition: opened_for_reading and fd.name in (secret_files) and not proc.name in (sshd, login)
  output: read by %proc.name of %container.id
  priority: WARNING
- rule: Anything run
  desc: d
  condition: evt.type = execve
  output: run %proc.cmdline
  priority: INFO
- rule: Switched off
  desc: d
  condition: evt.type = openat
  output: x
  priority: INFO
  enabled: false
";

fn value(yaml: &str) -> Value {
    let mut reading = read(yaml.as_bytes(), &Limits::default());
    assert!(reading.errors.is_empty(), "{:?}", reading.errors);
    reading.documents.remove(0).value
}

fn test_of(spec: &str) -> RuleTest {
    let spec = spec.replace('\n', "\n  ");
    RuleTest::read(&value(&format!("metadata: {{name: t}}\nspec:\n  {spec}")))
}

fn faults(test: &RuleTest) -> Vec<&str> {
    let cases = test.cases.iter().flat_map(|case| &case.faults);
    test.faults.iter().chain(cases).map(|fault| fault.message.as_str()).collect()
}

fn rules() -> Loaded {
    let loaded = load(&[File { text: RULES }]);
    assert!(loaded.is_sound(), "{:?}", loaded.problems);
    loaded
}

/// The value of a field of an event, as it is printed.
fn field_of(event: &str, name: &str) -> Option<String> {
    let described = read_event(&value(event)).expect("an event");
    let Ok((condition::Operand::Field(name), _)) = condition::parse_operand(name) else { panic!("{name}") };
    let used = field::resolve(&name).expect("a field");
    let field = used.id.field();
    let asked = described.ask(1, &mut Encoded::default(), |event| {
        event.value(&used).map(|value| print(&value, field.kind, field.format).into_owned())
    });
    asked.expect("a record")
}

#[track_caller]
fn fields_are(event: &str, fields: &[(&str, Option<&str>)]) {
    for (name, expected) in fields {
        assert_eq!(field_of(event, name).as_deref(), *expected, "{name} of {event}");
    }
}

#[test]
fn what_is_not_named_follows_from_what_is() {
    fields_are(
        "{evt.type: openat, fd.name: /etc/pam.d/su}",
        &[
            ("fd.directory", Some("/etc/pam.d")),
            ("fd.filename", Some("su")),
            ("fd.typechar", Some("f")),
            ("fd.num", Some("3")),
            ("evt.rawres", Some("3")),
            ("evt.res", Some("SUCCESS")),
            ("evt.is_open_read", Some("true")),
            ("evt.is_open_write", Some("false")),
            ("evt.category", Some("file")),
            ("evt.dir", Some("<")),
            ("evt.arg.name", Some("/etc/pam.d/su")),
            ("fs.path.name", Some("/etc/pam.d/su")),
        ],
    );
    fields_are(
        "{evt.type: open, fd.name: /etc/x, evt.arg.flags: O_RDWR|O_CREAT|O_TRUNC, evt.res: EACCES}",
        &[
            ("evt.is_open_read", Some("true")),
            ("evt.is_open_write", Some("true")),
            ("evt.rawres", Some("-13")),
            ("evt.failed", Some("true")),
            ("fd.num", Some("-1")),
            ("fd.name", Some("/etc/x")),
        ],
    );
    fields_are(
        "{evt.type: connect, fd.sip: 203.0.113.7, fd.sport: 4444}",
        &[
            ("fd.type", Some("ipv4")),
            ("fd.typechar", Some("4")),
            ("fd.rip", Some("203.0.113.7")),
            ("fd.rport", Some("4444")),
            ("fd.name", Some("10.42.0.10:40000->203.0.113.7:4444")),
            ("fd.l4proto", Some("tcp")),
            ("fd.is_server", Some("false")),
        ],
    );
    fields_are(
        "{evt.type: execve, \"proc.aname[1]\": bash, \"proc.aexepath[1]\": /tmp/bash, \"proc.aname[2]\": sshd}",
        &[
            ("proc.pname", Some("bash")),
            ("proc.pexepath", Some("/tmp/bash")),
            ("proc.aname[2]", Some("sshd")),
            ("proc.aname[3]", Some("systemd")),
        ],
    );
    fields_are(
        "{evt.type: accept, fd.name: \"10.0.0.9:55000->10.0.0.1:22\"}",
        &[("fd.cip", Some("10.0.0.9")), ("fd.lport", Some("22")), ("fd.is_server", Some("true"))],
    );
}

#[test]
fn processes_are_harmless_where_nothing_is_said_of_them() {
    fields_are(
        "{evt.type: execve}",
        &[
            ("proc.name", Some("test")),
            ("proc.exe", Some("test")),
            ("proc.exepath", Some("/usr/bin/test")),
            ("proc.cmdline", Some("test")),
            ("proc.pid", Some("1000")),
            ("proc.pname", Some("sh")),
            ("proc.ppid", Some("999")),
            ("proc.aname[2]", Some("systemd")),
            ("proc.apid[2]", Some("1")),
            ("proc.aname[3]", None),
            ("user.name", Some("root")),
            ("user.uid", Some("0")),
            ("user.loginuid", Some("-1")),
            ("container.id", Some("host")),
            ("k8s.pod.name", None),
            ("evt.rawres", Some("0")),
        ],
    );
    fields_are(
        "{evt.type: execve, proc.cmdline: /usr/sbin/nginx -g off, user.uid: 33, user.name: www-data, \"proc.aname[3]\": runc}",
        &[
            ("proc.name", Some("nginx")),
            ("proc.exepath", Some("/usr/sbin/nginx")),
            ("proc.args", Some("-g off")),
            ("user.homedir", Some("/home/www-data")),
            ("proc.aname[2]", Some("sh")),
            ("proc.aname[3]", Some("runc")),
            ("proc.aname[4]", Some("systemd")),
        ],
    );
}

#[test]
fn what_is_given_wins_and_null_is_no_value() {
    fields_are(
        "{evt.type: openat, fd.name: /etc/x, fd.directory: /other, evt.is_open_read: false, proc.pname: null, user.name: null}",
        &[
            ("fd.directory", Some("/other")),
            ("evt.is_open_read", Some("false")),
            ("proc.pname", None),
            ("proc.aname[1]", None),
            ("user.name", None),
            ("user.uid", Some("0")),
        ],
    );
}

#[test]
fn a_container_needs_no_more_than_a_word_of_it() {
    fields_are(
        "{evt.type: execve, container.image: \"registry:5000/shop/api:1.2\", k8s.ns.name: shop}",
        &[
            ("container.id", Some("3ad7b26ded6d")),
            ("container.image.repository", Some("registry:5000/shop/api")),
            ("container.image.tag", Some("1.2")),
            ("container.privileged", Some("false")),
            ("k8s.ns.name", Some("shop")),
        ],
    );
    fields_are("{evt.type: execve, container.id: 0123456789ab}", &[("container.id", Some("0123456789ab"))]);
}

#[test]
fn values_are_typed_as_fields_are() {
    for (event, fault) in [
        ("{evt.type: openat, fd.num: three}", "fd.num: a whole number was expected, not `three`"),
        ("{evt.type: openat, fd.nmae: x}", "there is no field fd.nmae, did you mean `fd.name`?"),
        ("{evt.type: opneat}", "`opneat` is no type of events, did you mean `openat`?"),
        ("{evt.type: openat, evt.arg.flags: O_RDONYL}", "`O_RDONYL` is not made of the flags of an open"),
        ("{evt.type: connect, fd.sip: 1.2.3}", "an address was expected, not `1.2.3`"),
        ("{evt.type: connect, fd.sport: 70000}", "a number from 0 to 65535 was expected, not 70000"),
        ("{evt.type: open, evt.is_open_read: yes please}", "`true` or `false` was expected"),
        ("{fd.name: x}", "`evt.type` is missing"),
        ("[]", "a mapping was expected, not a list"),
        ("{evt.type: openat, fd.name: [x]}", "fd.name: a text was expected, not a list"),
    ] {
        let faults = read_event(&value(event)).expect_err(event);
        let messages: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
        assert!(messages.iter().any(|message| message.contains(fault)), "{event}: {messages:?}");
    }
    assert_eq!(
        field_of("{evt.type: execve, proc.duration: 5m}", "proc.duration").as_deref(),
        Some("300000000000")
    );
    let buffer = field_of("{evt.type: write, evt.buffer: {hex: 7f454c46}}", "evt.buffer");
    assert_eq!(buffer.as_deref(), Some(".ELF"));
    assert_eq!(
        field_of("{evt.type: connect, fd.sip: \"::ffff:10.0.0.1\"}", "fd.type").as_deref(),
        Some("ipv6")
    );
}

#[test]
fn slips_are_faults_where_they_stand() {
    let test = test_of(
        "rules: [a.yaml]
deafults: {}
events:
  one: {like: two, evt.type: open}
  two: {like: one}
cases:
- {name: a, event: {like: three}, expect: none}
- {event: {evt.type: open}, events: [], expect: maybe}
- {name: c, expect: alert, rul: x}
- {name: d, event: {evt.type: open}, expect: [{rule: x, priority: loud, output: '(', fields: {fd.nam: 1}}]}
- {name: e, event: {evt.type: open, evt.res: ENOENTT}, expect: none}
- {name: f, events: [], expect: none}",
    );
    assert_eq!(
        faults(&test),
        [
            "spec.deafults: there is no such field; there are rules, matching, defaults, events, cases",
            "spec.events.one.like: more than 32 events refer to each other, or they do so in a circle",
            "spec.events.two.like: more than 32 events refer to each other, or they do so in a circle",
            "spec.cases[0].event.like: `three` is none of `spec.events`",
            "spec.cases[1]: `event` and `events` are both there: one of them was expected",
            "spec.cases[1].expect: `alert`, `none` or a list of alerts was expected",
            "spec.cases[2].rul: there is no such field; there are name, rule, event, events, expect",
            "spec.cases[2]: `event`, or `events`, is missing",
            "spec.cases[3].expect[0].priority: `loud` is no priority; there are Emergency, Alert, Critical, Error, \
             Warning, Notice, Informational, Debug",
            "spec.cases[3].expect[0].output: error parsing regexp: missing closing ): `(`",
            "spec.cases[3].expect[0].fields.fd.nam: there is no field fd.nam, did you mean `fd.name` or `fd.num`?",
            "spec.cases[4].event: evt.res: `ENOENTT` is neither `SUCCESS`, nor a number, nor the name of an error, did \
             you mean `ENOENT`?",
            "spec.cases[5].events: there is no event: the case would show nothing",
        ]
    );
    assert_eq!(test.cases[1].name, "spec.cases[1]", "a case without a name is called by its place");
}

/// What is told of each case that did not pass.
fn told(spec: &str) -> Vec<String> {
    told_by(&rules(), spec)
}

fn told_by(loaded: &Loaded, spec: &str) -> Vec<String> {
    let test = test_of(spec);
    assert!(faults(&test).is_empty(), "{:?}", faults(&test));
    let rules = Rules::new(&loaded.rules, test.matching.unwrap_or(Matching::All));
    let of = |case: &Case| match rules.run(case) {
        Err(message) => vec![message],
        Ok(outcome) => {
            let differences = outcome.differences.into_iter();
            let lines = differences.flat_map(|difference| {
                let why = difference.why.map(|(_, _, why)| Told::of(&why)).unwrap_or_default();
                std::iter::once(difference.message).chain(why)
            });
            lines.collect()
        }
    };
    test.cases.iter().flat_map(of).collect()
}

const EVENTS: &str = "events:
  read: {evt.type: openat, proc.name: cat, fd.name: /etc/shadow}
  run: {evt.type: execve}
cases:";

#[test]
fn cases_that_are_as_expected_say_nothing() {
    let said = told(&format!(
        "{EVENTS}
- {{name: a, event: {{like: read}}, expect: alert}}
- {{name: b, event: {{like: read, proc.name: sshd}}, expect: none}}
- {{name: c, events: [{{like: read}}, {{like: run}}], expect: [Credential file read, {{rule: Anything run, priority: info}}]}}
- {{name: d, rule: Anything run, events: [{{like: read}}, {{like: run}}], expect: [{{output: '^run test$'}}]}}
- {{name: e, rule: Anything run, event: {{like: read}}, expect: none}}
- {{name: f, event: {{like: read}}, expect: {{output: by cat, fields: {{fd.name: /etc/shadow, fd.sip: null, fd.num: 3}}}}}}"
    ));
    assert_eq!(said, [""; 0]);
}

#[test]
fn a_missing_alert_is_explained_by_an_event_that_gave_none() {
    let said = told(&format!(
        "{EVENTS}
- {{name: a, events: [{{like: read}}, {{like: read, fd.name: /etc/passwd}}], expect: [Credential file read, Credential file read]}}
- {{name: b, events: [{{like: read, proc.name: sshd}}, {{like: read}}], expect: [Credential file read, Credential file read]}}
- {{name: c, events: [{{like: read}}, {{like: read}}], expect: [Credential file read, Credential file read, Credential file read]}}
- {{name: d, events: [{{like: run}}, {{like: run}}], expect: [{{priority: info}}, {{priority: info}}, {{priority: info}}]}}"
    ));
    assert_eq!(
        said,
        [
            "expected alert 2 is missing: `Credential file read` gave no other",
            "no  fd.name in (/etc/shadow, /etc/gshadow)   <- fd.name is /etc/passwd",
            "expected alert 2 is missing: `Credential file read` gave no other",
            "no  not proc.name in (sshd, login)   <- proc.name is sshd",
            "expected alert 3 is missing: `Credential file read` gave one for every event, and no more",
            "expected alert 3 is missing: no rule gave one",
        ]
    );
}

#[test]
fn a_missing_alert_names_the_rule_that_was_told_in_its_place() {
    let rule = |name: &str| {
        format!("- {{rule: {name}, desc: d, condition: evt.type = openat, output: x, priority: INFO}}\n")
    };
    let loaded = load(&[File { text: &format!("{}{}", rule("one"), rule("two")) }]);
    let said = told_by(
        &loaded,
        "matching: first\ncases: [{name: a, rule: two, event: {evt.type: openat}, expect: alert}]",
    );
    assert_eq!(
        said[0],
        "an alert is missing: `two` gave none; of event 1 `one` was told, which comes before it"
    );
}

#[test]
fn what_is_something_else_is_called_by_one_word_each() {
    let test = test_of(
        "rules: x
events: [x]
cases:
- {name: off, event: {evt.type: open}, expect: none}
- {name: a, rule: 5, event: x, expect: [5]}
- {name: b, events: {}, expect: [{rule: on, output: ''}]}",
    );
    assert_eq!(
        faults(&test),
        [
            "spec.rules: a list was expected, not a text",
            "spec.events: a mapping was expected, not a list",
            "spec.cases[0].name: a text was expected, not a boolean: put it in quotes",
            "spec.cases[1].rule: a text was expected, not a number: put it in quotes",
            "spec.cases[1].event: a mapping was expected, not a text",
            "spec.cases[1].expect[0]: a mapping was expected, not a number",
            "spec.cases[2].events: a list was expected, not a mapping",
            "spec.cases[2].expect[0].rule: a text was expected, not a boolean: put it in quotes",
            "spec.cases[2].expect[0].output: a text was expected, not an empty one",
        ]
    );
    assert_eq!(faults(&RuleTest::read(&value("spec: []"))), ["spec: a mapping was expected, not a list"]);
}

#[test]
fn a_missing_alert_says_what_failed() {
    let said = told(&format!(
        "{EVENTS}\n- {{name: a, rule: Credential file read, event: {{like: read, fd.num: -2, proc.name: login}}, expect: alert}}"
    ));
    assert_eq!(
        said,
        [
            "an alert is missing: `Credential file read` gave none",
            "no  opened_for_reading",
            "no    fd.num >= 0   <- fd.num is -2",
            "no  not proc.name in (sshd, login)   <- proc.name is login",
        ]
    );
    let said = told(&format!("{EVENTS}\n- {{name: a, event: {{like: read, fd.name: null}}, expect: alert}}"));
    assert_eq!(
        said,
        [
            "an alert is missing: no rule gave one; `Credential file read` came nearest",
            "no  fd.name in (/etc/shadow, /etc/gshadow)   <- fd.name has no value",
        ]
    );
}

#[test]
fn an_alert_too_many_says_what_held() {
    let said = told(&format!(
        "{EVENTS}\n- {{name: a, events: [{{like: run}}, {{like: read}}], expect: [{{rule: Credential file read}}]}}"
    ));
    assert_eq!(
        said,
        [
            "`Anything run` gave an alert that was not expected, of event 1 (execve)",
            "yes evt.type = execve   <- evt.type is execve",
        ]
    );
}

#[test]
fn an_alert_that_is_another_says_in_what() {
    let said = told(&format!(
        "{EVENTS}\n- {{name: a, event: {{like: read}}, expect: {{priority: ERROR, output: 'do\\w\\b', fields: {{fd.name: /etc/x, user.name: null}}}}}}"
    ));
    assert_eq!(
        said,
        [
            "the alert of `Credential file read` is another, of event 1 (openat): its priority is Warning, not Error; its \
             output does not match `do\\w\\b`: read by cat of host; fd.name is `/etc/shadow`, not `/etc/x`; user.name is `root`, \
             not without a value"
        ]
    );
}

#[test]
fn names_that_no_rule_has_are_errors() {
    let said = told(&format!(
        "{EVENTS}
- {{name: a, rule: Credential file raed, event: {{like: read}}, expect: none}}
- {{name: b, event: {{like: read}}, expect: [Switched off]}}"
    ));
    assert_eq!(
        said,
        [
            "no rule is called `Credential file raed`, did you mean `Credential file read`?",
            "rule `Switched off` is switched off: `enabled: false`",
        ]
    );
}

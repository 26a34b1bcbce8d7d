//! `lumen replay`, and the rules that it uses.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use lumen_runtime::event_types;
use lumen_runtime::record::{Descriptor, DescriptorType, Recorded, Recorder, Thread, User};

use crate::support::{Folder, Outcome};

const RULES: &str = "\
- rule: Shadow read
  desc: d
  condition: evt.type=open and fd.name=/etc/shadow
  output: shadow read (user=%user.name file=%fd.name env=%proc.env[A])
  priority: WARNING
  tags: [host, mitre_credential_access]
- rule: Anything opened
  desc: d
  condition: evt.type=open
  output: opened %fd.name
  priority: DEBUG
  tags: [noise]
- rule: Program started
  desc: d
  condition: evt.type=execve
  output: started %proc.name
  priority: NOTICE
  enabled: false
  tags: [started]
";

const EVENTS: &str = r#"
{"evt.num":1,"evt.type":"open","evt.rawtime":1795418341030041921,"fd.name":"/etc/shadow","user.name":"al \"x\"","container.id":"0123456789ab","k8s.pod.name":"web-0","k8s.ns.name":"shop"}
{"evt.num":2,"evt.type":"open","evt.rawtime":1795418342030041921,"fd.name":"/etc/hosts","user.name":"root"}
{"evt.num":3,"evt.type":"execve","evt.rawtime":1795418343030041921,"proc.name":"sh"}
"#;

fn folder() -> Folder {
    Folder::new(&[("rules.yaml", RULES), ("events.jsonl", EVENTS)])
}

fn replay(arguments: &str) -> Outcome {
    folder().run(&format!("replay --rule-set none -r rules.yaml {arguments} events.jsonl"))
}

const SHADOW: &str = r#"07:19:01.030041921: Warning shadow read (user=al \"x\" file=/etc/shadow env=<NA>)"#;

#[test]
fn alerts_are_written_as_falco_writes_them() {
    let told = replay("");
    told.expect(1);
    assert_eq!(told.stdout, format!("{SHADOW}\n07:19:02.030041921: Debug opened /etc/hosts\n"));
    assert_eq!(told.stderr, "");
    let all = replay("--matching all");
    assert_eq!(
        all.stdout,
        format!(
            "{SHADOW}\n07:19:01.030041921: Debug opened /etc/shadow\n07:19:02.030041921: Debug opened /etc/hosts\n"
        )
    );
    let long = replay("--iso-time -D opened --append-output on=%evt.type --suggested-output");
    assert_eq!(
        long.stdout,
        r#"2026-11-23T07:19:01.030041921+0000: Warning shadow read (user=al \"x\" file=/etc/shadow env=<NA>) on=open "#
            .to_owned()
            + "container_id=0123456789ab container_name=<NA> container_image_repository=<NA> container_image_tag=<NA> "
            + "k8s_pod_name=web-0 k8s_ns_name=shop\n"
    );
}

#[test]
fn json_has_the_keys_that_are_asked_for() {
    let ours = replay("-o json -D opened --node n1");
    assert_eq!(
        ours.stdout,
        concat!(
            r#"{"hostname":"n1","identity":{"container":"0123456789ab","container_name":null,"image":null,"namespace":"shop","#,
            r#""node":"n1","pod":"web-0"},"#,
            r#""output":"07:19:01.030041921: Warning shadow read (user=al \"x\" file=/etc/shadow env=<NA>)","#,
            r#""output_fields":{"evt.time":1795418341030041921,"fd.name":"/etc/shadow","proc.env[A]":null,"user.name":"al \"x\""},"#,
            r#""priority":"Warning","rule":"Shadow read","source":"syscall","tags":["host","mitre_credential_access"],"#,
            r#""time":"2026-11-23T07:19:01.030041921Z"}"#,
            "\n"
        )
    );
    let few = replay("-o json -D opened --json-keys message,identity --falco-compatible");
    assert_eq!(
        few.stdout,
        concat!(
            r#"{"message":"shadow read (user=al \"x\" file=/etc/shadow env=<NA>)","priority":"Warning","rule":"Shadow read","#,
            r#""source":"syscall","time":"2026-11-23T07:19:01.030041921Z"}"#,
            "\n"
        )
    );
}

#[test]
fn findings_name_the_pod_and_the_rule() {
    let told = replay("-o finding -D opened");
    let finding: serde_json::Value = serde_json::from_str(&told.stdout).expect("a line of JSON");
    assert_eq!(
        finding,
        serde_json::json!({
            "schema": "lumen.finding/v1",
            "rule": "runtime/Shadow read",
            "layer": "runtime",
            "outcome": "fail",
            "action": "none",
            "severity": "medium",
            "message": "2026-11-23T07:19:01.030041921+0000: Warning shadow read (user=al \\\"x\\\" file=/etc/shadow env=<NA>)",
            "object": {"apiVersion": "v1", "kind": "Pod", "namespace": "shop", "name": "web-0"},
            "source": {"file": "events.jsonl"},
        })
    );
}

#[test]
fn rules_are_chosen_by_name_tag_and_priority() {
    let rules = |arguments: &str| -> (i32, Vec<String>) {
        let told = replay(&format!("-o json --matching all {arguments}"));
        let line = |line: &str| serde_json::from_str::<serde_json::Value>(line).expect("JSON");
        let name = |alert: serde_json::Value| alert["rule"].as_str().expect("a name").to_owned();
        (told.code, told.stdout.lines().map(line).map(name).collect())
    };
    assert_eq!(rules("-D *"), (0, vec![]));
    assert_eq!(rules("-T noise").1, ["Shadow read"]);
    assert_eq!(rules("--priority notice").1, ["Shadow read"]);
    // A tag that is asked for switches on.
    assert_eq!(rules("-t started -t host").1, ["Shadow read", "Program started"]);
    replay("-t host -T noise").expect(2);
    replay("--priority loud").expect(2).expect_note("`loud` is no priority: use one of `emergency`,");
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    let folder = folder();
    let long = format!("{{\"fd.name\":\"{}\"}}", "a".repeat(1 << 20));
    let lines =
        format!("{{\"evt.num\": 1\n{long}\n{}\n[1]\n{{\"evt.type\":\"opened\"}}\n{long}", EVENTS.trim());
    folder.write("broken.jsonl", lines);
    folder.write("zip", "PK\x03\x04");
    folder.write("empty", "");
    let told =
        folder.run("replay --rule-set none -r rules.yaml broken.jsonl zip empty absent . events.jsonl");
    told.expect(2)
        .expect_note("broken.jsonl: line 1: the JSON text ends too soon, at byte 13 of the line")
        .expect_note("broken.jsonl: line 2: the line has more than 1048576 bytes")
        .expect_note("broken.jsonl: line 6: it is array, and not an object of fields and values")
        .expect_note("broken.jsonl: line 7: `evt.type` is `opened`: there is no such type of events")
        .expect_note("broken.jsonl: line 8: the line has more than 1048576 bytes")
        .expect_note("zip: it is no recording, no capture, and no JSON lines of events")
        .expect_note("absent: there is no such file")
        .expect_note(".: it is a folder");
    // The events around it are judged all the same.
    assert_eq!(told.stdout.lines().count(), 4, "{told:#?}");
    let many = "x\n".repeat(1000);
    let many =
        folder.run_with("replay --rule-set none -r rules.yaml -", &[], format!("{{}}\n{many}").as_bytes());
    many.expect(2).expect_note("<stdin>: and 980 more that cannot be read");
    assert_eq!(many.stderr.lines().count(), 22, "{many:#?}");
}

#[test]
fn names_that_no_field_has_are_told_once() {
    let folder = folder();
    let event = r#"{"evt.type":"open","fd.nmae":"/etc/shadow","proc.aname[2]":"sh","evt.arg.flags":"0"}"#;
    folder.write("events.jsonl", format!("{event}\n{event}\n"));
    let told = folder.run("replay --rule-set none -r rules.yaml -D opened events.jsonl");
    told.expect(0);
    assert_eq!(
        told.stderr,
        "lumen: note: events.jsonl: its events have values for names that no field has: `fd.nmae`\n"
    );
}

#[test]
fn values_that_their_fields_cannot_have_are_told() {
    let folder = folder();
    let event = r#"{"evt.type":"open","fd.name":"/etc/shadow","fd.num":"abc","user.name":{"a":1}}"#;
    folder.write("events.jsonl", format!("{}\n{event}\n", EVENTS.trim()));
    let told = folder.run("replay --rule-set none -r rules.yaml -D opened events.jsonl");
    // The event is judged all the same.
    told.expect(1).expect_line(&["shadow read (user=<NA> file=/etc/shadow"]);
    assert_eq!(
        told.stderr,
        "\
lumen: warning: events.jsonl: line 4: `fd.num` is \"abc\" and not a whole number: it is taken for absent
lumen: warning: events.jsonl: line 4: `user.name` is {\"a\":1} and not a text: it is taken for absent
"
    );
    let strict = folder.run("replay --strict --rule-set none -r rules.yaml -D opened events.jsonl");
    strict.expect(2).expect_note("lumen: error: events.jsonl: line 4: `fd.num` is \"abc\"");
    assert_eq!(strict.stdout, told.stdout);
    folder.write("events.jsonl", format!("{event}\n").repeat(1000));
    let many = folder.run("replay --rule-set none -r rules.yaml events.jsonl");
    many.expect(1).expect_note("lumen: warning: events.jsonl: and 1980 more such warnings");
    assert_eq!(many.stderr.lines().count(), 21, "{many:#?}");
    assert_eq!(many.stdout.lines().count(), 1000);
}

#[test]
fn events_without_a_type_are_told_and_judged() {
    let folder = folder();
    let any = "- {rule: Any, desc: d, condition: fd.name=/a, output: o, priority: INFO}\n";
    folder.write("rules.yaml", any);
    folder.write("events.jsonl", "{}\n{\"fd.name\":\"/a\",\"evt.type\":null}\n{\"evt.type\":\"open\"}\n");
    let told = folder.run("replay --rule-set none -r rules.yaml events.jsonl");
    assert_eq!(told.expect(1).stdout.lines().count(), 1, "{told:#?}");
    assert_eq!(
        told.stderr,
        "\
lumen: warning: events.jsonl: line 1: it has no `evt.type`: no rule that asks for a type matches it
lumen: warning: events.jsonl: line 2: it has no `evt.type`: no rule that asks for a type matches it
"
    );
    let quiet = folder.run("replay -D Any --rule-set none -r rules.yaml events.jsonl --stats");
    quiet.expect(0).expect_note("3 events");
    folder.run("replay --strict events.jsonl").expect(2).expect_note("error: events");
}

#[test]
fn compressed_files_and_standard_input_are_read() {
    let folder = folder();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(EVENTS.as_bytes()).expect("is written");
    let bytes = gzip.finish().expect("is compressed");
    folder.write("events.gz", &bytes);
    let plain = replay("").stdout;
    assert_eq!(folder.run("replay --rule-set none -r rules.yaml events.gz").expect(1).stdout, plain);
    let piped = folder.run_with("replay --rule-set none -r rules.yaml -", &[], &bytes);
    assert_eq!(piped.expect(1).stdout, plain);
    folder.write("cut.gz", &bytes[..bytes.len() - 20]);
    let cut = folder.run("replay --rule-set none -r rules.yaml cut.gz");
    cut.expect(2).expect_note("cut.gz: it cannot be read");
}

/// A recording of files that are opened, and where the frame of each event ends.
fn recording(paths: &[&str]) -> (Vec<u8>, Vec<usize>) {
    let mut recorder = Recorder::default();
    let mut bytes = Vec::new();
    let mut ends = Vec::new();
    let user = User { uid: 0, name: Some(b"root".to_vec()), ..User::default() };
    let thread = Arc::new(Thread { tid: 7, pid: 7, user: Some(user), ..Thread::default() });
    for (number, path) in (1..).zip(paths) {
        let descriptor = Descriptor {
            number: Some(3),
            kind: DescriptorType::File,
            name: Some(path.as_bytes().to_vec()),
            ..Descriptor::default()
        };
        let event = Recorded {
            number,
            event_type: event_types::find(b"open").expect("a type"),
            time_ns: 1_795_418_341_030_041_921,
            thread: Some(thread.clone()),
            descriptor: Some(descriptor),
            ..Recorded::default()
        };
        recorder.event(&event, &mut bytes);
        ends.push(bytes.len());
    }
    (bytes, ends)
}

#[test]
fn recordings_are_read_in_pieces_and_behind_what_is_broken() {
    let folder = folder();
    // More than is read at once.
    let (bytes, ends) = recording(&vec!["/etc/shadow"; 20_000]);
    assert!(bytes.len() > 1 << 20);
    folder.write("events.rec", &bytes);
    let told = folder.run("replay --rule-set none -r rules.yaml events.rec");
    told.expect(1);
    assert_eq!(told.stdout.lines().count(), 20_000);
    let first = told.stdout.lines().next();
    assert_eq!(first, Some("07:19:01.030041921: Warning shadow read (user=root file=/etc/shadow env=<NA>)"));
    // An event whose bytes are not its own, and an end within a frame.
    let mut broken = bytes;
    for byte in &mut broken[ends[0] + 4..ends[1]] {
        *byte = 0xff;
    }
    broken.truncate(ends[3] - 1);
    folder.write("broken.rec", &broken);
    let told = folder.run("replay --rule-set none -r rules.yaml broken.rec");
    told.expect(2)
        .expect_note(&format!("broken.rec: byte {}: a broken event", ends[0]))
        .expect_note("the recording ends within a frame");
    assert_eq!(told.stdout.lines().count(), 2);
}

#[test]
fn captures_are_judged_and_written_as_recordings() {
    let captures =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/runtime/captures");
    let folder = folder();
    folder.write(
        "all.yaml",
        "- {rule: all, desc: d, condition: evt.num >= 0, output: \"%evt.num %evt.type %proc.cmdline %fd.name %evt.args\", priority: DEBUG}",
    );
    for name in ["cat_write.scap", "connect_localhost.scap", "open-multiple-files.scap"] {
        let capture = captures.join(name);
        let base = "replay --rule-set none -r all.yaml";
        let direct = folder.run(&format!("{base} --write out.rec {}", capture.display()));
        direct.expect(1);
        assert_eq!(direct.stderr, "", "{name}");
        assert!(direct.stdout.lines().count() > 20, "{name}");
        // What was written says the same.
        assert_eq!(folder.run(&format!("{base} out.rec")).expect(1).stdout, direct.stdout, "{name}");
    }
    folder.run("replay --write out.rec events.jsonl").expect(2).expect_note("`--write` takes captures");
    let empty = folder.run(&format!("replay {}", captures.join("empty.scap").display()));
    empty.expect(0);
    // Types that are not known, of events and of a block.
    let mut bytes = Vec::new();
    let empty = std::fs::read(captures.join("empty.scap")).expect("a capture");
    MultiGzDecoder::new(empty.as_slice()).read_to_end(&mut bytes).expect("it is whole");
    let mut add = |number: u32, body: &[u8]| {
        let length = u32::try_from(body.len() + 12).expect("it is short").to_le_bytes();
        bytes.extend([&number.to_le_bytes(), &length, body, &length].concat());
    };
    for number in 9000..9012_u16 {
        add(0x216, &[&[0; 22], number.to_le_bytes().as_slice(), &[0; 4]].concat());
    }
    add(0x230, &[0; 8]);
    folder.write("newer.scap", &bytes);
    let newer = folder.run("replay newer.scap");
    newer.expect(0);
    assert_eq!(
        newer.stderr,
        "\
lumen: warning: newer.scap: 12 events were passed over, of types that this version does not know: 9000 (1), 9001 (1), 9002 (1), \
9003 (1), 9004 (1), 9005 (1), 9006 (1), 9007 (1), 9008 (1), 9009 (1) and 2 more
lumen: warning: newer.scap: 1 block was passed over, of a type that this version does not know: 560 (1)
"
    );
    folder
        .run("replay --strict newer.scap")
        .expect(2)
        .expect_note("lumen: error: newer.scap: 12 events were passed over");
    let compressed = std::fs::read(captures.join("cat_write.scap")).expect("a capture");
    let mut bytes = Vec::new();
    MultiGzDecoder::new(compressed.as_slice()).read_to_end(&mut bytes).expect("it is whole");
    folder.write("cut.scap", &bytes[..bytes.len() - 7]);
    folder.run("replay cut.scap").expect(2).expect_note("cut.scap: byte ");
}

#[test]
fn a_recording_takes_the_place_of_nothing_before_it_is_whole() {
    let capture = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/corpus/runtime/captures/cat_write.scap");
    let bytes = std::fs::read(capture).expect("a capture");
    let folder = folder();
    folder.write("a.scap", &bytes);
    folder.write("keep.rec", "kept");
    std::fs::hard_link(folder.path("a.scap"), folder.path("b.scap")).expect("a link");
    for target in ["a.scap", "./a.scap", "b.scap"] {
        let told = folder.run(&format!("replay --write {target} a.scap"));
        told.expect(2).expect_note("would overwrite the input `a.scap`");
    }
    assert_eq!(std::fs::read(folder.path("a.scap")).expect("it is there"), bytes);
    let absent = folder.run("replay --write keep.rec a.scap absent.scap");
    absent.expect(2).expect_note("no recording was written");
    assert_eq!(folder.read("keep.rec"), "kept");
    folder.run("replay --write - a.scap").expect(2).expect_note("written to a file");
    folder.run("replay --write . a.scap").expect(2).expect_note("cannot write `.`");
    assert!(folder.run("replay --write keep.rec a.scap").code < 2);
    assert!(std::fs::read(folder.path("keep.rec")).expect("it is there").len() > 1000);
    let names = std::fs::read_dir(folder.root()).expect("a folder");
    assert!(names.flatten().all(|entry| !entry.file_name().to_string_lossy().ends_with(".part")));
}

#[test]
fn a_broken_rule_stops_no_other_unless_it_is_to() {
    let folder = folder();
    folder.write(
        "rules.yaml",
        format!("{RULES}- rule: Broken\n  desc: d\n  condition: fd.nmae=x\n  output: o\n  priority: INFO\n"),
    );
    let told = folder.run("replay --rule-set none -r rules.yaml events.jsonl");
    told.expect(1)
        .expect_note("left out: rules.yaml:22:14: `Broken`: ")
        .expect_note("did you mean `fd.name`?");
    assert!(told.stdout.starts_with(SHADOW), "{told:#?}");
    let strict = folder.run("replay --strict --rule-set none -r rules.yaml events.jsonl");
    strict.expect(2).expect_note("`lumen rules check` shows them in their places");
    assert_eq!(strict.stdout, "");
    folder
        .run("replay --rule-set none events.jsonl")
        .expect(2)
        .expect_note("`--rule-set none` needs `--rules`");
}

#[test]
fn where_no_rule_is_left_nothing_is_judged() {
    let folder = folder();
    folder.write("broken.yaml", RULES.replace("evt.type", "evt.tpye"));
    folder.write("lists.yaml", "- list: l\n  items: [a]\n");
    folder.write("slip.yaml", RULES.replace("- rule: Shadow read", "- rule: Shadow: read"));
    for (rules, why) in [
        ("broken.yaml", "none could be loaded"),
        ("slip.yaml", "none could be loaded"),
        ("lists.yaml", "the files have none"),
    ] {
        let told = folder.run(&format!("replay --rule-set none -r {rules} events.jsonl"));
        told.expect(2).expect_note(&format!("there are no rules: {why}"));
        assert_eq!(told.stdout, "", "{rules}");
    }
}

#[test]
fn many_broken_rules_are_told_in_part() {
    let folder = folder();
    let broken = (0..30).map(|number| {
        format!("- rule: B{number}\n  desc: d\n  condition: fd.nmae=x\n  output: o\n  priority: INFO\n")
    });
    let broken: String = broken.collect();
    folder.write("rules.yaml", format!("{RULES}{broken}"));
    let told = folder.run("replay --rule-set none -r rules.yaml events.jsonl");
    told.expect(1).expect_note("left out: and 10 more");
    assert_eq!(told.stderr.lines().count(), 21, "{told:#?}");
}

#[test]
fn names_and_tags_that_no_rule_has_are_told() {
    let only = replay("-t nosie");
    only.expect(2).expect_note("`--tag nosie`: no rule has this tag, did you mean `noise`?");
    assert_eq!(only.stdout, "");
    replay("-q -T nosie")
        .expect(1)
        .expect_note("`--disable-tag nosie`: no rule has this tag, did you mean `noise`?");
    replay("-q -D Opened").expect(1).expect_note("`--disable-rule Opened`: no rule is called so");
    // Both apply.
    assert_eq!(replay("-t host -D Shadow").expect(0).stdout, "");
}

#[test]
fn a_time_that_cannot_be_read_is_told() {
    let folder = folder();
    for time in ["\"yesterday\"", "1.5", "99999999999999999999", "true"] {
        let event = format!("{{\"evt.type\":\"open\",\"evt.rawtime\":{time},\"fd.name\":\"/etc/shadow\"}}\n");
        let told = folder.run_with("replay --rule-set none -r rules.yaml -", &[], event.as_bytes());
        told.expect(2).expect_note("<stdin>: line 1: `evt.rawtime` is no number of nanoseconds");
        assert_eq!(told.stdout, "");
    }
}

#[test]
fn figures_are_said_beside_the_alerts() {
    let told = replay("--stats");
    told.expect(1).expect_note("3 events, 2 alerts, 0 broken parts in ").expect_note("       1 Shadow read");
}

#[test]
fn the_default_rules_are_there_without_a_file() {
    let folder = Folder::new(&[]);
    let event = r#"{"evt.type":"openat","evt.rawtime":1,"evt.is_open_read":true,"evt.dir":"<","fd.num":3,"fd.name":"/etc/shadow","fd.typechar":"f","proc.name":"cat","evt.rawres":3,"evt.failed":false,"evt.res":"SUCCESS","container.id":"host","proc.pname":"sh","proc.cmdline":"cat /etc/shadow","user.name":"root","user.uid":0}"#;
    let told = folder.run_with("replay -o json -", &[], event.as_bytes());
    told.expect(1).expect_line(&["/etc/shadow", "mitre_credential_access"]);
    let list = folder.run("rules list");
    list.expect(0);
    folder.run("rules export own").expect(0).expect_note("try `lumen test own`");
    let exported = folder.run("rules list own");
    assert_eq!(exported.stdout, list.stdout);
    folder.write("own/00-base.yaml", "changed");
    folder.run("rules export own").expect(2).expect_note("--force");
    folder.run("rules export --force own").expect(0).expect_note("1 file written");
}

#[test]
fn a_default_rule_is_explained_by_the_id_of_its_findings() {
    let folder = Folder::new(&[]);
    let explain = |name: &str| crate::support::run(folder.command("explain").arg(name), b"");
    let said = explain("runtime/Terminal shell in a container");
    said.expect(0)
        .expect_line(&["runtime/Terminal shell in a container"])
        .expect_line(&["priority Notice"])
        .expect_line(&["What it takes for an attack and is none"])
        .expect_line(&["    - rule: Terminal shell in a container"]);
    assert_eq!(explain("runtime/terminal SHELL in a container").expect(0).stdout, said.stdout);
    for name in
        ["Terminal shell in a container", "terminal shell in a CONTAINER", "Terminal shell in container"]
    {
        explain(name).expect(2).expect_note("did you mean `runtime/Terminal shell in a container`?");
    }
    explain("pod-security/privilegd").expect(2).expect_note("did you mean `pod-security/privileged`?");
    explain("runtime/Terminal shell in container")
        .expect(2)
        .expect_note("did you mean `runtime/Terminal shell in a container`?");
}

//! Edits of manifests as people write them.
#![expect(clippy::string_slice, reason = "a test that slices wrongly fails, as it should")]

use super::*;
use crate::read::{Limits, read_document};
use crate::{Step, pointer};

mod properties;

fn at(text: &str) -> Pointer {
    text.split('/')
        .skip(1)
        .map(|step| {
            step.parse::<usize>().map_or_else(|_| Step::from(step.replace("~1", "/").as_str()), Step::from)
        })
        .collect()
}

fn set(pointer: &str, json: &str) -> Edit {
    Edit::Set(at(pointer), check::value(json, Syntax::Json).unwrap())
}

fn remove(pointer: &str) -> Edit {
    Edit::Remove(at(pointer))
}

/// Edits a YAML text and looks at what comes of it: also that once is enough.
#[track_caller]
fn check_yaml(text: &str, edits: &[Edit], expected: &str) {
    let edited = apply(text, Syntax::Yaml, edits).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(edited.text, expected);
    let (mut before, mut after) = (0, 0);
    for change in &edited.changed {
        assert_eq!(text[before..change.before.start], edited.text[after..change.after.start]);
        (before, after) = (change.before.end, change.after.end);
    }
    assert_eq!(text[before..], edited.text[after..]);
}

const POD: &str = "\
# A pod
apiVersion: v1
kind: Pod # the kind
metadata:
  name: web
spec:
  hostNetwork: yes  # why?
  # the containers
  containers:
  - name: web # main
    image: \"nginx:1\"
    securityContext: # to do
      privileged: true # oh
      # more to come
    args: []
  - image: 'b'
    command: [sh, -c, \"x, y\"]
    env:
    - name: A
      value: |- # header
        one
        two
    ports: {}
";

#[test]
fn scalars_are_set_in_their_place() {
    check_yaml(POD, &[set("/spec/hostNetwork", "false")], &POD.replace("yes  # why?", "false  # why?"));
    check_yaml(POD, &[set("/spec/hostNetwork", "true")], POD);
    check_yaml(
        POD,
        &[set("/spec/containers/0/image", "\"r/nginx:2\"")],
        &POD.replace("\"nginx:1\"", "\"r/nginx:2\""),
    );
    check_yaml(POD, &[set("/spec/containers/1/image", "\"it's\"")], &POD.replace("'b'", "'it''s'"));
    check_yaml(POD, &[set("/spec/containers/1/command/2", "\"z\"")], &POD.replace("\"x, y\"", "\"z\""));
    check_yaml(POD, &[set("/spec/containers/1/command/0", "\"a, b\"")], &POD.replace("[sh,", "[\"a, b\","));
    check_yaml(
        POD,
        &[set("/spec/containers/1/env/0/value", "\"yes\"")],
        &POD.replace("|- # header\n        one\n        two\n", "\"yes\" # header\n"),
    );
}

#[test]
fn strings_that_look_like_something_else_get_quotes() {
    let cases = [
        ("\"yes\"", "\"yes\""),
        ("\"null\"", "\"null\""),
        ("\"\"", "\"\""),
        ("\"1e3\"", "\"1e3\""),
        ("\"0x1F\"", "\"0x1F\""),
        ("\"1_000\"", "\"1_000\""),
        ("\"~\"", "\"~\""),
        ("\"a: b\"", "\"a: b\""),
        ("\"a #b\"", "\"a #b\""),
        ("\"a#b:c\"", "a#b:c"),
        ("\"- x\"", "\"- x\""),
        ("\" x\"", "\" x\""),
        ("\"x\\ny\"", "\"x\\ny\""),
        ("\"\\u0007\"", "\"\\u0007\""),
        ("\"é\"", "é"),
        ("\"100m\"", "100m"),
        ("\"1.2.3\"", "\"1.2.3\""),
        ("\"say \\\"x\\\": z\"", "'say \"x\": z'"),
        ("\"*\"", "\"*\""),
        ("\".inf\"", "\".inf\""),
        ("\"<<\"", "\"<<\""),
        ("\"x:\"", "\"x:\""),
        ("\"RuntimeDefault\"", "RuntimeDefault"),
        ("1.5", "1.5"),
        ("null", "null"),
        ("1e3", "1e3"),
        ("\"2001-01-01\"", "\"2001-01-01\""),
        ("\"---\"", "\"---\""),
        ("\"\\ufeffx\"", "\"\\ufeffx\""),
        ("{}", "{}"),
        ("[]", "[]"),
    ];
    for (json, printed) in cases {
        check_yaml("a: old # c\nb: 1\n", &[set("/a", json)], &format!("a: {printed} # c\nb: 1\n"));
    }
    check_yaml("a: [b]\n", &[set("/a/1", "\"x?\"")], "a: [b, \"x?\"]\n");
    check_yaml("a: b\n", &[set("/a", "\"x?\"")], "a: x?\n");
}

#[test]
fn missing_fields_are_made_at_the_end_of_their_mapping() {
    check_yaml(
        POD,
        &[set("/spec/containers/0/securityContext/allowPrivilegeEscalation", "false")],
        &POD.replace("true # oh\n", "true # oh\n      allowPrivilegeEscalation: false\n"),
    );
    check_yaml(
        POD,
        &[
            set("/spec/securityContext/seccompProfile/type", "\"RuntimeDefault\""),
            set("/spec/securityContext/runAsNonRoot", "true"),
            set("/metadata/labels/app.kubernetes.io~1name", "\"web\""),
        ],
        &(POD.replace("  name: web\nspec", "  name: web\n  labels:\n    app.kubernetes.io/name: web\nspec")
            + "  securityContext:\n    runAsNonRoot: true\n    seccompProfile:\n      type: RuntimeDefault\n"),
    );
    check_yaml(
        POD,
        &[set(
            "/spec/containers/1/securityContext",
            "{\"capabilities\":{\"drop\":[\"ALL\"]},\"runAsUser\":1}",
        )],
        &(POD.to_owned()
            + "    securityContext:\n      capabilities:\n        drop:\n        - ALL\n      runAsUser: 1\n"),
    );
}

#[test]
fn empty_values_become_collections() {
    check_yaml("a: # c\nb: 1\n", &[set("/a/x", "1")], "a: # c\n  x: 1\nb: 1\n");
    check_yaml("a: null # c\nb: 1", &[set("/a/x/v", "1")], "a: # c\n  x:\n    v: 1\nb: 1");
    check_yaml("a: {} # c\nb: 1\n", &[set("/a/x", "1")], "a: # c\n  x: 1\nb: 1\n");
    check_yaml("b:\n    c: 1\na: ", &[set("/a/x", "[1]")], "b:\n    c: 1\na: \n    x:\n    - 1");
    check_yaml("b:\n  - c: 1\na: []\n", &[set("/a/0/x", "[1]")], "b:\n  - c: 1\na:\n  - x:\n      - 1\n");
    check_yaml("- # c\n- 1\n", &[set("/0/x", "1")], "- x: 1 # c\n- 1\n");
    check_yaml("", &[set("/a/b", "1")], "a:\n  b: 1\n");
    check_yaml("# only\n", &[set("/a", "1")], "# only\na: 1\n");
    check_yaml("---\n# c\n", &[set("/a", "1")], "---\na: 1\n# c\n");
    check_yaml("{}\n", &[set("/a", "{\"b\":[]}")], "a:\n  b: []\n");
}

#[test]
fn sequences_grow_at_their_end() {
    check_yaml(
        POD,
        &[
            set("/spec/containers/1/env/1", "{\"value\":\"1\",\"name\":\"B\"}"),
            set("/spec/containers/1/command/3", "\"w\""),
        ],
        &POD.replace("        two\n", "        two\n    - name: B\n      value: \"1\"\n")
            .replace("\"x, y\"]", "\"x, y\", w]"),
    );
    check_yaml(
        "a:\n- 1 # one\n# end\n",
        &[set("/a/1", "[2, 3]"), set("/a/2", "4")],
        "a:\n- 1 # one\n- - 2\n  - 3\n- 4\n# end\n",
    );
    let error = apply("a: [1]\n", Syntax::Yaml, &[set("/a/2", "1")]).unwrap_err();
    assert_eq!(error, EditError::NoPlace { pointer: at("/a") });
}

#[test]
fn entries_are_removed_with_their_lines() {
    check_yaml(POD, &[remove("/spec/hostNetwork")], &POD.replace("  hostNetwork: yes  # why?\n", ""));
    check_yaml(
        POD,
        &[remove("/spec/containers/0/name")],
        &POD.replace("name: web # main\n    image", "image"),
    );
    check_yaml(POD, &[remove("/apiVersion")], &POD.replace("apiVersion: v1\n", ""));
    check_yaml(POD, &[remove("/spec/containers/1")], &POD[..POD.find("  - image: 'b'").unwrap()]);
    check_yaml(
        POD,
        &[remove("/spec/containers/0/securityContext/privileged")],
        &POD.replace(
            "securityContext: # to do\n      privileged: true # oh\n",
            "securityContext: {} # to do\n",
        ),
    );
    check_yaml(
        POD,
        &[remove("/metadata/name"), remove("/metadata/none")],
        &POD.replace("metadata:\n  name: web\n", "metadata: {}\n"),
    );
    check_yaml("- a: 1\n  # on b\n  b: 2\n", &[remove("/0/a")], "-\n  # on b\n  b: 2\n");
    check_yaml("- a: 1\n- b: 2\n", &[remove("/0/a")], "- {}\n- b: 2\n");
    check_yaml("a: 1\nb: 2", &[remove("/b")], "a: 1");
    check_yaml("a: 1\na: 2\nb: 3\n", &[remove("/a")], "b: 3\n");
    check_yaml(
        "a: {x: 1, y: 2, z: 3}\nb: [1, 2]\n",
        &[remove("/a/x"), remove("/a/z"), remove("/b/1")],
        "a: {y: 2}\nb: [1]\n",
    );
    check_yaml("a: [1]\n", &[remove("/a/0")], "a: []\n");
    check_yaml("a:\n- 1\n- 2\nb: 1\n", &[remove("/a/0"), remove("/a/1"), set("/b", "2")], "a: []\nb: 2\n");
}

#[test]
fn collections_are_replaced() {
    check_yaml("a: # c\n  b: 1\nd: 2\n", &[set("/a", "5")], "a: 5 # c\nd: 2\n");
    check_yaml("a:\n  b: 1\nd: 2\n", &[set("/a", "[1,{\"x\":2}]")], "a:\n- 1\n- x: 2\nd: 2\n");
    check_yaml("a:\n- b\nd: 2\n", &[set("/a", "{\"x\":{\"v\":2}}")], "a:\n  x:\n    v: 2\nd: 2\n");
    check_yaml("- a: 1\n  b: 2\n- 3\n", &[set("/0", "4")], "- 4\n- 3\n");
    check_yaml(
        "- a: 1\n  b: 2\n- 3\n",
        &[set("/0", "{\"c\":[1]}"), set("/1", "{\"d\":1,\"e\":2}")],
        "- c:\n  - 1\n- d: 1\n  e: 2\n",
    );
    check_yaml("a: {b: 1}\n", &[set("/a/b", "{\"c\":[1,\"x\"]}")], "a: {b: {c: [1, x]}}\n");
    check_yaml("a: &x # c\n  b: 1\nd: 2\n", &[set("/a", "5")], "a: 5 # c\nd: 2\n");
    check_yaml("a: !!str 5 # c\n", &[set("/a", "6")], "a: 6 # c\n");
}

#[test]
fn several_edits_at_once() {
    check_yaml(
        "a:\n  b:\n    c: 1\n    d: 2\nz: 0\n",
        &[remove("/a/b/d"), set("/a/b/e", "3"), set("/a/f", "4"), set("/g", "5"), set("/z", "1")],
        "a:\n  b:\n    c: 1\n    e: 3\n  f: 4\nz: 1\ng: 5\n",
    );
    let conflicts = [
        vec![set("/a", "1"), set("/a", "2")],
        vec![set("/a", "1"), remove("/a")],
        vec![set("/a/b", "1"), set("/a", "{}")],
    ];
    for edits in conflicts {
        let error = apply("a: {}\n", Syntax::Yaml, &edits).unwrap_err();
        assert_eq!(error, EditError::Conflict { pointer: at("/a") });
    }
    let error = apply("a: 1\n", Syntax::Yaml, &[set("/a/b", "1")]).unwrap_err();
    assert_eq!(error, EditError::NoPlace { pointer: at("/a") });
    assert_eq!(
        apply("a: 1\n", Syntax::Yaml, &[Edit::Remove(pointer![])]).unwrap_err(),
        EditError::NoPlace { pointer: pointer![] }
    );
}

#[test]
fn what_is_shared_is_not_touched() {
    let text =
        "base: &b # c\n  x: 1\n  in: {deep: 2}\nuse: *b\nmerged:\n  <<: *b\n  own: 3\nplain: &alone {x: 1}\n";
    for pointer in [
        "/base",
        "/base/x",
        "/base/new",
        "/base/in/deep",
        "/use/x",
        "/use/new",
        "/merged/x",
        "/merged/in/deep",
    ] {
        match apply(text, Syntax::Yaml, &[set(pointer, "9")]) {
            Err(EditError::Shared { anchor, places, .. }) => {
                assert_eq!((anchor.as_deref(), places.len()), (Some("b"), 3), "{pointer}");
            }
            other => panic!("{pointer}: {other:?}"),
        }
    }
    for pointer in ["/base", "/base/x", "/use/x", "/merged/x"] {
        let error = apply(text, Syntax::Yaml, &[remove(pointer)]).unwrap_err();
        assert!(matches!(error, EditError::Shared { .. }), "{pointer}: {error}");
    }
    check_yaml(text, &[set("/use", "1")], &text.replace("use: *b", "use: 1"));
    check_yaml(text, &[remove("/use")], &text.replace("use: *b\n", ""));
    check_yaml(text, &[set("/merged/own", "4")], &text.replace("own: 3", "own: 4"));
    check_yaml(text, &[set("/merged/new", "4")], &text.replace("own: 3", "own: 3\n  new: 4"));
    check_yaml(text, &[set("/plain/x", "4")], &text.replace("{x: 1}", "{x: 4}"));
}

#[test]
fn line_breaks_stay_as_they_are() {
    check_yaml(
        "a: 1\r\nb:\r\n  c: 2\r\n",
        &[set("/b/d", "3"), set("/e/f", "4")],
        "a: 1\r\nb:\r\n  c: 2\r\n  d: 3\r\ne:\r\n  f: 4\r\n",
    );
    check_yaml("a: 1\r\nb: 2\r\n", &[remove("/a")], "b: 2\r\n");
    check_yaml("a: |\r\n  x\r\nb: 2\r\n", &[set("/a", "1")], "a: 1\r\nb: 2\r\n");
}

#[test]
fn json_keeps_its_layout() {
    let pretty = "{\n  \"a\": 1,\n  \"b\": {\n    \"c\": []\n  }\n}\n";
    let cases = [
        (
            pretty,
            vec![set("/b/d", "{\"x\":[1]}")],
            "{\n  \"a\": 1,\n  \"b\": {\n    \"c\": [],\n    \"d\": {\n      \"x\": [\n        1\n      ]\n    }\n  }\n}\n",
        ),
        (
            pretty,
            vec![set("/b/c/0", "\"<é>\"")],
            "{\n  \"a\": 1,\n  \"b\": {\n    \"c\": [\n      \"<é>\"\n    ]\n  }\n}\n",
        ),
        (pretty, vec![remove("/b")], "{\n  \"a\": 1\n}\n"),
        (pretty, vec![remove("/a"), remove("/b/c")], "{\n  \"b\": {}\n}\n"),
        (
            "{\"a\":1,\"b\":[1,2]}",
            vec![set("/c/d", "[1]"), set("/b/2", "3")],
            "{\"a\":1,\"b\":[1,2,3],\"c\":{\"d\":[1]}}",
        ),
        (
            "{\"a\": 1, \"b\": []}",
            vec![set("/c", "{\"d\":1,\"e\":2}")],
            "{\"a\": 1, \"b\": [], \"c\": {\"d\": 1, \"e\": 2}}",
        ),
        (
            "{\r\n\t\"a\": 1\r\n}",
            vec![set("/b/c", "1")],
            "{\r\n\t\"a\": 1,\r\n\t\"b\": {\r\n\t\t\"c\": 1\r\n\t}\r\n}",
        ),
    ];
    for (text, edits, expected) in cases {
        assert_eq!(apply(text, Syntax::Json, &edits).unwrap().text, expected, "{text}");
    }
}

#[test]
fn deep_and_wide_documents_are_edited() {
    let depth = 9_000;
    let deep: Pointer = (0..depth).map(|_| Step::Index(0)).collect();
    for syntax in [Syntax::Yaml, Syntax::Json] {
        let text = "[".repeat(depth) + "1" + &"]".repeat(depth);
        let edited = apply(&text, syntax, &[Edit::Set(deep.clone(), Value::from(2))]).unwrap();
        assert_eq!(edited.text, text.replace('1', "2"));
    }
    let text: String =
        (0..20_000).flat_map(|number| ["k".to_owned(), number.to_string(), ": 1 # c\n".to_owned()]).collect();
    let edits: Vec<Edit> = (0..20_000).map(|number| set(&format!("/k{number}"), "2")).collect();
    assert_eq!(apply(&text, Syntax::Yaml, &edits).unwrap().text, text.replace(": 1", ": 2"));
}

#[test]
fn a_change_in_a_long_list_takes_no_copy_of_the_list() {
    let count = 3_000;
    let item = "- {a: 1}\n";
    for (text, syntax) in [
        (item.repeat(count), Syntax::Yaml),
        (format!("[{}]", vec!["{\"a\": 1}"; count].join(", ")), Syntax::Json),
    ] {
        let index = Index::read(&text, syntax).unwrap();
        let old = read_document(text.as_bytes(), syntax, &Limits::default()).unwrap().value;
        for number in 0..count {
            let edits = [set(&format!("/{number}/a"), "2"), set(&format!("/{number}/b"), "3")];
            let found = patches(&index, syntax, &old, &edits).unwrap();
            assert_eq!(found.len(), 2, "{found:?}");
        }
    }
}

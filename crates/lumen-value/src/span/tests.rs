//! Where values stand, in texts as people write them.
#![expect(clippy::string_slice, reason = "a test that slices wrongly fails, as it should")]

use proptest::prelude::*;

use super::*;
use crate::read::{DEPTH_MAX, Limits, read_document};
use crate::yaml::{Event, trace};
use crate::{Step, pointer};

fn yaml(text: &str) -> Index {
    Index::read(text, Syntax::Yaml).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A pointer from its text; what looks like a number is an index.
fn at(text: &str) -> Pointer {
    text.split('/')
        .skip(1)
        .map(|step| {
            step.parse::<usize>().map_or_else(|_| Step::from(step.replace("~1", "/").as_str()), Step::from)
        })
        .collect()
}

const POD: &str = "\
---
# head
apiVersion: v1   # version
\"kind\": 'Pod'
metadata:
  labels: {a: b, \"c\":d, e: , f: [1, 2,]}  # labels
  # own
spec: &anc
  containers: # list
  # one
  - name: x # name
    args:
      - \"a\\
        b\"
      - plain
        multi
    env:
    - - nested
      -
    -
      # deep
      k: |+
        lit

         more

    # after
    z: >-2
        fol
       ded
  empty:
  # trailing
# last
other: *anc
m:
  ? complex
  : val
  t: !!str 5
  x: !t &q
    foo: bar
yes: 1
0x10: 2
...
junk: [
";

#[test]
fn spans_are_exact() {
    let index = yaml(POD);
    let cases = [
        ("/apiVersion", "v1", "apiVersion: v1", Style::Plain),
        ("/kind", "'Pod'", "\"kind\": 'Pod'", Style::SingleQuoted),
        (
            "/metadata/labels",
            "{a: b, \"c\":d, e: , f: [1, 2,]}",
            "labels: {a: b, \"c\":d, e: , f: [1, 2,]}",
            Style::FlowMapping,
        ),
        ("/metadata/labels/c", "d", "\"c\":d", Style::Plain),
        ("/metadata/labels/e", "", "e:", Style::Empty),
        ("/metadata/labels/f", "[1, 2,]", "f: [1, 2,]", Style::FlowSequence),
        ("/metadata/labels/f/1", "2", "2", Style::Plain),
        ("/spec/containers/0/name", "x", "name: x", Style::Plain),
        ("/spec/containers/0/args/0", "\"a\\\n        b\"", "\"a\\\n        b\"", Style::DoubleQuoted),
        ("/spec/containers/0/args/1", "plain\n        multi", "plain\n        multi", Style::Plain),
        ("/spec/containers/0/env/0", "- nested\n      -", "- nested\n      -", Style::BlockSequence),
        ("/spec/containers/0/env/0/1", "", "", Style::Empty),
        (
            "/spec/containers/0/env/1/k",
            "|+\n        lit\n\n         more\n",
            "k: |+\n        lit\n\n         more\n",
            Style::Literal,
        ),
        (
            "/spec/containers/0/z",
            ">-2\n        fol\n       ded",
            "z: >-2\n        fol\n       ded",
            Style::Folded,
        ),
        ("/spec/empty", "", "empty:", Style::Empty),
        ("/other", "*anc", "other: *anc", Style::Alias),
        ("/m/complex", "val", "complex\n  : val", Style::Plain),
        ("/m/t", "5", "t: !!str 5", Style::Plain),
        ("/m/x", "foo: bar", "x: !t &q\n    foo: bar", Style::BlockMapping),
        ("/true", "1", "yes: 1", Style::Plain),
        ("/16", "2", "0x10: 2", Style::Plain),
    ];
    for (pointer, value, entry, style) in cases {
        let pointer = if pointer == "/16" { pointer!["16"] } else { at(pointer) };
        let found = index.locate(&pointer);
        assert!(found.exact, "{pointer}");
        assert_eq!(&POD[found.value], value, "{pointer}");
        assert_eq!(&POD[found.entry], entry, "{pointer}");
        assert_eq!(found.style, style, "{pointer}");
    }
    let spec = index.locate(&at("/spec"));
    assert!(POD[spec.value.clone()].starts_with("containers:") && POD[spec.value].ends_with("empty:"));
}

#[test]
fn what_is_missing_gives_what_would_hold_it() {
    let index = yaml(POD);
    let found = index.locate(&at("/spec/containers/0/securityContext/privileged"));
    assert!(!found.exact && found.depth == 3);
    assert!(POD[found.value].starts_with("name: x # name"));
    assert_eq!(index.locate(&at("/spec/containers/7")).depth, 2);
}

#[test]
fn aliases_and_merge_keys_say_where_values_really_stand() {
    let text = "base: &b {x: 1, v: 2}\nmore: &m {v: 3, z: 4}\nuse: *b\nall:\n  v: 0\n  <<: [*b, *m]\n  z: 9\nlate: {v: 5, <<: *m, <<: *b}\n";
    let index = yaml(text);
    let cases = [
        ("/use", "*b", "alias *b"),
        ("/use/x", "1", "alias *b"),
        ("/all/x", "1", "merge <<: [*b, *m]"),
        ("/all/v", "2", "merge <<: [*b, *m]"),
        ("/all/z", "9", "own"),
        ("/late/v", "2", "merge <<: *b"),
        ("/late/z", "4", "merge <<: *m"),
    ];
    for (pointer, value, way) in cases {
        let found = index.locate(&at(pointer));
        assert_eq!((found.exact, &text[found.value]), (true, value), "{pointer}");
        let via = match found.via {
            Via::Own => "own".to_owned(),
            Via::Alias { at, .. } => format!("alias {}", &text[at]),
            Via::Merge { at, .. } => format!("merge {}", &text[at]),
        };
        assert_eq!(via, way, "{pointer}");
    }
    let shared = index.locate(&at("/base/x")).shared.unwrap();
    assert_eq!((shared.anchor.as_str(), shared.places.len(), &text[shared.at]), ("b", 3, "&b"));
    assert_eq!(index.locate(&at("/all/z")).shared, None);
}

#[test]
fn of_a_key_that_stands_twice_the_last_counts() {
    let text = "a: 1\nb: 2\na: 3\n";
    assert_eq!(&text[yaml(text).locate(&at("/a")).entry], "a: 3");
}

#[test]
fn comments_belong_to_what_they_stand_by() {
    let index = yaml(POD);
    let found: Vec<_> = index
        .comments()
        .iter()
        .map(|comment| (comment.text.trim(), index.owner(comment).map(|owner| owner.to_string())))
        .collect();
    let owner = |text: &str| Some(text.to_owned());
    assert_eq!(
        found,
        [
            ("head", owner("/apiVersion")),
            ("version", owner("/apiVersion")),
            ("labels", owner("/metadata/labels")),
            ("own", None),
            ("list", owner("/spec/containers")),
            ("one", owner("/spec/containers/0")),
            ("name", owner("/spec/containers/0/name")),
            ("deep", owner("/spec/containers/0/env/1/k")),
            ("after", owner("/spec/containers/0/z")),
            ("trailing", None),
            ("last", owner("/other")),
        ]
    );
}

#[test]
fn comments_in_flow_style_and_at_item_columns() {
    let text = "a: {x: 1, # on a\n  v: [1,\n   2]} # on v\nl:\n  # dash\n- b: 1\n-\n  # key\n  c: 2 # c\n- k: | # header\n    t\n";
    let index = yaml(text);
    let owners: Vec<_> = index
        .comments()
        .iter()
        .map(|it| index.owner(it).map(|it| it.to_string()).unwrap_or_default())
        .collect();
    assert_eq!(owners, ["/a", "/a/v/1", "/l/0/b", "/l/1/c", "/l/1/c", "/l/2/k"]);
}

#[test]
fn json_is_read_with_its_escapes() {
    let text = " {\"a\\u00e9\": [1, {\"b\" : \"x\\ny\"}, []], \"d\":null}\n";
    let index = Index::read(text, Syntax::Json).unwrap();
    assert_eq!(&text[index.locate(&pointer!["aé", 1, "b"]).entry], "\"b\" : \"x\\ny\"");
    assert_eq!(&text[index.locate(&pointer!["aé", 2]).value], "[]");
    assert_eq!(&text[index.locate(&pointer![]).value], text.trim());
    let map = index.scalar_map(&pointer!["aé", 1, "b"]).unwrap();
    assert_eq!((map.value(), &text[map.byte_at(2, 1)..][..1]), ("x\ny", "y"));
    for broken in ["", "{", "[1,]", "{\"a\" 1}", "01", "1 2", "\"\\x\"", "\"a\nb\"", "nul"] {
        assert!(Index::read(broken, Syntax::Json).is_err(), "{broken}");
    }
}

#[test]
fn deep_nesting_costs_no_stack() {
    let depth = 10_000;
    let text = "[".repeat(depth) + &"]".repeat(depth);
    let pointer: Pointer = (1..depth).map(|_| Step::Index(0)).collect();
    for syntax in [Syntax::Json, Syntax::Yaml] {
        let index = Index::read(&text, syntax).unwrap();
        assert!(index.locate(&pointer).exact);
        let deeper = Index::read(&format!("[{text}]"), syntax).unwrap_err();
        assert_eq!(deeper.kind, crate::read::ReadErrorKind::TooDeep);
    }
    let dashes = "- ".repeat(depth) + "x";
    assert_eq!(yaml(&dashes).locate(&pointer.child(0)).value, dashes.len() - 1..dashes.len());
}

/// The scalars that the reader's events give, in their order, are what the maps of the index give.
fn scalars_agree(text: &str) -> Result<(), TestCaseError> {
    let Ok(index) = Index::read(text, Syntax::Yaml) else {
        // What the reader takes has its places.
        prop_assert!(read_document(text.as_bytes(), Syntax::Yaml, &Limits::default()).is_err(), "{:?}", text);
        return Ok(());
    };
    let mut values = Vec::new();
    trace(&index.text, DEPTH_MAX, |event, _, _| {
        if let Event::Scalar(scalar) = event {
            values.push(scalar.text.into_owned());
        }
    })
    .unwrap();
    let scalars = index.tree.nodes.iter().filter_map(|node| match node.children {
        Children::Scalar(block) => {
            let map = scalar::map(&index.text, &node.range, node.style, block, Syntax::Yaml).unwrap();
            Some((node.range.clone(), map.value().to_owned()))
        }
        _ => None,
    });
    let scalars: Vec<_> = scalars.collect();
    prop_assert!(values.is_empty() || values.len() == scalars.len());
    for ((range, found), value) in scalars.into_iter().zip(values) {
        prop_assert_eq!(found, value, "{:?} of {:?}", text.get(range), text);
    }
    Ok(())
}

#[test]
fn maps_say_what_the_reader_says() {
    let texts = [
        "a: |\n  x\n\n   y\n  z\n",
        "a: |2-\n   x\n\n  y\n\n\nb: 1",
        "a: >\n  x\n  y\n\n  z\n   m\n  n\n\n\n   o\n\n  p\n",
        "a: >+\n  x\n\n\nb: |+\n\n\n",
        "a: >\n\n\n  x\n   \n  y",
        "a: |\r\n  x\r\n\r\n  y\r\nb: >-\r\n  p\r\n  q\r\n",
        "a: 'it''s\n  folded\n\n  twice  '\nb: \" a \\\n   \\ b\\n\n\n  c \\\n\n  \\x41\\u00e9\\U0001F600\"\nc: plain\n  and\n\n\n  more words\n",
        "- \"\\\"\"\n- ''\n- \"\"\n- ''''\n",
        "- |\n x\n   \n- >\n a\n\tb\n c\n",
        "a:\n  k: >1\n    \n  l: |2-\n     x",
        "a: |+\n\nb: |+",
        "--- |+\na",
        "...\n|+\na",
        "k: |+\na: 1",
        "- \"a\\\u{2028}  b \u{85} c\u{2028}\u{85}d\"\n- 'x\u{2029}y'\n- p\r q\r\rr\r\r\n s\n- >\r\n  a\r\r\n  b\u{2028}  c\u{85}  d\n",
        "\u{feff}- |1\n   a\u{85}  b\n",
    ];
    for text in texts {
        scalars_agree(text).unwrap();
    }
}

#[test]
fn many_comments_are_soon_read() {
    // Squares of this would take far longer than the test gives them, and what grows with the text seconds.
    let lines = 200_000;
    for text in [
        "# c\n".repeat(lines) + "[a, " + &"x, ".repeat(lines) + "]\n",
        "a: [\n".to_owned() + &"x, y\n, # c\n# d\n".repeat(lines) + "]\n",
        "- x # c\n".repeat(lines),
        "- |\n x\n\n- # c\n".repeat(lines),
    ] {
        let start = std::time::Instant::now();
        assert!(yaml(&text).comments().len() >= lines);
        assert!(start.elapsed() < std::time::Duration::from_mins(4), "took {:?}", start.elapsed());
    }
}

#[test]
fn maps_point_at_the_character() {
    let text = "rego: |-\n  # é\n  deny if x\n\n    y\nq: \"a\\tb\\\n    c\"\nf: >\n  one\n  two\n";
    let index = yaml(text);
    let rego = index.scalar_map(&at("/rego")).unwrap();
    let cases = [(1, 1, "#"), (1, 3, "é"), (1, 4, "\n"), (2, 6, "if"), (4, 3, "y\nq"), (9, 9, "\nq:")];
    for (row, column, text_there) in cases {
        assert!(text[rego.byte_at(row, column)..].starts_with(text_there), "{row}:{column}");
    }
    let quoted = index.scalar_map(&at("/q")).unwrap();
    assert_eq!(quoted.value(), "a\tbc");
    assert!(text[quoted.byte_of(1)..].starts_with("\\tb") && text[quoted.byte_of(3)..].starts_with("c\""));
    let folded = index.scalar_map(&at("/f")).unwrap();
    assert!(text[folded.byte_at(1, 5)..].starts_with("two"));
    assert_eq!(index.scalar_map(&at("/none")), None);
}

/// Text that is likely to mean something to a reader of YAML.
fn yaml_like() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "b: ",
        "- ",
        "? ",
        ": ",
        "\n",
        "\n  ",
        "\n    ",
        "\r\n",
        " ",
        "# c",
        "|",
        ">",
        "|+\n",
        ">-\n",
        "|2\n",
        "'",
        "\"",
        "\\",
        "{",
        "}",
        "[",
        "]",
        ", ",
        "&x ",
        "*x",
        "<<: ",
        "!t ",
        "!!str ",
        "---\n",
        "...\n",
        "~",
        "\t",
        "é",
        "\u{feff}",
        "\r",
        "\r\r\n",
        "\u{85}",
        "\u{2028}",
        "%TAG ! x\n",
        "word more",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_fail(text in prop_oneof![any::<String>(), yaml_like(), "[-{}\\[\\]\",:0-9a-e\\\\ntrulse ]{0,40}"]) {
        for syntax in [Syntax::Yaml, Syntax::Json] {
            let Ok(index) = Index::read(&text, syntax) else { continue };
            prop_assert!(index.text().len() == text.len());
            for id in 0..index.tree.nodes.len() {
                let node = &index.tree.nodes[id];
                prop_assert!(text.get(node.range.clone()).is_some() && text.get(node.full.clone()).is_some(), "{:?}", node);
                prop_assert!(node.lead <= node.range.start.max(node.full.start), "{:?}", node);
            }
            for comment in index.comments() {
                index.owner(comment);
                prop_assert!(text[comment.range.clone()].starts_with('#'));
            }
        }
        scalars_agree(&text)?;
    }
}

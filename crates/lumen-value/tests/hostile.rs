//! Inputs that want to harm: each is read, or refused, soon, within bounds and without a panic.

#![allow(clippy::unwrap_used, reason = "test code")]

use std::collections::hash_map::DefaultHasher;
use std::fmt::Write;
use std::hash::{Hash, Hasher};
use std::thread;
use std::time::{Duration, Instant};

use lumen_value::read::{DEPTH_MAX, Limits, ReadErrorKind, Reading, read};
use lumen_value::{Value, json, yaml};

/// When to give up on an input, as no measure of speed: where time grows with the input's length alone it is over in
/// seconds, unoptimized and on a busy machine; squares of the lengths used here would take hours.
const TIME_MAX: Duration = Duration::from_mins(4);

/// A stack on which no recursion over the input's depth would end well.
const STACK_BYTES: usize = 256 << 10;

/// Reads on a small stack, and checks the time and that errors point into the input.
fn read_soon(input: Vec<u8>) -> Reading {
    on_small_stack(move || {
        let start = Instant::now();
        let reading = read(&input, &Limits::default());
        assert!(start.elapsed() < TIME_MAX, "took {:?}", start.elapsed());
        for error in &reading.errors {
            assert!(error.at <= input.len(), "{error:?} is in the input");
        }
        for document in &reading.documents {
            assert!(input.get(document.range.clone()).is_some());
        }
        reading
    })
}

fn on_small_stack<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = thread::Builder::new().stack_size(STACK_BYTES).spawn(run);
    thread.unwrap().join().unwrap()
}

fn first_kind(reading: &Reading) -> Option<ReadErrorKind> {
    reading.errors.first().map(|error| error.kind)
}

#[test]
fn depth_is_bounded_in_every_notation() {
    let deep = |depth: usize| -> Vec<(&str, String)> {
        let mut blocks = String::new();
        for level in 0..depth {
            blocks.push_str(&" ".repeat(level));
            blocks.push_str("a:\n");
        }
        vec![
            ("flow lists", "[".repeat(depth) + &"]".repeat(depth)),
            ("flow mappings", "x: ".to_owned() + &"{a: ".repeat(depth - 1) + &"}".repeat(depth - 1)),
            ("JSON", "{\"a\":".repeat(depth) + "1" + &"}".repeat(depth)),
            ("block lists", "- ".repeat(depth) + "x"),
            ("block mappings", blocks),
        ]
    };
    for (name, text) in deep(DEPTH_MAX) {
        let reading = read_soon(text.into_bytes());
        assert_eq!(reading.errors, [], "{name}");
        assert_eq!(reading.documents.len(), 1, "{name}");
    }
    for (name, text) in deep(DEPTH_MAX + 1) {
        let reading = read_soon(text.into_bytes());
        assert!(reading.documents.is_empty(), "{name}");
        assert_eq!(first_kind(&reading), Some(ReadErrorKind::TooDeep), "{name}");
    }
}

#[test]
fn ten_million_openings_are_refused_soon() {
    for opening in ["[", "{", "- ", "? ", "{\"a\":", "[{", "a: ["] {
        let reading = read_soon(opening.repeat(10_000_000).into_bytes());
        assert!(reading.documents.is_empty(), "{opening}");
        assert_eq!(reading.errors.len(), 1, "{opening}");
    }
}

#[test]
fn long_inputs_take_time_in_proportion() {
    let repeated = |text: &str| text.repeat((1 << 17) / text.len()).into_bytes();
    for text in [
        "]",
        "}",
        ",",
        "\"",
        "'",
        "&a ",
        "*a ",
        "!x ",
        "%",
        "|\n",
        "a",
        "é",
        "a: b\n",
        "a: b",
        "- a\n",
        "{}{}",
        "[é,",
        "# c\n",
        "\n",
        "\r",
        "\r\n",
        " ",
        "\t",
        "---\n",
        "--- x\n",
        "...\n",
        "{\"a\":1}\n",
        "x: &a b\n",
        "- *a\n",
        "\u{85}",
        "%TAG !a! b\n",
        "\"\\\n",
        "'\n",
        "a:\n",
        ": ",
        "?\n",
        "a: >\n\n",
        "{a: b, a: b}\n---\n",
        "\u{2028}",
        "\0",
        "[]: ",
    ] {
        read_soon(repeated(text));
        read_soon([&b"x: ["[..], &repeated(text)].concat());
        read_soon([&b"x: \""[..], &repeated(text)].concat());
        read_soon([&b"x: |\n "[..], &repeated(text)].concat());
        read_soon([&b"{"[..], &repeated(text)].concat());
    }
}

#[test]
fn many_tag_directives_are_refused() {
    let mut directives = String::new();
    for number in 0..100_000 {
        writeln!(directives, "%TAG !t{number}! x").unwrap();
    }
    let reading = read_soon(directives.into_bytes());
    assert_eq!(first_kind(&reading), Some(ReadErrorKind::Syntax));
}

#[test]
fn alias_bombs_are_refused_and_take_no_memory() {
    let mut bomb = "a0: &a0 [x]\n".to_owned();
    for level in 1..60 {
        writeln!(bomb, "a{level}: &a{level} [*a{0}, *a{0}, *a{0}]", level - 1).unwrap();
    }
    assert_eq!(first_kind(&read_soon(bomb.into_bytes())), Some(ReadErrorKind::TooManyAliases));

    let mut merges = "m0: &m0 {k: v}\n".to_owned();
    for level in 1..60 {
        writeln!(merges, "m{level}: &m{level} {{<<: [*m{0}, *m{0}, *m{0}]}}", level - 1).unwrap();
    }
    assert_eq!(first_kind(&read_soon(merges.into_bytes())), Some(ReadErrorKind::TooManyAliases));

    // Few steps, much text: 1 MiB, a thousand times.
    let text = format!("a: &a {}\nb:\n{}", "x".repeat(1 << 20), "- *a\n".repeat(1000));
    assert_eq!(first_kind(&read_soon(text.into_bytes())), Some(ReadErrorKind::TooManyAliases));
}

#[test]
fn an_alias_cannot_stand_in_what_it_names() {
    for text in ["&a [*a]", "&a {b: *a}", "&a {<<: *a}", "a: &a\n  b: [*a]\n"] {
        assert_eq!(first_kind(&read_soon(text.into())), Some(ReadErrorKind::Syntax), "{text}");
    }
}

#[test]
fn bytes_that_are_no_text_are_errors_of_encoding() {
    let inputs: [&[u8]; 7] = [
        b"a: \0\n",
        b"a: \xff\n",
        b"a: \xc3\n",
        b"\x7fELF\x02\x01\x01\0\0\0",
        b"a: \xed\xa0\x80\n",
        b"\xff\xfea\0:\0 \0\x00\xd8\n\0",
        b"\xfe\xff\0a\0:\0 ",
    ];
    for input in inputs {
        let reading = read_soon(input.to_vec());
        assert_eq!(first_kind(&reading), Some(ReadErrorKind::Encoding), "{input:?}");
    }
    let zeros = read_soon(vec![0; 1 << 20]);
    assert_eq!(first_kind(&zeros), Some(ReadErrorKind::Encoding));
}

#[test]
fn every_cut_of_a_manifest_is_read_or_refused() {
    let manifest = "%YAML 1.1\n---\na: &x [1, 'b', \"c\\u00e9\"]\nb: {<<: {y: *x}, ? k : |2-\n   t}\n--- # é\n{\"j\": [1.5e3]}\n";
    let json = "{\"a\": [1, -2.5e+3, true, null, \"\\ud83d\\ude00\\n\"], \"é\": {}} {\"b\": 2}";
    for text in [manifest, json] {
        for end in 0..=text.len() {
            read(&text.as_bytes()[..end], &Limits::default());
        }
    }
}

#[test]
fn an_input_over_the_bounds_is_refused() {
    let limits = Limits { input_bytes_max: 10, documents_max: 2, ..Limits::default() };
    let reading = read(b"a: 1234567\n", &limits);
    assert!(reading.documents.is_empty());
    assert_eq!(first_kind(&reading), Some(ReadErrorKind::TooLarge));
    for text in ["a\n---\nb\n", "{}{}[]"] {
        let reading = read(text.as_bytes(), &limits);
        assert_eq!((reading.documents.len(), reading.errors.len()), (2, usize::from(text == "{}{}[]")));
    }
    let reading = read(b"1\n---\n2\n---\n3\n---\n4", &Limits { input_bytes_max: 99, ..limits });
    assert_eq!(reading.documents.len(), 2);
    assert_eq!(first_kind(&reading), Some(ReadErrorKind::TooManyDocuments));
    assert!(yaml::parse(b"{", &limits).is_err() && json::parse(b"{", &limits).is_err());
}

#[test]
fn a_million_levels_are_dropped_compared_hashed_and_printed() {
    const LEVELS: usize = 1_000_000;
    let nest = |wrap: fn(Value) -> Value| (0..LEVELS).fold(Value::Null, |inner, _| wrap(inner));
    let wraps: [fn(Value) -> Value; 4] = [
        |inner| vec![inner].into(),
        |inner| [("a", inner)].into(),
        |inner| Value::Set([inner].into_iter().collect()),
        |inner| Value::Object([(inner, Value::Null)].into_iter().collect()),
    ];
    on_small_stack(move || {
        for (index, wrap) in wraps.into_iter().enumerate() {
            let (one, other) = (nest(wrap), nest(wrap));
            assert!(one == other && one >= other);
            let hash = |value: &Value| {
                let mut hasher = DefaultHasher::new();
                value.hash(&mut hasher);
                hasher.finish()
            };
            assert_eq!(hash(&one), hash(&other));
            let text = one.to_json();
            if index < 3 {
                assert!(text.len() > LEVELS);
            } else {
                assert!(text.contains('…'), "keys in keys end at some depth");
            }
            drop((one, other));
        }
    });
}

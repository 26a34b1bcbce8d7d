use super::*;
use crate::pointer;
use crate::read::Syntax;
use crate::span::Index;

fn read(text: &str) -> Result<String, String> {
    parse(text.as_bytes(), &Limits::default())
        .map(|parsed| parsed.value.to_json())
        .map_err(|error| error.message)
}

/// Texts, and what `BurntSushi/toml` and OPA make of them.
const VALUES: &[(&str, &str)] = &[
    ("", "{}"),
    ("a=+1\nb=0x1F\nc=0o17\nd=0b11\ne=1_000", r#"{"a":1,"b":31,"c":15,"d":3,"e":1000}"#),
    ("a=-9223372036854775808", r#"{"a":-9223372036854775808}"#),
    ("a=[1.0, 1.5e-7, 0.0001, 1e21, 100000.5]", r#"{"a":[1,1.5e-7,0.0001,1e+21,100000.5]}"#),
    ("a=1979-05-27T07:32:00Z", r#"{"a":"1979-05-27T07:32:00Z"}"#),
    ("a=1979-05-27 00:32:00.9900-07:00", r#"{"a":"1979-05-27T00:32:00.99-07:00"}"#),
    ("a=1979-05-27t07:32:00+00:00", r#"{"a":"1979-05-27T07:32:00Z"}"#),
    ("a=1979-05-27T07:32", r#"{"a":"1979-05-27T07:32:00Z"}"#),
    ("a=1979-05-27", r#"{"a":"1979-05-27T00:00:00Z"}"#),
    ("a=00:32:00.999999999999", r#"{"a":"0000-01-01T00:32:00.999999999Z"}"#),
    ("a='''\nx\ny'''\nb=\"\"\"\nx \\\n  y\"\"\"", r#"{"a":"x\ny","b":"x y"}"#),
    (r#"a="\e\x41\u00e9\U0001F600""#, r#"{"a":"\u001bAé😀"}"#),
    ("\u{feff}a=1\r\nb=true # c\r\n", r#"{"a":1,"b":true}"#),
    ("\"\"=1", r#"{"":1}"#),
    ("1.2.3=1", r#"{"1":{"2":{"3":1}}}"#),
    ("a={b.c=1,b.d=2}", r#"{"a":{"b":{"c":1,"d":2}}}"#),
    ("a={b=1,\n c=[1,\n[\"x\"],],\n}", r#"{"a":{"b":1,"c":[1,["x"]]}}"#),
    ("a={b=1}\n[a.c]\nd=1", r#"{"a":{"b":1,"c":{"d":1}}}"#),
    ("a.b=1\n[a]\nc=1", r#"{"a":{"b":1,"c":1}}"#),
    ("[a.b.c]\nz=9\n[a]\nb.c.t=1", r#"{"a":{"b":{"c":{"t":1,"z":9}}}}"#),
    ("[a.b]\n[a]\n", r#"{"a":{"b":{}}}"#),
    ("[[a.b]]\nx=1\n[a]\nb.y=2", r#"{"a":{"b":[{"x":1,"y":2}]}}"#),
    ("[[a]]\nb=1\n[[a]]\nc=1\n[a.d]\ne=1", r#"{"a":[{"b":1},{"c":1,"d":{"e":1}}]}"#),
    ("[[a]]\n[[a.b]]\nc=1\n[[a.b]]\n[[a]]\n[[a.b]]\ne=1", r#"{"a":[{"b":[{"c":1},{}]},{"b":[{"e":1}]}]}"#),
];

/// Texts that upstream refuses, and those that are refused here alone.
const ERRORS: &[&str] = &[
    "a=9223372036854775808",
    "a=1e400",
    "a=inf",
    "a=-nan",
    "a=1979-02-29",
    "a=1979-05-27T24:00:00Z",
    "a=1979-05-27T23:59:60Z",
    "a=1979-05-27T07:32:00.Z",
    "a=1979-05-27T07:32:00+24:00",
    "a=1\na=2",
    "[a]\n[a]",
    "[[a]]\n[a]",
    "[a]\n[[a]]",
    "a=[{b=1}]\n[[a]]\nc=1",
    "a={b=1}\n[a]",
    "a.b=1\n[[a]]",
    "[a]\nb=1\n[a.b]\nc=1",
    "a.b=1\na.b.c=2",
    "a={b=1,b=2}",
    "[a]\nb=[1]\nb.c=1",
    "a=\"\\uD800\"",
    "a=\"\u{0}\"",
    "a=1\rb=2",
    "a",
    "a=",
    "=1",
    "[a",
    "a=[1",
    "a={",
    "a=1 b=2",
    "a=tRue",
    "a=1__0",
    "a=01",
    "a=1.",
    "a=0xG",
    "é=1",
];

#[test]
fn texts_mean_what_conftest_reads() {
    for (text, value) in VALUES {
        assert_eq!(read(text).as_deref(), Ok(*value), "{text}");
    }
    for text in ERRORS {
        assert!(read(text).is_err(), "{text}: {:?}", read(text));
    }
    let at = |text: &str| parse(text.as_bytes(), &Limits::default()).unwrap_err().at;
    assert_eq!(at("a = 1\nb = 2\na = 3\n"), 12);
    assert_eq!(at("a = 1\nb = [1 2]\n"), 11);
}

#[test]
fn places_are_those_of_the_text() {
    let text = "title = \"x\"\n\n[server]\nport = 80\ntls.on = false\n\n[[users]]\nname = \"a\"\n\n[[users]]\nname = 'b'\nroles = [\"r\", {s = 1}]\n";
    let index = Index::read(text, Syntax::Toml).unwrap();
    let entry = |pointer| {
        let located = index.locate(&pointer);
        assert!(located.exact, "{pointer}");
        text.get(located.entry).unwrap()
    };
    assert_eq!(entry(pointer!["title"]), "title = \"x\"");
    assert_eq!(entry(pointer!["server", "port"]), "port = 80");
    assert_eq!(entry(pointer!["server", "tls", "on"]), "on = false");
    assert_eq!(entry(pointer!["users", 1, "name"]), "name = 'b'");
    assert_eq!(entry(pointer!["users", 1, "roles", 1, "s"]), "s = 1");
    assert_eq!(entry(pointer!["users", 0]), "[[users]]\nname = \"a\"");
    assert_eq!(text.get(index.locate(&pointer!["server"]).key.unwrap()), Some("server"));
    assert_eq!(index.locate(&pointer!["server", "nothing"]).depth, 1);
    assert_eq!(index.scalar_map(&pointer!["title"]), None);
}

#[test]
fn hostile_texts_are_refused_soon() {
    let long = 1 << 19;
    let texts = [
        "a=".to_owned() + &"[".repeat(long),
        "a=".to_owned() + &"[".repeat(long) + &"]".repeat(long),
        "a=".to_owned() + &"{a=".repeat(long),
        "a.".repeat(long) + "a=1",
        format!("[{}a]\n", "a.".repeat(long)),
        "[".repeat(long),
        "=".repeat(long),
        "\"".repeat(long),
        "a=\"\\".repeat(long),
        format!("a={}1", "+".repeat(long)),
        format!("a={}", "1_".repeat(long)),
        format!("[{}]\nb=1", vec!["a"; DEPTH_MAX].join(".")),
    ];
    for text in texts {
        assert!(read(&text).is_err(), "{}", text.get(..20).unwrap());
    }
    // Brackets within dotted keys within a header: each within its own bound, not all together.
    let nested =
        format!("[{}]\n{}=1{}", vec!["a"; 200].join("."), vec!["b={c"; 60].join("."), "}".repeat(60));
    assert!(read(&nested).is_err());
    let depth = format!("[{}]\nb=1", vec!["a"; DEPTH_MAX - 1].join("."));
    assert!(read(&depth).is_ok());
    let many = "[[a.b]]\nc.k=[1]\n".repeat(100_000);
    assert!(read(&many).is_ok());
    assert!(read(&" ".repeat(BYTES_MAX + 1)).is_err());
}

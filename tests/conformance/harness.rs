//! Runs the cases of one conformance file and says how many hold.
//!
//! Included by the conformance tests of each crate: `#[path = "../../../tests/conformance/harness.rs"] mod harness;`.
//! The files are one case a line, in JSON, each with a name. `directory.rs` says where they lie; where they are not, a
//! test is skipped, but fails in CI. A case that does not hold must stand with its reason in
//! `tests/known-deviations/<folder>-<file>.txt`, and a case that stands there must not hold.
#![allow(
    clippy::print_stdout,
    clippy::panic,
    clippy::expect_used,
    dead_code,
    reason = "test code, shared by crates of which each uses a part"
)]

#[path = "directory.rs"]
mod directory;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

/// One line of a conformance file.
pub(crate) struct Case {
    /// Path-like; the first part is the category.
    pub(crate) name: String,
    /// The whole line.
    pub(crate) json: Json,
    /// Its text, for who needs numbers as they are written.
    pub(crate) line: String,
}

impl Case {
    /// A field that is a string; `None` where it is absent.
    pub(crate) fn text(&self, field: &str) -> Option<&str> {
        self.json.get(field)?.as_str()
    }

    /// Whether the field is there.
    pub(crate) fn has(&self, field: &str) -> bool {
        self.json.get(field).is_some()
    }

    /// The bytes of a field, or of its twin `<field>_b64` for what is not valid UTF-8.
    pub(crate) fn bytes(&self, field: &str) -> Option<Vec<u8>> {
        match self.text(field) {
            Some(text) => Some(text.as_bytes().to_vec()),
            None => Some(base64(self.text(&format!("{field}_b64"))?)),
        }
    }
}

/// The workspace's root: where `crates/` and `tests/` are.
pub(crate) fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("a crate lies in crates/NAME")
        .to_path_buf()
}

/// Where the conformance files are.
pub(crate) fn conformance_dir() -> PathBuf {
    directory::conformance_dir(&workspace_root())
}

/// The text of `<folder>/<file>`. Where there is none, `None` and a word about it; in CI a failure.
pub(crate) fn text_of(word: &str, file: &str) -> Option<String> {
    let path = conformance_dir().join(file);
    let text = fs::read_to_string(&path).ok();
    if text.is_none() {
        assert!(env::var("CI").as_deref() != Ok("true"), "no such file: {}", path.display());
        println!("{word} {file}: skipped, no such file");
    }
    text
}

/// Runs `check` on every case of `<folder>/<file>.jsonl`, prints the count, and fails on a case that does not hold
/// and is not listed, or holds and is listed.
pub(crate) fn run(folder: &str, file: &str, check: impl Fn(&Case) -> Result<(), String>) {
    run_as("conformance", folder, file, check);
}

/// The same for another question about the cases, which has a word of its own.
pub(crate) fn run_as(word: &str, folder: &str, file: &str, check: impl Fn(&Case) -> Result<(), String>) {
    let Some(text) = text_of(word, &format!("{folder}/{file}.jsonl")) else { return };
    let deviations = deviations(folder, file);
    let (mut passed, mut total) = (0, 0);
    let mut wrong = BTreeMap::new();
    let mut names = BTreeSet::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let json: Json = serde_json::from_str(line)
            .or_else(|_| serde_json::from_str(&without_huge_numbers(line)))
            .expect("a conformance file holds JSON lines");
        let name = name_of(&json);
        let case = Case { name, json, line: line.to_owned() };
        total += 1;
        let outcome = check(&case);
        passed += usize::from(outcome.is_ok());
        match (outcome, deviations.contains_key(&case.name)) {
            (Err(message), false) => {
                wrong.insert(case.name.clone(), message);
            }
            (Ok(()), true) => {
                wrong.insert(case.name.clone(), "no longer deviates, remove it".to_owned());
            }
            (Ok(()), false) | (Err(_), true) => {}
        }
        names.insert(case.name);
    }
    println!("{word} {folder}/{file}.jsonl: {passed}/{total}");
    let mut report = String::new();
    for (name, message) in wrong.iter().take(40) {
        write!(report, "\n  {name}: {message}").expect("writing to a string cannot fail");
    }
    assert!(wrong.is_empty(), "{folder}/{file}: {} cases are not as expected{report}", wrong.len());
}

/// A case's name. Those about one text are named by it; the Pod Security fixtures by what tells them apart.
fn name_of(json: &Json) -> String {
    let text = |field| json.get(field).and_then(Json::as_str);
    if let Some(name) = ["name", "id", "condition", "format"].into_iter().find_map(text) {
        return name.to_owned();
    }
    let parts = ["level", "version", "expect", "case"].map(|field| text(field).expect("a case has a name"));
    parts.join("/")
}

/// A JSON text in which numbers that no float can hold are 0: who needs them reads the line.
fn without_huge_numbers(line: &str) -> String {
    let mut out = String::new();
    let (mut in_string, mut escaped, mut number) = (false, false, String::new());
    for char in line.chars() {
        if !in_string
            && (char.is_ascii_digit() || "+-.eE".contains(char))
            && !(number.is_empty() && char == 'e')
        {
            number.push(char);
            continue;
        }
        let huge = number.parse::<f64>().is_ok_and(f64::is_infinite);
        out.push_str(if huge { "0" } else { &number });
        number.clear();
        if in_string && !escaped && char == '"' {
            in_string = false;
        } else if !in_string && char == '"' {
            in_string = true;
        }
        escaped = in_string && !escaped && char == '\\';
        out.push(char);
    }
    out
}

/// The cases known not to hold, with the reason of each.
fn deviations(folder: &str, file: &str) -> BTreeMap<String, String> {
    let path = workspace_root().join("tests/known-deviations").join(format!("{folder}-{file}.txt"));
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (name, reason) = line.split_once(": ").expect("a deviation is written `case-name: reason`");
            assert!(!reason.trim().is_empty(), "{name}: a deviation has a reason");
            (name.to_owned(), reason.to_owned())
        })
        .collect()
}

/// Decodes standard base64.
fn base64(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.bytes().filter(|byte| *byte != b'=') {
        let sextet = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => panic!("not base64: {text}"),
        };
        bits = (bits << 6) | u32::from(sextet);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).expect("masked to a byte"));
        }
    }
    bytes
}

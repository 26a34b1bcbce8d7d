//! Places agree with values: what the reader takes has an index, and each scalar read back through it is the reader's.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "test code")]

use std::fmt::Debug;

use harness::{Case, run_as};
use lumen_value::read::{Limits, Syntax, read, read_document};
use lumen_value::span::Index;
use lumen_value::{Pointer, Value, yaml};

#[path = "../../../tests/conformance/harness.rs"]
mod harness;

/// Most leaves of a document that are looked at.
const LEAVES_MAX: usize = 200;

/// How many mutations are made of each case.
const MUTATIONS: usize = 8;

/// Longest text that is mutated, in bytes.
const MUTATED_BYTES_MAX: usize = 2048;

/// What mutations put in.
const PIECES: [&str; 28] = [
    "\n", "\n  ", " ", "- ", ": ", "? ", ",", "[", "]", "{", "}", "\"", "'", "|\n", ">-\n", "# c\n", "&a ",
    "*a", "!!str ", "<<: ", "---\n", "...\n", "\t", "\r", "\r\n", "\u{85}", "\u{2028}", "\\",
];

/// The leaves of a value that stand in the text itself, not through an alias that makes them many.
fn leaves(root: &Value) -> Vec<(Pointer, Value)> {
    let mut pending = vec![(Pointer::ROOT, root.clone())];
    let mut leaves = Vec::new();
    while let Some((pointer, value)) = pending.pop().filter(|_| leaves.len() < LEAVES_MAX) {
        match &value {
            Value::Array(items) => {
                pending.extend(
                    items.iter().enumerate().map(|(index, item)| (pointer.child(index), item.clone())),
                );
            }
            Value::Object(object) => {
                pending
                    .extend(object.fields().map(|(key, value)| (pointer.child(key.clone()), value.clone())));
            }
            _ => leaves.push((pointer, value)),
        }
    }
    leaves
}

/// Checks one document.
fn check(text: &str) -> Result<(), String> {
    let limits = Limits::default();
    let Ok(parsed) = read_document(text.as_bytes(), Syntax::Yaml, &limits) else {
        return Ok(());
    };
    let wrong = |what: &dyn Debug| Err(format!("{what:?} in {text:?}"));
    let index = match Index::read(text, Syntax::Yaml) {
        Ok(index) => index,
        Err(error) => return wrong(&error),
    };
    for (pointer, value) in leaves(&parsed.value) {
        let located = index.locate(&pointer);
        let Some(map) = index.scalar_map(&pointer).filter(|_| located.exact) else {
            return wrong(&(pointer, located));
        };
        if text.get(located.entry.clone()).is_none() || text.get(located.value.clone()).is_none() {
            return wrong(&located);
        }
        let agrees = match value.as_str() {
            // A tag may say that the text is base64.
            Some(value) => map.value() == value || text.contains("binary"),
            None => yaml::parse(map.value().as_bytes(), &limits).is_ok_and(|parsed| parsed.value == value),
        };
        if !agrees {
            return wrong(&(pointer, map.value(), value));
        }
    }
    Ok(())
}

/// Checks each document of an input.
fn check_documents(input: &[u8]) -> Result<(), String> {
    let documents = read(input, &Limits::default()).documents;
    for document in documents.iter().filter(|document| document.syntax == Syntax::Yaml) {
        if let Some(Ok(text)) = input.get(document.range.clone()).map(std::str::from_utf8) {
            check(text)?;
        }
    }
    Ok(())
}

/// Numbers that look random and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }

    fn place(&mut self, text: &str) -> usize {
        let at = self.below(text.len() + 1);
        (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default()
    }

    /// Puts a piece in, takes a part out, or repeats one.
    fn mutate(&mut self, text: &str) -> String {
        let (a, b) = (self.place(text), self.place(text));
        let (start, end) = (a.min(b), a.max(b));
        let near = (start..=end.min(start + 8)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(start);
        let (before, part, after) =
            (text.get(..start).unwrap(), text.get(start..near).unwrap(), text.get(near..).unwrap());
        match self.below(4) {
            0 => [before, after].concat(),
            1 => [before, part, part, after].concat(),
            _ => [before, PIECES.get(self.below(PIECES.len())).unwrap(), part, after].concat(),
        }
    }
}

fn check_case(case: &Case) -> Result<(), String> {
    let input = case.bytes("yaml").ok_or("the case has no input")?;
    check_documents(&input)?;
    let Ok(mut text) = String::from_utf8(input) else {
        return Ok(());
    };
    // Long texts say little more than short ones, and take long.
    if text.len() > MUTATED_BYTES_MAX {
        return Ok(());
    }
    check(&text)?;
    let mut numbers = Numbers(case.name.bytes().fold(0, |sum, byte| sum * 31 % 1_000_003 + u64::from(byte)));
    for number in 0..MUTATIONS {
        let mutated = numbers.mutate(&text);
        check(&mutated)?;
        if number % 4 == 3 {
            text = mutated;
        }
    }
    Ok(())
}

#[test]
fn places_agree_with_the_values_of_scalars() {
    run_as("places", "yaml", "scalars", check_case);
}

#[test]
fn places_agree_with_the_values_of_documents() {
    run_as("places", "yaml", "documents", check_case);
}

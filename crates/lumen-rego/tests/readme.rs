//! The README holds the table of built-ins that the code makes, and no built-in is forgotten.
#![allow(clippy::expect_used, reason = "test code")]

use std::path::Path;

use lumen_rego::builtin::table::{BY_EVALUATOR, Support, support, table};
use lumen_rego::builtin::{FAMILIES, OUTSIDE, function, signature, signature::SIGNATURES};

const BEGIN: &str = "<!-- built-ins: begin -->\n";
const END: &str = "<!-- built-ins: end -->\n";

#[test]
fn the_table_of_builtins_is_the_codes_own() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = std::fs::read_to_string(&path).expect("a README");
    let (before, rest) = text.split_once(BEGIN).expect("a mark where the table begins");
    let (shown, after) = rest.split_once(END).expect("a mark where it ends");
    if std::env::var_os("LUMEN_UPDATE").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{}{END}{after}", table()))
            .expect("the README is written");
    } else {
        assert_eq!(shown, table(), "run with LUMEN_UPDATE=1 to write the table");
    }
}

#[test]
fn every_builtin_is_accounted_for() {
    let missing: Vec<&str> =
        SIGNATURES.iter().map(|row| row.name).filter(|name| support(name) == Support::Missing).collect();
    assert!(missing.is_empty(), "nothing answers {missing:?}");
    for name in FAMILIES.iter().flat_map(|family| family.iter()).map(|(name, _)| *name) {
        assert!(signature(name).is_some(), "{name} has a function and no signature");
    }
    for name in BY_EVALUATOR.iter().chain(OUTSIDE) {
        assert!(signature(name).is_some(), "{name} is no built-in");
    }
    assert!(OUTSIDE.iter().all(|name| function(name).is_none()), "nothing here leaves the process");
}

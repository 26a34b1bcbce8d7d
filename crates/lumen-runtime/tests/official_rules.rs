//! The rules that are published for Falco, where `LUMEN_FALCO_RULES_DIR` names the folder with them: all of them load, and
//! are what they are known to be.
#![expect(clippy::expect_used, clippy::panic, reason = "test code")]
#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

use std::collections::BTreeSet;
use std::path::PathBuf;

use lumen_runtime::condition::{Argument, Check, Expression, Operand, Right};
use lumen_runtime::event_types;
use lumen_runtime::load::{File, Loaded, load};
use lumen_runtime::output::Output;

/// The files: their names, and how many rules, macros and lists each has, and rules that are switched off.
const FILES: [(&str, [usize; 4]); 3] = [
    ("falco_rules.yaml", [25, 87, 49, 0]),
    ("falco-incubating_rules.yaml", [31, 82, 54, 0]),
    ("falco-sandbox_rules.yaml", [37, 183, 60, 12]),
];

/// The texts of the files; `None`, which is told, where there are none.
fn texts() -> Option<Vec<String>> {
    let Some(folder) = std::env::var_os("LUMEN_FALCO_RULES_DIR").map(PathBuf::from) else {
        eprintln!("skipped on this machine: LUMEN_FALCO_RULES_DIR names no folder with the published rules");
        return None;
    };
    let read = |(name, _): &(&str, _)| std::fs::read_to_string(folder.join(name)).expect("a rules file");
    Some(FILES.iter().map(read).collect())
}

fn counts(loaded: &Loaded) -> [usize; 4] {
    let disabled = loaded.rules.iter().filter(|rule| !rule.is_enabled).count();
    [loaded.rules.len(), loaded.macros, loaded.lists, disabled]
}

fn check_names(check: &Check, fields: &mut BTreeSet<String>, operators: &mut BTreeSet<&'static str>) {
    operators.insert(check.comparison.operator.as_str());
    operand_names(&check.left, fields);
    if let Right::Operand(operand) = &check.right {
        operand_names(operand, fields);
    }
}

fn operand_names(operand: &Operand, fields: &mut BTreeSet<String>) {
    match operand {
        Operand::Field(name) => {
            fields.insert(field_of(&name.name));
        }
        Operand::Call(call) => {
            for argument in &call.arguments {
                if let Argument::Operand(operand) = argument {
                    operand_names(operand, fields);
                }
            }
        }
    }
}

/// A field without what stands in brackets behind it.
fn field_of(name: &str) -> String {
    name.split('[').next().unwrap_or_default().to_owned()
}

fn visit(expression: &Expression, each: &mut impl FnMut(&Check)) {
    match expression {
        Expression::And(children) | Expression::Or(children) => {
            for child in children {
                visit(child, each);
            }
        }
        Expression::Not(child) => visit(child, each),
        Expression::Macro(shared) => visit(&shared.body, each),
        Expression::Name(name) => panic!("{} was filled in", name.name),
        Expression::Check(check) => each(check),
    }
}

#[test]
fn each_file_loads() {
    let Some(texts) = texts() else { return };
    for ((name, expected), text) in FILES.iter().zip(&texts) {
        let loaded = load(&[File { text }]);
        assert!(loaded.is_sound(), "{name}: {:?}", loaded.problems);
        assert_eq!(counts(&loaded), *expected, "{name}");
    }
}

#[test]
fn all_files_load_together() {
    let Some(texts) = texts() else { return };
    let files: Vec<File<'_>> = texts.iter().map(|text| File { text }).collect();
    let loaded = load(&files);
    assert!(loaded.is_sound(), "{:?}", loaded.problems);
    assert_eq!(loaded.rules.len(), 93);
    let (mut fields, mut operators) = (BTreeSet::new(), BTreeSet::new());
    let mut types = BTreeSet::new();
    for rule in &loaded.rules {
        visit(&rule.condition, &mut |check| check_names(check, &mut fields, &mut operators));
        types.extend(event_types::of(&rule.condition).names());
        let output = Output::parse(&rule.output).expect("a sound rule's output");
        fields.extend(output.field_names().map(field_of));
    }
    let used = [
        "!=",
        "<=",
        "=",
        ">=",
        "bcontains",
        "contains",
        "endswith",
        "exists",
        "glob",
        "icontains",
        "in",
        "intersects",
        "pmatch",
        "startswith",
    ];
    assert_eq!(operators, BTreeSet::from(used));
    assert_eq!(types.len(), 41, "{types:?}");
    assert_eq!(fields.len(), 90, "{fields:?}");
}

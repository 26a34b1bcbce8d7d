//! What the documents show of the program is what it says.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use lumen_core::posture::attack::{Evidence, LAYERS, STEPS};

/// Documents with blocks of the form `$ lumen ..`, then what is printed; `[..]` stands for what is left out.
const DOCUMENTS: &[&str] = &[
    "README.md",
    "docs/admission.md",
    "docs/layers.md",
    "docs/network.md",
    "docs/runtime.md",
    "docs/testing-policies.md",
];

/// What stands around the table of steps in `docs/layers.md`.
const STEPS_BEGIN: &str =
    "<!-- steps: what the test `the_steps_of_an_attack_are_those_of_the_model` prints -->\n";
const STEPS_END: &str = "<!-- end of steps -->";

/// The calls that a document shows, with their output.
fn calls(text: &str) -> Vec<(&str, &str)> {
    let blocks = text.split("```").skip(1).step_by(2);
    blocks.filter_map(|block| block.trim_start().strip_prefix("$ lumen ")?.split_once('\n')).collect()
}

#[test]
fn the_calls_that_documents_show_print_that() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut shown = 0;
    for document in DOCUMENTS {
        let text = std::fs::read_to_string(root.join(document)).expect("the document");
        for (call, expected) in calls(&text) {
            let output = Command::new(env!("CARGO_BIN_EXE_lumen"))
                .args(call.split_whitespace())
                .current_dir(&root)
                .env("COLUMNS", "100")
                .output()
                .expect("a run");
            let said = String::from_utf8_lossy(&output.stderr);
            let printed = String::from_utf8_lossy(&output.stdout) + &*said;
            let mut rest = &*printed;
            for part in expected.split("[..]").map(str::trim).filter(|part| !part.is_empty()) {
                let Some((_, behind)) = rest.split_once(part) else {
                    panic!(
                        "{document}: `lumen {call}` does not print\n{part}\n\nafter what is shown before it, but\n{rest}"
                    );
                };
                rest = behind;
            }
            shown += 1;
        }
    }
    assert!(shown >= 3, "{shown}");
}

/// The attack model as the document shows it.
fn steps() -> String {
    let layers = LAYERS.map(|layer| layer.to_string());
    let mut text = format!(
        "\n| Step | Technique | {} |\n|---|---|{}\n",
        layers.join(" | "),
        "---|".repeat(layers.len())
    );
    let mut says = String::from("\n| Layer | Step | Does | Why |\n|---|---|---|---|\n");
    let mut silent: BTreeMap<(usize, &str), Vec<String>> = BTreeMap::new();
    for step in STEPS {
        let techniques: Vec<_> = step.techniques.iter().map(|(id, name)| format!("{id} {name}")).collect();
        let mut row = format!("| `{}`: {} | {} |", step.name, step.title, techniques.join(", "));
        for (place, answer) in step.answers.iter().enumerate() {
            if answer.evidence == Evidence::Nothing {
                row += " - |";
                silent.entry((place, answer.why)).or_default().push(format!("`{}`", step.name));
            } else {
                write!(row, " {} |", answer.effect.as_str()).expect("a string takes all");
            }
        }
        text += &(row + "\n");
    }
    for (place, layer) in LAYERS.into_iter().enumerate() {
        let answers = STEPS.iter().filter_map(|step| Some((step.name, step.answer(layer)?)));
        for (step, answer) in answers.filter(|(_, answer)| answer.evidence != Evidence::Nothing) {
            writeln!(says, "| {layer} | `{step}` | {} | {} |", answer.effect.as_str(), answer.why)
                .expect("a string takes all");
        }
        for ((_, why), steps) in silent.iter().filter(|((of, _), _)| *of == place) {
            writeln!(says, "| {layer} | {} | - | {why} |", steps.join(", ")).expect("a string takes all");
        }
    }
    text + &says + "\n"
}

#[test]
fn the_steps_of_an_attack_are_those_of_the_model() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/layers.md");
    let text = std::fs::read_to_string(path).expect("the document");
    let (_, behind) = text.split_once(STEPS_BEGIN).expect("the table begins");
    let (shown, _) = behind.split_once(STEPS_END).expect("the table ends");
    let expected = steps();
    assert!(shown == expected, "`docs/layers.md` should say between its two comments\n{expected}");
}

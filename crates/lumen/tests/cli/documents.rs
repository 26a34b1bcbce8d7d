//! What the documents show of the program is what it says.

use std::path::Path;
use std::process::Command;

/// Documents with blocks of the form `$ lumen ..`, then what is printed; `[..]` stands for what is left out.
const DOCUMENTS: &[&str] = &["README.md", "docs/network.md"];

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

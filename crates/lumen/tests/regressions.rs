//! What once broke something, or is made to: every file of `fuzz/regressions/` is checked to an end, whatever it holds.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Longest that a file may take, in a debug build on a busy machine.
const TIME_MAX: Duration = Duration::from_mins(4);

#[test]
fn hostile_files_are_checked_to_an_end() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/regressions");
    let mut checked = 0;
    for entry in std::fs::read_dir(&folder).expect("the folder is there") {
        let path = entry.expect("an entry").path();
        let start = Instant::now();
        let output = Command::new(env!("CARGO_BIN_EXE_lumen"))
            .args(["check", "--output", "jsonl", "--color", "never"])
            .arg(&path)
            .output()
            .expect("lumen starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            matches!(output.status.code(), Some(0..=2)),
            "{}: {}\n{errors}",
            path.display(),
            output.status
        );
        assert!(!errors.contains("panicked at"), "{}:\n{errors}", path.display());
        assert!(start.elapsed() < TIME_MAX, "{}: {:?}", path.display(), start.elapsed());
        for line in String::from_utf8(output.stdout).expect("UTF-8").lines() {
            serde_json::from_str::<serde_json::Value>(line).expect("each line is JSON");
        }
        checked += 1;
    }
    assert!(checked > 0, "the folder has files");
}

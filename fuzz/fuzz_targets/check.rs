//! Any bytes as the one input of a check: it comes to an end, the same one each time, and every place lies in the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lumen::check::{Input, Settings, run};

fuzz_target!(|input: &[u8]| {
    let check = || run(vec![Input::new("input.yaml", input)], &Settings::default());
    let report = check();
    for reported in &report.findings {
        let rule = reported.finding.rule.to_string();
        // A panic is caught and becomes this finding, which is good for people and would hide it from the fuzzer.
        assert_ne!(rule, "input/internal-error", "{}", reported.finding.message);
        assert!(!reported.finding.message.is_empty(), "{rule} says something");
        for region in reported.region.iter().chain(reported.related.iter().flatten()) {
            assert!(
                region.bytes.start <= region.bytes.end && region.bytes.end <= input.len(),
                "{rule}"
            );
            assert!(
                region.line >= 1 && region.column >= 1 && region.line <= region.end_line,
                "{rule}"
            );
        }
    }
    let rules = |report: &lumen::report::Report| -> Vec<String> {
        report
            .findings
            .iter()
            .map(|reported| format!("{:?}", reported.finding))
            .collect()
    };
    assert_eq!(rules(&report), rules(&check()));
});

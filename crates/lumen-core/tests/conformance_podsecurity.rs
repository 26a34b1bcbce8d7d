//! Upstream's own fixtures: a pod for each check, level and version, that passes or fails by that check.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "test code")]

#[path = "../../../tests/conformance/harness.rs"]
mod harness;
#[path = "podsecurity/support.rs"]
mod support;

use harness::Case;
use lumen_core::defaults::Seen;
use lumen_core::podsecurity::{CHECKS, Level, LevelVersion, Pod, Version};
use lumen_value::Value;
use lumen_value::read::{Limits, read};

#[test]
fn conformance_podsecurity_fixtures() {
    harness::run("podsecurity", "fixtures", |case| {
        let level = Level::parse(case.text("level").unwrap()).unwrap();
        let version = Version::parse(case.text("version").unwrap()).unwrap();
        let wanted = LevelVersion::new(level, version);
        let pod = manifest(case)?;
        // As a pod, and as the template in a Deployment, of which upstream expects the same.
        for seen in [Seen::Pod, Seen::Template] {
            let passes = case.text("expect") == Some("pass");
            let outcome =
                if passes { expect_pass(&pod, wanted, seen) } else { expect_fail(case, &pod, wanted, seen) };
            outcome?;
        }
        Ok(())
    });
}

fn manifest(case: &Case) -> Result<Value, String> {
    let text = case.text("manifest").unwrap();
    let reading = read(text.as_bytes(), &Limits::default());
    if let Some(error) = reading.errors.first() {
        return Err(format!("cannot be read: {error}"));
    }
    let document = reading.documents.first().ok_or("no document")?;
    Ok(document.value.clone())
}

fn expect_pass(pod: &Value, wanted: LevelVersion, seen: Seen) -> Result<(), String> {
    let detail = Pod::read(&support::view(pod), seen).evaluate(wanted).forbidden_detail();
    if detail.is_empty() { Ok(()) } else { Err(detail) }
}

fn expect_fail(case: &Case, pod: &Value, wanted: LevelVersion, seen: Seen) -> Result<(), String> {
    let named = case.text("case").unwrap().trim_end_matches(|char: char| char.is_ascii_digit());
    let check = CHECKS
        .iter()
        .find(|check| check.id.to_lowercase() == named)
        .ok_or_else(|| format!("no check {named}"))?;
    let view = support::view(pod);
    let read = Pod::read(&view, seen);
    let refusals = read.evaluate(wanted).refusals;
    let reported = refusals
        .iter()
        .find(|refusal| refusal.check.id == check.id || refusal.check.overrides == Some(check.id))
        .ok_or_else(|| format!("{named} lets it pass as {seen:?}"))?;
    if read.violations(reported.check, wanted.version).is_empty() {
        return Err("no field to blame".into());
    }
    let Some(fixes) = support::fixes(pod, wanted, seen) else {
        return Ok(());
    };
    expect_pass(&support::apply(pod, &fixes), wanted, seen).map_err(|detail| format!("once mended: {detail}"))
}

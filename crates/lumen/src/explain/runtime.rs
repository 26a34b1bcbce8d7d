//! What is said of a rule about events.

use lumen_core::finding::Layer;
use lumen_runtime::load::Rule;

use super::{Paint, layer, paragraphs};
use crate::output::Style;
use crate::rules::severity;

/// The text about a default rule, with a line feed at its end.
pub fn runtime(rule: &Rule, style: &Style) -> String {
    let paint = Paint(style.color);
    let width = style.width.clamp(40, 100);
    let is_on = if rule.is_enabled { "" } else { "; switched off" };
    let tags: Vec<&str> = rule.tags.iter().map(String::as_str).collect();
    let mut text = format!("{}\n", paint.bold(&format!("{}/{}", Layer::Runtime, rule.name)));
    for (title, said) in [
        ("severity", paint.severity(severity(rule.priority))),
        ("priority", format!("{}{is_on}", rule.priority.as_str())),
        ("layer   ", layer(Layer::Runtime).to_owned()),
        ("tags    ", tags.join(", ")),
    ] {
        text.push_str(&format!("{} {said}\n", paint.bold(title)));
    }
    let (why, rest) = part(&rule.description, "False positives:");
    let (harmless, tuning) = part(rest, "Tuning:");
    for (title, said) in
        [("Why", why), ("What it takes for an attack and is none", harmless), ("How to tune it", tuning)]
    {
        if !said.trim().is_empty() {
            text.push_str(&format!("\n{}\n{}", paint.bold(title), paragraphs(said.trim(), width)));
        }
    }
    text.push_str(&format!("\n{}\n", paint.bold("How to live with it")));
    text.push_str(&paragraphs(
        "Rules are changed by a rules file behind the default ones, such as `--rules local.yaml` of `lumen replay`:",
        width,
    ));
    text.push_str(&format!(
        "\n    - rule: {}\n      condition: and not proc.name = my-program\n      override: {{condition: append}}\n",
        rule.name
    ));
    text
}

/// What stands before a word and behind it.
fn part<'t>(text: &'t str, word: &str) -> (&'t str, &'t str) {
    text.split_once(word).unwrap_or((text, ""))
}

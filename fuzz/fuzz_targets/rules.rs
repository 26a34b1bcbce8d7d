//! Any text as a rules file: what is wrong stands in the text, and what loads is made ready and asked; no event is lost by
//! the filter of what a kernel can ask.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lumen_runtime::field::FieldUse;
use lumen_runtime::load::{File, load};
use lumen_runtime::necessary::Necessary;
use lumen_runtime::output::Output;
use lumen_runtime::ruleset::{Matching, RuleSet, Scratch};
use lumen_runtime::value::Value;
use lumen_runtime::{Event, event_types, field};

/// An event of which every text is the same, every number is the same, and so on.
struct Same {
    event_type: usize,
    text: &'static str,
    number: i64,
}

impl Event for Same {
    fn value(&self, field: &FieldUse) -> Option<Value<'_>> {
        if field.id.field().name == "evt.type" {
            return event_types::NAMES.get(self.event_type).map(|name| Value::text(name));
        }
        let value = match field.kind()? {
            field::Kind::Text | field::Kind::Bytes => Value::text(self.text),
            field::Kind::Bool => Value::Bool(self.number > 0),
            field::Kind::Double => Value::Double(0.5),
            field::Kind::Address | field::Kind::Network => Value::Address([127, 0, 0, 1].into()),
            _ => Value::Signed(self.number),
        };
        Some(if field.id.field().is_list() && field.argument.is_none() {
            Value::List(vec![value])
        } else {
            value
        })
    }

    fn event_type(&self) -> Option<usize> {
        Some(self.event_type)
    }
}

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let loaded = load(&[File { text }]);
    for problem in &loaded.problems {
        assert!(problem.range.start <= problem.range.end && problem.range.end <= text.len());
        assert!(!problem.message.is_empty());
    }
    for rule in &loaded.rules {
        assert!(Output::parse(&rule.output).is_ok(), "the output of a sound rule");
    }
    let rules = RuleSet::compile(&loaded.rules);
    let necessary = Necessary::compile(&loaded.rules);
    let mut scratch = Scratch::default();
    for name in ["open", "execve", "connect", "accept"] {
        let Some(event_type) = event_types::find(name.as_bytes()) else { continue };
        for (text, number) in [("host", 0), ("/etc/shadow", 3), ("cat", -2)] {
            let event = Same { event_type, text, number };
            let is_matched = !rules.matches(&event, Matching::All, &mut scratch).is_empty();
            assert!(!is_matched || necessary.holds(&event), "no event is lost");
        }
    }
});

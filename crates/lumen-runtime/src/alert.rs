//! What is said of an event that a rule matches: the reference's line of text and its JSON (`engine/formats.cpp`), byte for
//! byte, and beside the reference's keys in which container and pod it happened.

use jiff::Timestamp;

use super::field::{self, FieldUse};
use super::load::Rule;
use super::output::Output;
use super::term::Event;
use super::value::Value;

mod json;

/// An event that a rule matches.
#[derive(Clone, Debug)]
pub struct Alert<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// When the event happened, in nanoseconds since 1970.
    pub time_ns: i64,
    /// What the rule says of it.
    pub message: String,
    /// The fields that the rule shows, in the order of their names, as JSON has them.
    pub fields: Vec<(&'a str, Option<Value<'a>>)>,
    /// Where it happened.
    pub identity: Identity,
}

/// Where an event happened, whatever the rule's output says; `None` for what is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The first twelve digits of the container's id; `host` for the node itself.
    pub container: Option<String>,
    /// The container's name.
    pub container_name: Option<String>,
    /// The image, as the container was told it.
    pub image: Option<String>,
    /// The namespace of the pod.
    pub namespace: Option<String>,
    /// The name of the pod.
    pub pod: Option<String>,
}

/// How the time stands at the head of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeFormat {
    /// `13:53:31.726060287`, in UTC.
    #[default]
    Clock,
    /// `2026-11-23T13:53:31.726060287+0000` (`time_format_iso_8601`).
    Iso8601,
}

/// What is written of alerts. By default it is what the reference writes by default, and the identity.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of the reference's")]
pub struct Shown<'a> {
    /// The name of the node; the reference's `hostname`.
    pub node: Option<&'a str>,
    /// How the time stands at the head of a line.
    pub time: TimeFormat,
    /// Whether JSON has the line of text (`json_include_output_property`).
    pub has_output: bool,
    /// Whether JSON has what the rule says, without time and priority (`json_include_message_property`).
    pub has_message: bool,
    /// Whether JSON has the rule's tags (`json_include_tags_property`).
    pub has_tags: bool,
    /// Whether JSON has the fields that the rule shows (`json_include_output_fields_property`).
    pub has_fields: bool,
    /// Whether JSON has the identity, which the reference does not write.
    pub has_identity: bool,
}

impl Default for Shown<'_> {
    fn default() -> Self {
        Self {
            node: None,
            time: TimeFormat::default(),
            has_output: true,
            has_message: false,
            has_tags: true,
            has_fields: true,
            has_identity: true,
        }
    }
}

/// The fields that say when: in JSON they all are nanoseconds since 1970.
const TIMES: [&str; 5] = ["evt.time", "evt.time.s", "evt.time.iso8601", "evt.datetime", "evt.datetime.s"];

impl<'a> Alert<'a> {
    /// What a rule says of an event.
    pub fn new(rule: &'a Rule, output: &'a Output, event: &'a impl Event, time_ns: i64) -> Self {
        let mut fields = output.fields(event);
        for (name, value) in &mut fields {
            if TIMES.contains(name) {
                *value = Some(Value::Signed(time_ns));
            }
        }
        Self { rule, time_ns, message: output.message(event), fields, identity: Identity::of(event) }
    }

    /// The line `HH:MM:SS.nnnnnnnnn: Priority message`, without its end. Quotes, backslashes and control characters are written
    /// as JSON writes them, so that nothing in an event can forge a line; the reference writes them raw.
    pub fn to_text(&self, time: TimeFormat) -> String {
        let mut line = String::new();
        json::escape(&mut line, &self.output(time));
        line
    }

    /// One line of JSON without its end, its keys in their order.
    pub fn to_json(&self, shown: &Shown<'_>) -> String {
        let mut line = json::Line::default();
        line.text("hostname", shown.node);
        if shown.has_identity {
            line.identity(&self.identity, shown.node);
        }
        line.text("message", shown.has_message.then_some(&self.message));
        line.text("output", shown.has_output.then(|| self.output(shown.time)).as_deref());
        if shown.has_fields {
            let name = match shown.time {
                TimeFormat::Clock => "evt.time",
                TimeFormat::Iso8601 => "evt.time.iso8601",
            };
            line.fields(&self.fields, name, &Value::Signed(self.time_ns));
        }
        line.text("priority", Some(self.rule.priority.as_str()));
        line.text("rule", Some(&self.rule.name));
        line.text("source", Some(&self.rule.source));
        if shown.has_tags {
            line.texts("tags", self.rule.tags.iter().map(String::as_str));
        }
        line.text("time", Some(&self.at("%Y-%m-%dT%H:%M:%S.%9fZ")));
        line.end()
    }

    fn output(&self, time: TimeFormat) -> String {
        let time = match time {
            TimeFormat::Clock => self.at("%H:%M:%S.%9f"),
            TimeFormat::Iso8601 => self.at("%Y-%m-%dT%H:%M:%S.%9f+0000"),
        };
        format!("{time}: {} {}", self.rule.priority.as_str(), self.message)
    }

    fn at(&self, format: &str) -> String {
        let time = Timestamp::from_nanosecond(self.time_ns.into()).unwrap_or_default();
        time.strftime(format).to_string()
    }
}

impl Identity {
    /// Where an event happened.
    pub fn of(event: &impl Event) -> Self {
        let text = |name: &str| {
            let id = field::find(name)?;
            match event.value(&FieldUse { id, argument: None })? {
                Value::Bytes(bytes) if !bytes.is_empty() => {
                    Some(String::from_utf8_lossy(&bytes).into_owned())
                }
                _ => None,
            }
        };
        Self {
            container: text("container.id"),
            container_name: text("container.name"),
            image: text("container.image"),
            namespace: text("k8s.ns.name"),
            pod: text("k8s.pod.name"),
        }
    }
}

#[cfg(test)]
mod tests;

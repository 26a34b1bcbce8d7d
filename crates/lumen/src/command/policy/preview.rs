//! `lumen policy preview`: what constraints that do not deny would have rejected, by the log of the server.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value as Json, json};

use super::Context;
use crate::cli::PolicyPreview;
use crate::cli::cluster::Format;
use crate::console;
use crate::exit::Exit;

/// Longest line that is read; a longer one is no line of the log.
const LINE_BYTES_MAX: u64 = 1 << 20;
/// Most requests that are told apart for one constraint; beyond, each line counts as a request.
const REQUESTS_MAX: usize = 100_000;
/// Most objects that are named for one constraint.
const OBJECTS_MAX: usize = 5;

/// What a constraint would have done.
#[derive(Debug, Default)]
struct Would {
    actions: BTreeSet<String>,
    requests: BTreeSet<String>,
    /// Lines that are not told apart any more.
    further: usize,
    users: BTreeSet<String>,
    objects: BTreeMap<String, String>,
    more_objects: bool,
}

pub(super) fn run(arguments: &PolicyPreview, context: &Context) -> Result<Exit> {
    let mut found: BTreeMap<String, Would> = BTreeMap::new();
    let mut lines = Lines::default();
    for file in &arguments.files {
        let name = file.to_string_lossy();
        let input: Box<dyn Read> = if file == "-" {
            Box::new(io::stdin().lock())
        } else {
            Box::new(File::open(file).with_context(|| format!("cannot read `{name}`"))?)
        };
        read(BufReader::new(input), &mut lines, &mut found)
            .with_context(|| format!("cannot read `{name}`"))?;
    }
    let strange = lines.strange;
    if lines.all > 0 && lines.of_log == 0 {
        bail!("no line of this is a log of `lumen server`");
    }
    if strange > 0 {
        context.console.note(format!("{strange} lines are no JSON and were left out"));
    }
    let text = match arguments.output {
        Format::Human => as_text(&found),
        Format::Json => as_json(&found),
    };
    console::print(text.as_bytes())?;
    Ok(Exit::Clean)
}

/// How many lines there were, of all that was read.
#[derive(Debug, Default, PartialEq, Eq)]
struct Lines {
    all: usize,
    /// Which the server wrote.
    of_log: usize,
    /// Which are no JSON.
    strange: usize,
}

/// Reads a log.
fn read(mut input: impl BufRead, lines: &mut Lines, found: &mut BTreeMap<String, Would>) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if input.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        lines.all += 1;
        let Ok(event) = serde_json::from_slice::<Json>(&line) else {
            lines.strange += 1;
            continue;
        };
        let has = |name: &str| event.get(name).is_some();
        lines.of_log += usize::from(has("event_type") || has("timestamp") && has("level"));
        note(&event, found);
    }
}

fn note(event: &Json, found: &mut BTreeMap<String, Would>) {
    let text = |name: &str| event.get(name).and_then(Json::as_str).unwrap_or_default();
    let action = text("constraint_action");
    let is_denied = action.split(',').any(|word| word == "deny");
    if text("event_type") != "violation"
        || is_denied
        || event.get("request_dry_run") == Some(&Json::Bool(true))
    {
        return;
    }
    let would = found.entry(format!("{}/{}", text("constraint_kind"), text("constraint_name"))).or_default();
    would.actions.insert(action.to_owned());
    if would.requests.len() < REQUESTS_MAX {
        would.requests.insert(text("request_uid").to_owned());
    } else {
        would.further += 1;
    }
    if would.users.len() < REQUESTS_MAX {
        would.users.insert(text("request_username").to_owned());
    }
    let place = [text("resource_namespace"), text("resource_kind"), text("resource_name")];
    let object = place.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
    if would.objects.len() < OBJECTS_MAX || would.objects.contains_key(&object) {
        would.objects.entry(object).or_insert_with(|| text("violation").to_owned());
    } else {
        would.more_objects = true;
    }
}

impl Would {
    fn count(&self) -> usize {
        self.requests.len() + self.further
    }
}

fn as_text(found: &BTreeMap<String, Would>) -> String {
    if found.is_empty() {
        return "no constraint that does not deny found a violation\n".to_owned();
    }
    let mut lines = Vec::new();
    for (constraint, would) in found {
        let actions = would.actions.iter().cloned().collect::<Vec<_>>().join(", ");
        let requests = if would.count() == 1 { "request" } else { "requests" };
        let users = if would.users.len() == 1 { "user" } else { "users" };
        lines.push(format!(
            "{constraint} (now {actions}): `deny` would have rejected {} {requests} of {} {users}",
            would.count(),
            would.users.len()
        ));
        for (object, message) in &would.objects {
            let shown =
                |text: &str| text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
            let (object, message): (String, String) = (shown(object), shown(message));
            lines.push(format!("  {object}: {message}"));
        }
        if would.more_objects {
            lines.push("  ..".to_owned());
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

fn as_json(found: &BTreeMap<String, Would>) -> String {
    let each = found.iter().map(|(constraint, would)| {
        json!({
            "constraint": constraint,
            "actions": would.actions,
            "requests": would.count(),
            "users": would.users.len(),
            "objects": would.objects,
        })
    });
    format!("{}\n", json!({"schema": "lumen.policy.preview/v1", "constraints": each.collect::<Vec<_>>()}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_counts_once_and_what_is_denied_does_not() {
        let line = |action: &str, uid: &str, dry: bool| {
            format!(
                r#"{{"event_type":"violation","constraint_kind":"K","constraint_name":"c","constraint_action":"{action}","request_uid":"{uid}","request_username":"alice","resource_kind":"Pod","resource_namespace":"shop","resource_name":"web","violation":"no","request_dry_run":{dry}}}"#
            )
        };
        let log = [
            line("dryrun", "1", false),
            line("dryrun", "1", false),
            line("warn", "2", false),
            line("dryrun", "3", true),
            line("deny", "4", false),
            "no JSON".to_owned(),
            r#"{"event_type":"exempted"}"#.to_owned(),
        ];
        let mut found = BTreeMap::new();
        let mut lines = Lines::default();
        read(log.join("\n").as_bytes(), &mut lines, &mut found).expect("is read");
        assert_eq!(lines, Lines { all: 7, of_log: 6, strange: 1 });
        let text = as_text(&found);
        assert_eq!(
            text,
            "K/c (now dryrun, warn): `deny` would have rejected 2 requests of 1 user\n  shop/Pod/web: no\n"
        );
        let json: Json = serde_json::from_str(&as_json(&found)).expect("JSON");
        assert_eq!(json["constraints"][0]["requests"], 2);
    }
}

//! Where in an object a violation points.

use lumen_value::{Pointer, Step, Value, pointer};

/// Longest path that is followed.
const STEPS_MAX: usize = 64;
/// Most values of an object that are looked at for its containers.
const VALUES_MAX: usize = 100_000;
/// The fields that hold containers.
const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// Where a violation points: where `details.path` leads; else to the field that the policy's evaluation shows to have
/// decided; else to the one container that the message names, or the image that it quotes; else to the kind. A path may end
/// at what is missing.
pub(super) fn of_violation(
    details: &Value,
    decided: Option<&Pointer>,
    message: &str,
    object: &Value,
) -> Pointer {
    let of_evaluation = || {
        let named = named(message, object);
        match (decided, named) {
            // All containers were looked at, and the message says which one it is.
            (Some(decided), Some(named)) if named.is_within(decided) && is_list(decided) => Some(named),
            (Some(decided), _) => Some(decided.clone()),
            (None, named) => named,
        }
    };
    given(details, object).or_else(of_evaluation).unwrap_or_else(|| pointer!["kind"])
}

/// Whether a place is not in an item of a list.
fn is_list(place: &Pointer) -> bool {
    !place.steps().iter().any(|step| matches!(step, Step::Index(_)))
}

/// Whether `details.path` says where a violation stands.
pub(super) fn is_given(details: &Value, object: &Value) -> bool {
    given(details, object).is_some()
}

/// `details.path`: an array of keys and indices that starts in the object.
fn given(details: &Value, object: &Value) -> Option<Pointer> {
    let path = path(details.get("path")?)?;
    let first: Pointer = path.steps().iter().take(1).cloned().collect();
    object.find(&first)?;
    Some(path)
}

/// The way that an array of keys and indices tells; none where it is empty, too long, or something else.
pub(super) fn path(value: &Value) -> Option<Pointer> {
    let path = value.as_array()?;
    if path.is_empty() || path.len() > STEPS_MAX {
        return None;
    }
    let step = |value: &Value| match value {
        Value::String(key) => Some(Step::Key(key.clone())),
        index => Some(Step::Index(usize::try_from(index.as_i64()?).ok()?)),
    };
    path.iter().map(step).collect()
}

/// The one container that a message is about.
fn named(message: &str, object: &Value) -> Option<Pointer> {
    let containers = containers(object);
    let image_of =
        |container: &Value| container.get("image").and_then(Value::as_str).unwrap_or_default().to_owned();
    let quotes_image = |container: &Value| {
        let image = image_of(container);
        !image.is_empty() && mentions(message, &image)
    };
    let is_named = |container: &Value| {
        let name = container.get("name").and_then(Value::as_str).unwrap_or_default();
        !name.is_empty() && names_container(message, name)
    };
    let only = |fits: &dyn Fn(&Value) -> bool| {
        let mut fitting = containers.iter().filter(|(_, container)| fits(container));
        fitting.next().filter(|_| fitting.next().is_none())
    };
    // An image may be called as its container is.
    let is_called_alike = |container: &Value| container.get("name") == container.get("image");
    match only(&is_named) {
        Some((at, container)) if quotes_image(container) && !is_called_alike(container) => {
            Some(at.child("image"))
        }
        Some((at, _)) => Some(at.clone()),
        None => only(&quotes_image)
            .map(|(at, container)| if is_called_alike(container) { at.clone() } else { at.child("image") }),
    }
}

/// Whether a message has `<name>`, or the name right behind the word `container`.
fn names_container(message: &str, name: &str) -> bool {
    message.contains(&format!("<{name}>"))
        || message.match_indices(name).any(|(at, _)| {
            let (before, rest) = message.split_at(at);
            let behind = rest.strip_prefix(name).unwrap_or_default();
            let before = before.trim_end_matches(['\'', '"', '`', ' ', ':']);
            let is_behind_the_word = before.len() < at && before.to_ascii_lowercase().ends_with("container");
            is_behind_the_word && !behind.starts_with(is_of_name)
        })
}

/// Whether a message has a text that is not a part of a longer word.
fn mentions(message: &str, text: &str) -> bool {
    message.match_indices(text).any(|(at, _)| {
        let (before, rest) = message.split_at(at);
        let behind = rest.strip_prefix(text).unwrap_or_default();
        let behind = behind.trim_start_matches('.');
        !before.ends_with(is_of_image) && !behind.starts_with(is_of_image)
    })
}

fn is_of_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '-'
}

fn is_of_image(letter: char) -> bool {
    is_of_name(letter) || matches!(letter, '/' | ':' | '@' | '_')
}

/// The containers of an object of any kind, with their places.
fn containers(object: &Value) -> Vec<(Pointer, &Value)> {
    let mut found = Vec::new();
    let mut pending = vec![(Pointer::ROOT, object)];
    let mut looked_at = 0;
    while let Some((at, value)) = pending.pop() {
        looked_at += 1;
        if looked_at > VALUES_MAX || at.steps().len() > STEPS_MAX {
            continue;
        }
        let Value::Object(fields) = value else { continue };
        for (key, value) in fields.fields() {
            let at = || at.child(Step::Key(key.clone()));
            match value {
                Value::Array(items) if key.as_str().is_some_and(|key| CONTAINERS.contains(&key)) => {
                    let items = items.iter().enumerate();
                    found.extend(items.map(|(index, item)| (at().child(index), item)));
                }
                Value::Object(_) => pending.push((at(), value)),
                _ => {}
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use lumen_value::read::{Limits, read};

    use super::*;

    fn place(details: &str, message: &str) -> String {
        let value = |text: &str| {
            let reading = read(text.as_bytes(), &Limits::default());
            reading.documents.into_iter().next().map(|document| document.value).unwrap_or_default()
        };
        let object = value(
            "kind: Deployment
metadata: {labels: {a: b}}
spec: {template: {spec: {
  initContainers: [{name: setup, image: 'busybox:1'}],
  containers: [{name: web, image: 'nginx:1'}, {name: web-2, image: 'redis:1'}, {name: twin, image: 'x:1'}, {name: twin, image: 'x:1'}]}}}
",
        );
        of_violation(&value(details), None, message, &object).to_string()
    }

    #[test]
    fn details_say_where() {
        assert_eq!(
            place("{path: [spec, template, spec, containers, 1, image]}", ""),
            "/spec/template/spec/containers/1/image"
        );
        assert_eq!(place("{path: [metadata, labels, app]}", ""), "/metadata/labels/app");
        for details in [
            "{}",
            "{path: []}",
            "{path: /spec}",
            "{path: [status]}",
            "{path: [spec, -1]}",
            "{path: [spec, {}]}",
            "null",
        ] {
            assert_eq!(place(details, "no name"), "/kind", "{details}");
        }
    }

    #[test]
    fn messages_name_containers_and_images() {
        let pod = "/spec/template/spec";
        for (message, at) in [
            ("Container <web> has no CPU limit", "/containers/0"),
            ("container web-2 runs as root", "/containers/1"),
            ("init container \"setup\" runs as root", "/initContainers/0"),
            ("Container <web> must use localhost:5000, got: nginx:1", "/containers/0/image"),
            ("the image redis:1 has no digest", "/containers/1/image"),
        ] {
            assert_eq!(place("{}", message), format!("{pod}{at}"), "{message}");
        }
        for message in ["Container <twin> is there twice", "web", "Containers <web> and <web-2>", "redis:1.2"]
        {
            assert_eq!(place("{}", message), "/kind", "{message}");
        }
    }
}

//! [`upstream_errors`]: what the API machinery says of a `LabelSelector`, in its own words
//! (`k8s.io/apimachinery/pkg/apis/meta/v1/validation/validation.go`, `ValidateLabelSelector`).

use lumen_value::Value;

use super::label;
use crate::object::{field, text};
use crate::podsecurity::text::go_quoted;

/// What the grammar of names is told by.
const NAME: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

/// What the grammar of values is told by.
const VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/// What the grammar of a key's prefix is told by.
const PREFIX: &str = r"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

/// What is wrong with a selector that has the right types, each with its field below `path`; nothing where it is sound.
/// Fields are read by their exact names.
pub(crate) fn upstream_errors(selector: &Value, path: &str) -> Vec<String> {
    let mut errors = Vec::new();
    let labels = field(selector, &["matchLabels"]).as_object();
    for (key, value) in labels.into_iter().flat_map(lumen_value::Object::fields) {
        let at = format!("{path}.matchLabels");
        errors.extend(of_key(&key.to_text(), &at));
        errors.extend(of_value(value.as_str().unwrap_or_default(), &at));
    }
    let expressions = field(selector, &["matchExpressions"]).as_array();
    for (index, expression) in expressions.into_iter().flatten().enumerate() {
        let at = format!("{path}.matchExpressions[{index}]");
        let values: Vec<&Value> = field(expression, &["values"]).as_array().into_iter().flatten().collect();
        match text(expression, "operator") {
            "In" | "NotIn" if values.is_empty() => errors.push(format!(
                "{at}.values: Required value: must be specified when `operator` is 'In' or 'NotIn'"
            )),
            "Exists" | "DoesNotExist" if !values.is_empty() => errors.push(format!(
                "{at}.values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            )),
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => errors.push(invalid(&format!("{at}.operator"), other, "not a valid selector operator")),
        }
        errors.extend(of_key(text(expression, "key"), &format!("{at}.key")));
        for (index, value) in values.into_iter().enumerate() {
            errors.extend(of_value(value.as_str().unwrap_or_default(), &format!("{at}.values[{index}]")));
        }
    }
    errors
}

/// Several errors as the API machinery prints them: one as it is, more in brackets.
pub(crate) fn aggregate(errors: &[String]) -> String {
    match errors {
        [error] => error.clone(),
        several => format!("[{}]", several.join(", ")),
    }
}

fn invalid(at: &str, value: &str, detail: &str) -> String {
    format!("{at}: Invalid value: {}: {detail}", go_quoted(value))
}

fn of_key(key: &str, at: &str) -> Vec<String> {
    let details: Vec<String> = match label::check_key(key) {
        Ok(()) => Vec::new(),
        Err(label::LabelError::Slashes) => {
            vec![format!(
                "a qualified name {NAME} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            )]
        }
        Err(label::LabelError::Empty) => {
            vec!["name part must be non-empty".to_owned(), format!("name part {NAME}")]
        }
        Err(label::LabelError::TooLong) => vec![format!("name part {}", too_long(label::NAME_BYTES_MAX))],
        Err(label::LabelError::Characters) => vec![format!("name part {NAME}")],
        Err(label::LabelError::Prefix) if key.starts_with('/') => {
            vec!["prefix part must be non-empty".to_owned()]
        }
        Err(label::LabelError::Prefix) => vec![format!("prefix part {PREFIX}")],
    };
    details.iter().map(|detail| invalid(at, key, detail)).collect()
}

fn of_value(value: &str, at: &str) -> Option<String> {
    let detail = match label::check_value(value).err()? {
        label::LabelError::TooLong => too_long(label::NAME_BYTES_MAX),
        _ => VALUE.to_owned(),
    };
    Some(invalid(at, value, &detail))
}

fn too_long(most: usize) -> String {
    format!("must be no more than {most} bytes")
}

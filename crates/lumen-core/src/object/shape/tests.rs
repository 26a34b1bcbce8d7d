use lumen_value::pointer;

use super::*;

fn object<const N: usize>(entries: [(&str, Value); N]) -> Value {
    entries.into()
}

fn pod(spec: Value) -> Value {
    object([("apiVersion", "v1".into()), ("kind", "Pod".into()), ("spec", spec)])
}

fn container(entries: Value) -> Value {
    object([("containers", Value::from(vec![entries]))])
}

#[test]
fn a_quoted_boolean_is_a_mistake_and_not_a_pass() {
    let context = object([("privileged", "true".into())]);
    let found = mistakes(&pod(container(object([("securityContext", context)]))));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].at, pointer!["spec", "containers", 0, "securityContext", "privileged"]);
    assert_eq!(
        found[0].message,
        "`spec.containers[0].securityContext.privileged` must be `true` or `false`, not the string `\"true\"`"
    );
}

#[test]
fn wrong_types_are_found_wherever_the_layers_read() {
    let list = || Value::from(vec![]);
    let cases = [
        (
            object([("apiVersion", "v1".into()), ("kind", "Pod".into()), ("metadata", "x".into())]),
            "/metadata",
        ),
        (pod("x".into()), "/spec"),
        (pod(object([("containers", object([]))])), "/spec/containers"),
        (pod(container("x".into())), "/spec/containers/0"),
        (pod(container(object([("securityContext", list())]))), "/spec/containers/0/securityContext"),
        (pod(object([("hostNetwork", 1.into())])), "/spec/hostNetwork"),
        (
            pod(object([("volumes", Value::from(vec![object([("hostPath", "/".into())])]))])),
            "/spec/volumes/0/hostPath",
        ),
        (
            pod(object([("securityContext", object([("runAsUser", "0".into())]))])),
            "/spec/securityContext/runAsUser",
        ),
        (
            pod(container(object([("env", Value::from(vec![object([("value", 1.into())])]))]))),
            "/spec/containers/0/env/0/value",
        ),
        (
            pod(container(object([(
                "ports",
                Value::from(vec![object([("hostPort", (1_i64 << 31).into())])]),
            )]))),
            "/spec/containers/0/ports/0/hostPort",
        ),
        (
            pod(container(object([("resources", object([("limits", object([("cpu", "a lot".into())]))]))]))),
            "/spec/containers/0/resources/limits/cpu",
        ),
    ];
    for (manifest, expected) in cases {
        let at: Vec<_> = mistakes(&manifest).iter().map(|mistake| mistake.at.to_string()).collect();
        assert_eq!(at, [expected], "{manifest}");
    }
}

#[test]
fn a_label_that_is_no_string_is_a_mistake_in_every_kind() {
    let metadata = object([("labels", object([("a", 1.into()), ("b", "x".into()), ("c", true.into())]))]);
    for (api_version, kind) in [("v1", "Namespace"), ("example.com/v1", "Widget")] {
        let manifest = object([
            ("apiVersion", api_version.into()),
            ("kind", kind.into()),
            ("metadata", metadata.clone()),
        ]);
        let at: Vec<_> = mistakes(&manifest).iter().map(|mistake| mistake.at.to_string()).collect();
        assert_eq!(at, ["/metadata/labels/a", "/metadata/labels/c"]);
    }
}

#[test]
fn nulls_and_unknown_fields_are_no_mistakes() {
    let spec = object([
        ("containers", Value::Null),
        ("securityContext", Value::Null),
        ("hostPID", Value::Null),
        ("hostpid", "yes".into()),
        ("future", 1.into()),
    ]);
    assert_eq!(mistakes(&pod(spec)), []);
    assert_eq!(mistakes(&pod(container(Value::Null))), []);
}

#[test]
fn templates_are_checked_where_they_stand() {
    let template = object([
        ("spec", object([("hostPID", "true".into())])),
        ("metadata", object([("labels", "x".into())])),
    ]);
    let deployment = object([
        ("apiVersion", "apps/v1".into()),
        ("kind", "Deployment".into()),
        ("spec", object([("template", template), ("selector", object([("matchLabels", "x".into())]))])),
    ]);
    let at: Vec<_> = mistakes(&deployment).iter().map(|mistake| mistake.at.to_string()).collect();
    assert_eq!(
        at,
        ["/spec/selector/matchLabels", "/spec/template/metadata/labels", "/spec/template/spec/hostPID"]
    );
    let broken = object([
        ("apiVersion", "apps/v1".into()),
        ("kind", "Deployment".into()),
        ("spec", object([("template", "x".into())])),
    ]);
    assert_eq!(mistakes(&broken).len(), 1);
}

#[test]
fn many_mistakes_are_cut() {
    let many: Value =
        Value::Object((0..1000_i64).map(|number| (Value::from(number.to_string()), 1.into())).collect());
    let manifest = object([
        ("apiVersion", "v1".into()),
        ("kind", "Pod".into()),
        ("metadata", object([("labels", many)])),
    ]);
    assert_eq!(mistakes(&manifest).len(), MISTAKES_MAX);
}

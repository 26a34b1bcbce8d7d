//! What policies say: messages, failure policies, match conditions, variables; and that hostile expressions are bounded.
#![expect(clippy::expect_used, reason = "test code")]

use lumen_cel::{Bindings, Budget, Error, FailurePolicy, Policy, Section, Source, Validation, Variable};
use lumen_value::Value;
use lumen_value::read::{self, Limits};

fn value(text: &str) -> Value {
    read::read(text.as_bytes(), &Limits::default()).documents.remove(0).value
}

fn validation(expression: &str) -> Validation {
    Validation { expression: expression.to_owned(), ..Validation::default() }
}

fn variable(name: &str, expression: &str) -> Variable {
    Variable { name: name.to_owned(), expression: expression.to_owned() }
}

struct Review {
    object: Value,
    old_object: Value,
    request: Value,
    constraint: Value,
}

impl Default for Review {
    fn default() -> Self {
        Self {
            object: value("{metadata: {name: web}, spec: {replicas: 3, containers: [{name: a}, {name: b}]}}"),
            old_object: Value::Null,
            request: value("{operation: CREATE}"),
            constraint: value(
                "{kind: Few, metadata: {name: few}, spec: {parameters: {min: 5, names: [web]}}}",
            ),
        }
    }
}

impl Review {
    fn of(&self, source: &Source) -> Vec<String> {
        self.within(source, Budget::default()).expect("within the budget")
    }

    fn within(&self, source: &Source, budget: Budget) -> Result<Vec<String>, Error> {
        let bindings = Bindings {
            object: &self.object,
            old_object: &self.old_object,
            request: &self.request,
            namespace_object: &Value::Null,
            params: &self.constraint,
            parameters: self
                .constraint
                .get("spec")
                .and_then(|spec| spec.get("parameters"))
                .unwrap_or(&Value::Null),
        };
        let violations = Policy::load(source).0.evaluate(&bindings, &budget)?;
        Ok(violations.into_iter().map(|violation| violation.message).collect())
    }
}

fn of_expression(expression: &str) -> Vec<String> {
    let source = Source { validations: vec![validation(expression)], ..Source::default() };
    Review::default().of(&source)
}

#[test]
fn messages_are_those_of_kubernetes() {
    let with = |message: Option<&str>, message_expression: Option<&str>| {
        let own = |text: Option<&str>| text.map(str::to_owned);
        let validation = Validation {
            expression: " object.spec.replicas > 5 ".to_owned(),
            message: own(message),
            message_expression: own(message_expression),
            reason: None,
        };
        Review::default().of(&Source { validations: vec![validation], ..Source::default() })
    };
    assert_eq!(with(None, None), ["failed expression: object.spec.replicas > 5"]);
    assert_eq!(with(Some(" too few "), None), ["too few"]);
    assert_eq!(with(Some("too few"), Some("'only ' + string(object.spec.replicas)")), ["only 3"]);
    // What fails, is no text, is empty or has several lines does not count.
    for unusable in ["object.none", "1", "'  '", "'a\\nb'", "'a' +"] {
        assert_eq!(with(Some("too few"), Some(unusable)), ["too few"], "{unusable}");
    }
}

#[test]
fn errors_count_as_the_failure_policy_says() {
    for (expression, message) in [
        ("object.spec.none == 1", "expression 'object.spec.none == 1' resulted in error: no such key: none"),
        (
            "object.metadata.name + object.spec == ''",
            "expression 'object.metadata.name + object.spec == ''' resulted in error: no such overload",
        ),
        (
            "9223372036854775807 + object.spec.replicas > 0",
            "expression '9223372036854775807 + object.spec.replicas > 0' resulted in error: integer overflow",
        ),
        (
            "object.metadata.",
            "compilation error: compilation failed: ERROR: <input>:1:17: Syntax error: no viable alternative at input '.'\n | object.metadata.\n | ................^",
        ),
        (
            "authorizer.group('').resource('pods').check('get').allowed()",
            "compilation error: compilation failed: ERROR: <input>:1:1: undeclared reference to 'authorizer' (in container '')\n | authorizer.group('').resource('pods').check('get').allowed()\n | ^",
        ),
    ] {
        let source = |failure_policy| Source {
            validations: vec![validation(expression), validation("false")],
            failure_policy,
            ..Source::default()
        };
        assert_eq!(Review::default().of(&source(FailurePolicy::Fail)), [message, "failed expression: false"]);
        assert_eq!(Review::default().of(&source(FailurePolicy::Ignore)), ["failed expression: false"]);
    }
}

#[test]
fn what_is_decided_is_no_error() {
    for expression in [
        "true || object.none == 1",
        "object.none == 1 || true",
        "!(object.none == 1 && false)",
        "[1, 2].exists(x, x / 0 == 1 || x == 2)",
        "!has(object.spec.none)",
        "object.?spec.?none.orValue('x') == 'x'",
    ] {
        assert!(of_expression(expression).is_empty(), "{expression}");
    }
}

#[test]
fn variables_are_computed_once_in_order_and_only_when_asked() {
    let source = Source {
        variables: vec![
            variable("unused", "object.none"),
            variable("names", "variables.anyObject.spec.containers.map(c, c.name)"),
            variable("text", "variables.names.join(', ')"),
            variable("of_params", "params.spec.parameters.min"),
            variable("of_constraint", "params.kind + '/' + params.metadata.name"),
        ],
        validations: vec![
            validation("variables.text == 'a, b'"),
            validation(
                "variables.names.all(name, variables.params.names.all(other, name != other && variables.text != name))",
            ),
            validation("variables.of_params == 5 && variables.of_constraint == 'Few/few'"),
            validation("variables.later == 1"),
            validation("variables.unused == 1"),
        ],
        ..Source::default()
    };
    assert_eq!(
        Review::default().of(&source),
        [
            "compilation error: compilation failed: ERROR: <input>:1:10: undefined field 'later'\n | variables.later == 1\n | .........^",
            "expression 'variables.unused == 1' resulted in error: composited variable \"unused\" fails to evaluate: no such key: none",
        ]
    );
    let errors = Policy::compile(&source).expect_err("one expression is wrong");
    assert_eq!(errors.len(), 1);
    assert_eq!((errors[0].section, errors[0].index, errors[0].offset), (Section::Validation, 3, 9));
}

#[test]
fn on_delete_any_object_is_the_old_one() {
    let review = Review {
        object: Value::Null,
        old_object: value("{metadata: {name: old}}"),
        request: value("{operation: DELETE}"),
        ..Review::default()
    };
    let source = Source {
        validations: vec![
            validation("variables.anyObject.metadata.name == 'old'"),
            validation("object == null"),
        ],
        ..Source::default()
    };
    assert!(review.of(&source).is_empty());
}

#[test]
fn a_match_condition_that_is_false_wins_over_one_that_fails() {
    let source = |conditions: &[&str]| Source {
        validations: vec![validation("false")],
        match_conditions: conditions.iter().map(|condition| variable("m", condition)).collect(),
        ..Source::default()
    };
    let review = Review::default();
    assert_eq!(review.of(&source(&["true"])), ["failed expression: false"]);
    assert!(review.of(&source(&["object.none == 1", "false"])).is_empty());
    assert_eq!(
        review.of(&source(&["object.none == 1", "true"])),
        ["expression 'object.none == 1' resulted in error: no such key: none"]
    );
}

#[test]
fn hostile_expressions_are_refused_or_run_out_of_budget() {
    let deep =
        |open: &str, inner: &str, close: &str| open.repeat(100_000 / 4) + inner + &close.repeat(100_000 / 4);
    let refused = [
        deep("(", "1", ")"),
        deep("[", "1", "]"),
        deep("{1:", "1", "}"),
        "(".repeat(90_000),
        "[1].map(x, ".repeat(5_000),
        "1+".repeat(1 << 20),
        "object.a.b.c[".repeat(5_000),
        "'a'.matches('(a{1000}){1000}')".to_owned(),
    ];
    for expression in &refused {
        let (_, errors) =
            Policy::load(&Source { validations: vec![validation(expression)], ..Source::default() });
        assert_eq!(errors.len(), 1, "{}..", expression.get(..12).unwrap_or_default());
    }
    let fine = [
        "1+".repeat(4_000) + "1 > 0",
        "!".repeat(50_000) + "true",
        "true ? true : ".repeat(5_000) + "true",
        "true && ".repeat(5_000) + "true",
        // Types that double with each step.
        "[[1]]".to_owned() + &".map(x, {x: x})".repeat(60) + ".size() == 1 || true",
        "[[]].all(a, ".repeat(100) + "true" + &")".repeat(100),
        "has(object.metadata)".to_owned() + &" && object.metadata == object['metadata']".repeat(1_000),
    ];
    for expression in &fine {
        assert!(of_expression(expression).is_empty(), "{}..", expression.get(..12).unwrap_or_default());
    }
    let list = "[1,2,3,4,5,6,7,8,9,10]";
    let expensive = [
        format!(
            "{list}.all(a, {list}.all(b, {list}.all(c, {list}.all(d, {list}.all(e, {list}.all(f, true))))))"
        ),
        "lists.range(1000000000000).size() > 0".to_owned(),
        (0..60).fold("'x'".to_owned(), |text, _| format!("[{text}].map(x, x + x)[0]")) + " == ''",
        "'a'.replace('', 'b').matches('(a{1000}' + '){1000}')".to_owned(),
    ];
    for expression in &expensive {
        let source = Source { validations: vec![validation(expression)], ..Source::default() };
        match Review::default().within(&source, Budget { steps: 100_000 }) {
            Err(Error::Budget { steps: 100_000 }) => {}
            Ok(messages) => assert!(messages[0].contains("error parsing regexp"), "{messages:?}"),
            Err(other) => assert_eq!(other, Error::Budget { steps: 100_000 }),
        }
    }
}

#[test]
fn what_can_only_fail_is_refused_when_it_is_compiled() {
    for (expression, message) in [
        ("1 != 'a'", "found no matching overload for '_!=_' applied to '(int, string)'"),
        (
            "size(object.spec.containers) > '1'",
            "found no matching overload for '_>_' applied to '(int, string)'",
        ),
        ("variables.count + 1.0 > 2.0", "found no matching overload for '_+_' applied to '(int, double)'"),
        ("object.name == [1, 'a']", "expected type 'int' but found 'string'"),
        ("true && 1", "expected type 'bool' but found 'int'"),
    ] {
        let source = Source {
            variables: vec![variable("count", "size(object.spec.containers)")],
            validations: vec![validation(expression)],
            ..Source::default()
        };
        let errors = Policy::compile(&source).expect_err(expression);
        assert!(errors[0].message.contains(message), "{}", errors[0].message);
    }
    assert_eq!(
        of_expression("size(object.spec.containers)"),
        ["compilation error: must evaluate to bool but got int"]
    );
    for fine in ["1 < 2.0", "object.metadata.name != 1", "[] != [1]", "(true ? object.spec : null) != null"] {
        assert!(of_expression(fine).is_empty(), "{fine}");
    }
}

#[test]
fn without_parameters_params_is_null() {
    let source = Source {
        validations: vec![
            validation("variables.params == null"),
            validation("!has(variables.params.min)"),
            validation("has(variables.params) ? variables.params == null : false"),
        ],
        ..Source::default()
    };
    for constraint in ["{kind: Few}", "{kind: Few, spec: {}}", "{kind: Few, spec: {parameters: null}}"] {
        let review = Review { constraint: value(constraint), ..Review::default() };
        assert!(review.of(&source).is_empty(), "{constraint}");
    }
    let review = Review { constraint: value("{kind: Few, spec: {parameters: {}}}"), ..Review::default() };
    assert_eq!(review.of(&source).len(), 2);
}

#[test]
fn what_is_no_boolean_for_sure_is_refused_as_kubernetes_refuses_it() {
    for (expression, got) in [
        ("object.spec.hostNetwork", "dyn"),
        ("object.?spec.hostNetwork.orValue(true)", "dyn"),
        ("true ? true : dyn(true)", "dyn"),
        ("variables.params", "dyn"),
        ("null", "null_type"),
        ("[duration('1s')]", "list(google.protobuf.Duration)"),
        ("{'a': [true]}", "map(string, list(bool))"),
        ("optional.none()", "optional_type(dyn)"),
        ("request", "kubernetes.AdmissionRequest"),
    ] {
        let message = format!("compilation error: must evaluate to bool but got {got}");
        assert_eq!(of_expression(expression), [message], "{expression}");
    }
    for expression in
        ["[true][0]", "optional.of(true).value()", "[1].map(x, true)[0]", "optional.none().orValue(true)"]
    {
        assert!(of_expression(expression).is_empty(), "{expression}");
    }
    // A message that is no text for sure is none.
    let spoken =
        Validation { message_expression: Some("object.metadata.name".to_owned()), ..validation("false") };
    let source = Source { validations: vec![spoken], ..Source::default() };
    assert_eq!(Review::default().of(&source), ["failed expression: false"]);
}

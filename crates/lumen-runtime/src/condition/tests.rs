use super::parse;

fn printed(text: &str) -> String {
    match parse(text) {
        Ok(condition) => condition.to_string(),
        Err(error) => format!("{}: {}", error.at, error.message),
    }
}

#[test]
fn conditions_are_read_as_they_are_meant() {
    for (text, expected) in [
        ("proc.name=cat and (fd.name=a or fd.name=b)", "(proc.name = cat and (fd.name = a or fd.name = b))"),
        ("not not proc.name=cat", "proc.name = cat"),
        ("not(proc.name=cat)", "not proc.name = cat"),
        ("proc.name in (a, 'b c')", "proc.name in (a, \"b c\")"),
        ("proc.name in ()", "proc.name in ()"),
        ("proc.name startswith oneof (a, b)", "proc.name startswith oneof (a, b)"),
        ("proc.name startswith oneof and macro", "(proc.name startswith oneof and macro)"),
        ("proc.aname[2] exists", "proc.aname[2] exists"),
        ("tolower(proc.name) = val(proc.pname)", "tolower(proc.name) = val(proc.pname)"),
        ("fd.num >= 0x1F", "fd.num >= 0x1F"),
        ("proc.name = \"a\\x41\"", "proc.name = aA"),
    ] {
        assert_eq!(printed(text), expected, "{text}");
    }
}

#[test]
fn what_is_no_condition_is_refused_where_it_ends() {
    for (text, at) in [
        ("", 0),
        ("proc.name = bash AND evt.type = a", 17),
        ("(proc.name = a", 14),
        ("proc.name in (a,)", 16),
    ] {
        assert_eq!(parse(text).map_err(|error| error.at), Err(at), "{text}");
    }
}

#[test]
fn nesting_is_bounded() {
    let deep = |levels: usize| format!("{}proc.name=a{}", "(".repeat(levels), ")".repeat(levels));
    assert!(parse(&deep(190)).is_ok());
    assert!(parse(&deep(100_000)).is_err());
    assert!(parse(&format!("{}proc.name=a", "not ".repeat(100_000))).is_ok());
}

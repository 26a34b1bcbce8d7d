//! Manifests may hold anything: no format lets it out of its place.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::support::Folder;

const NAMES: &[&str] = &[
    "quote\\\"--> x",
    "<script>alert(1)</script>",
    "line\\nfeed",
    "back\\\\slash",
    "escape\\u001b[31m",
    "a]]>b&amp;c",
    "`tick`|bar",
    "=HYPERLINK(1)",
    "end\\u202Edne",
    "%%{init}%%",
    "@everyone #1;",
    "'single'",
];

fn folder() -> Folder {
    let of_name = |name: &&str| {
        format!(
            "---
apiVersion: v1
kind: Pod
metadata: {{name: \"{name}\", namespace: \"{name}\", labels: {{app: \"{name}\"}}}}
spec: {{containers: [{{name: a, image: a, ports: [{{containerPort: 80, name: \"{name}\"}}]}}]}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: \"{name}\", namespace: \"{name}\"}}
spec: {{podSelector: {{}}, ingress: [{{from: [{{namespaceSelector: {{}}}}], ports: [{{port: 80}}]}}]}}
"
        )
    };
    let route = "---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: a, namespace: a}
spec: {rules: [{host: \"<b>\\u001b\", http: {paths: [{path: /, backend: {service: {name: \"|x\", port: {number: 80}}}}]}}]}
";
    let text: String = NAMES.iter().map(of_name).chain([route.to_owned()]).collect();
    Folder::new(&[("hostile.yaml", &text)])
}

/// Whether a terminal would show the text as it is.
#[track_caller]
fn assert_harmless(text: &str) {
    let bad: Vec<char> =
        text.chars().filter(|each| *each != '\n' && !lumen::output::escape::is_shown(*each)).collect();
    assert!(bad.is_empty(), "{bad:?}");
}

#[test]
fn svg_is_sound_xml_without_script() {
    let folder = folder();
    let found = folder.run("net graph -o svg hostile.yaml");
    found.expect(0);
    assert_harmless(&found.stdout);
    assert!(!found.stdout.contains("<script"), "{}", found.stdout);
    // Every element that is opened is one of ours, and each is closed.
    let mut open: Vec<String> = Vec::new();
    for part in found.stdout.split('<').skip(1) {
        let (tag, _) = part.split_once('>').expect("a tag ends");
        let name: String =
            tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphabetic).collect();
        let ours = ["svg", "title", "desc", "style", "rect", "text", "tspan", "g", "path"];
        assert!(ours.contains(&name.as_str()), "{tag}");
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        if tag.starts_with('/') {
            assert_eq!(open.pop().as_deref(), Some(name.as_str()));
        } else if !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn dot_and_mermaid_keep_texts_in_their_quotes() {
    let folder = folder();
    let dot = folder.run("net graph -o dot hostile.yaml");
    assert_harmless(&dot.expect(0).stdout);
    for line in dot.stdout.lines() {
        let bare = line.replace("\\\\", "").replace("\\\"", "");
        assert_eq!(bare.matches('"').count() % 2, 0, "{line}");
    }
    if let Ok(mut parser) =
        Command::new("dot").arg("-Tdot").stdin(Stdio::piped()).stdout(Stdio::null()).spawn()
    {
        let mut pipe = parser.stdin.take().expect("it is piped");
        pipe.write_all(dot.stdout.as_bytes()).expect("is written");
        drop(pipe);
        assert!(parser.wait().expect("it ends").success());
    }
    let mermaid = folder.run("net graph -o mermaid hostile.yaml");
    assert_harmless(&mermaid.expect(0).stdout);
    for line in mermaid.stdout.lines().filter(|line| !line.trim_start().starts_with("%%")) {
        assert!(matches!(line.matches('"').count(), 0 | 2), "{line}");
        let quoted = line.split('"').nth(1).unwrap_or_default().replace("<br>", "");
        assert!(!quoted.contains(['<', '>', '`', '&', '{', '|', '\\', '@', '\'']), "{line}");
    }
}

#[test]
fn tables_keep_texts_in_their_cells() {
    let folder = folder();
    for line in ["net list -o csv", "net matrix -o csv"] {
        let found = folder.run(&format!("{line} hostile.yaml"));
        assert_harmless(&found.expect(0).stdout);
        for line in found.stdout.lines() {
            assert_eq!(line.matches('"').count() % 2, 0, "{line}");
            for field in line.split(',') {
                assert!(!field.trim_start_matches('"').starts_with(['=', '@']), "{line}");
            }
        }
    }
    for line in ["net list -o md", "net matrix -o md"] {
        let found = folder.run(&format!("{line} hostile.yaml"));
        assert_harmless(&found.expect(0).stdout);
        let rows: Vec<_> = found.stdout.lines().filter(|line| line.starts_with('|')).collect();
        let bars = |row: &str| row.replace("\\|", "").matches('|').count();
        for table in rows.chunk_by(|a, b| bars(a) == bars(b)) {
            assert!(table.len() > 1, "{table:?}");
        }
        assert!(!found.stdout.contains("<script"), "{}", found.stdout);
        assert!(!found.stdout.contains(" @everyone"), "{}", found.stdout);
    }
}

#[test]
fn people_and_programs_get_it_whole_and_harmless() {
    let folder = folder();
    for line in ["list", "list --exposure", "matrix", "list -o json", "matrix -o json", "list --fold"] {
        let found = folder.run(&format!("net {line} hostile.yaml"));
        assert_harmless(&found.expect(0).stdout);
        assert_harmless(&found.stderr);
    }
    let listed: serde_json::Value =
        serde_json::from_str(&folder.run("net list -o json hostile.yaml").stdout).expect("JSON");
    let names: Vec<_> =
        listed["workloads"].as_array().expect("a list").iter().map(|each| &each["namespace"]).collect();
    assert!(names.iter().any(|name| *name == "<script>alert(1)</script>"), "{names:?}");
    assert!(names.iter().any(|name| *name == "line\nfeed"), "{names:?}");
    let mut why = folder.command("net why -f hostile.yaml");
    why.args(["line\nfeed/line\nfeed", "'single'/'single'", "80"]);
    let found = crate::support::run(&mut why, b"");
    assert_harmless(&found.stdout);
    assert_harmless(&found.stderr);
    found.expect(0);
}

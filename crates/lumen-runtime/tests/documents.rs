//! `docs/runtime-fields.md` shows the fields that there are.
#![expect(clippy::expect_used, reason = "test code")]

use std::fmt::Write as _;
use std::path::Path;

use lumen_runtime::field::{self, About, ArgumentRule, Field};

const BEGIN: &str = "<!-- fields: what the test `the_document_shows_the_fields_that_there_are` writes -->\n";
const END: &str = "<!-- end of fields -->\n";

const PARTS: [(About, &str); 6] = [
    (About::Event, "The event"),
    (About::Process, "The process"),
    (About::User, "The user"),
    (About::Descriptor, "The file, socket or other descriptor"),
    (About::Path, "The paths that the event names"),
    (About::Container, "The container and its pod"),
];

fn kind(field: &Field) -> String {
    let word = field.kind.word();
    if field.is_list() { format!("list: {word}") } else { word.to_owned() }
}

/// Fields whose forms are their own.
const FORMS: [(&str, &str); 3] = [
    ("evt.abspath", "`evt.abspath`, `evt.abspath.src`, `evt.abspath.dst`"),
    ("evt.arg", "`evt.arg[N]`, `evt.arg.NAME`"),
    ("evt.rawarg", "`evt.rawarg.NAME`"),
];

fn name(field: &Field) -> String {
    if let Some((_, forms)) = FORMS.iter().find(|(name, _)| *name == field.name) {
        return (*forms).to_owned();
    }
    let argument = match field.argument {
        ArgumentRule::None => "",
        ArgumentRule::Index => "`, `[N]",
        ArgumentRule::Key => "`, `[NAME]",
        ArgumentRule::Required => "[NAME]",
    };
    format!("`{}{argument}`", field.name)
}

fn says(field: &Field) -> String {
    let mut says = field.says.replace('|', "\\|");
    for (holds, remark) in [
        (field.is_filter_only(), "for conditions alone"),
        (field.is_print_only(), "for outputs alone"),
        (field.is_deprecated(), "deprecated"),
    ] {
        if holds {
            says = format!("{says} ({remark})");
        }
    }
    says
}

fn tables() -> String {
    let mut text = String::new();
    for (about, title) in PARTS {
        write!(text, "\n## {title}\n\n| Field | Type | What it says |\n|---|---|---|\n")
            .expect("a string takes it");
        for field in field::all().filter(|field| field.about == about) {
            writeln!(text, "| {} | {} | {} |", name(field), kind(field), says(field))
                .expect("a string takes it");
        }
    }
    text + "\n"
}

#[test]
fn the_document_shows_the_fields_that_there_are() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/runtime-fields.md");
    let document = std::fs::read_to_string(path).expect("the document");
    let (before, rest) = document.split_once(BEGIN).expect("where the fields begin");
    let (shown, behind) = rest.split_once(END).expect("where the fields end");
    let tables = tables();
    if shown == tables {
        return;
    }
    let written = Path::new(env!("CARGO_TARGET_TMPDIR")).join("runtime-fields.md");
    std::fs::write(&written, format!("{before}{BEGIN}{tables}{END}{behind}")).expect("a document");
    panic!("docs/runtime-fields.md shows other fields; as it should be, it is `{}`", written.display());
}

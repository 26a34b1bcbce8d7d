//! What a fuzz target starts from: the inputs of the conformance sets, the examples and the corpus.

#[path = "../../../tests/conformance/directory.rs"]
mod directory;

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use self::directory::conformance_dir;
use crate::workspace::root;

/// Where a target's seeds come from.
struct Source {
    targets: &'static [&'static str],
    /// A file of the conformance sets, a case a line.
    file: &'static str,
    /// The fields of a case that are inputs. Of a list of strings each is one; what else is no string is written as JSON.
    fields: &'static [&'static str],
}

const SOURCES: &[Source] = &[
    Source { targets: &["read", "span_edit", "check"], file: "yaml/documents.jsonl", fields: &["yaml"] },
    Source { targets: &["read", "span_edit"], file: "yaml/scalars.jsonl", fields: &["yaml"] },
    Source { targets: &["json"], file: "yaml/documents.jsonl", fields: &["json"] },
    Source { targets: &["check"], file: "podsecurity/fixtures.jsonl", fields: &["manifest"] },
    Source { targets: &["selector"], file: "selectors/selectors.jsonl", fields: &["selector"] },
    Source {
        targets: &["quantity"],
        file: "selectors/quantities.jsonl",
        fields: &["input", "json", "a", "b"],
    },
    Source {
        targets: &["rego_check", "rego_parse", "rego_eval"],
        file: "rego/compile.jsonl",
        fields: &["modules"],
    },
    Source {
        targets: &["rego_check", "rego_parse", "rego_eval"],
        file: "rego/cases.jsonl",
        fields: &["modules", "query"],
    },
    Source { targets: &["rules"], file: "runtime/loading.jsonl", fields: &["yaml"] },
    Source { targets: &["condition"], file: "runtime/conditions.jsonl", fields: &["condition"] },
    Source { targets: &["output"], file: "runtime/formats.jsonl", fields: &["format"] },
];

/// Folders whose files are seeds as they are, for the targets that read manifests.
const FOLDERS: [&str; 4] = ["examples", "policies", "tests/corpus", "fuzz/regressions"];

/// The targets that read manifests.
const OF_MANIFESTS: &[&str] = &["read", "span_edit", "check", "template"];

/// Captures of system calls, compressed.
const CAPTURES: &str = "tests/corpus/runtime/captures";
/// Recordings of events.
const RECORDINGS: &str = "tests/corpus/runtime/recordings";
/// The longest block of a capture that goes into a seed, and about how long a seed is, in bytes.
const CAPTURE_BLOCK_BYTES_MAX: usize = 600;
const CAPTURE_BYTES: usize = 12_000;

/// Corners of TOML, of which no set has cases.
const TOML: &[&str] = &[
    "a = 1\nb.c = \"x\"\n[d]\ne = [1, 2.5, true]\n[[f]]\ng = { h = 'i' }\n",
    "[[a]]\n[a.b]\nc = 1\n[[a]]\nb.c = 2\n",
    "a = 1979-05-27T07:32:00.999-07:00\nb = 07:32:00\nc = 1979-05-27\n",
    "a = 0xdead_beef\nb = 0o755\nc = 0b11\nd = -1e-3\ne = inf\n",
    "a = \"\"\"\n  x \\\n  y\"\"\"\nb = '''z'''\n\"c\\u00e9\" = \"\\t\\U0001F600\"\n",
    "a = [ # comment\n  [1],\n  { b.c = 2, },\n]\n",
];

/// Writes a target's seeds into the folder; how many there are. Those that a run has added stay.
pub(super) fn write(target: &str, folder: &Path) -> Result<usize> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    let mut seeds: Vec<Vec<u8>> = Vec::new();
    let conformance = conformance_dir(root());
    for source in SOURCES.iter().filter(|source| source.targets.contains(&target)) {
        let path = conformance.join(source.file);
        if !path.exists() {
            println!("no `{}`: fewer seeds", path.display());
            continue;
        }
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
        for line in text.lines() {
            let case: Value = serde_json::from_str(line)
                .with_context(|| format!("`{}` is no JSON lines", path.display()))?;
            for field in source.fields {
                match case.get(field) {
                    None => {}
                    Some(Value::String(text)) => seeds.push(text.clone().into()),
                    Some(Value::Array(texts)) if texts.iter().all(Value::is_string) => {
                        seeds.extend(texts.iter().filter_map(Value::as_str).map(Into::into));
                    }
                    Some(value) => seeds.push(value.to_string().into()),
                }
            }
        }
    }
    if target == "toml" {
        seeds.extend(TOML.iter().map(|text| text.as_bytes().to_vec()));
    }
    if target == "scap" {
        let mut captures = Vec::new();
        files(&root().join(CAPTURES), &mut captures)?;
        seeds.extend(captures.iter().filter_map(|bytes| short_capture(bytes)));
    }
    if target == "recording" {
        files(&root().join(RECORDINGS), &mut seeds)?;
    }
    if OF_MANIFESTS.contains(&target) {
        for each in FOLDERS {
            files(&root().join(each), &mut seeds)?;
        }
    }
    for (number, seed) in seeds.iter().enumerate() {
        let path = folder.join(format!("seed-{number:05}"));
        std::fs::write(&path, seed).with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    Ok(seeds.len())
}

/// The short blocks of a compressed capture; none where it is no such.
fn short_capture(compressed: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(compressed).read_to_end(&mut bytes).ok()?;
    let (mut rest, mut short) = (bytes.as_slice(), Vec::new());
    while let Some(length) = rest.get(4..8) {
        let length = usize::try_from(u32::from_le_bytes(length.try_into().ok()?)).ok()?;
        let (block, behind) = rest.split_at_checked(length.max(8))?;
        if length <= CAPTURE_BLOCK_BYTES_MAX && short.len() < CAPTURE_BYTES {
            short.extend_from_slice(block);
        }
        rest = behind;
    }
    Some(short)
}

fn files(folder: &Path, seeds: &mut Vec<Vec<u8>>) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .with_context(|| format!("cannot read `{}`", folder.display()))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            files(&path, seeds)?;
        } else {
            seeds.push(std::fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?);
        }
    }
    Ok(())
}

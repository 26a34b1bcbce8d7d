//! The rules of the layer `input`.

use crate::finding::{Layer, Severity};
use crate::rule::Rule;

/// A rule of this layer; what is wrong with an input is specified nowhere but here.
const fn rule(
    name: &'static str,
    severity: Severity,
    summary: &'static str,
    rationale: &'static str,
    remedy: &'static str,
) -> Rule {
    Rule { layer: Layer::Input, name, summary, rationale, remedy, severity, references: &[] }
}

/// The text of an input is sound YAML or JSON.
pub static SYNTAX: Rule = rule(
    "syntax",
    Severity::High,
    "the text of an input is sound YAML or JSON",
    "What cannot be read cannot be judged: a manifest that no tool sees is one that no tool stops",
    "Mend the text at the place shown; what stands in the file's other documents is judged all the same",
);

/// The text of an input is UTF-8.
pub static ENCODING: Rule = rule(
    "encoding",
    Severity::High,
    "the text of an input is UTF-8",
    "Bytes that two readers take differently can show the reviewer one manifest and the server another",
    "Save the file as UTF-8",
);

/// No key stands twice in a mapping.
pub static DUPLICATE_KEY: Rule = rule(
    "duplicate-key",
    Severity::Medium,
    "no key stands twice in a mapping",
    "The API server keeps the last of the two, a reviewer may see the first, and strict clients such as kubectl refuse the document; Lumen judges what the server would keep",
    "Remove the one that is not meant",
);

/// Collections do not nest deeper than the bound.
pub static TOO_DEEP: Rule = rule(
    "too-deep",
    Severity::High,
    "collections do not nest deeper than the bound",
    "Depth without bound is a way to exhaust a reader; Kubernetes' own gives up at 10,000 levels",
    "Flatten the document, or raise the bound if the input is trusted",
);

/// Aliases do not expand to more than the bound.
pub static TOO_MANY_ALIASES: Rule = rule(
    "too-many-aliases",
    Severity::High,
    "aliases do not expand to more than the bound",
    "A few lines of nested aliases stand for gigabytes: the attack known as billion laughs",
    "Write the values out, or use fewer aliases",
);

/// An input holds no more documents than the bound.
pub static TOO_MANY_DOCUMENTS: Rule = rule(
    "too-many-documents",
    Severity::High,
    "an input holds no more documents than the bound",
    "What lies behind the bound is not read, and so not judged",
    "Split the input, or raise the bound if it is trusted",
);

/// An input is no larger than the bound.
pub static TOO_LARGE: Rule = rule(
    "too-large",
    Severity::High,
    "no input is larger than the bound, nor are all together than theirs",
    "Nothing of an input beyond the bound is read, and so nothing is judged",
    "Split the input, or raise the bound if it is trusted",
);

/// Every input that is named can be opened and read.
pub static UNREADABLE: Rule = rule(
    "unreadable",
    Severity::High,
    "every input that is named can be opened and read",
    "A file that cannot be read could hold anything",
    "Check that the path exists and that it may be read",
);

/// Every input is a regular file or a directory.
pub static NOT_A_FILE: Rule = rule(
    "not-a-file",
    Severity::High,
    "every input is a regular file or a directory",
    "A FIFO or a device may never end, or hand out something else to each reader",
    "Name a regular file, or pipe the manifests into stdin and name `-`",
);

/// No symbolic link leads back to where it stands.
pub static SYMLINK_LOOP: Rule = rule(
    "symlink-loop",
    Severity::High,
    "no symbolic link leads back to where it stands",
    "Behind a loop of links stands nothing that could be judged",
    "Remove the link that closes the loop",
);

/// No symbolic link leads out of what is checked.
pub static SYMLINK_OUTSIDE: Rule = rule(
    "symlink-outside",
    Severity::High,
    "no symbolic link in a folder leads out of that folder and of the current one",
    "Who may add a link to a repository could have any file of the machine read, quoted in a report, or written by `--fix`",
    "Name the file or folder that the link leads to on the command line as well, if it is meant",
);

/// The inputs are no more files than the bound.
pub static TOO_MANY_FILES: Rule = rule(
    "too-many-files",
    Severity::High,
    "the inputs are no more files than the bound",
    "Files beyond the bound are not read, and so not judged",
    "Name a smaller tree, or raise the bound",
);

/// Every field has the type that Kubernetes gives it.
pub static MALFORMED_OBJECT: Rule = rule(
    "malformed-object",
    Severity::High,
    "every field has the type that Kubernetes gives it",
    "The API server refuses an object with a field of the wrong type, such as `privileged: \"true\"`; a tool that reads past it would call the object safe",
    "Write the value with the type that is asked for: no quotes around booleans and numbers, quotes around labels that look like one",
);

/// No two manifests of one call are about the same object.
pub static DUPLICATE_OBJECT: Rule = rule(
    "duplicate-object",
    Severity::Low,
    "no two manifests of one call are about the same object",
    "Of two manifests for one object the one that is applied last wins, so what is judged may not be what runs; overlays in one folder are the usual cause",
    "Check each overlay by itself, or remove the manifest that is not meant",
);

/// Every input is a manifest; demanded only with `--strict`.
pub static NOT_A_MANIFEST: Rule = rule(
    "not-a-manifest",
    Severity::High,
    "every input is a manifest, where `--strict` demands it",
    "A file that is left alone because it is no manifest holds nothing that was judged",
    "Render templates first, leave other files out with `exclude`, or check without `--strict`",
);

/// A scan may read what there is to be judged.
pub static UNREAD_KIND: Rule = rule(
    "unread-kind",
    Severity::High,
    "a scan of a cluster may read all kinds that are to be judged",
    "Of what the API server does not show nothing is known: a scan without findings would look like a sound cluster",
    "Give whoever scans the ClusterRole of `lumen scan`'s manual, or take it into account; `--strict` makes it an error",
);

/// The program itself does not fail.
pub static INTERNAL_ERROR: Rule = rule(
    "internal-error",
    Severity::High,
    "the program itself does not fail over an input",
    "What a program fails over it has not judged, and so nothing in it counts as sound",
    "Report it as a bug, with the file if that is possible; all other files are judged",
);

/// All rules of the layer.
pub static RULES: &[&Rule] = &[
    &SYNTAX,
    &ENCODING,
    &DUPLICATE_KEY,
    &TOO_DEEP,
    &TOO_MANY_ALIASES,
    &TOO_MANY_DOCUMENTS,
    &TOO_LARGE,
    &UNREADABLE,
    &NOT_A_FILE,
    &SYMLINK_LOOP,
    &SYMLINK_OUTSIDE,
    &TOO_MANY_FILES,
    &MALFORMED_OBJECT,
    &DUPLICATE_OBJECT,
    &NOT_A_MANIFEST,
    &UNREAD_KIND,
    &INTERNAL_ERROR,
    &crate::exemption::rules::INVALID_EXEMPTION,
    &crate::exemption::rules::UNUSED_EXEMPTION,
    &crate::exemption::rules::EXPIRED_EXEMPTION,
];

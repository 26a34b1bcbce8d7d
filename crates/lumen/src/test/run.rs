//! Everything below the paths of one call, run: files at the same time, then the Rego modules below each path together.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use lumen_core::finding::Place;
use lumen_value::Pointer;
use lumen_value::read::{Limits, read};

use super::kinds::{Choice, Document, Kind};
use super::modules::{self, Base, Text};
use super::report::{Position, Ran, Suite};
use crate::locate::{self, DocumentPlace, Part};
use crate::parallel;
use crate::source::{Gathered, Input};

/// What a file is to `lumen test`.
enum File {
    /// A module.
    Module(Text),
    /// What its documents came to, and base data.
    Documents(Ran, Option<Base>),
}

/// Runs all tests below one path.
pub fn all(root: &OsStr, gathered: &Gathered, choice: &Choice<'_>) -> Vec<Ran> {
    let path_of = |input: &Input| {
        gathered.paths.get(&input.name).cloned().unwrap_or_else(|| PathBuf::from(&*input.name))
    };
    let files = parallel::map(&gathered.inputs, |input| one(Path::new(root), input, &path_of(input), choice));
    let mut all = Vec::new();
    let mut texts = Vec::new();
    let mut data = Vec::new();
    for (file, input) in files.into_iter().zip(&gathered.inputs) {
        match file {
            Some(File::Module(text)) => texts.push(text),
            Some(File::Documents(ran, base)) => {
                all.push(ran);
                data.extend(base);
            }
            None => {
                let message = "this is a bug in lumen: running the tests of this file failed".to_owned();
                all.push(Ran::broken(&input.name, "(the file)", message, None));
            }
        }
    }
    if !texts.is_empty() {
        all.push(match modules::base_documents(&data) {
            Ok(base) => modules::run(&texts, &base, choice),
            Err(problem) => Ran::broken(&root.to_string_lossy().into(), "", problem, None),
        });
    }
    all
}

fn one(root: &Path, input: &Input, path: &Path, choice: &Choice<'_>) -> File {
    let mut ran = Ran::default();
    if path.extension().is_some_and(|extension| extension == "rego") {
        return match std::str::from_utf8(&input.bytes) {
            Ok(text) => File::Module(Text { file: input.name.clone(), text: text.to_owned() }),
            Err(error) => {
                let message = format!("it is no UTF-8 from byte {} on", error.valid_up_to());
                File::Documents(Ran::broken(&input.name, "(the file)", message, None), None)
            }
        };
    }
    let is_data = path.file_stem().is_some_and(|stem| stem == "data");
    let may_be_test = Kind::may_be_in(&input.bytes);
    if !is_data && !may_be_test && !Kind::may_be_named_in(&input.bytes) {
        return File::Documents(ran, None);
    }
    let reading = read(&input.bytes, &Limits::default());
    // What cannot be read is a fault where it may be a test: tests must not be lost unseen. Other files are broken on purpose
    // as often as not, and are looked at where a test names them.
    if let Some(error) = reading.errors.first().filter(|_| may_be_test) {
        let lines = lumen_value::span::LineIndex::new(&input.bytes);
        let (line, column) = lines.position(error.at);
        let at = Some(Position { line, column });
        ran = Ran::broken(&input.name, "(the file)", error.message.clone(), at);
    }
    let places: Vec<DocumentPlace> = reading.documents.iter().map(DocumentPlace::from).collect();
    let text = RefCell::new(locate::Text::new(&input.bytes, &places));
    for document in &reading.documents {
        if let Some(kind) = Kind::of(&document.value) {
            let document = Document {
                file: &input.name,
                path,
                bytes: &input.bytes,
                text: &text,
                number: document.index,
                value: &document.value,
            };
            let of_document = (kind.run)(&document, choice);
            ran.suites.extend(of_document.suites);
            ran.coverage.merge(of_document.coverage);
        } else if let Some(remark) = Kind::mistaken(&document.value) {
            let place = Place::Field { document: document.index, pointer: Pointer::ROOT.child("kind") };
            let line = text.borrow_mut().region(&place, Part::Entry).map(|region| region.line);
            let remark = match line {
                Some(line) => format!("line {line}: {remark}"),
                None => remark,
            };
            ran.suites.push(Suite { file: input.name.clone(), cases: Vec::new(), remarks: vec![remark] });
        }
    }
    let base = match reading.documents.as_slice() {
        [document] if is_data && document.value.as_object().is_some() => {
            let place = modules::place_below(root, path);
            Some(Base { file: input.name.clone(), place, document: document.value.clone() })
        }
        _ => None,
    };
    File::Documents(ran, base)
}

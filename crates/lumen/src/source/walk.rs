//! Finding the files in folders.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ignore::overrides::OverrideBuilder;
use ignore::{DirEntry, WalkBuilder};

use super::open::{self, Origin};
use super::{Found, Options, ProblemKind, shown};

/// Adds the files that a path on the command line leads to.
pub(super) fn collect(given: &Path, roots: &Roots, options: &Options, found: &mut Found) {
    if open::is_descriptor(given) {
        found.add(shown(given), Origin::Descriptor(given.into()), 0);
        return;
    }
    match std::fs::metadata(given) {
        Err(error) => {
            let kind = open::kind_of(&error);
            found.problem(given, kind, open::unreadable(&error));
        }
        Ok(metadata) if metadata.is_dir() => collect_folder(given, roots, options, found),
        Ok(metadata) => match open::refusal(&metadata) {
            Some((kind, message)) => found.problem(given, kind, message),
            None => found.add(shown(given), Origin::Path(given.into()), metadata.len()),
        },
    }
}

/// Where links may lead: what is named on the command line, and the current folder.
#[derive(Clone)]
pub(super) struct Roots(Arc<[PathBuf]>);

impl Roots {
    pub(super) fn of(given: &[OsString]) -> Self {
        let named = given.iter().map(PathBuf::from).chain([".".into()]);
        Self(named.filter_map(|path| path.canonicalize().ok()).collect())
    }

    /// Whether a link leads to something beyond them. One that leads nowhere does not.
    fn are_left_by(&self, link: &Path) -> bool {
        let target = link.canonicalize();
        target.is_ok_and(|target| !self.0.iter().any(|root| target.starts_with(root)))
    }
}

fn collect_folder(root: &Path, roots: &Roots, options: &Options, found: &mut Found) {
    let mut walk = WalkBuilder::new(root);
    // Links are followed: mounted ConfigMaps are made of them. The walk notices when they lead back, and stops at
    // those that lead out.
    walk.follow_links(true)
        .sort_by_file_name(std::ffi::OsStr::cmp)
        // What a user's own git configuration leaves out would make the result depend on the user.
        .git_global(false)
        // A `.gitignore` says what is generated, whether or not the folder is a repository just now.
        .require_git(false);
    if options.no_ignore {
        walk.ignore(false).git_ignore(false).git_exclude(false).parents(false).hidden(false);
    }
    let outside = Arc::new(Mutex::new(Vec::new()));
    let (left, roots) = (Arc::clone(&outside), roots.clone());
    walk.filter_entry(move |entry| {
        let leads_out = entry.depth() > 0 && entry.path_is_symlink() && roots.are_left_by(entry.path());
        if leads_out && let Ok(mut left) = left.lock() {
            left.push(entry.path().to_owned());
        }
        let is_git = entry.depth() > 0 && entry.file_name() == ".git";
        !leads_out && !is_git
    });
    let mut excluded = OverrideBuilder::new(root);
    for pattern in &options.exclude {
        // Patterns were checked with the settings.
        if let Err(error) = excluded.add(&format!("!{pattern}")) {
            found.problem(root, ProblemKind::Unreadable, error);
        }
    }
    if let Ok(excluded) = excluded.build() {
        walk.overrides(excluded);
    }
    for entry in walk.build() {
        // One more than the bound, so that the bound is seen to be broken.
        if found.candidates.len() > options.files_max {
            break;
        }
        match entry {
            Ok(entry) => add_entry(&entry, options.extensions, found),
            Err(error) => add_error(root, &error, options.extensions, found),
        }
    }
    let outside = outside.lock().map(|mut outside| std::mem::take(&mut *outside)).unwrap_or_default();
    for link in outside.iter().filter(|link| link.is_dir() || is_named_so(link, options.extensions)) {
        found.problem(
            link,
            ProblemKind::Outside,
            "this link leads out of all that is checked, and is not followed",
        );
    }
}

fn add_entry(entry: &DirEntry, extensions: &[&str], found: &mut Found) {
    if !is_named_so(entry.path(), extensions) || entry.file_type().is_some_and(|kind| kind.is_dir()) {
        return;
    }
    match entry.metadata() {
        Err(error) => add_error(entry.path(), &error, extensions, found),
        Ok(metadata) => match open::refusal(&metadata) {
            Some((kind, message)) => found.problem(entry.path(), kind, message),
            None => found.add(shown(entry.path()), Origin::Path(entry.path().into()), metadata.len()),
        },
    }
}

fn is_named_so(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| extensions.iter().any(|known| known.eq_ignore_ascii_case(extension)))
}

/// What the walk could not look at. A link that leads nowhere and is not called like a manifest is nobody's loss.
fn add_error(near: &Path, error: &ignore::Error, extensions: &[&str], found: &mut Found) {
    let place = place(error);
    let path = place.unwrap_or(near);
    if let Some((ancestor, child)) = circle(error) {
        let message = format!("symbolic links lead round in a circle: this is `{}` again", shown(ancestor));
        found.problem(child, ProblemKind::Circle, message);
        return;
    }
    // What the walk tells has lost the system's own number, so the system is asked again.
    let asked = std::fs::metadata(path).err();
    let Some(cause) = asked.as_ref().or(error.io_error()) else {
        found.problem(path, ProblemKind::Unreadable, error);
        return;
    };
    let dangling = cause.kind() == std::io::ErrorKind::NotFound && path.is_symlink();
    if dangling && !is_named_so(path, extensions) {
        return;
    }
    let message = if dangling { "this link leads nowhere".into() } else { open::unreadable(cause) };
    found.problem(path, open::kind_of(cause), message);
}

fn place(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => place(err),
        _ => None,
    }
}

fn circle(error: &ignore::Error) -> Option<(&Path, &Path)> {
    match error {
        ignore::Error::Loop { ancestor, child } => Some((ancestor, child)),
        ignore::Error::WithPath { err, .. }
        | ignore::Error::WithDepth { err, .. }
        | ignore::Error::WithLineNumber { err, .. } => circle(err),
        _ => None,
    }
}

/// Which folders named `templates` belong to a Helm chart.
#[derive(Default)]
pub(super) struct Charts(BTreeMap<PathBuf, bool>);

impl Charts {
    /// Whether a file stands in a chart's `templates`.
    pub(super) fn hold(&mut self, origin: &Origin) -> bool {
        let Origin::Path(path) = origin else { return false };
        path.ancestors().skip(1).any(|folder| {
            folder.file_name().is_some_and(|name| name == "templates")
                && *self.0.entry(folder.into()).or_insert_with(|| {
                    folder.parent().is_some_and(|chart| chart.join("Chart.yaml").is_file())
                })
        })
    }
}

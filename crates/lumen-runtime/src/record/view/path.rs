//! The paths in the arguments of events: `fs.path.*`, `evt.abspath`, and what relative paths are relative to.

use std::borrow::Cow;

use super::argument::{self, ArgumentView};
use super::{Record, made, process};
use crate::field::Argument;
use crate::value::Value;

/// The number that stands for the working directory where a descriptor of a directory is asked for.
pub(super) const WORKING_DIRECTORY: i64 = -100;

/// What stands for a directory that is not known.
const UNKNOWN: &[u8] = b"<UNKNOWN>";

/// Most bytes of a path that is put together of two.
const JOINED_BYTES_MAX: usize = 1024;

/// An argument that is a path.
struct PathArgument {
    event_type: usize,
    name: &'static str,
    /// The argument that is the directory of it, where it is not the working directory.
    directory: &'static str,
}

const fn row(event_type: &str, name: &'static str, directory: &'static str) -> PathArgument {
    PathArgument { event_type: super::super::place_of(event_type), name, directory }
}

/// The arguments that are paths (`PT_FSPATH` and `PT_FSRELPATH` of the reference's table of events).
#[rustfmt::skip]
static PATH_ARGUMENTS: [PathArgument; 42] = [
    row("access", "name", ""),
    row("chmod", "filename", ""),
    row("chown", "path", ""),
    row("chroot", "path", ""),
    row("creat", "name", ""),
    row("execve", "trusted_exepath", ""),
    row("execve", "filename", ""),
    row("execveat", "trusted_exepath", ""),
    row("fchmodat", "filename", "dirfd"),
    row("fchownat", "pathname", "dirfd"),
    row("lchown", "path", ""),
    row("link", "oldpath", ""),
    row("link", "newpath", ""),
    row("linkat", "oldpath", "olddir"),
    row("linkat", "newpath", "newdir"),
    row("lstat", "path", ""),
    row("lstat64", "path", ""),
    row("mkdir", "path", ""),
    row("mkdirat", "path", "dirfd"),
    row("mknod", "path", ""),
    row("mknodat", "path", "dirfd"),
    row("mount", "dir", ""),
    row("newfstatat", "path", "dirfd"),
    row("open", "name", ""),
    row("open_by_handle_at", "path", ""),
    row("openat", "name", "dirfd"),
    row("openat2", "name", "dirfd"),
    row("rename", "oldpath", ""),
    row("rename", "newpath", ""),
    row("renameat", "oldpath", "olddirfd"),
    row("renameat", "newpath", "newdirfd"),
    row("renameat2", "oldpath", "olddirfd"),
    row("renameat2", "newpath", "newdirfd"),
    row("rmdir", "path", ""),
    row("stat", "path", ""),
    row("stat64", "path", ""),
    row("symlink", "linkpath", ""),
    row("symlinkat", "linkpath", "linkdirfd"),
    row("umount", "name", ""),
    row("umount2", "name", ""),
    row("unlink", "path", ""),
    row("unlinkat", "name", "dirfd"),
];

/// The arguments that name what an event is about, a source and a target.
struct Roles {
    event_type: usize,
    path: &'static str,
    source: &'static str,
    target: &'static str,
}

const fn one(event_type: &str, path: &'static str) -> Roles {
    Roles { event_type: super::super::place_of(event_type), path, source: "", target: "" }
}

const fn two(event_type: &str, source: &'static str, target: &'static str) -> Roles {
    Roles { event_type: super::super::place_of(event_type), path: "", source, target }
}

/// Stands for the path of the event's descriptor.
const OF_DESCRIPTOR: &str = "fd.name";

/// What has paths (`sinsp_filtercheck_fspath.cpp`), and `fchmodat2` as `fchmodat`.
static ROLES: [Roles; 26] = [
    one("mkdir", "path"),
    one("mkdirat", "path"),
    one("rmdir", "path"),
    one("unlink", "path"),
    one("unlinkat", "name"),
    one("open", "name"),
    one("openat", "name"),
    one("openat2", "name"),
    one("fchmodat", "filename"),
    one("fchmodat2", "filename"),
    one("chmod", "filename"),
    one("fchmod", OF_DESCRIPTOR),
    one("chown", "path"),
    one("lchown", "path"),
    one("fchown", OF_DESCRIPTOR),
    one("fchownat", "pathname"),
    one("quotactl", "special"),
    two("rename", "oldpath", "newpath"),
    two("renameat", "oldpath", "newpath"),
    two("renameat2", "oldpath", "newpath"),
    two("link", "newpath", "oldpath"),
    two("linkat", "newpath", "oldpath"),
    two("symlink", "linkpath", "target"),
    two("symlinkat", "linkpath", "target"),
    two("mount", "dev", "dir"),
    one("umount2", "name"),
];

/// A role of a path.
#[derive(Clone, Copy)]
enum Role {
    Path,
    Source,
    Target,
}

/// `fs.path.name`.
pub(super) fn name<'r>(record: &Record<'r>, _: Option<&Argument>) -> Option<Value<'r>> {
    resolved(record, Role::Path)
}

/// `fs.path.nameraw`.
pub(super) fn raw_name<'r>(record: &Record<'r>, _: Option<&Argument>) -> Option<Value<'r>> {
    raw(record, Role::Path).map(|(_, path)| Value::Bytes(path))
}

/// `fs.path.source`.
pub(super) fn source<'r>(record: &Record<'r>, _: Option<&Argument>) -> Option<Value<'r>> {
    resolved(record, Role::Source)
}

/// `fs.path.sourceraw`.
pub(super) fn raw_source<'r>(record: &Record<'r>, _: Option<&Argument>) -> Option<Value<'r>> {
    raw(record, Role::Source).map(|(_, path)| Value::Bytes(path))
}

/// `fs.path.target`.
pub(super) fn target<'r>(record: &Record<'r>, _: Option<&Argument>) -> Option<Value<'r>> {
    resolved(record, Role::Target)
}

/// `fs.path.targetraw`.
pub(super) fn raw_target<'r>(record: &Record<'r>, _: Option<&Argument>) -> Option<Value<'r>> {
    raw(record, Role::Target).map(|(_, path)| Value::Bytes(path))
}

/// `evt.abspath`, of the source or the target where one is asked for.
pub(super) fn absolute<'r>(record: &Record<'r>, asked: Option<&Argument>) -> Option<Value<'r>> {
    let place = match asked {
        Some(Argument::Key(key)) if key == "dst" => 1,
        _ => 0,
    };
    let event_type = record.event_type?;
    let is_asked = |row: &&PathArgument| row.event_type == event_type && !row.directory.is_empty();
    let row = PATH_ARGUMENTS.iter().filter(is_asked).nth(place)?;
    let argument = record.argument(row.name)?;
    let path = argument.bytes()?;
    made(join(&directory_of(record, row), path))
}

/// The argument in a role, and the path that it is.
fn raw<'r>(record: &Record<'r>, role: Role) -> Option<(&'static str, Cow<'r, [u8]>)> {
    let event_type = record.event_type?;
    let roles = ROLES.iter().find(|roles| roles.event_type == event_type)?;
    let name = match role {
        Role::Path => roles.path,
        Role::Source => roles.source,
        Role::Target => roles.target,
    };
    if name.is_empty() || !has_worked(record) {
        return None;
    }
    if name == OF_DESCRIPTOR {
        return super::descriptor::path(record).map(|path| (name, path));
    }
    record.argument(name)?.bytes().map(|path| (name, path.into()))
}

/// Whether there is something at the path: the reference asks calls that open for a descriptor that is not -1, others for a
/// result of zero.
fn has_worked(record: &Record<'_>) -> bool {
    match record.argument("fd").filter(|_| record.facts.opens()) {
        Some(descriptor) => descriptor.signed() != Some(-1),
        None => record.result() == Some(0),
    }
}

fn resolved<'r>(record: &Record<'r>, role: Role) -> Option<Value<'r>> {
    let (name, path) = raw(record, role)?;
    if is_plain(&path) {
        return Some(Value::Bytes(path));
    }
    let row = row_of(record, name);
    let directory = match row {
        _ if path.starts_with(b"/") => Cow::Borrowed(&b""[..]),
        Some(row) => directory_of(record, row),
        None => process::working_directory(record.thread()?).unwrap_or(UNKNOWN.into()),
    };
    made(join(&directory, &path))
}

/// Whether a path is absolute, and has nothing to take out.
fn is_plain(path: &[u8]) -> bool {
    path.len() > 1
        && path.starts_with(b"/")
        && !path.ends_with(b"/")
        && path.split(|byte| *byte == b'/').skip(1).all(|part| !matches!(part, b"" | b"." | b".."))
}

fn row_of(record: &Record<'_>, name: &str) -> Option<&'static PathArgument> {
    let event_type = record.event_type?;
    PATH_ARGUMENTS.iter().find(|row| row.event_type == event_type && row.name == name)
}

/// The directory that a relative path in an argument is relative to.
fn directory_of<'r>(record: &Record<'r>, row: &PathArgument) -> Cow<'r, [u8]> {
    let working = || record.thread().and_then(process::working_directory).unwrap_or(UNKNOWN.into());
    if row.directory.is_empty() {
        return working();
    }
    match record.argument(row.directory) {
        None => working(),
        Some(directory) => match directory.descriptor(record) {
            Some((WORKING_DIRECTORY, ..)) => working(),
            Some((_, letter, name)) if letter != 0 && !name.is_empty() => name.into(),
            _ if directory.signed() == Some(WORKING_DIRECTORY) => working(),
            _ => UNKNOWN.into(),
        },
    }
}

/// The whole path of an argument that is a relative one; nothing where it is not.
pub(super) fn resolved_argument<'r>(
    record: &Record<'r>,
    argument: &ArgumentView<'r>,
) -> Option<Cow<'r, [u8]>> {
    let path = argument.bytes()?;
    if path.is_empty() || path.starts_with(b"/") || path == b"<NA>" {
        return None;
    }
    let row = row_of(record, argument.name)?;
    record.thread()?;
    Some(join(&directory_of(record, row), path).into())
}

/// The path that an event names first, whole: of one that opens and did not.
pub(super) fn opened<'r>(record: &Record<'r>, is_raw: bool) -> Option<Cow<'r, [u8]>> {
    let argument = record.argument("name").or_else(|| record.argument("path"))?;
    let path = argument.bytes()?;
    if is_raw {
        return Some(path.into());
    }
    if is_plain(path) {
        return Some(path.into());
    }
    match argument::print(record, &argument).resolved {
        Some(whole) => Some(whole),
        None => Some(join(b"", path).into()),
    }
}

/// A path in a directory, or behind the word for one that is not known; without `.`, `..`, double slashes and one at its end.
pub(super) fn join(directory: &[u8], path: &[u8]) -> Vec<u8> {
    if directory.len() + path.len() + 1 > JOINED_BYTES_MAX {
        return b"/DIR_TOO_LONG/FILENAME_TOO_LONG".to_vec();
    }
    let base = if path.starts_with(b"/") { b"/" } else { directory };
    let least = if base == UNKNOWN { UNKNOWN.len() } else { 0 };
    let mut whole = base.to_vec();
    while whole.ends_with(b"/") {
        whole.pop();
    }
    let has_root = base.starts_with(b"/");
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                let end = whole.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
                whole.truncate(end.max(least));
            }
            part => {
                if has_root || whole.len() > least {
                    whole.push(b'/');
                }
                whole.extend_from_slice(part);
            }
        }
    }
    if whole.is_empty() && has_root {
        whole.push(b'/');
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{condition, field};

    #[test]
    fn arguments_that_are_paths_are_texts() {
        for row in &PATH_ARGUMENTS {
            let used =
                condition::FieldName { name: format!("evt.rawarg.{}", row.name), argument: None, at: 0 };
            let used = field::resolve(&used).expect("there is such an argument");
            assert_eq!(used.kind(), Some(field::Kind::Text), "{}", row.name);
        }
    }

    #[test]
    fn paths_are_put_together_as_the_kernel_walks_them() {
        for (directory, path, wanted) in [
            ("/etc/", "passwd", "/etc/passwd"),
            ("/etc", "../root/./x", "/root/x"),
            ("/", "..", "/"),
            ("/a/b", "../../../c", "/c"),
            ("/etc", "/usr//bin/", "/usr/bin"),
            ("", "/", "/"),
            ("<UNKNOWN>", "x/../y", "<UNKNOWN>y"),
            ("<UNKNOWN>", "../..", "<UNKNOWN>"),
            ("<UNKNOWN>", "/a/../b", "/b"),
            ("work", "x/../../../y", "y"),
        ] {
            let whole = join(directory.as_bytes(), path.as_bytes());
            assert_eq!(String::from_utf8_lossy(&whole), wanted, "{directory} {path}");
        }
        let long = join(b"/", &[b'x'; 2000]);
        assert_eq!(long, b"/DIR_TOO_LONG/FILENAME_TOO_LONG");
    }
}

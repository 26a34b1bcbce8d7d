//! Reading one file, without waiting and within bounds.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Candidate, Problem, ProblemKind, read_bounded};

/// Where an input's text is.
pub(super) enum Origin {
    /// In the process's standard input.
    Stdin,
    /// In a regular file.
    Path(PathBuf),
    /// In a file descriptor that the caller opened: `/dev/stdin`, or what a shell's `<(command)` stands for.
    Descriptor(PathBuf),
}

/// What a file is, whatever path leads to it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Identity {
    Stdin,
    #[cfg(unix)]
    Inode(u64, u64),
    #[cfg(not(unix))]
    Path(PathBuf),
}

impl Origin {
    /// The file's identity, so that no file is read twice; `None` where it is not known.
    pub(super) fn identity(&self) -> Option<Identity> {
        match self {
            Self::Stdin => Some(Identity::Stdin),
            Self::Descriptor(_) => None,
            #[cfg(unix)]
            Self::Path(path) => {
                use std::os::unix::fs::MetadataExt;
                let metadata = std::fs::metadata(path).ok()?;
                Some(Identity::Inode(metadata.dev(), metadata.ino()))
            }
            #[cfg(not(unix))]
            Self::Path(path) => std::fs::canonicalize(path).ok().map(Identity::Path),
        }
    }
}

/// Whether a path names a descriptor that this process was started with. Reading from it is what its caller
/// asked for, be it a pipe.
pub(super) fn is_descriptor(path: &Path) -> bool {
    if path == Path::new("/dev/stdin") {
        return true;
    }
    let folders = [Path::new("/dev/fd"), Path::new("/proc/self/fd")];
    let number = path.file_name().and_then(|name| name.to_str());
    folders.iter().any(|folder| path.parent() == Some(folder))
        && number.is_some_and(|number| number.parse::<u32>().is_ok())
}

/// What is wrong with a thing that is to be read as a file.
pub(super) fn refusal(metadata: &Metadata) -> Option<(ProblemKind, String)> {
    if metadata.is_file() {
        return None;
    }
    let what = what_it_is(metadata);
    Some((ProblemKind::NotAFile, format!("this is {what} and not a file: reading it could take for ever")))
}

#[cfg(unix)]
fn what_it_is(metadata: &Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    let kind = metadata.file_type();
    if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_block_device() || kind.is_char_device() {
        "a device"
    } else if kind.is_dir() {
        "a folder"
    } else {
        "something else"
    }
}

#[cfg(not(unix))]
fn what_it_is(metadata: &Metadata) -> &'static str {
    if metadata.is_dir() { "a folder" } else { "something else" }
}

/// Reads a candidate's text.
pub(super) fn read(candidate: &Candidate, bytes_max: u64) -> Result<Arc<[u8]>, Problem> {
    let problem = |kind, message: String| Problem { name: candidate.name.clone(), kind, message };
    let too_large = || {
        let message = format!("it is larger than {bytes_max} bytes: split it, or raise `--max-file-size`");
        problem(ProblemKind::TooLarge, message)
    };
    let unreadable = |error: io::Error| problem(ProblemKind::Unreadable, unreadable(&error));
    let text = match &candidate.origin {
        Origin::Stdin => read_bounded(io::stdin().lock(), 0, bytes_max),
        Origin::Descriptor(path) => File::open(path).and_then(|file| read_bounded(file, 0, bytes_max)),
        Origin::Path(_) if candidate.bytes > bytes_max => return Err(too_large()),
        Origin::Path(path) => {
            let file = open(path).map_err(unreadable)?;
            // Between the walk and now another thing may have taken the file's place.
            let metadata = file.metadata().map_err(unreadable)?;
            if let Some((kind, message)) = refusal(&metadata) {
                return Err(problem(kind, message));
            }
            read_bounded(file, metadata.len(), bytes_max)
        }
    };
    text.map_err(unreadable)?.ok_or_else(too_large)
}

/// `ELOOP`; the standard library's name for it (`FilesystemLoop`) is not stable.
const ELOOP: i32 = if cfg!(target_os = "linux") { 40 } else { 62 };

/// What kind of problem an error is.
pub(super) fn kind_of(error: &io::Error) -> ProblemKind {
    if error.raw_os_error() == Some(ELOOP) { ProblemKind::Circle } else { ProblemKind::Unreadable }
}

/// What is said of a file that the system does not give us.
pub(crate) fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".into(),
        io::ErrorKind::PermissionDenied => "no permission to read it".into(),
        _ if error.raw_os_error() == Some(ELOOP) => "symbolic links lead round in a circle".into(),
        io::ErrorKind::IsADirectory => "it is a folder".into(),
        _ => format!("it cannot be read: {}", plain(error)),
    }
}

/// An error of the system in its words alone: its number says nothing to people.
pub(crate) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error ") {
        Some((words, _)) => words.to_lowercase(),
        None => text,
    }
}

/// `O_NONBLOCK` of Linux: opening a FIFO without a writer does not wait. On regular files it does nothing.
#[cfg(all(target_os = "linux", not(any(target_arch = "mips", target_arch = "mips64"))))]
const O_NONBLOCK: i32 = 0o4000;

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(all(target_os = "linux", not(any(target_arch = "mips", target_arch = "mips64"))))]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(O_NONBLOCK);
    }
    options.open(path)
}

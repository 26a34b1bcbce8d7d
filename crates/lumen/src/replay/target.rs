//! The file that a recording is written to: whole, or not at all.

use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// A file that gets its name when it is whole; what stood there before stays until then.
#[derive(Debug)]
pub struct Target {
    path: PathBuf,
    /// Where it is written until then; nowhere else for what is no file, such as a pipe.
    beside: Option<PathBuf>,
    file: File,
}

impl Target {
    /// Begins a file that is none of the inputs.
    ///
    /// # Errors
    ///
    /// Where it is one of them, or standard output, or cannot be written.
    pub fn create(path: &Path, inputs: &[OsString]) -> Result<Self> {
        if path == Path::new("-") {
            bail!("`--write -`: a recording is written to a file, alerts are written to standard output");
        }
        let unwritable = || format!("cannot write `{}`", path.display());
        let Ok(there) = fs::metadata(path) else { return Self::beside(path).with_context(unwritable) };
        let standard_input = OsString::from("/dev/stdin");
        for input in inputs {
            let read = if input == "-" { &standard_input } else { input };
            if fs::metadata(read).is_ok_and(|read| is_same(&read, &there)) {
                bail!("`--write {}` would overwrite the input `{}`", path.display(), input.to_string_lossy());
            }
        }
        if there.is_file() {
            let path = fs::canonicalize(path).with_context(unwritable)?;
            return Self::beside(&path).with_context(unwritable);
        }
        let file = File::options().write(true).open(path).with_context(unwritable)?;
        Ok(Self { path: path.to_owned(), beside: None, file })
    }

    fn beside(path: &Path) -> io::Result<Self> {
        let Some(name) = path.file_name() else { return Err(io::ErrorKind::InvalidFilename.into()) };
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.part", std::process::id()));
        let beside = path.with_file_name(hidden);
        let file = File::create_new(&beside)?;
        Ok(Self { path: path.to_owned(), beside: Some(beside), file })
    }

    /// Where it is written to.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Gives it its name.
    ///
    /// # Errors
    ///
    /// Where that cannot be.
    pub fn finish(mut self) -> io::Result<()> {
        let Some(beside) = &self.beside else { return Ok(()) };
        fs::rename(beside, &self.path)?;
        self.beside = None;
        Ok(())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Some(beside) = &self.beside {
            // What cannot be removed is a part that nobody takes for the whole.
            drop(fs::remove_file(beside));
        }
    }
}

/// Whether both are the same file, by whatever names.
#[cfg(unix)]
fn is_same(left: &Metadata, right: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    left.is_file() && (left.dev(), left.ino()) == (right.dev(), right.ino())
}

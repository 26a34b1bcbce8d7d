//! What a file holds, by its first bytes, and its bytes in pieces.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use lumen_runtime::record;

use crate::source;

/// How much is read at once.
const PIECE_BYTES: usize = 1 << 20;

/// How many bytes tell what a file is.
const HEAD_BYTES: usize = 64;

/// What compressed files begin with.
const GZIP: &[u8] = &[0x1f, 0x8b];

/// What captures begin with, whatever their byte order: the number of the first block.
const CAPTURE: &[u8] = &[0x0a, 0x0d, 0x0d, 0x0a];

/// A file, by what it holds.
pub(super) enum Input {
    /// Events as JSON, a line each.
    Lines(Pieces),
    /// Lumen's own recording.
    Recording(Pieces),
    /// A capture of Falco or sysdig.
    Capture(Pieces),
}

/// The bytes of a file, in pieces: what is there and was not taken, and more on demand.
pub(super) struct Pieces {
    source: Box<dyn Read>,
    buffer: Vec<u8>,
    /// The bytes of the buffer that were taken.
    start: usize,
    is_over: bool,
}

impl Input {
    /// Opens a file; `-` is standard input. The error says what is wrong with it.
    pub(super) fn open(file: &OsStr) -> Result<Self, String> {
        let source: Box<dyn Read> = if file == "-" {
            Box::new(io::stdin().lock())
        } else {
            let path = Path::new(file);
            if path.is_dir() {
                return Err("it is a folder".to_owned());
            }
            Box::new(File::open(path).map_err(|error| source::unreadable(&error))?)
        };
        let unreadable = |error: io::Error| source::unreadable(&error);
        let mut pieces = Pieces::new(source);
        pieces.fill(HEAD_BYTES).map_err(unreadable)?;
        if pieces.rest().starts_with(GZIP) {
            pieces = Pieces::new(Box::new(MultiGzDecoder::new(pieces)));
            pieces.fill(HEAD_BYTES).map_err(unreadable)?;
        }
        let head = pieces.rest();
        match head.trim_ascii_start().first() {
            _ if head.starts_with(&record::MAGIC) => Ok(Self::Recording(pieces)),
            _ if head.starts_with(CAPTURE) => Ok(Self::Capture(pieces)),
            Some(b'{') | None => Ok(Self::Lines(pieces)),
            Some(_) => {
                Err("it is no recording, no capture, and no JSON lines of events (its first bytes say so)"
                    .to_owned())
            }
        }
    }
}

impl Pieces {
    fn new(source: Box<dyn Read>) -> Self {
        Self { source, buffer: Vec::new(), start: 0, is_over: false }
    }

    /// What is there and was not taken.
    pub(super) fn rest(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// Takes bytes off the front.
    pub(super) fn take(&mut self, count: usize) {
        self.start = self.buffer.len().min(self.start + count);
    }

    /// Whether nothing comes behind what is there.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Reads on, until there are this many bytes or the file is over.
    pub(super) fn fill(&mut self, bytes: usize) -> io::Result<()> {
        while !self.is_over && self.rest().len() < bytes {
            self.read_on()?;
        }
        Ok(())
    }

    /// Reads another piece behind what is there.
    pub(super) fn read_on(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let length = self.buffer.len();
        self.buffer.resize(length + PIECE_BYTES, 0);
        let target = self.buffer.get_mut(length..).unwrap_or_default();
        let result = loop {
            match self.source.read(target) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        let count = *result.as_ref().unwrap_or(&0);
        self.buffer.truncate(length + count);
        self.is_over = count == 0;
        result.map(drop)
    }
}

impl BufRead for Pieces {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.rest().is_empty() {
            self.fill(1)?;
        }
        Ok(self.rest())
    }

    fn consume(&mut self, count: usize) {
        self.take(count);
    }
}

impl Read for Pieces {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(target)?;
        self.take(count);
        Ok(count)
    }
}

//! [`start`]: the log, a line of JSON an event, on standard error. Whoever has something to tell never waits: lines that cannot be
//! written in time are dropped, and counted.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Most lines that wait to be written.
const LINES_MAX: usize = 4_096;
/// How long the end of the program waits for the last lines.
const LAST_MAX: Duration = Duration::from_secs(2);

enum Line {
    Text(Vec<u8>),
    /// All before it is to be written, and this told.
    Flush(SyncSender<()>),
}

/// Where lines go to.
#[derive(Clone)]
pub struct Lines {
    sender: SyncSender<Line>,
    dropped: Counter,
}

impl Lines {
    /// Starts the thread that writes them to `sink`. `dropped` counts the lines that are not written.
    pub fn new(sink: impl Write + Send + 'static, dropped: Counter) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(LINES_MAX);
        thread::Builder::new().name("log".to_owned()).spawn(move || write(&receiver, sink))?;
        Ok(Self { sender, dropped })
    }

    /// Waits until what was told before is written, or for two seconds.
    pub fn flush(&self) {
        let (told, done) = sync_channel(1);
        if self.sender.send(Line::Flush(told)).is_ok() && done.recv_timeout(LAST_MAX).is_err() {
            self.dropped.inc();
        }
    }
}

fn write(lines: &Receiver<Line>, mut sink: impl Write) {
    while let Ok(line) = lines.recv() {
        // Nobody is left to be told where the log itself cannot be written.
        match line {
            Line::Text(text) => drop(sink.write_all(&text)),
            Line::Flush(told) => {
                drop(sink.flush());
                if told.send(()).is_err() {
                    return;
                }
            }
        }
    }
}

impl Write for Lines {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        if self.sender.try_send(Line::Text(text.to_vec())).is_err() {
            self.dropped.inc();
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The client repeats what this program says itself, many times a second and without an address: it is heard where it is named.
const UNHEARD: &str = "kube_client";

/// Starts the log of the process. `filter` is as `RUST_LOG`: `info`, or `warn,lumen::decision=info`.
pub fn start(filter: &str, dropped: Counter) -> io::Result<Lines> {
    let lines = Lines::new(io::stderr(), dropped)?;
    let filter = EnvFilter::try_new(heard(filter)).map_err(io::Error::other)?;
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_env_filter(filter)
        .with_writer(lines.clone())
        .try_init()
        .map_err(io::Error::other)?;
    Ok(lines)
}

fn heard(filter: &str) -> String {
    if filter.contains(UNHEARD) { filter.to_owned() } else { format!("{filter},{UNHEARD}=off") }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn the_client_is_heard_where_it_is_named() {
        assert_eq!(heard("info"), "info,kube_client=off");
        assert_eq!(heard("info,kube_client=debug"), "info,kube_client=debug");
    }

    /// Writes once the gate is open.
    struct Gated(Arc<Mutex<Vec<u8>>>);

    impl Write for Gated {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").extend_from_slice(text);
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn who_has_something_to_tell_never_waits() {
        let written = Arc::new(Mutex::new(Vec::new()));
        let dropped = Counter::default();
        let mut lines = Lines::new(Gated(written.clone()), dropped.clone()).expect("a thread");
        let gate = written.lock().expect("no panic");
        for _ in 0..LINES_MAX * 2 {
            lines.write_all(b"a\n").expect("never fails");
        }
        // One may be in the writer's hand.
        assert!(dropped.get() >= u64::try_from(LINES_MAX).expect("small") - 1);
        drop(gate);
        lines.flush();
        let count = written.lock().expect("no panic").len() / 2;
        let dropped = usize::try_from(dropped.get()).expect("small");
        assert_eq!(count + dropped, LINES_MAX * 2);
    }
}

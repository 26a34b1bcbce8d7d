//! Clients that mean harm, each beside one that does not: what the latter asks is answered, what the former take is bounded, and
//! they are ended.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "test code, that tells figures"
)]

#[path = "serving/endpoint.rs"]
mod endpoint;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use endpoint::{Client, Endpoint, pod, review};
use lumen_core::admission::PolicySet;
use lumen_core::snapshot::{Options, Snapshot};
use lumen_server::listen::Bounds;
use lumen_server::state::State;
use lumen_server::webhook::Settings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

/// How much memory a row may take beyond what there was, server and clients together, in KiB.
const MEMORY_MAX: u64 = 200 << 10;

fn state() -> State {
    let (snapshot, _) = Snapshot::build(std::iter::empty(), &Options::default());
    lumen_server::files::state_of(Arc::new(PolicySet::default()), &snapshot)
}

/// A webhook that somebody is about to harm, and a client that asks it all the time.
struct Beset {
    served: Endpoint,
    /// How often it was answered, and how long the longest answer took.
    honest: JoinHandle<(u64, Duration)>,
    is_over: Arc<AtomicBool>,
    began: Instant,
    memory: u64,
}

impl Beset {
    async fn start(settings: Settings, bounds: Bounds) -> Self {
        let mut state = state();
        let namespace = r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop"}}"#;
        let limits = lumen_value::read::Limits::default();
        let namespace = lumen_value::json::parse(namespace.as_bytes(), &limits).expect("JSON").value;
        state.namespaces = Arc::new([(Arc::from("shop"), namespace)].into());
        let served = Endpoint::start(state, settings, bounds).await;
        let is_over = Arc::new(AtomicBool::new(false));
        let honest = tokio::spawn(honest(served.http2().await, is_over.clone()));
        let beset = Self { served, honest, is_over, began: Instant::now(), memory: memory() };
        beset.answers().await;
        beset
    }

    /// Who comes now is answered.
    async fn answers(&self) {
        let another = timeout(Duration::from_secs(30), self.served.http2()).await.expect("a connection");
        assert_eq!(another.review(&pod("y", "shop", "")).await["allowed"], true);
    }

    async fn end(self, what: &str) {
        self.answers().await;
        let more = memory().saturating_sub(self.memory);
        self.is_over.store(true, Ordering::Relaxed);
        let (answers, longest) = self.honest.await.expect("whoever is there already is answered");
        println!(
            "{what}: {:.1} s, {} MB more in memory; beside it {answers} answers, {longest:?} at most",
            self.began.elapsed().as_secs_f64(),
            more >> 10
        );
        assert!(more < MEMORY_MAX, "{what}: {more} KiB more");
        self.served.stop().await;
    }
}

/// Asks until it is over.
async fn honest(client: Client, is_over: Arc<AtomicBool>) -> (u64, Duration) {
    let (mut answers, mut longest) = (0, Duration::ZERO);
    while !is_over.load(Ordering::Relaxed) {
        let began = Instant::now();
        assert_eq!(client.review(&pod("x", "shop", "")).await["allowed"], true);
        longest = longest.max(began.elapsed());
        answers += 1;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    (answers, longest)
}

/// KiB of this process.
fn memory() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

// Frames of HTTP/2 (RFC 9113 §4.1, §6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame is short").to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// Header fields, none of them indexed (RFC 7541 §6.2.2).
fn fields(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            let length = text.len();
            if length < 127 {
                block.push(u8::try_from(length).expect("short"));
            } else {
                block.push(127);
                let mut rest = length - 127;
                while rest >= 128 {
                    block.push(u8::try_from(rest % 128).expect("seven bits") | 128);
                    rest /= 128;
                }
                block.push(u8::try_from(rest).expect("seven bits"));
            }
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

fn head(length: usize) -> Vec<u8> {
    let length = length.to_string();
    fields(&[
        (":method", "POST"),
        (":scheme", "https"),
        (":authority", "localhost"),
        (":path", "/v1/admit?timeout=3s"),
        ("content-type", "application/json"),
        ("content-length", &length),
    ])
}

/// A connection of HTTP/2 that is spoken by hand.
struct Raw(TlsStream<TcpStream>);

impl Raw {
    async fn open(served: &Endpoint, settings: &[u8]) -> Self {
        let mut stream = served.tls("h2").await;
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.expect("is sent");
        stream.write_all(&frame(SETTINGS, 0, 0, settings)).await.expect("is sent");
        Self(stream)
    }

    /// Sends; whether that was possible.
    async fn send(&mut self, bytes: &[u8]) -> bool {
        matches!(timeout(Duration::from_secs(2), self.0.write_all(bytes)).await, Ok(Ok(())))
    }

    /// Whether the server ends it.
    async fn ends(&mut self, within: Duration) -> bool {
        let mut bytes = [0; 16 << 10];
        timeout(within, async { while self.0.read(&mut bytes).await.is_ok_and(|count| count > 0) {} })
            .await
            .is_ok()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rapid_reset() {
    let beset = Beset::start(Settings::default(), Bounds::default()).await;
    let mut raw = Raw::open(&beset.served, &[]).await;
    let mut sent = 0_u32;
    while sent < 50_000 {
        let mut many = Vec::new();
        for _ in 0..100 {
            let stream = sent * 2 + 1;
            many.extend(frame(HEADERS, END_HEADERS, stream, &head(10)));
            many.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
            sent += 1;
        }
        if !raw.send(&many).await {
            break;
        }
    }
    println!("{sent} streams were opened and reset");
    assert!(sent < 50_000, "it is ended");
    beset.end("rapid reset").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endless_heads() {
    let beset = Beset::start(Settings::default(), Bounds::default()).await;
    let mut raw = Raw::open(&beset.served, &[]).await;
    raw.send(&frame(HEADERS, 0, 1, &head(10))).await;
    let piece = frame(CONTINUATION, 0, 1, &fields(&[("x", &"y".repeat(8 << 10))]));
    let mut sent = 0;
    while sent < 10_000 && raw.send(&piece).await {
        sent += 1;
    }
    println!("{sent} frames of CONTINUATION were taken");
    assert!(sent < 10_000, "it is ended");
    // Empty ones cost nothing, and are as endless.
    let mut raw = Raw::open(&beset.served, &[]).await;
    raw.send(&frame(HEADERS, 0, 1, &head(10))).await;
    let piece = frame(CONTINUATION, 0, 1, &[]).repeat(100);
    let mut sent = 0;
    while sent < 10_000 && raw.send(&piece).await {
        sent += 1;
    }
    println!("{sent} hundreds of empty ones were taken");
    assert!(sent < 10_000, "it is ended");
    beset.end("CONTINUATION without end").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_that_ask_for_answers_and_read_none() {
    let beset = Beset::start(Settings::default(), Bounds::default()).await;
    for (what, one) in [
        ("PING", frame(PING, 0, 0, &[0; 8])),
        ("SETTINGS", frame(SETTINGS, 0, 0, &[])),
        ("WINDOW_UPDATE", frame(WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes())),
    ] {
        let mut raw = Raw::open(&beset.served, &[]).await;
        let many = one.repeat(1_000);
        let mut sent = 0;
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(2) && sent < 5_000 && raw.send(&many).await {
            sent += 1;
        }
        println!("{sent} thousand frames of {what}");
        beset.answers().await;
    }
    beset.end("frames that ask for answers").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_nobody_takes() {
    let bounds = Bounds { idle: Duration::from_secs(2), head: Duration::from_secs(1), ..Bounds::default() };
    let beset = Beset::start(Settings::default(), bounds).await;
    let body = review(&pod("z", "shop", ""));
    // SETTINGS_INITIAL_WINDOW_SIZE: nothing may be sent.
    let no_window = [0, 4, 0, 0, 0, 0];
    let mut all = Vec::new();
    for _ in 0..20 {
        let mut raw = Raw::open(&beset.served, &no_window).await;
        let mut many = Vec::new();
        for number in 0..200_u32 {
            many.extend(frame(HEADERS, END_HEADERS, number * 2 + 1, &head(body.len())));
            many.extend(frame(DATA, END_STREAM, number * 2 + 1, body.as_bytes()));
        }
        raw.send(&many).await;
        all.push(raw);
    }
    beset.answers().await;
    for raw in &mut all {
        assert!(Box::pin(raw.ends(Duration::from_secs(20))).await, "who takes no answer is sent away");
    }
    beset.end("4,000 answers that nobody takes").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_heads_and_bodies_that_never_come() {
    let settings = Settings { deadline: Duration::from_secs(2), ..Settings::default() };
    let beset = Beset::start(settings, Bounds::default()).await;
    let mut all = Vec::new();
    let large = "y".repeat(12 << 10);
    for _ in 0..40 {
        let mut raw = Raw::open(&beset.served, &[]).await;
        let mut many = Vec::new();
        for number in 0..200_u32 {
            let mut block = head(100_000);
            block.extend(fields(&[("x-large", &large)]));
            many.extend(frame(HEADERS, END_HEADERS, number * 2 + 1, &block));
            many.extend(frame(DATA, 0, number * 2 + 1, b"{"));
        }
        raw.send(&many).await;
        all.push(raw);
    }
    beset.answers().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (_, metrics) = beset.served.get("/metrics").await;
    assert!(metrics.contains(r#"lumen_webhook_refused_total{reason="too-slow"}"#), "{metrics}");
    drop(all);
    beset.end("8,000 requests with large heads whose bodies never come").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_and_bodies_byte_by_byte() {
    let bounds = Bounds { head: Duration::from_millis(500), ..Bounds::default() };
    let settings = Settings { deadline: Duration::from_secs(1), ..Settings::default() };
    let beset = Beset::start(settings, bounds).await;
    let mut all = tokio::task::JoinSet::new();
    for number in 0..50 {
        let mut stream = beset.served.tls("http/1.1").await;
        all.spawn(async move {
            let head = "POST /v1/admit HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n";
            if number % 2 == 0 {
                // The head is there at once, and the body is not.
                stream.write_all(head.as_bytes()).await.expect("is sent");
            }
            let (mut reading, mut writing) = tokio::io::split(stream);
            let trickle = async {
                while writing.write_all(b"a").await.is_ok() && writing.flush().await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            };
            let mut read = Vec::new();
            let end = async { drop(reading.read_to_end(&mut read).await) };
            tokio::select! { () = trickle => {}, () = end => {} }
        });
    }
    let ended = timeout(Duration::from_secs(20), async { while all.join_next().await.is_some() {} });
    assert!(ended.await.is_ok(), "each of them is ended");
    beset.end("heads and bodies byte by byte").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handshakes_that_never_end() {
    let bounds = Bounds { connections_max: 300, head: Duration::from_secs(2), ..Bounds::default() };
    let beset = Beset::start(Settings::default(), bounds).await;
    let mut all = Vec::new();
    for _ in 0..1_500 {
        let mut stream = beset.served.tcp().await;
        // A record that promises 16 KiB of ClientHello.
        drop(stream.write_all(&[22, 3, 1, 64, 0, 1, 0, 63, 252, 3, 3]).await);
        all.push(stream);
    }
    beset.answers().await;
    for mut stream in all {
        let mut read = Vec::new();
        let end = timeout(Duration::from_secs(20), stream.read_to_end(&mut read)).await;
        assert!(end.is_ok(), "a handshake that does not end is ended");
    }
    beset.end("1,500 handshakes that never end").await;
}

//! What the API client makes of answers that a real server gives seldom: a scripted server on loopback gives them.
#![expect(clippy::expect_used, reason = "test code")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use lumen_server::api::{Api, ApiError, Bounds, Event, Reflector, Resource, Selection};
use tokio::net::TcpListener;

/// One answer: its status and body, and whether the connection stays open behind it.
#[derive(Clone)]
struct Answer(u16, String, bool);

/// A server that gives answers in their order, and notes what it was asked.
#[derive(Clone, Default)]
struct Script {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Script {
    async fn serve(answers: Vec<Answer>) -> (Self, Api) {
        let script = Self { answers: Arc::new(Mutex::new(answers.into())), ..Self::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new().fallback(answer).with_state(script.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        // Whoever comes second finds it installed.
        let _is_first = rustls::crypto::ring::default_provider().install_default();
        let mut config = kube::Config::new(format!("http://{address}").parse().expect("an address"));
        config.default_retry = false;
        let bounds =
            Bounds { answer_bytes_max: 4096, line_bytes_max: 1024, page_objects: 8, ..Bounds::default() };
        (script, Api::new(kube::Client::try_from(config).expect("a client")).bounded(bounds))
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("a lock").clone()
    }
}

async fn answer(State(script): State<Script>, uri: Uri) -> Response {
    script.asked.lock().expect("a lock").push(uri.to_string());
    let next = script.answers.lock().expect("a lock").pop_front();
    let Answer(status, body, stays) = next.unwrap_or_else(|| Answer(503, "over".into(), false));
    let body = if stays {
        let (sender, receiver) = tokio::sync::mpsc::channel::<Result<String, std::io::Error>>(1);
        sender.send(Ok(body)).await.expect("room");
        // It stays open as long as the sender is there.
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_mins(1)).await;
            drop(sender);
        });
        Body::from_stream(Receiver(receiver))
    } else {
        Body::from(body)
    };
    Response::builder().status(StatusCode::from_u16(status).expect("a status")).body(body).expect("an answer")
}

struct Receiver(tokio::sync::mpsc::Receiver<Result<String, std::io::Error>>);

impl futures_core::Stream for Receiver {
    type Item = Result<String, std::io::Error>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}

fn pods() -> Resource {
    Resource::new("", "v1", "Pod", "pods", true)
}

fn pod(name: &str, version: u32) -> String {
    format!(r#"{{"metadata":{{"name":"{name}","resourceVersion":"{version}"}},"spec":{{"n":1.50}}}}"#)
}

fn list(names: &[&str], version: u32, token: &str) -> Answer {
    let items: Vec<String> = names.iter().map(|name| pod(name, version)).collect();
    let body = format!(
        r#"{{"kind":"PodList","metadata":{{"resourceVersion":"{version}","continue":"{token}"}},"items":[{}]}}"#,
        items.join(",")
    );
    Answer(200, body, false)
}

fn line(kind: &str, object: &str) -> String {
    format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n")
}

fn gone() -> String {
    r#"{"kind":"Status","code":410,"reason":"Expired","message":"too old"}"#.to_owned()
}

fn shown(event: &Event) -> String {
    let name = |object: &lumen_value::Value| {
        let metadata = object.get("metadata").and_then(|metadata| metadata.get("name"));
        metadata.and_then(lumen_value::Value::as_str).unwrap_or_default().to_owned()
    };
    match event {
        Event::Restarted => "restarted".into(),
        Event::Applied(object) => format!("+{}", name(object)),
        Event::Deleted(object) => format!("-{}", name(object)),
        Event::Synced => "synced".into(),
        Event::Failed(error) => format!("failed: {error}"),
    }
}

async fn told(reflector: &mut Reflector, number: usize) -> Vec<String> {
    let mut all = Vec::new();
    for _ in 0..number {
        let event = tokio::time::timeout(Duration::from_secs(20), reflector.next()).await;
        all.push(shown(&event.expect("an event")));
    }
    all
}

#[tokio::test]
async fn a_list_comes_in_pages_and_numbers_keep_their_text() {
    let (script, api) = Script::serve(vec![list(&["a", "b"], 7, "t/1"), list(&["c"], 7, "")]).await;
    let items = api.list_all(&pods(), &Selection::default()).await.expect("a list");
    assert_eq!(items.len(), 3);
    let first = items[0].to_json();
    assert!(first.contains(r#""n":1.50"#) && first.contains(r#""kind":"Pod""#), "{first}");
    assert_eq!(script.asked(), ["/api/v1/pods?limit=8", "/api/v1/pods?limit=8&continue=t%2F1"]);
}

#[tokio::test]
async fn a_list_that_took_too_long_begins_anew() {
    let answers = vec![list(&["a"], 1, "t"), Answer(410, gone(), false), list(&["b"], 2, "")];
    let (_, api) = Script::serve(answers).await;
    let items = api.list_all(&pods(), &Selection::default()).await.expect("a list");
    assert_eq!(items.len(), 1);
}

#[tokio::test]
async fn a_page_that_is_too_large_is_asked_for_in_smaller_ones() {
    let large = Answer(200, "x".repeat(5000), false);
    let (script, api) = Script::serve(vec![large.clone(), list(&["a"], 1, ""), large]).await;
    assert_eq!(api.list_all(&pods(), &Selection::default()).await.expect("a list").len(), 1);
    assert_eq!(script.asked()[1], "/api/v1/pods?limit=1");
    let error = api.get(&pods().at(Some("n"), "a")).await.expect_err("too large");
    assert_eq!(error, ApiError::TooLarge(4096));
}

#[tokio::test]
async fn a_watch_goes_on_where_it_broke_off_and_begins_anew_where_it_cannot() {
    let deep = "[".repeat(20_000);
    let answers = vec![
        list(&["a"], 5, ""),
        // Ended by the server, behind a bookmark and an event in two parts of the same body.
        Answer(
            200,
            line("ADDED", &pod("b", 6)) + "\n" + &line("BOOKMARK", &pod("", 8)) + &line("UNKNOWN", "{}"),
            false,
        ),
        // What it says at first cannot be used any more.
        Answer(200, line("ERROR", &gone()), false),
        list(&["b"], 9, ""),
        Answer(200, line("DELETED", &pod("b", 10)), false),
        // A server that is away for a moment.
        Answer(500, "boom".into(), false),
        // An event that is too deep, and one that is too long: read anew each time.
        Answer(200, line("ADDED", &format!("{{\"a\":{}", deep.get(..400).unwrap_or_default())), false),
        list(&["c"], 11, ""),
        Answer(200, "x".repeat(2000), true),
        list(&["d"], 12, ""),
    ];
    let (script, api) = Script::serve(answers).await;
    let mut reflector = Reflector::new(api, pods(), Selection::default());
    assert_eq!(told(&mut reflector, 4).await, ["restarted", "+a", "synced", "+b"]);
    assert_eq!(told(&mut reflector, 4).await, ["failed: expired: too old", "restarted", "+b", "synced"]);
    assert_eq!(told(&mut reflector, 1).await, ["-b"]);
    let failed = told(&mut reflector, 3).await;
    assert!(failed[0].contains("boom") && failed[1] == "synced", "{failed:?}");
    assert!(failed[2].contains("cannot be read"), "{failed:?}");
    assert_eq!(told(&mut reflector, 3).await, ["restarted", "+c", "synced"]);
    let failed = told(&mut reflector, 4).await;
    assert!(failed[0].contains("more than 1024 bytes"), "{failed:?}");
    assert_eq!(failed[1..], ["restarted", "+d", "synced"]);
    let asked = script.asked();
    let watches: Vec<&str> = asked.iter().filter_map(|path| path.split("resourceVersion=").nth(1)).collect();
    assert_eq!(watches, ["5", "8", "9", "10", "10", "11"], "{asked:?}");
}

#[tokio::test]
async fn an_answer_that_is_an_error_says_which() {
    let conflict = r#"{"kind":"Status","code":409,"reason":"Conflict","message":"changed"}"#;
    let (_, api) =
        Script::serve(vec![Answer(409, conflict.into(), false), Answer(403, "no".into(), false)]).await;
    let at = pods();
    let error = api.replace(&at.at(Some("n"), "a"), &lumen_value::Value::Null).await.expect_err("a conflict");
    assert_eq!(error, ApiError::Conflict("changed".into()));
    let error = api.delete(&at.at(Some("n"), "a"), None).await.expect_err("forbidden");
    assert_eq!(error, ApiError::Forbidden("no".into()));
    let Err(error) = api.get(&at.at(None, "a")).await else {
        panic!("a namespaced object without a namespace")
    };
    assert!(matches!(error, ApiError::Request(_)), "{error}");
}

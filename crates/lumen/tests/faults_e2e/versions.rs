//! Two versions of the server at once, as while it is upgraded.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::kubectl::until;
use crate::proxy::Proxy;
use crate::{Wish, World, counted};

/// A category that the definitions of the other version have.
const OTHER: &str = "of-another-version";

/// What makes of a replica one of another version: it defines the kinds of constraints otherwise. What it reads is turned round
/// so that it finds its own definitions right, and those of this version wrong.
fn another_version(path: &str, is_answer: bool, body: &str) -> Option<String> {
    if !path.contains("/customresourcedefinitions/") && !path.ends_with("/customresourcedefinitions") {
        return None;
    }
    let mut object: Value = serde_json::from_str(body).ok()?;
    if object["kind"] != "CustomResourceDefinition" {
        return None;
    }
    let categories = object.pointer_mut("/spec/names/categories")?.as_array_mut()?;
    let has = categories.iter().any(|category| category == OTHER);
    if has && is_answer {
        categories.retain(|category| category != OTHER);
    } else if !has {
        categories.push(OTHER.into());
    }
    Some(object.to_string())
}

/// A replica of another version joins; templates change; then nothing happens for a minute, and nobody writes.
pub(crate) fn two_at_once(world: &mut World) {
    let proxy = Proxy::start(world.runtime.handle(), &world.cluster.kubeconfig(), Some(another_version));
    let wish = Wish { server: Some(proxy.address.clone()), ..Wish::default() };
    world.join("lumen-other", &wish);
    let names = world.names();
    let is_told_by_all = || {
        ["audited", "denied"].iter().all(|name| {
            let status = world.status("needsowner", name).to_string();
            names.iter().all(|replica| status.contains(&format!(r#""id":"{replica}""#)))
        })
    };
    until("each replica tells of the policies", is_told_by_all);
    let seen = world.under_load(|load| {
        for message in ["has no owner at all", "has no owner"] {
            world.cluster.apply(&crate::TEMPLATE.replace("has no owner", message));
            load.goes_on();
        }
    });
    assert_eq!(seen.uncalled, 0, "{}", seen.last_failure);
    // Without an audit there is nothing that is told again and again.
    world.cluster.apply(
        "{apiVersion: lumensec.io/v1alpha1, kind: LumenConfig, metadata: {name: default}, spec: {audit: {intervalSeconds: 0}}}",
    );
    std::thread::sleep(Duration::from_secs(4));
    let before = written(world);
    let began = Instant::now();
    let minute = Duration::from_secs(62);
    let load = world.load(crate::MESSAGES);
    std::thread::sleep(minute);
    let quiet = load.end(world.runtime.handle());
    assert_eq!((&quiet.wrong, quiet.uncalled), (&Vec::new(), 0), "{}", quiet.last_failure);
    let mut after = written(world);
    for (what, count) in before {
        *after.get_mut(&what).expect("it was written") -= count;
    }
    after.retain(|what, count| *count > 0 && !what.ends_with(" leases"));
    assert!(after.is_empty(), "written though nothing happened: {after:?}");
    world.cluster.must(&["delete", "lumenconfig", "default"]);
    world.row(
        "two versions at once, which define kinds differently",
        format!(
            "status of both; no write in {:.0} s but of leases; {}",
            began.elapsed().as_secs_f64(),
            counted(&quiet)
        ),
        began.elapsed(),
    );
}

/// How often the server wrote what, by the API server's own log.
fn written(world: &World) -> BTreeMap<String, u64> {
    let text = std::fs::read_to_string(world.cluster.folder().join("log/audit.jsonl")).expect("an audit log");
    let mut written = BTreeMap::new();
    for line in text.lines() {
        let Ok(event) = serde_json::from_str::<Value>(line) else { continue };
        let of = &event["objectRef"];
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        *written.entry(format!("{} {}", word(&event["verb"]), word(&of["resource"]))).or_default() += 1;
    }
    written
}

//! Faults of the API server and of what it stores in.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::cluster::signal;
use crate::kubectl::until;
use crate::proxy::{Fault, Proxy};
use crate::{Wish, World, counted, took};

/// etcd hangs until the leader has lost its Lease; what takes no storage is denied all the while.
pub(crate) fn etcd_stopped(world: &World) {
    until("one replica leads", || world.leaders() == 1);
    let etcd = world.cluster.process("etcd");
    let (mut lost, mut led, mut denied) = (Duration::ZERO, Duration::ZERO, 0);
    let mut most_leaders = 0;
    let seen = world.under_load(|load| {
        let before = load.seen().denied;
        signal("STOP", etcd);
        lost = took("the leader leads no longer", || world.leaders() == 0);
        denied = load.seen().denied - before;
        assert!(world.replicas.iter().all(crate::Replica::is_ready), "they stay ready");
        signal("CONT", etcd);
        led = took("one leads again", || {
            let leaders = world.leaders();
            most_leaders = most_leaders.max(leaders);
            leaders > 0
        });
        let until_then = Instant::now() + Duration::from_secs(4);
        while Instant::now() < until_then {
            most_leaders = most_leaders.max(world.leaders());
        }
    });
    assert_eq!((seen.uncalled, most_leaders), (0, 1), "{}", seen.last_failure);
    assert!(denied > 100, "{denied} denials while etcd was stopped");
    world.row(
        "etcd stopped",
        format!(
            "{denied} denials while it stood; the lease was lost after {:.1} s, and never two led; {}",
            lost.as_secs_f64(),
            counted(&seen)
        ),
        led,
    );
}

/// The API server is killed, and comes back.
pub(crate) fn api_server_killed(world: &World) {
    let mut down = Duration::ZERO;
    let seen = world.under_load(|_| {
        let began = Instant::now();
        world.cluster.restart();
        down = began.elapsed();
        heard(world, "killed", &world.names());
    });
    assert_eq!(seen.uncalled, 0, "{}", seen.last_failure);
    world.row("API server killed and started again", counted(&seen), seen.longest_gap);
}

/// A change of a constraint comes to all replicas; how long that takes.
fn heard(world: &World, mark: &str, replicas: &[String]) -> Duration {
    let patch = format!(r#"{{"spec":{{"match":{{"excludedNamespaces":["{mark}"]}}}}}}"#);
    until("a constraint is changed", || {
        world.cluster.kubectl(&["patch", "needsowner", "audited", "--type=merge", "-p", &patch]).is_well
    });
    took("each replica observes it", || {
        let object = world.cluster.get(&["needsowner", "audited"]);
        assert!(object.is_null() || object.to_string().contains(mark), "{object}");
        let observed = |name: &String| {
            let mut entries = object["status"]["byPod"].as_array().into_iter().flatten();
            entries.any(|entry| {
                entry["id"] == **name && entry["observedGeneration"] == object["metadata"]["generation"]
            })
        };
        replicas.iter().all(observed)
    })
}

/// A replica whose API server answers with 429, and with 500, for a while.
pub(crate) fn api_server_in_trouble(world: &World) {
    const LASTS: Duration = Duration::from_secs(6);
    let proxy = Proxy::start(world.runtime.handle(), &world.cluster.kubeconfig(), None);
    world.pod("lumen-p");
    let wish = Wish { server: Some(proxy.address.clone()), is_aside: true, ..Wish::default() };
    let replica = world.cluster.replica_with("lumen-p", &wish);
    for code in [429_u16, 500] {
        let watched = replica.metric("gatekeeper_watch_manager_watched_gvk");
        proxy.noted();
        proxy.has(Fault::Status(code));
        std::thread::sleep(LASTS);
        let asked = proxy.noted();
        assert!(replica.is_ready(), "it stays ready");
        let rate = asked.len() as u64 / LASTS.as_secs();
        let mut each: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
        for line in &asked {
            *each.entry(line.split('?').next().unwrap_or(line)).or_default() += 1;
        }
        let most = each.iter().max_by_key(|(_, count)| **count).expect("something was asked");
        println!("{code}: {} requests; most for {most:?}; {each:?}", asked.len());
        assert!(*most.1 <= 30, "{most:?} in {LASTS:?}");
        proxy.has(Fault::None);
        let began = Instant::now();
        heard(world, &format!("code-{code}"), &["lumen-p".to_owned()]);
        let took = began.elapsed();
        world.row(
            if code == 429 { "API server answers 429 for 6 s" } else { "API server answers 500 for 6 s" },
            format!(
                "{rate} requests/s of {watched:.0} watches and all else meanwhile, at most {} for one thing; \
                 stays ready; changes are heard again",
                most.1
            ),
            took,
        );
    }
    drop(replica);
    world.leave("lumen-p");
}

/// Watches break off, etcd forgets what was meanwhile, and the API server starts with nothing in memory.
pub(crate) fn watches_expired(world: &World) {
    let proxy = Proxy::start(world.runtime.handle(), &world.cluster.kubeconfig(), None);
    world.pod("lumen-p");
    let wish = Wish { server: Some(proxy.address.clone()), is_aside: true, ..Wish::default() };
    let replica = world.cluster.replica_with("lumen-p", &wish);
    let mut took_all = Duration::ZERO;
    let mut lists = 0;
    let seen = world.under_load(|_| {
        proxy.has(Fault::Status(503));
        for number in 0..20 {
            world.cluster.must(&["label", "--overwrite", "namespace", "other", &format!("round=r{number}")]);
        }
        compact(world);
        world.cluster.restart();
        proxy.noted();
        let began = Instant::now();
        proxy.has(Fault::None);
        heard(world, "expired", &["lumen-p".to_owned()]);
        took_all = began.elapsed();
        lists = proxy.noted().iter().filter(|line| line.contains("limit=")).count();
    });
    assert!(lists > 0, "what was forgotten is listed anew");
    assert_eq!(seen.uncalled, 0, "{}", seen.last_failure);
    world.row(
        "watches expired (410): etcd compacted, API server restarted",
        format!("{lists} pages listed anew; {}", counted(&seen)),
        took_all,
    );
    drop(replica);
    world.leave("lumen-p");
}

/// etcd forgets all but the newest.
fn compact(world: &World) {
    let port = world.cluster.setting("port_etcd");
    let post = |path: &str, body: &str| {
        let url = format!("http://127.0.0.1:{port}/v3/kv/{path}");
        let output =
            Command::new("curl").args(["-sS", "-X", "POST", "-d", body, &url]).output().expect("curl");
        serde_json::from_slice::<serde_json::Value>(&output.stdout).expect("JSON")
    };
    let answer = post("range", r#"{"key":"YQ=="}"#);
    let revision = answer["header"]["revision"].as_str().expect("a revision").to_owned();
    post("compaction", &format!(r#"{{"revision":"{revision}","physical":true}}"#));
}

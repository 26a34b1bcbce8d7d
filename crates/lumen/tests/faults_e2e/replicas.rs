//! Faults of replicas: killed, all gone, killed in the middle of an audit, and beset by connections.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::kubectl::until;
use crate::load::Verdict;
use crate::proxy::{Fault, Proxy};
use crate::{Wish, World, counted};

/// One of two replicas is killed; the Service goes on sending to it for a second. Then the same with the other one.
pub(crate) fn one_killed(world: &mut World) {
    for name in world.names() {
        let mut replica = world.taken(&name);
        let mut after = 0;
        let seen = world.under_load(|load| {
            replica.kill();
            // So long it takes a kubelet to notice, and the API server to hear of it.
            std::thread::sleep(Duration::from_secs(1));
            world.cluster.unroute(&replica);
            load.goes_on();
            after = load.seen().uncalled;
            load.goes_on();
            after = load.seen().uncalled - after;
        });
        drop(replica);
        world.leave(&name);
        assert_eq!(after, 0, "once the Service knows, nothing fails: {}", seen.last_failure);
        world.row("a replica killed under load (SIGKILL)", counted(&seen), seen.longest_gap);
        world.staff();
    }
}

/// No replica is left, and the webhook's `failurePolicy` is `Fail`: what a cluster lives on goes on, and the rest waits.
pub(crate) fn none_left(world: &mut World) {
    world.cluster.apply(
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: kept, namespace: plain, labels: {owner: me}}}",
    );
    for mut replica in std::mem::take(&mut world.replicas) {
        replica.kill();
        world.cluster.unroute(&replica);
        world.leave(&replica.name);
    }
    until("the API server knows", || matches!(world.ask(true), Verdict::Uncalled(_)));
    let cluster = &world.cluster;
    let must_go_on: &[(&str, &str)] = &[
        (
            "a lease",
            "{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: any, namespace: plain}}",
        ),
        ("a node", "{apiVersion: v1, kind: Node, metadata: {name: nowhere}}"),
        (
            "a ConfigMap in kube-system",
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: any, namespace: kube-system}}",
        ),
        (
            "a Pod in kube-system",
            "{apiVersion: v1, kind: Pod, metadata: {name: any, namespace: kube-system}, spec: {containers: [{name: c, image: i}]}}",
        ),
        (
            "a ConfigMap in lumen-system",
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: any, namespace: lumen-system}}",
        ),
        (
            "an event",
            "{apiVersion: v1, kind: Event, metadata: {name: any, namespace: plain}, involvedObject: {namespace: plain}}",
        ),
        (
            "a kind that no policy is about",
            "{apiVersion: v1, kind: Endpoints, metadata: {name: any, namespace: plain}}",
        ),
    ];
    let began = Instant::now();
    for (what, object) in must_go_on {
        let said = cluster.kubectl_reading(object, &["create", "-f", "-"]);
        assert!(said.is_well, "{what}: {said:?}");
        let said = cluster.kubectl_reading(object, &["annotate", "-f", "-", "changed=true"]);
        assert!(said.is_well, "{what}, changed: {said:?}");
    }
    let patch = r#"{"status":{"conditions":[{"type":"Ready","status":"True"}]}}"#;
    cluster.must(&["patch", "node", "nowhere", "--subresource=status", "--type=merge", "-p", patch]);
    cluster.must(&["-n", "plain", "delete", "configmap", "kept"]);
    world.pod("lumen-again");
    for (what, object) in must_go_on {
        let said = cluster.kubectl_reading(object, &["delete", "-f", "-", "--wait=false"]);
        assert!(said.is_well, "{what}, deleted: {said:?}");
    }
    for has_owner in [true, false] {
        assert!(matches!(world.ask(has_owner), Verdict::Uncalled(_)), "nothing goes by the policies");
    }
    let went_on = began.elapsed();
    let began = Instant::now();
    world.join("lumen-again", &Wish::default());
    until("all is as before", || world.is_denied() && matches!(world.ask(true), Verdict::Allowed));
    let took = began.elapsed();
    world.row(
        "no replica left, failurePolicy Fail",
        format!(
            "{} kinds of requests that a cluster lives on went on ({:.1} s for all); what policies are about was \
             refused; the first replica back sets it right, from its start to the first verdict:",
            must_go_on.len() + 2,
            went_on.as_secs_f64()
        ),
        took,
    );
}

/// How many objects the audit finds, and how many of them are deleted while it looks.
const OBJECTS: usize = 1_200;
const DELETED: usize = 300;
/// There is one in each namespace with the cluster's authority.
const FOUND: usize = OBJECTS + 1;

/// The replica that audits is killed in the middle of a sweep, with pages before and behind it.
pub(crate) fn leader_killed(world: &mut World) {
    objects(world);
    let proxy = Proxy::start(world.runtime.handle(), &world.cluster.kubeconfig(), None);
    // The leader is one whose API server is slow.
    for replica in std::mem::take(&mut world.replicas) {
        let name = replica.name.clone();
        world.cluster.stop(replica);
        world.leave(&name);
    }
    let wish = Wish { server: Some(proxy.address.clone()), ..Wish::default() };
    world.join("lumen-slow", &wish);
    let total = |world: &World| world.status("needsowner", "audited")["totalViolations"].as_u64();
    until("all are found", || total(world) == Some(FOUND as u64));
    world.join("lumen-next", &Wish::default());
    lists_failing(world, &proxy);
    proxy.has(Fault::SlowLists(Duration::from_secs(1)));
    proxy.noted();
    let mut asked = Vec::new();
    until("the sweep is in the middle of the objects", || {
        asked.extend(proxy.noted());
        asked.iter().any(|line| line.contains("/configmaps?") && line.contains("continue="))
    });
    let mut replica = world.taken("lumen-slow");
    replica.kill();
    let began = Instant::now();
    assert_eq!(total(world), Some(FOUND as u64));
    world.cluster.unroute(&replica);
    world.leave("lumen-slow");
    world.cluster.must(&["-n", "many", "delete", "configmap", "-l", "part=first", "--wait=false"]);
    let mut told = Vec::new();
    until("another has audited", || {
        let now = total(world);
        if told.last() != Some(&now) {
            told.push(now);
        }
        now != Some(FOUND as u64)
    });
    let took = began.elapsed();
    assert_eq!(told.last(), Some(&Some((FOUND - DELETED) as u64)), "no more and no less: {told:?}");
    world.row(
        "leader killed in the middle of an audit",
        format!("the status stays as it was ({FOUND}), then the other replica tells {} exactly; nothing lost, nothing twice", FOUND - DELETED),
        took,
    );
}

/// The leader cannot list what a constraint is about: that there is nothing is not told.
fn lists_failing(world: &World, proxy: &Proxy) {
    let leader = &world.replicas[0];
    let count = |text: &str| leader.log().matches(text).count();
    let unread = count("\"what\":\"configmaps.v1\"");
    let began = Instant::now();
    proxy.has(Fault::NoLists("/api/v1/configmaps"));
    until("an audit ends without them", || count("\"what\":\"configmaps.v1\"") > unread);
    let finished = count("audit_finished");
    until("and another one", || count("audit_finished") > finished + 1);
    assert_eq!(world.status("needsowner", "audited")["totalViolations"], FOUND);
    proxy.has(Fault::None);
    world.row(
        "objects that cannot be listed during an audit (500)",
        format!("asked for again for some seconds; the constraints about them keep what the audit before told ({FOUND})"),
        began.elapsed(),
    );
}

fn objects(world: &World) {
    let object = |number| {
        let part = if number < DELETED { "first" } else { "second" };
        format!(
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m{number}, namespace: many, labels: {{part: {part}}}}}\n"
        )
    };
    let made: Vec<String> = (0..OBJECTS).map(object).collect();
    let made = made.concat();
    world.cluster.must_reading(&made, &["create", "-f", "-"]);
}

/// Connections that bring nothing: more than there are places for, some of which begin a handshake and never end it.
pub(crate) fn hostile_connections(world: &World) {
    let most = files_max().saturating_sub(500).min(10_000);
    let replica = &world.replicas[0];
    let address = world.cluster.address_of(replica);
    let (before, _) = replica.memory();
    let mut opened = 0;
    let began = Instant::now();
    let seen = world.under_load(|load| {
        let mut connections = Vec::new();
        for number in 0..most {
            let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_secs(5)) else {
                continue;
            };
            opened += 1;
            // The head of a TLS record that promises 16 KiB, and a part of it.
            if number % 2 == 0 {
                let _is_sent = stream.write_all(&[0x16, 3, 1, 0x40, 0, 1, 0, 0x3f, 0xfc, 3, 3]);
            }
            connections.push(stream);
        }
        load.goes_on();
        load.goes_on();
    });
    let took = began.elapsed();
    let (_, highest) = replica.memory();
    assert_eq!(seen.uncalled, 0, "{}", seen.last_failure);
    assert!(highest < before + (96 << 10), "{before} KiB before, {highest} KiB at most");
    world.row(
        "thousands of connections that bring nothing",
        format!(
            "{opened} connections, half with a handshake that never ends; {} MB more at most; {}",
            highest.saturating_sub(before) >> 10,
            counted(&seen)
        ),
        took,
    );
}

/// How many files this process may open.
fn files_max() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(1_000)
}

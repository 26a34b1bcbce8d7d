//! More policies and objects than anybody has.

use std::fmt::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::kubectl::until;
use crate::{TEMPLATE, World};

const CONSTRAINTS: usize = 10_000;

/// A server of files with 10,000 constraints, each with parameters of its own, a thousand of which are about what is asked.
pub(crate) fn constraints(world: &World) {
    let folder = world.cluster.folder().join("many");
    std::fs::create_dir_all(folder.join("policies")).expect("a folder");
    let mut text = TEMPLATE.to_owned();
    for number in 0..CONSTRAINTS {
        let kind = if number % 10 == 0 { "ConfigMap" } else { "Pod" };
        let owner = if number == 0 { "" } else { ", labelSelector: {matchLabels: {owner: somebody}}" };
        write!(
            text,
            "---\napiVersion: constraints.gatekeeper.sh/v1beta1\nkind: NeedsOwner\nmetadata: {{name: c{number}, annotations: {{description: '{}'}}}}\n\
             spec: {{match: {{namespaces: [plain, n{number}], kinds: [{{apiGroups: [''], kinds: [{kind}]}}]{owner}}}}}\n",
            "why it is there ".repeat(20)
        )
        .expect("text");
    }
    text.push_str("---\napiVersion: v1\nkind: Namespace\nmetadata: {name: plain}\n");
    std::fs::write(folder.join("policies/all.yaml"), text).expect("a file");
    let subject = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=localhost -keyout key.pem -out certificate.pem";
    let output = Command::new("sh").args(["-c", subject]).current_dir(&folder).output().expect("openssl");
    assert!(output.status.success(), "{output:?}");
    let began = Instant::now();
    let replica = world.cluster.of_files(&folder);
    until("it is ready", || replica.is_ready());
    let ready = began.elapsed();
    let review = |has_owner: bool| {
        let labels = if has_owner { r#""owner":"me""# } else { "" };
        let body = format!(
            r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{"uid":"u","operation":"CREATE","namespace":"plain","name":"a",
            "kind":{{"group":"","version":"v1","kind":"ConfigMap"}},"resource":{{"group":"","version":"v1","resource":"configmaps"}},
            "object":{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"a","namespace":"plain","labels":{{{labels}}}}}}}}}}}"#
        );
        let url = format!("https://{}/v1/admit", world.cluster.address_of(&replica));
        let mut command = Command::new("curl");
        command.args(["-sk", "-H", "content-type: application/json", "-d", &body, "-w", "\n%{time_total}"]);
        let output = command.arg(&url).stdin(Stdio::null()).output().expect("curl");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (answer, time) = text.rsplit_once('\n').expect("an answer and its time");
        (answer.contains(r#""allowed":true"#), Duration::from_secs_f64(time.parse().expect("seconds")))
    };
    let (is_denied, took) = (!review(false).0, review(false).1);
    assert!(is_denied && review(true).0, "it judges right");
    let (now, most) = replica.memory();
    world.row(
        "10,000 constraints of one template, a thousand about what is asked",
        format!(
            "{} MB in memory, {} at most; one request from curl in {:.0} ms; ready in",
            now >> 10,
            most >> 10,
            took.as_secs_f64() * 1e3
        ),
        ready,
    );
}

//! What goes wrong in clusters, one thing after the other, on a real API server with requests coming all the time: what is lost, and
//! how long it takes. The table of `docs/server-faults.md` is what this prints.
//!
//! There are no nodes: the replicas run here, as in `server_e2e.rs`. Where the programs of the cluster are missing, it is skipped.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test says so and stops"
)]

use std::cell::RefCell;
use std::time::{Duration, Instant};

use kube::Client;
use serde_json::Value;
use tokio::runtime::Runtime;

#[path = "faults_e2e/certificates.rs"]
mod certificates;
#[path = "server_e2e/cluster.rs"]
mod cluster;
#[path = "real_cluster/kubectl.rs"]
mod kubectl;
#[path = "faults_e2e/load.rs"]
mod load;
#[path = "faults_e2e/many.rs"]
mod many;
#[path = "faults_e2e/policies.rs"]
mod policies;
#[path = "faults_e2e/proxy.rs"]
mod proxy;
#[path = "faults_e2e/replicas.rs"]
mod replicas;
#[path = "faults_e2e/server.rs"]
mod server;
#[path = "faults_e2e/versions.rs"]
mod versions;

use cluster::{Cluster, Replica, Wish};
use kubectl::until;
use load::{Load, Seen, Verdict, ask};

/// What makes a row of the table: its name, and what is done.
type Scene = (&'static str, fn(&mut World));

/// The rows of the table. Each begins with two replicas at least.
const ROWS: &[Scene] = &[
    ("etcd-stopped", |world| server::etcd_stopped(world)),
    ("api-server-killed", |world| server::api_server_killed(world)),
    ("api-server-in-trouble", |world| server::api_server_in_trouble(world)),
    ("watches-expired", |world| server::watches_expired(world)),
    ("template-broken", |world| policies::template_broken(world)),
    ("template-changed", |world| policies::template_changed(world)),
    ("template-deleted", |world| policies::template_deleted(world)),
    ("definitions-deleted", |world| policies::definitions_deleted(world)),
    ("certificates-of-another-time", |world| certificates::unusable(world)),
    ("clock-ahead", |world| certificates::clock_ahead(world)),
    ("replica-killed", replicas::one_killed),
    ("no-replica-left", replicas::none_left),
    ("leader-killed", replicas::leader_killed),
    ("two-versions", versions::two_at_once),
    ("idle-connections", |world| replicas::hostile_connections(world)),
    ("many-constraints", |world| many::constraints(world)),
];

/// `LUMEN_FAULTS=etcd-stopped,two-versions` runs these rows alone, after the first, which installs what is tested.
#[test]
fn faults_are_survived() {
    let Some(mut world) = World::start() else { return };
    policies::definitions_missing(&mut world);
    let chosen = std::env::var("LUMEN_FAULTS").unwrap_or_default();
    for (name, row) in ROWS {
        if chosen.is_empty() || chosen.split(',').any(|each| each == *name) {
            world.staff();
            row(&mut world);
        }
    }
    world.told();
}

/// The cluster, its replicas, and what was found out.
struct World {
    // Dropped before the cluster that they are part of.
    replicas: Vec<Replica>,
    cluster: Cluster,
    client: Client,
    runtime: Runtime,
    rows: RefCell<Vec<Row>>,
    /// How many replicas were named so far.
    joined: usize,
}

/// A row of the table.
struct Row {
    fault: &'static str,
    what: String,
    took: Duration,
}

const TEMPLATE: &str = "
apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: needsowner}
spec:
  crd: {spec: {names: {kind: NeedsOwner}}}
  targets:
  - target: admission.k8s.gatekeeper.sh
    rego: |
      package needsowner
      violation[{\"msg\": msg}] {
        not input.review.object.metadata.labels.owner
        msg := sprintf(\"%v has no owner\", [input.review.object.metadata.name])
      }
";

/// What the policy of [`TEMPLATE`] says.
const MESSAGES: &[&str] = &["has no owner"];

/// Denies in `plain`, and is about what is in `many`.
const CONSTRAINTS: &str = "
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: NeedsOwner
metadata: {name: denied}
spec: {match: {namespaces: [plain], kinds: [{apiGroups: [''], kinds: [ConfigMap]}]}}
---
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: NeedsOwner
metadata: {name: audited}
spec: {enforcementAction: dryrun, match: {namespaces: [many], kinds: [{apiGroups: [''], kinds: [ConfigMap]}]}}
";

/// What the server writes is in the API server's audit log.
const AUDIT_POLICY: &str = "
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  users: ['system:serviceaccount:lumen-system:lumen-server']
  verbs: [create, update, patch, delete]
- level: None
";

impl World {
    fn start() -> Option<Self> {
        let cluster = Cluster::start_with(|run| {
            let policy = run.join("audit-policy.yaml");
            std::fs::write(&policy, AUDIT_POLICY).expect("a file");
            vec![("AUDIT_POLICY", policy)]
        })?;
        // Whoever comes second finds it installed.
        let _is_first = rustls::crypto::ring::default_provider().install_default();
        let runtime = Runtime::new().expect("threads");
        let file = kube::config::Kubeconfig::read_from(cluster.kubeconfig()).expect("a kubeconfig");
        let client = runtime.block_on(async {
            let options = kube::config::KubeConfigOptions::default();
            let config = kube::Config::from_custom_kubeconfig(file, &options).await.expect("a way there");
            Client::try_from(config).expect("a client")
        });
        Some(Self { replicas: Vec::new(), cluster, client, runtime, rows: RefCell::default(), joined: 0 })
    }

    /// Two replicas at least.
    fn staff(&mut self) {
        while self.replicas.len() < 2 {
            self.joined += 1;
            let name = format!("lumen-{}", self.joined);
            self.join(&name, &Wish::default());
        }
    }

    /// A replica is taken out of the list.
    fn taken(&mut self, name: &str) -> Replica {
        let at = self.replicas.iter().position(|replica| replica.name == name).expect("it is there");
        self.replicas.remove(at)
    }

    fn names(&self) -> Vec<String> {
        self.replicas.iter().map(|replica| replica.name.clone()).collect()
    }

    /// A further replica, with the pod that the others know it by.
    fn join(&mut self, name: &str, wish: &Wish) {
        self.pod(name);
        let replica = self.cluster.replica_with(name, wish);
        self.replicas.push(replica);
    }

    fn pod(&self, name: &str) {
        self.cluster.apply(&format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: lumen-system}}, spec: {{\
             securityContext: {{runAsNonRoot: true, seccompProfile: {{type: RuntimeDefault}}}}, \
             containers: [{{name: c, image: i, securityContext: {{allowPrivilegeEscalation: false, capabilities: {{drop: [ALL]}}}}}}]}}}}"
        ));
    }

    /// The pod of a replica that has ended is gone, as a node would have it.
    fn leave(&self, name: &str) {
        self.cluster.must(&["-n", "lumen-system", "delete", "pod", name, "--force", "--grace-period=0"]);
    }

    /// Requests that come until they are ended.
    fn load(&self, messages: &'static [&'static str]) -> Load {
        Load::start(self.runtime.handle(), &self.client, "plain", messages)
    }

    /// Does something while requests come. All are answered as they must be, or not at all.
    fn under_load(&self, work: impl FnOnce(&Load)) -> Seen {
        let load = self.load(MESSAGES);
        work(&load);
        let seen = load.end(self.runtime.handle());
        assert!(seen.wrong.is_empty(), "{} wrong answers, such as {}", seen.wrong.len(), seen.wrong[0]);
        seen
    }

    fn ask(&self, has_owner: bool) -> Verdict {
        self.runtime.block_on(ask(&self.client, "plain", has_owner))
    }

    fn is_denied(&self) -> bool {
        matches!(self.ask(false), Verdict::Denied(_))
    }

    fn status(&self, kind: &str, name: &str) -> Value {
        self.cluster.get(&[kind, name])["status"].clone()
    }

    /// How many replicas do what one alone is to do.
    fn leaders(&self) -> usize {
        self.replicas.iter().filter(|replica| replica.metric("lumen_audit_leader") > 0.0).count()
    }

    /// Adds a row to the table.
    fn row(&self, fault: &'static str, what: String, took: Duration) {
        let row = Row { fault, what, took };
        println!("{}", row.text());
        self.rows.borrow_mut().push(row);
    }

    fn told(&self) {
        println!("\n| Fault | What was seen | Took |\n|---|---|---|");
        for row in self.rows.borrow().iter() {
            println!("{}", row.text());
        }
    }
}

impl Row {
    fn text(&self) -> String {
        format!("| {} | {} | {:.1} s |", self.fault, self.what, self.took.as_secs_f64())
    }
}

/// How long something takes until it holds.
fn took(what: &str, holds: impl FnMut() -> bool) -> Duration {
    let began = Instant::now();
    until(what, holds);
    began.elapsed()
}

/// What requests came to, as a row tells it.
fn counted(seen: &Seen) -> String {
    format!(
        "{} verdicts, all right; {} refused since no replica answered, {} not answered by the API server",
        seen.verdicts(),
        seen.uncalled,
        seen.unanswered
    )
}

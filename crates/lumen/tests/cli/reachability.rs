//! `kind: ReachabilityTest`, and `lumen net suggest`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{self, Folder};

const CLUSTER: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: c, image: c, ports: [{name: http, containerPort: 80}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: redis, namespace: shop, labels: {app: redis}}
spec: {containers: [{name: c, image: c, ports: [{containerPort: 6379}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: job, namespace: shop, labels: {app: job}}
spec: {containers: [{name: c, image: c}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: redis, namespace: shop}
spec:
  podSelector: {matchLabels: {app: redis}}
  policyTypes: [Ingress, Egress]
  ingress:
  - from: [{podSelector: {matchLabels: {app: web}}}]
    ports: [{port: 6379}]
";
const HEAD: &str = "apiVersion: lumensec.io/v1alpha1\nkind: ReachabilityTest\nmetadata: {name: net}\nspec:\n  files: [cluster.yaml]\n";

fn folder(spec: &str) -> Folder {
    Folder::new(&[("cluster.yaml", CLUSTER), ("test.yaml", &format!("{HEAD}{spec}"))])
}

fn ran(spec: &str, options: &str) -> (i32, String) {
    let outcome = folder(spec).run(&format!("test {options}"));
    (outcome.code, outcome.stdout + &outcome.stderr)
}

#[test]
fn lines_that_hold_pass_strictly() {
    let spec = "  allow:
  - {from: shop/web, to: shop/redis, port: 6379}
  - {from: shop/*, to: shop/web, port: http, name: to the web}
  - {from: internet, to: shop/web}
  deny:
  - {from: '*', except: shop/web, to: shop/redis}
  - {from: shop/web, to: shop/Pod/redis, port: [1-6378, 6379/UDP]}
  - {from: [internet, 10.0.0.0/8, 192.168.1.1], to: shop/redis}
  - {from: shop/redis, to: internet}
";
    // Redis may not send.
    let (code, text) = ran(spec, "--strict");
    assert!(code == 1 && text.contains("fail  net / to the web  test.yaml:8:"), "{text}");
    let (code, text) = ran(&spec.replace("from: shop/*, to: shop/web", "from: 10.1.2.3, to: shop/web"), "");
    assert_eq!((code, text.as_str()), (0, "ok    test.yaml  7/7\n7 passed in 1 file\n"));
}

#[test]
fn what_does_not_hold_is_explained_at_its_place() {
    let (code, text) = ran("  deny:\n  - {from: shop/web, to: shop/redis, port: 6379}\n  allow: []\n", "");
    assert_eq!(code, 1);
    assert!(text.contains("fail  net / deny shop/web -> shop/redis 6379  test.yaml:7:5\n"), "{text}");
    assert!(text.contains("egress: no policy selects it\n"), "{text}");
    assert!(text.contains("ingress: allow by shop/redis#ingress[0].from[0] (cluster.yaml:23)\n"), "{text}");
    let (_, text) = ran("  allow:\n  - {from: shop/web, to: shop/redis, port: 6380}\n", "");
    assert!(text.contains("isolated by shop/redis (cluster.yaml:"), "{text}");
    assert!(text.contains("port: wants TCP 6379, found TCP 6380"), "{text}");
}

#[test]
fn what_tests_little_is_told_and_fails_strictly() {
    for (spec, remark) in [
        ("  deny: []\n", "it has no lines"),
        ("  deny: [{from: shop/redis, to: shop/web}]\n", "it has no `allow`"),
        ("  allow: [{from: shop/web, to: shop/redis}]\n", "it has no `deny`"),
        ("  deny: [{from: shop/a*, to: shop/web}]\n", "matches no pair"),
    ] {
        let (lax, text) = ran(spec, "");
        assert!(text.contains(remark), "{remark}: {text}");
        let (strict, _) = ran(spec, "--strict");
        assert_eq!((lax, strict), (0, 1), "{text}");
    }
    // A name that nobody has is a slip, whatever is wanted of it.
    for wanted in ["allow", "deny"] {
        let (code, text) = ran(&format!("  {wanted}: [{{from: shop/nobody, to: shop/web}}]\n"), "");
        assert!(code == 2 && text.contains("`from`: `shop/nobody` is not among the inputs"), "{text}");
        let line = format!("  {wanted}: [{{from: '*', except: shop/nobody, to: shop/web}}]\n");
        let (code, text) = ran(&line, "");
        assert!(code == 2 && text.contains("`except`: `shop/nobody` is not among the inputs"), "{text}");
    }
    let (code, text) = ran("  deny: [{from: shop/job, except: shop/web, to: shop/redis}]\n", "--strict");
    assert!(code == 1 && text.contains("`except` takes nothing out of `from`"), "{text}");
}

#[test]
fn a_line_against_a_service_is_about_the_pods_behind_it() {
    let service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: cache, namespace: shop}\n\
                   spec: {selector: {app: redis}, ports: [{name: redis, port: 80, targetPort: 6379}]}\n";
    let test = |spec: &str| {
        let cluster = CLUSTER.to_owned() + service;
        let outcome = Folder::new(&[("cluster.yaml", &cluster), ("test.yaml", &format!("{HEAD}{spec}"))])
            .run("test --strict");
        (outcome.code, outcome.stdout)
    };
    let (code, text) = test(
        "  allow:\n  - {from: shop/web, to: shop/svc/cache, port: 80}\n  - {from: shop/web, to: cache.shop.svc, port: redis}\n  deny:\n  - {from: shop/job, to: shop/cache}\n",
    );
    assert_eq!(code, 0, "{text}");
    let (code, text) = test("  allow: [{from: shop/web, to: shop/svc/cache, port: 6379}]\n");
    assert!(code == 2 && text.contains("has no such port: it has `80/TCP`"), "{text}");
}

#[test]
fn manifests_are_read_as_a_check_reads_them() {
    let cluster = CLUSTER.replace(", namespace: shop", "");
    let spec = "  deny: [{from: store/job, to: store/redis}]\n  allow: [{from: store/web, to: store/redis, port: 6379}]\n";
    let files = [
        ("lumen.yaml", "namespace: store\nexclude: [broken.yaml]\n"),
        ("broken.yaml", "a: [\n"),
        ("cluster.yaml", &cluster),
        ("test.yaml", &format!("{}{spec}", HEAD.replace("[cluster.yaml]", "[.]"))),
    ];
    let outcome = Folder::new(&files).run("test --strict");
    assert_eq!(outcome.code, 0, "{}{}", outcome.stdout, outcome.stderr);
}

#[test]
fn policies_that_are_not_read_are_told() {
    let calico = "---\napiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\nmetadata: {name: deny}\nspec: {types: [Egress]}\n";
    let cluster = CLUSTER.to_owned() + calico;
    let spec = "  allow: [{from: shop/web, to: shop/redis, port: 6379}]\n  deny: [{from: shop/job, to: shop/redis}]\n";
    let folder = Folder::new(&[("cluster.yaml", &cluster), ("test.yaml", &format!("{HEAD}{spec}"))]);
    let said = "not judged: 1 policy of Calico";
    let outcome = folder.run("test --strict");
    assert!(outcome.code == 1 && outcome.stdout.contains(said), "{}", outcome.stdout);
    let outcome = folder.run("net list cluster.yaml");
    assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
    let outcome = folder.run("check cluster.yaml");
    assert!(outcome.stdout.contains(said), "{}", outcome.stdout);
}

#[test]
fn blocks_that_may_mean_pods_are_an_assumption() {
    let cluster =
        CLUSTER.replace("  - from: [{podSelector", "  - from: [{ipBlock: {cidr: 10.0.0.0/8}}, {podSelector");
    let folder = Folder::new(&[("cluster.yaml", &cluster)]);
    let said = "`shop/redis` has an `ipBlock` of addresses that pods may have";
    let outcome = folder.run("net list cluster.yaml");
    assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
    let outcome = folder.run("net list --ip-block external cluster.yaml");
    assert!(!outcome.stderr.contains(said), "{}", outcome.stderr);
}

#[test]
fn the_internet_is_the_same_in_a_flow() {
    let folder = Folder::new(&[("cluster.yaml", CLUSTER), ("flows.csv", "shop/web,internet,443\n")]);
    let outcome = folder.run("net suggest --flows flows.csv cluster.yaml");
    assert!(outcome.stdout.contains("cidr: \"0.0.0.0/0\""), "{}", outcome.stdout);
    assert!(
        outcome.stdout.contains("192.168.0.0/16") && outcome.stdout.contains("2000::/3"),
        "{}",
        outcome.stdout
    );
}

#[test]
fn a_broken_line_takes_no_other_down() {
    let (code, text) =
        ran("  allow:\n  - {form: x, to: y}\n  - {from: shop/web, to: shop/redis, port: 6379}\n", "-a");
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("spec.allow[0].form: there is no such field"), "{text}");
    assert!(text.contains("pass  net / allow shop/web -> shop/redis 6379"), "{text}");
    let (code, text) = ran("  file: []\n", "");
    assert!(code == 2 && text.contains("spec.file: there is no such field"), "{text}");
    let missing = folder("  allow: []\n");
    let outcome = missing.run("test nowhere.yaml");
    assert_eq!(outcome.code, 2);
}

#[test]
fn objects_stand_for_what_the_files_do_not_show() {
    let spec = "  objects:
  - {apiVersion: v1, kind: Pod, metadata: {name: dns, namespace: kube-system}, spec: {containers: []}}
  allow: [{from: shop/web, to: kube-system/dns, port: 53/UDP}]
  deny: [{from: shop/redis, to: kube-system/dns}]
";
    let (code, text) = ran(spec, "--strict");
    assert_eq!(code, 0, "{text}");
}

#[test]
fn the_reference_documents_table_holds_in_the_shop() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lumen"));
    let examples: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    command.current_dir(examples).args(["test", "--strict", "shop"]);
    support::clean(&mut command);
    let outcome = support::run(&mut command, b"");
    assert_eq!(outcome.code, 0, "{}", outcome.stdout);
}

#[test]
fn suggestions_allow_the_flows_that_are_listed_in_any_form() {
    let lists = [
        ("flows.csv", "from,to,port\nshop/web,shop/redis,6379\n"),
        ("flows.yaml", "- {from: shop/web, to: shop/redis, port: 6379}\n"),
        ("flow.yaml", "flows: [{from: shop/web, to: shop/redis, port: 6379}]\n"),
        (
            "flows.json",
            "{\"flows\": [{\"from\": \"shop/web\", \"to\": \"shop/redis\", \"port\": \"6379/TCP\"}]}",
        ),
        ("flows.jsonl", "{\"from\": \"shop/web\", \"to\": \"shop/redis\", \"port\": 6379}\n"),
    ];
    let mut files = vec![("cluster.yaml", CLUSTER)];
    files.extend(lists);
    let folder = Folder::new(&files);
    let mut outputs: Vec<String> = Vec::new();
    for (name, _) in lists {
        let outcome = folder.run(&format!("net suggest --flows {name} cluster.yaml"));
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        outputs.push(outcome.stdout);
    }
    outputs.dedup();
    let [text] = &outputs[..] else { panic!("they differ: {outputs:?}") };
    assert_eq!(text.matches("kind: NetworkPolicy\n").count(), 4, "{text}");
    // What is written is read again as it was meant.
    let applied = Folder::new(&[
        ("pods.yaml", CLUSTER.split("---\napiVersion: networking").next().expect("pods")),
        ("policies.yaml", text),
        (
            "test.yaml",
            &format!(
                "{}  allow: [{{from: shop/web, to: shop/redis, port: 6379}}]\n  deny: [{{from: shop/redis, to: shop/web}}]\n",
                HEAD.replace("cluster.yaml", "pods.yaml, policies.yaml")
            ),
        ),
    ]);
    applied.run("test --strict test.yaml").expect(0);
    let outcome = folder.run("net suggest --flows flows.csv -o json cluster.yaml");
    let json: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert_eq!(json["schema"], "lumen.net.suggest/v1");
    assert_eq!(json["denied"], serde_json::json!([]));
    let wrong = Folder::new(&[("cluster.yaml", CLUSTER), ("flows.csv", "shop/web,,80\n")]);
    wrong.run("net suggest --flows flows.csv cluster.yaml").expect(2);
}

#[test]
fn lints_are_advice_and_are_silenced_as_everything_else() {
    let lonely = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: shop}\nspec: {containers: []}\n";
    let folder = Folder::new(&[("pod.yaml", lonely)]);
    let outcome = folder.run("check --fail-on deny -o concise pod.yaml");
    assert!(outcome.stdout.contains("network/no-default-deny"), "{}", outcome.stdout);
    outcome.expect(0);
    let silenced = format!("# lumen: ignore[network/no-default-deny] a test\n{lonely}");
    let folder = Folder::new(&[("pod.yaml", &silenced)]);
    let outcome = folder.run("check --fail-on deny -o concise pod.yaml");
    assert!(!outcome.stdout.contains("network/no-default-deny"), "{}", outcome.stdout);
}

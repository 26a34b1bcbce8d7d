//! `lumen layers`.

use crate::support::Folder;

const POD: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {pod-security.kubernetes.io/enforce: restricted}}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec: {containers: [{name: c, image: a}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: admins}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: User, name: alice}]
";

#[test]
fn one_workload_is_told_in_full_and_several_as_tables() {
    let folder = Folder::new(&[("shop.yaml", POD)]);
    let one = folder.run("layers shop/web -f shop.yaml");
    assert_eq!(one.code, 0, "{}", one.stderr);
    assert!(one.stdout.starts_with("shop/web (Pod, shop.yaml:5)\n"), "{}", one.stdout);
    assert!(one.stdout.contains("pod-security refuses it as it is\n"), "{}", one.stdout);
    assert!(one.stdout.contains("if pod-security is bypassed: nothing stops it"), "{}", one.stdout);
    let all = folder.run("layers");
    assert!(
        all.stdout.contains("  User alice (ClusterRoleBinding admins, shop.yaml:10): "),
        "{}",
        all.stdout
    );
}

#[test]
fn a_cell_says_why() {
    let folder = Folder::new(&[("shop.yaml", POD)]);
    let why = folder.run("layers web --why pod-security become-root");
    assert!(
        why.stdout.contains("by enforce=restricted:latest, shop.yaml:3: runAsUser=0\n"),
        "{}",
        why.stdout
    );
    let wrong = folder.run("layers web --why firewall become-root");
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("`firewall` is no layer"), "{}", wrong.stderr);
    let wrong = folder.run("layers web --why network reech-peer");
    assert!(wrong.stderr.contains("did you mean `reach-peer`"), "{}", wrong.stderr);
    assert_eq!(folder.run("layers nobody").code, 2);
}

#[test]
fn json_has_all_evidence() {
    let folder = Folder::new(&[("shop.yaml", POD)]);
    let run = folder.run("layers --compliance --assume-bypassed admission,network -o json");
    // Alice can do everything, which is of high severity.
    assert_eq!(run.code, 1, "{}", run.stderr);
    let json: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(json["schema"], "lumen.layers/v1");
    assert_eq!(json["workloads"][0]["bypassed"].as_array().map(Vec::len), Some(1));
    assert_eq!(json["workloads"][0]["steps"].as_array().map(Vec::len), Some(9));
    assert!(json["compliance"].as_array().is_some_and(|controls| controls.len() > 50));
}

const NETWORK: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db}}
spec: {containers: [{name: c, image: a}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: shop}
spec: {podSelector: {matchLabels: {app: db}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: odd}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: User, name: '<script>alert(1)</script> | `*x*`'}]
";

fn folder() -> Folder {
    Folder::new(&[("shop.yaml", POD), ("network.yaml", NETWORK)])
}

#[test]
fn findings_decide_how_it_ends_and_are_written_as_by_check() {
    let folder = folder();
    let human = folder.run("layers");
    assert_eq!(human.code, 1, "{}", human.stderr);
    assert!(human.stdout.contains("\nhigh posture/can-go-past: 2 findings\n"), "{}", human.stdout);
    assert_eq!(folder.run("layers --fail-on deny").code, 0);
    assert_eq!(folder.run("layers shop/web").code, 0, "who can go past layers is asked about the cluster");
    assert_eq!(folder.run("layers shop/web --fail-on low").code, 1);
    let lines = folder.run("layers -o jsonl").stdout;
    assert!(lines.lines().count() > 2);
    for line in lines.lines() {
        let finding: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert!(finding["rule"].as_str().is_some_and(|rule| rule.starts_with("posture/")), "{finding}");
    }
    let sarif: serde_json::Value = serde_json::from_str(&folder.run("layers -o sarif").stdout).expect("JSON");
    assert_eq!(sarif["version"], "2.1.0");
    assert_eq!(folder.run("layers -o pdf").code, 2);
}

#[test]
fn json_is_valid_by_its_schema() {
    let folder = folder();
    let printed = folder.run("schema layers");
    let schema: serde_json::Value = serde_json::from_str(&printed.stdout).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    for arguments in ["layers --compliance", "layers shop/web --without-policy shop/closed"] {
        let run = folder.run(&format!("{arguments} -o json"));
        let json: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
        let errors: Vec<String> = validator.iter_errors(&json).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?}");
        let mut odd = json;
        odd["workloads"][0]["steps"][0]["layers"][0]["state"] = "covered".into();
        assert!(!validator.is_valid(&odd));
    }
}

#[test]
fn a_report_has_its_sections_and_no_text_gets_out_of_its_place() {
    let folder = folder();
    let run = folder.run("layers -o html=report.html -o markdown=report.md -o human");
    assert_eq!(run.code, 1, "{}", run.stderr);
    let html = folder.read("report.html");
    for section in ["What this rests on", "Single points of failure", "Blast radius", "Controls"] {
        assert!(html.contains(section), "{section}");
    }
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{html}");
    let without_entities = |tag: &str| html.matches(tag).count();
    assert_eq!((without_entities("<script"), without_entities("http-equiv")), (0, 1));
    for fetched in ["src=", "url(", "@import", "<link"] {
        assert!(!html.contains(fetched), "{fetched}");
    }
    let open = html.matches("<table>").count();
    assert!(open > 5 && open == html.matches("</table>").count());
    let markdown = folder.read("report.md");
    assert!(markdown.contains("&lt;script&gt;") && !markdown.contains("<script"), "{markdown}");
    let lines: Vec<&str> = markdown.lines().collect();
    for table in lines.split(|line| !line.starts_with('|')).filter(|table| !table.is_empty()) {
        let bars = |line: &str| line.replace("\\|", "").matches('|').count();
        assert!(table.iter().all(|line| bars(line) == bars(table[0])), "{table:#?}");
    }
}

#[test]
fn without_a_policy_more_is_reached() {
    let folder = folder();
    let run = folder.run("layers --without-policy shop/closed");
    assert!(
        run.stdout.contains(
            "without NetworkPolicy shop/closed (network.yaml:6): 1 workload reaches more; it protects 1 workload from \
             being reached\n  from shop/web: shop/db\n"
        ),
        "{}",
        run.stdout
    );
    let unknown = folder.run("layers --without-policy shop/other");
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("no policy of the network is called `shop/other`"), "{}", unknown.stderr);
}

const PODS: usize = 1_600;

#[test]
fn who_reaches_everybody_does_not_name_everybody() {
    let pods = |from: usize, to: usize| -> String {
        let pod = |number| {
            format!(
                "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: p{number}, namespace: n}}\nspec: {{containers: []}}\n"
            )
        };
        (from..to).map(pod).collect()
    };
    let size = |count: usize| {
        let folder = Folder::new(&[("pods.yaml", &pods(0, count))]);
        let run = folder.run("layers -f pods.yaml -o json --fail-on never");
        assert_eq!(run.code, 0, "{}", run.stderr);
        let json: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
        let reaches = &json["workloads"][1]["reaches"];
        assert_eq!(reaches["count"], count - 1);
        assert_eq!(reaches["atLeast"], false);
        assert_eq!(reaches["hops"][0]["count"], count - 1);
        assert_eq!(reaches["hops"][0]["first"].as_array().map(Vec::len), Some(64));
        run.stdout.len()
    };
    let (quarter, whole) = (size(PODS / 4), size(PODS));
    // Numbers have a digit more.
    assert!(whole < quarter * 41 / 10, "{quarter} bytes, then {whole}");
}

const DOUBT: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: c, image: a}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db}}
spec: {containers: [{name: c, image: a}]}
---
apiVersion: v1
kind: Pod
metadata: {name: other, namespace: shop}
spec: {containers: [{name: c, image: a}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: out, namespace: shop}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress:
    - {to: [{podSelector: {matchLabels: {app: db}}}]}
    - {to: [{ipBlock: {cidr: 10.0.0.0/8}}]}
";

#[test]
fn where_more_could_be_reached_a_count_is_a_least() {
    let folder = Folder::new(&[("a.yaml", DOUBT)]);
    let one = folder.run("layers shop/web --fail-on never");
    assert!(
        one.stdout.contains("it reaches at least 1 workload (what shop/web reaches is not fully known: "),
        "{}",
        one.stdout
    );
    let none = folder.run("layers shop/db --fail-on never");
    assert!(
        none.stdout.contains("it reaches none for certain (what shop/db reaches is not fully known: "),
        "{}",
        none.stdout
    );
    let json = folder.run("layers -o json --fail-on never --without-policy shop/out");
    let json: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!(json["workloads"][0]["reaches"]["atLeast"], true);
    assert_eq!(json["withoutPolicy"]["certain"], false);
    let report = folder.run("layers -o markdown --fail-on never");
    assert!(report.stdout.contains("at least 1 workload (what shop/web reaches"), "{}", report.stdout);
}

#[test]
fn what_is_open_on_some_ports_is_limited() {
    let narrow = DOUBT.replace(
        "{to: [{podSelector: {matchLabels: {app: db}}}]}",
        "{to: [{podSelector: {}}], ports: [{port: 443}]}",
    );
    let narrow = narrow.replace("    - {to: [{ipBlock: {cidr: 10.0.0.0/8}}]}\n", "");
    let folder = Folder::new(&[("a.yaml", &narrow)]);
    let why = folder.run("layers shop/web --why network reach-peer");
    assert!(why.stdout.contains("`reach other workloads`: limits, if enforced"), "{}", why.stdout);
    assert!(
        why.stdout.contains(
            "Policies let it reach 2 of 2 other workloads, not all on every port: shop/db on TCP 443"
        ),
        "{}",
        why.stdout
    );
}

#[test]
fn exemptions_count_for_what_is_weak() {
    let exempted = POD.replace(
        "{name: web, namespace: shop}",
        "{name: web, namespace: shop, annotations: {lumensec.io/ignore: \"posture/no-layer: a demo\"}}",
    );
    let folder = Folder::new(&[("shop.yaml", &exempted)]);
    let rules = |line: &str| {
        let run = folder.run(line);
        let json: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
        let of = |finding: &serde_json::Value| finding["rule"].as_str().map(ToOwned::to_owned);
        let rules: Vec<String> = json["findings"].as_array().expect("a list").iter().filter_map(of).collect();
        (rules, json["silenced"].clone())
    };
    let (found, silenced) = rules("layers -o json");
    assert!(!found.iter().any(|rule| rule == "posture/no-layer"), "{found:?}");
    assert_eq!(silenced, 1);
    assert!(found.iter().any(|rule| rule == "posture/one-layer"), "{found:?}");
    let (checked, _) = rules("check -o json");
    assert!(!checked.iter().any(|rule| rule.starts_with("input/")), "{checked:?}");
    let text = folder.run("layers");
    assert!(
        text.stdout.contains("\n1 finding is silenced by exemptions among the inputs\n"),
        "{}",
        text.stdout
    );
}

#[test]
fn an_exemption_that_means_nothing_is_said() {
    let broken = POD.replace(
        "{name: web, namespace: shop}",
        "{name: web, namespace: shop, annotations: {lumensec.io/ignore: \"posture/no-layer\"}}",
    );
    let text = Folder::new(&[("shop.yaml", &broken)]).run("layers");
    assert!(text.stdout.contains("gives no reason"), "{}", text.stdout);
}

#[test]
fn without_roles_nothing_is_said_of_who_can_switch_layers_off() {
    let role = "---\n{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: r, namespace: shop}, rules: []}\n";
    let said = |text: &str| Folder::new(&[("shop.yaml", text)]).run("layers").stdout;
    let nobody = "nobody but who can in every cluster";
    // One workload alone is told in full, without who can go past the layers.
    let pod = |name: &str| {
        format!(
            "---\n{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: shop}}, spec: {{containers: [{{name: c, image: a/b:1}}]}}}}\n"
        )
    };
    let two = pod("web") + &pod("other");
    let without = said(&two);
    assert!(without.contains("no role and no binding is among the inputs"), "{without}");
    assert!(!without.contains(nobody), "{without}");
    assert!(said(&format!("{two}{role}")).contains(nobody));
}

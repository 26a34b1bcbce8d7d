//! What the reference document's test suites ask, with `kubectl`.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::kubectl::{Kubectl, Said, until};

/// Test suites 1 and 2 of the reference document, each with the message that is expected.
pub(crate) fn scenarios(cluster: &Kubectl) {
    let folder = examples().join("attacks");
    cluster.apply(&read(&folder.join("namespaces.yaml")));
    cluster.apply(&read(&folder.join("gatekeeper-policies.yaml")));
    until("the policies are in force", || {
        let pod = ["-n", "plain", "run", "web", "--image=localhost:5000/web:latest", "--dry-run=server"];
        let said = cluster.kubectl(&pod);
        ["block-latest-tag", "require-app-labels", "require-resources"]
            .iter()
            .all(|name| said.err.contains(&format!("[{name}]")))
    });
    let expected = read(&folder.join("expected.jsonl"));
    let lines = expected.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line"));
    let mut shown = 0;
    for line in lines {
        let file = line["file"].as_str().expect("a file");
        if !["1.", "2.", "pss-", "4.1"].iter().any(|start| file.starts_with(start)) {
            continue;
        }
        let manifest = read(&folder.join(file));
        let apply = ["apply", "--dry-run=server", "-f", "-"];
        let messages: Vec<_> = line["admission"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|finding| finding["message"].as_str())
            .collect();
        // Where Pod Security enforces nothing, the policies speak.
        let plain =
            cluster.kubectl_reading(&manifest.replace("namespace: lumen", "namespace: plain"), &apply);
        assert_eq!(plain.is_well, messages.is_empty(), "{file}: {plain:?}");
        for message in messages {
            assert!(is_denied(&plain) && plain.err.contains(message), "{file}: {message}: {plain:?}");
        }
        // Where it does, the API server's own refusal or warning comes first.
        let whole = cluster.kubectl_reading(&manifest, &apply);
        let upstream = line["upstream"].as_str();
        assert_eq!(whole.is_well, upstream.is_none(), "{file}: {whole:?}");
        assert!(upstream.is_none_or(|text| whole.err.contains(text)), "{file}: {whole:?}");
        shown += 1;
    }
    println!("{shown} scenarios of the reference document");
}

/// The hardened example is admitted.
pub(crate) fn shop(cluster: &Kubectl) {
    let folder = examples().join("shop");
    let path = |name: &str| folder.join(name).display().to_string();
    until("the policies of the shop are applied", || {
        cluster.kubectl(&["apply", "-f", &path("policies")]).is_well
    });
    cluster.must(&["apply", "-f", &path("namespaces.yaml")]);
    for part in ["shop", "traefik", "monitoring"] {
        let said = cluster.kubectl(&["apply", "-f", &path(part)]);
        assert!(said.is_well && !said.err.contains("Warning"), "{part}: {said:?}");
    }
}

/// Whether it was a policy that refused it.
pub(crate) fn is_denied(said: &Said) -> bool {
    !said.is_well && said.err.contains("admission webhook \"validation.lumensec.io\" denied the request: [")
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

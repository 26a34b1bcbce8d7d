//! The trees that are measured: manifests as teams write them, the same ones on every machine.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

const TEAMS: usize = 50;
const FILES_OF_A_TEAM: usize = 10;
const DOCUMENTS_OF_A_FILE: usize = 10;

/// Of the clean tree: its files, and the workloads in each.
const CLEAN_FILES: usize = 20;
const CLEAN_DOCUMENTS_OF_A_FILE: usize = 600;

/// What was generated.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) folder: PathBuf,
    pub(super) files: usize,
    pub(super) documents: usize,
    pub(super) bytes: usize,
}

/// Writes the tree: a folder a team, its namespace and its applications in files of ten documents.
pub(super) fn write(folder: &Path) -> Result<Tree> {
    remove(folder)?;
    let mut bytes = 0;
    for team in 0..TEAMS {
        for file in 0..FILES_OF_A_TEAM {
            let text = file_text(team, file)?;
            bytes += text.len();
            write_file(&folder.join(format!("team-{team:02}")), &format!("app-{file}.yaml"), &text)?;
        }
    }
    Ok(Tree {
        folder: folder.into(),
        files: TEAMS * FILES_OF_A_TEAM,
        documents: TEAMS * FILES_OF_A_TEAM * DOCUMENTS_OF_A_FILE,
        bytes,
    })
}

/// Writes a tree of few and large files, as a renderer makes them: hardened Deployments, of which there is nothing
/// to report.
pub(super) fn write_clean(folder: &Path) -> Result<Tree> {
    remove(folder)?;
    let mut bytes = 0;
    for file in 0..CLEAN_FILES {
        let mut text = String::new();
        for document in 0..CLEAN_DOCUMENTS_OF_A_FILE {
            // No multiple of ten stands among those that lack their security context.
            workload(&mut text, "Deployment", file, &format!("app-{file}-{document}"), document * 10)?;
            text.push_str("---\n");
        }
        bytes += text.len();
        write_file(folder, &format!("team-{file:02}.yaml"), &text)?;
    }
    Ok(Tree {
        folder: folder.into(),
        files: CLEAN_FILES,
        documents: CLEAN_FILES * CLEAN_DOCUMENTS_OF_A_FILE,
        bytes,
    })
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| format!("cannot remove `{}`", folder.display()))?;
    }
    Ok(())
}

fn write_file(folder: &Path, name: &str, text: &str) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    let path = folder.join(name);
    std::fs::write(&path, text).with_context(|| format!("cannot write `{}`", path.display()))
}

fn file_text(team: usize, file: usize) -> Result<String> {
    let mut text = String::new();
    for document in 0..DOCUMENTS_OF_A_FILE {
        if document > 0 {
            text.push_str("---\n");
        }
        let number = (team * FILES_OF_A_TEAM + file) * DOCUMENTS_OF_A_FILE + document;
        if file == 0 && document == 0 {
            namespace(&mut text, team)?;
            continue;
        }
        let name = format!("app-{file}-{document}");
        match document {
            0..=3 => workload(&mut text, "Deployment", team, &name, number)?,
            4 => workload(&mut text, "StatefulSet", team, &name, number)?,
            5 => cron_job(&mut text, team, &name, number)?,
            6 | 7 => service(&mut text, team, &format!("app-{file}-{}", document - 6))?,
            8 => network_policy(&mut text, team, &name)?,
            _ => config_map(&mut text, team, &name, number)?,
        }
    }
    Ok(text)
}

/// A third of the teams enforces `restricted`, a third `baseline`, a third nothing.
fn namespace(text: &mut String, team: usize) -> Result<()> {
    head(text, "v1", "Namespace", None, &format!("team-{team:02}"))?;
    let level = match team % 3 {
        0 => "restricted",
        1 => "baseline",
        _ => return Ok(()),
    };
    writeln!(text, "  labels:\n    pod-security.kubernetes.io/enforce: {level}")?;
    writeln!(text, "    pod-security.kubernetes.io/warn: restricted")?;
    Ok(())
}

fn head(text: &mut String, version: &str, kind: &str, team: Option<usize>, name: &str) -> Result<()> {
    writeln!(text, "apiVersion: {version}\nkind: {kind}\nmetadata:\n  name: {name}")?;
    if let Some(team) = team {
        writeln!(text, "  namespace: team-{team:02}")?;
        writeln!(
            text,
            "  labels:\n    app.kubernetes.io/name: {name}\n    app.kubernetes.io/part-of: team-{team:02}"
        )?;
    }
    Ok(())
}

fn workload(text: &mut String, kind: &str, team: usize, name: &str, number: usize) -> Result<()> {
    head(text, "apps/v1", kind, Some(team), name)?;
    writeln!(text, "spec:\n  replicas: {}", number % 4 + 1)?;
    if kind == "StatefulSet" {
        writeln!(text, "  serviceName: {name}")?;
    }
    writeln!(text, "  selector:\n    matchLabels:\n      app.kubernetes.io/name: {name}\n  template:")?;
    pod_template(text, 4, name, number)
}

fn cron_job(text: &mut String, team: usize, name: &str, number: usize) -> Result<()> {
    head(text, "batch/v1", "CronJob", Some(team), name)?;
    writeln!(text, "spec:\n  schedule: \"{} 3 * * *\"\n  concurrencyPolicy: Forbid", number % 60)?;
    writeln!(text, "  jobTemplate:\n    spec:\n      template:")?;
    pod_template(text, 8, name, number)
}

/// One workload in ten lacks its security context, and one in fifty is privileged on top of that.
fn pod_template(text: &mut String, indent: usize, name: &str, number: usize) -> Result<()> {
    let hardened = number % 10 != 3;
    let privileged = number % 50 == 3;
    let mut lines = vec![
        "metadata:".to_owned(),
        "  labels:".to_owned(),
        format!("    app.kubernetes.io/name: {name}"),
        "spec:".to_owned(),
        format!("  serviceAccountName: {name}"),
        "  automountServiceAccountToken: false".to_owned(),
    ];
    if indent > 4 {
        lines.push("  restartPolicy: OnFailure".to_owned());
    }
    if hardened {
        lines.extend(
            [
                "  securityContext:",
                "    runAsNonRoot: true",
                "    runAsUser: 10001",
                "    seccompProfile:",
                "      type: RuntimeDefault",
            ]
            .map(str::to_owned),
        );
    }
    lines.extend([
        "  containers:".to_owned(),
        "    - name: app".to_owned(),
        format!("      image: registry.internal:5000/team/{name}:1.{number}"),
        format!("      args: [\"--listen=:8080\", \"--log-level=info\", \"--shard={number}\"]"),
    ]);
    lines.extend(CONTAINER.lines().map(|line| format!("      {line}")));
    if hardened {
        lines.extend(HARDENED.lines().map(|line| format!("      {line}")));
    } else if privileged {
        lines.push("      securityContext:".to_owned());
        lines.push("        privileged: true".to_owned());
    }
    lines.extend(["  volumes:".to_owned(), "    - name: settings".to_owned()]);
    lines.extend(["      configMap:".to_owned(), format!("        name: {name}")]);
    lines.extend(["    - name: scratch".to_owned(), "      emptyDir: {}".to_owned()]);
    for line in lines {
        writeln!(text, "{:indent$}{line}", "")?;
    }
    Ok(())
}

const CONTAINER: &str = "\
env:
  - name: DATABASE_HOST
    value: database.internal
  - name: DATABASE_PASSWORD
    valueFrom:
      secretKeyRef:
        name: database
        key: password
ports:
  - name: http
    containerPort: 8080
readinessProbe:
  httpGet:
    path: /ready
    port: http
  periodSeconds: 10
resources:
  requests:
    cpu: 50m
    memory: 64Mi
  limits:
    cpu: 500m
    memory: 256Mi
volumeMounts:
  - name: settings
    mountPath: /etc/app
    readOnly: true
  - name: scratch
    mountPath: /tmp";

const HARDENED: &str = "\
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop:
      - ALL";

fn service(text: &mut String, team: usize, name: &str) -> Result<()> {
    head(text, "v1", "Service", Some(team), name)?;
    writeln!(text, "spec:\n  type: ClusterIP\n  selector:\n    app.kubernetes.io/name: {name}")?;
    writeln!(text, "  ports:\n    - name: http\n      port: 80\n      targetPort: http")?;
    Ok(())
}

fn network_policy(text: &mut String, team: usize, name: &str) -> Result<()> {
    head(text, "networking.k8s.io/v1", "NetworkPolicy", Some(team), name)?;
    writeln!(
        text,
        "spec:\n  podSelector:\n    matchLabels:\n      app.kubernetes.io/part-of: team-{team:02}"
    )?;
    writeln!(
        text,
        "  policyTypes: [Ingress, Egress]\n  ingress:\n    - from:\n        - namespaceSelector:"
    )?;
    writeln!(text, "            matchLabels:\n              kubernetes.io/metadata.name: ingress")?;
    writeln!(text, "      ports:\n        - protocol: TCP\n          port: 8080\n  egress:\n    - to:")?;
    writeln!(text, "        - ipBlock:\n            cidr: 10.0.0.0/8\n            except:")?;
    writeln!(text, "              - 10.{team}.0.0/16")?;
    Ok(())
}

fn config_map(text: &mut String, team: usize, name: &str, number: usize) -> Result<()> {
    head(text, "v1", "ConfigMap", Some(team), name)?;
    writeln!(text, "data:\n  log-level: info\n  shard: \"{number}\"\n  application.properties: |")?;
    for line in 0..24 {
        writeln!(text, "    feature.{line}.enabled=true # set by team-{team:02}")?;
    }
    Ok(())
}

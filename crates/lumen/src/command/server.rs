//! `lumen server`.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use anyhow::bail;
use lumen_core::exemption::read::is_exemption;
use lumen_core::finding::Outcome;
use lumen_core::object::group_of;
use lumen_core::podsecurity::NEWEST_MINOR;
use lumen_server::cluster::config::ReportsConfig;
use lumen_server::events::Emission;
use lumen_server::listen::Bounds;
use lumen_server::run::{self, Certificate, Cluster, Files, Options, Source};
use lumen_server::state::State;
use lumen_server::{audit, certificate, cluster, files, names, registration, webhook};
use lumen_value::Value;

use super::Context;
use super::check::configuration_of;
use crate::check::Settings;
use crate::check::prepare::prepare;
use crate::cli::server::{AuditReports, OnOverload, Server};
use crate::exit::Exit;
use crate::policies;
use crate::source;

pub(super) fn run(arguments: &Server, context: &Context) -> anyhow::Result<Exit> {
    let files = match (&arguments.tls_cert, &arguments.tls_key) {
        (Some(certificate), Some(key)) => Some(Files { certificate: certificate.clone(), key: key.clone() }),
        _ => None,
    };
    let source = match files {
        Some(files) if !arguments.policies.is_empty() => {
            Source::Fixed(Box::new(state(arguments, context)?), files)
        }
        files => Source::Cluster(Box::new(part_of_cluster(arguments, files))),
    };
    let mut webhook = webhook::Settings {
        waiting_max: arguments.waiting_max,
        deadline: Duration::from_millis(arguments.deadline),
        on_overload: match arguments.on_overload {
            OnOverload::Error => webhook::OnOverload::Error,
            OnOverload::Allow => webhook::OnOverload::Allow,
            OnOverload::Deny => webhook::OnOverload::Deny,
        },
        exempt_namespaces: arguments.exempt_namespace.clone(),
        break_glass_groups: vec![arguments.break_glass_group.clone()],
        is_shadow: arguments.shadow,
        emission: Emission {
            is_on: arguments.emit_admission_events,
            in_involved_namespace: arguments.admission_events_involved_namespace,
        },
        own_user: names::user(&arguments.pod_namespace),
        ..webhook::Settings::default()
    };
    if let Some(threads) = arguments.threads {
        webhook.threads = threads;
    }
    if arguments.no_pod_security {
        webhook.pod_security = None;
    }
    if let (Some(pod_security), Some(path)) = (&mut webhook.pod_security, &arguments.pod_security_config) {
        pod_security.configuration = configuration_of(path)?.into();
    }
    webhook.never_blocked_namespaces.push(arguments.pod_namespace.clone());
    run::run(Options {
        https: arguments.https,
        http: arguments.http,
        source,
        webhook,
        bounds: Bounds { connections_max: arguments.connections_max, ..Bounds::default() },
        grace: Duration::from_secs(arguments.grace),
        log: arguments.log.clone(),
    })?;
    Ok(Exit::Clean)
}

fn part_of_cluster(arguments: &Server, files: Option<Files>) -> Cluster {
    let (pod, namespace) = (&arguments.pod_name, &arguments.pod_namespace);
    let certificate = files.map_or_else(
        || {
            let mut settings = certificate::Settings::new(namespace);
            if let Some(name) = &arguments.certificate_secret {
                settings.secret.clone_from(name);
                settings.origin = certificate::Origin::Foreign;
            }
            Certificate::Secret(settings)
        },
        Certificate::Files,
    );
    Cluster {
        reading: cluster::Settings {
            kubernetes_minor: minor_of(arguments),
            is_shadow: arguments.shadow,
            ..cluster::Settings::new(pod, namespace)
        },
        certificate,
        registration: registration::Settings {
            exempt_namespaces: arguments.exempt_namespace.clone(),
            pod_security: !arguments.no_pod_security,
            ..registration::Settings::new(namespace)
        },
        audit: audit::Settings {
            is_shadow: arguments.shadow,
            interval_seconds: arguments.audit_interval,
            reports: match arguments.audit_reports {
                AuditReports::Auto => ReportsConfig::Auto,
                AuditReports::Off => ReportsConfig::Off,
                AuditReports::Openreports => ReportsConfig::OpenReports,
                AuditReports::Wgpolicy => ReportsConfig::WgPolicy,
            },
            events: Emission {
                is_on: arguments.emit_audit_events,
                in_involved_namespace: arguments.audit_events_involved_namespace,
            },
            ..audit::Settings::new(pod, namespace)
        },
    }
}

/// The minor version of the cluster, where it is given, as far as versions are known.
fn minor_of(arguments: &Server) -> Option<u64> {
    arguments.kubernetes_version.map(|minor| minor.min(NEWEST_MINOR))
}

/// Whether something is judged by a manifest.
fn counts(manifest: &Value) -> bool {
    let text = |key| manifest.get(key).and_then(Value::as_str).unwrap_or_default();
    let group = group_of(text("apiVersion"));
    group.ends_with("gatekeeper.sh")
        || is_exemption(manifest)
        || group.is_empty() && text("kind") == "Namespace"
}

/// What files say. A policy that cannot be used is no reason to start without it.
fn state(arguments: &Server, context: &Context) -> anyhow::Result<State> {
    let given = &arguments.policies;
    let text = |path: &OsString| path.to_str().filter(|word| policies::is_choice(word)).map(str::to_owned);
    let built_in: Vec<String> = given.iter().filter_map(text).collect();
    let paths: Vec<OsString> = given.iter().filter(|path| text(path).is_none()).cloned().collect();
    let gathered = source::gather(&paths, &source::Options::default())?;
    let chosen = policies::chosen(built_in.iter().map(String::as_str))?;
    let built_in = chosen.iter().flat_map(|policy| policy.manifests());
    let settings = Settings {
        policy_inputs: built_in.map(|(name, text)| source::Input::new(name, text.as_bytes())).collect(),
        ..Settings::default()
    };
    let prepared = prepare(gathered.inputs, &gathered.problems, &settings);
    let mut broken = 0;
    for finding in prepared.findings.iter().filter(|finding| finding.outcome == Outcome::Error) {
        let location = finding.location.as_ref().map(|location| prepared.lines().shown(location));
        context.console.error(format!("{}: {}", location.unwrap_or_default(), finding.message));
        broken += 1;
    }
    if broken > 0 {
        bail!("{broken} of the policies or files cannot be used");
    }
    for path in &paths {
        let shown = source::shown(Path::new(path));
        let is_below = |source: &str| Path::new(source).starts_with(&shown) || shown == ".";
        let mut entries = prepared.snapshot.entries().iter();
        if !entries.any(|entry| is_below(&entry.location.source) && counts(&entry.value)) {
            bail!("there is no policy in `{shown}`, which `--policies` names");
        }
    }
    let state = files::state_of(prepared.policies.admission.clone(), &prepared.snapshot);
    Ok(State { kubernetes_minor: minor_of(arguments), ..state })
}

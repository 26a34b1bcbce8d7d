//! `lumen server`.

use std::ffi::OsString;
use std::time::Duration;

use anyhow::bail;
use lumen_core::finding::Outcome;
use lumen_server::listen::Bounds;
use lumen_server::run::{self, Certificate, Cluster, Files, Options, Source};
use lumen_server::state::State;
use lumen_server::{audit, certificate, cluster, files, registration, webhook};

use super::Context;
use crate::check::Settings;
use crate::check::prepare::prepare;
use crate::cli::server::{OnOverload, Server};
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
            Source::Fixed(Box::new(state(&arguments.policies, context)?), files)
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
        own_user: format!(
            "system:serviceaccount:{}:{}",
            arguments.pod_namespace,
            lumen_server::names::SERVER
        ),
        ..webhook::Settings::default()
    };
    if let Some(threads) = arguments.threads {
        webhook.threads = threads;
    }
    if arguments.no_pod_security {
        webhook.pod_security = None;
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
        reading: cluster::Settings { is_shadow: arguments.shadow, ..cluster::Settings::new(pod, namespace) },
        certificate,
        registration: registration::Settings {
            exempt_namespaces: arguments.exempt_namespace.clone(),
            pod_security: !arguments.no_pod_security,
            ..registration::Settings::new(namespace)
        },
        audit: audit::Settings {
            is_shadow: arguments.shadow,
            interval_seconds: arguments.audit_interval,
            ..audit::Settings::new(pod, namespace)
        },
    }
}

/// What files say. A policy that cannot be used is no reason to start without it.
fn state(given: &[OsString], context: &Context) -> anyhow::Result<State> {
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
    Ok(files::state_of(prepared.policies.admission.clone(), &prepared.snapshot))
}

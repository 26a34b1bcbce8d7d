//! `lumen scan`: what is in a cluster, judged as the server's audit judges it, once.
//!
//! [`scan()`] reads the cluster page by page and judges nothing itself: see [`crate::check::live`].

use std::cmp::Ordering;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;

use anyhow::{Context as _, anyhow, bail};
use lumen_core::podsecurity::NEWEST_MINOR;
use lumen_core::review::Policies;
use lumen_core::review::live::live_namespace;
use lumen_server::api::{Api, Resource, Selection};
use lumen_server::audit::pages::{Found, Judging, over_pages};
use lumen_server::cluster::minor_of;
use lumen_server::cluster::once::{Once, is_refusal, read_once, resource_name};
use lumen_value::Value;

use crate::check::Checked;
use crate::check::live::{Around, Collected, Judge, Live, OfObjects};

/// What of a cluster is looked at.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// One namespace; `None` for all, and for what is in none.
    pub namespace: Option<String>,
    /// A label selector; empty for all objects.
    pub selector: String,
    /// The minor version of the cluster; its own word where none is given.
    pub minor: Option<u64>,
}

/// The kinds that Pod Security looks at, group and kind, makers before what they make. Other kinds come before them.
const WORKLOADS: [(&str, &str); 9] = [
    ("apps", "Deployment"),
    ("apps", "StatefulSet"),
    ("apps", "DaemonSet"),
    ("batch", "CronJob"),
    ("batch", "Job"),
    ("apps", "ReplicaSet"),
    ("", "ReplicationController"),
    ("", "PodTemplate"),
    ("", "Pod"),
];

/// What was found in a cluster.
///
/// # Errors
///
/// The API server cannot be reached, or stopped to answer: what was found until then is not told, lest it look like all.
pub async fn scan(api: &Api, live: Live, choice: &Choice, say: impl Fn(&str)) -> anyhow::Result<Checked> {
    let version = api.get_path("/version").await.context("the cluster cannot be asked")?;
    let given = live.given();
    let only = choice.namespace.as_deref();
    let once = read_once(api, given, only).await.map_err(cut_short)?;
    if let Some(name) = only
        && once.namespaces.is_empty()
        && once.unread.is_empty()
    {
        bail!("there is no namespace `{name}` in the cluster");
    }
    let settings = live.settings();
    let policies = Policies {
        cluster_minor: choice.minor.or_else(|| minor_of(&version)).unwrap_or(NEWEST_MINOR).min(NEWEST_MINOR),
        time_ns: settings.time_ns(),
        admission: Arc::new(once.policies.clone()),
        ..settings.policies.clone()
    };
    let mut around = Around {
        namespaces: once
            .namespaces
            .iter()
            .map(|(name, namespace)| (name.clone(), live_namespace(namespace.clone())))
            .collect(),
        inventory: once.inventory.clone(),
        exemptions: once.exemptions.clone(),
        findings: once.findings.clone(),
        unread: once.unread.iter().map(|unread| (unread.what.clone(), unread.reason.clone())).collect(),
        kinds: 0,
        is_part: only.is_some() || !choice.selector.is_empty(),
    };
    let judge = Judge {
        policies: policies.clone(),
        namespaces: around.namespaces.clone(),
        knows_namespaces: !around.unread.iter().any(|(what, _)| what.starts_with("namespace")),
        inventory: once.inventory.clone(),
        only: only.map(Into::into),
    };
    let mut collected = Collected::default();
    judge_all(api, &once, choice, judge, &mut around, &mut collected, say).await?;
    Ok(live.finish(collected, around, &policies))
}

impl Found for OfObjects {
    fn add(&mut self, other: Self) {
        Self::add(self, other);
    }
}

async fn judge_all(
    api: &Api,
    once: &Once,
    choice: &Choice,
    judge: Judge,
    around: &mut Around,
    collected: &mut Collected,
    say: impl Fn(&str),
) -> anyhow::Result<()> {
    let resources = resources(once, choice);
    if let Some(name) = choice.namespace.as_deref()
        && choice.selector.is_empty()
    {
        // Whoever looks at one namespace may often not list them.
        let namespaces = Resource::namespaces();
        if let Ok(namespace) = api.get(&namespaces.at(None, name)).await {
            around.kinds += 1;
            collected.take(judge.objects(&[namespace]))?;
        }
    }
    let judging = Judging {
        threads: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
        judge: Arc::new(move |items: &[Value]| judge.objects(items)),
    };
    let selection = Selection {
        namespace: choice.namespace.clone(),
        labels: choice.selector.clone(),
        ..Selection::default()
    };
    for resource in resources {
        let what = resource_name(resource);
        say(&format!("reading {what}"));
        let (found, result) = over_pages(api, resource, &selection, &judging).await;
        match result {
            Ok(()) => around.kinds += 1,
            Err(error) if is_refusal(&error) => {
                // Policies that cannot be read were named already.
                if !around.unread.iter().any(|(named, _)| *named == what) {
                    around.unread.push((what, error.to_string()));
                }
                continue;
            }
            Err(error) => return Err(cut_short(format!("reading {what}: {error}"))),
        }
        let homeless = collected.take(found)?;
        if homeless > 0 {
            let reason = format!("{homeless} of them are in a namespace that came or went while it was read");
            around.unread.push((what, reason));
        }
    }
    Ok(())
}

fn cut_short(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!(
        "{error}\nthe scan was cut short: what was found until then is not shown, for it is not the whole"
    )
}

/// The resources that are looked at: those that policies are about, and those that Pod Security is about; makers before what they
/// make.
fn resources<'a>(once: &'a Once, choice: &Choice) -> Vec<&'a Resource> {
    let kinds = once.policies.audited_kinds();
    let mut resources: Vec<&Resource> = once
        .discovery
        .kinds()
        .filter(|served| served.can("list"))
        .map(|served| &served.resource)
        .filter(|resource| choice.namespace.is_none() || resource.is_namespaced)
        .filter(|resource| {
            let is_namespace = resource.group.is_empty() && &*resource.kind == "Namespace";
            let is_asked_about = kinds.as_ref().is_none_or(|kinds| kinds.contains(&*resource.kind));
            is_asked_about || is_namespace || rank(resource) > 0
        })
        .collect();
    resources.sort_by(|a, b| by_rank(a, b));
    resources
}

fn by_rank(a: &Resource, b: &Resource) -> Ordering {
    rank(a).cmp(&rank(b)).then_with(|| a.cmp(b))
}

/// The place of a workload's kind among [`WORKLOADS`], from 1; 0 for other kinds.
fn rank(resource: &Resource) -> usize {
    let place =
        WORKLOADS.iter().position(|(group, kind)| *group == &*resource.group && *kind == &*resource.kind);
    place.map_or(0, |place| place + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makers_come_before_what_they_make() {
        let resource = |(group, kind): &(&str, &str)| Resource::new(group, "v1", kind, "x", true);
        let mut resources: Vec<Resource> = WORKLOADS.iter().rev().map(resource).collect();
        resources.push(resource(&("", "ConfigMap")));
        resources.sort_by(by_rank);
        let kinds: Vec<&str> = resources.iter().map(|resource| &*resource.kind).collect();
        assert_eq!(kinds[0], "ConfigMap");
        let place = |kind| kinds.iter().position(|each| *each == kind);
        assert!(place("Deployment") < place("ReplicaSet") && place("ReplicaSet") < place("Pod"));
        assert!(place("CronJob") < place("Job") && place("Job") < place("Pod"));
    }
}

//! Faults of policies and their kinds.

use std::time::{Duration, Instant};

use crate::kubectl::until;
use crate::{CONSTRAINTS, MESSAGES, TEMPLATE, Wish, World, counted, took};

/// None of the kinds is defined when the first replica starts; they come later, one by one.
pub(crate) fn definitions_missing(world: &mut World) {
    let manifests = world.cluster.lumen(&["install"]).out;
    let is_definition = |text: &&str| text.contains("kind: CustomResourceDefinition");
    let (definitions, others): (Vec<&str>, Vec<&str>) = manifests.split("\n---").partition(is_definition);
    assert!(definitions.len() > 5, "{}", definitions.len());
    world.cluster.apply(&others.join("\n---"));
    for namespace in ["plain", "other", "many"] {
        world.cluster.must(&["create", "namespace", namespace]);
    }
    let began = Instant::now();
    world.join("lumen-first", &Wish::default());
    let ready = began.elapsed();
    let is_of_templates = |text: &&&str| text.contains("name: constrainttemplates.");
    let templates: Vec<&str> = definitions.iter().filter(is_of_templates).copied().collect();
    assert_eq!(templates.len(), 1);
    world.cluster.apply(templates[0]);
    world.cluster.apply(TEMPLATE);
    world.cluster.apply(CONSTRAINTS);
    let took = took("it is denied with one definition alone", || world.is_denied());
    world.cluster.apply(&definitions.join("\n---"));
    until("nothing is degraded", || world.replicas[0].metric("lumen_degraded") < 0.5);
    assert!(world.is_denied());
    world.row(
        "definitions missing at the start",
        format!(
            "ready without any in {:.1} s; each is picked up when it comes; nothing lost",
            ready.as_secs_f64()
        ),
        took,
    );
}

/// A template is broken, and mended.
pub(crate) fn template_broken(world: &World) {
    let mut all = Duration::ZERO;
    let seen = world.under_load(|load| {
        world.cluster.apply(&TEMPLATE.replace("sprintf", "sprinf"));
        let is_told = || {
            let status = world.status("constrainttemplate", "needsowner").to_string();
            status.matches("sprinf").count() >= world.replicas.len()
        };
        all += took("each replica tells the fault", is_told);
        load.goes_on();
        world.cluster.apply(TEMPLATE);
        let is_well = || {
            let status = world.status("constrainttemplate", "needsowner");
            status["created"] == true && !status.to_string().contains("errors")
        };
        all += took("the template is well again", is_well);
    });
    assert_eq!(seen.uncalled, 0, "{}", seen.last_failure);
    world.row("template broken, then mended", counted(&seen), all);
}

/// A template changes again and again: each request is judged by the one or the other.
pub(crate) fn template_changed(world: &World) {
    const EITHER: &[&str] = &["has no owner", "lacks an owner"];
    let other = TEMPLATE.replace("has no owner", "lacks an owner");
    let load = world.load(EITHER);
    let began = Instant::now();
    let rounds = 5;
    for _ in 0..rounds {
        for (template, message) in [(other.as_str(), EITHER[1]), (TEMPLATE, EITHER[0])] {
            world.cluster.apply(template);
            until(
                "the newest is in force",
                || matches!(world.ask(false), crate::Verdict::Denied(text) if text.contains(message)),
            );
        }
    }
    let took = began.elapsed() / (rounds * 2);
    let seen = load.end(world.runtime.handle());
    assert_eq!((&seen.wrong, seen.uncalled), (&Vec::new(), 0), "{}", seen.last_failure);
    until("both replicas have it", || {
        let text = world.status("constrainttemplate", "needsowner").to_string();
        text.contains("byPod") && world.is_denied()
    });
    world.row("template changed ten times under load", counted(&seen), took);
}

/// A template is deleted while its constraints live.
pub(crate) fn template_deleted(world: &World) {
    world.cluster.must(&["delete", "constrainttemplate", "needsowner"]);
    until("nothing is denied without the template", || matches!(world.ask(false), crate::Verdict::Allowed));
    assert!(world.replicas.iter().all(crate::Replica::is_ready));
    until("its constraints are gone", || {
        world.cluster.get(&["customresourcedefinition", "needsowner.constraints.gatekeeper.sh"]).is_null()
    });
    let began = Instant::now();
    world.cluster.apply(TEMPLATE);
    world.cluster.apply(CONSTRAINTS);
    until("it is denied anew", || world.is_denied());
    world.row(
        "template deleted while its constraints live",
        "its constraints go with it, and nothing else; replicas stay ready; made again, it denies".to_owned(),
        began.elapsed(),
    );
}

/// Somebody deletes definitions by hand: that of a constraint's kind, one that nobody uses, and that of templates.
pub(crate) fn definitions_deleted(world: &World) {
    let cluster = &world.cluster;
    let began = Instant::now();
    let kind = ["customresourcedefinition", "needsowner.constraints.gatekeeper.sh"];
    let uid = || cluster.get(&kind)["metadata"]["uid"].clone();
    let deleted = uid();
    // The server may make it again before `kubectl` has seen that it is gone, which would wait for ever.
    cluster.must(&[&["delete", "--wait=false"], kind.as_slice()].concat());
    // The template is there still, and so the kind is made again; its objects are gone with it.
    until("the kind is made again", || !uid().is_null() && uid() != deleted);
    cluster.apply(CONSTRAINTS);
    until("it is denied anew", || world.is_denied());
    let took = began.elapsed();
    let manifests = cluster.lumen(&["install"]).out;
    let others =
        ["assign.mutations.gatekeeper.sh", "syncsets.syncset.gatekeeper.sh", "exemptions.lumensec.io"];
    let seen = world.under_load(|load| {
        cluster.must(&[&["delete", "customresourcedefinition"], others.as_slice()].concat());
        load.goes_on();
        cluster.apply(&manifests);
        load.goes_on();
    });
    assert_eq!(seen.uncalled, 0, "{}", seen.last_failure);
    assert!(world.replicas.iter().all(crate::Replica::is_ready));
    world.row(
        "definitions deleted by hand and made again",
        format!("the constraints' kind is made again by the server; of others: {}", counted(&seen)),
        took,
    );
    let began = Instant::now();
    cluster.must(&["delete", "customresourcedefinition", "constrainttemplates.templates.gatekeeper.sh"]);
    until("nothing is denied without templates", || matches!(world.ask(false), crate::Verdict::Allowed));
    assert!(world.replicas.iter().all(crate::Replica::is_ready));
    cluster.apply(&manifests);
    cluster.apply(TEMPLATE);
    cluster.apply(CONSTRAINTS);
    until("it is denied anew", || world.is_denied());
    world.row(
        "the definition of templates deleted and made again",
        "all templates go with it, as the API server has it; replicas stay ready; applied again, they deny"
            .to_owned(),
        began.elapsed(),
    );
    let load = world.load(MESSAGES);
    assert!(load.end(world.runtime.handle()).wrong.is_empty());
}

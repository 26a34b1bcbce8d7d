//! Answers as JSON, schema `lumen.net.why/v1`.

use std::io;

use lumen_core::finding::Location;
use lumen_core::network::why::{Field, NearMiss, Reason, RuleRef, Verdict};
use lumen_core::network::{PolicyId, Side, Tier};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Answer, Answers};
use crate::network::Network;
use crate::network::shape::{PortRange, port_ranges};
use crate::output::write_json;

/// The name and version of the shape.
pub const WHY_SCHEMA: &str = "lumen.net.why/v1";

/// Why connections are allowed or denied.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "lumen.net.why/v1", deny_unknown_fields)]
pub struct Why {
    /// The name and version of this shape. A change that could break a reader changes it.
    #[schemars(extend("const" = WHY_SCHEMA))]
    schema: &'static str,
    /// What all connections are: `allowed`, `denied` or `undecided`; `mixed` where they differ.
    verdict: &'static str,
    /// The connections that were asked about: one for each pair of workloads and each port.
    answers: Vec<AnswerShape>,
    /// What should be known beside, one sentence each.
    notes: Vec<String>,
    /// What the answers rest on that manifests do not tell, one sentence each.
    assumptions: Vec<String>,
}

/// One connection.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct AnswerShape {
    /// Who connects.
    source: String,
    /// To whom.
    destination: String,
    /// `TCP`, `UDP` or `SCTP`.
    protocol: &'static str,
    /// The port of the pod.
    port: u16,
    /// The Service and its port that lead there: `namespace/name:port`.
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<String>,
    /// Where an end is many addresses: the one whose rules are shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    example: Option<String>,
    /// `allowed`, `denied`, or `undecided` where it hangs on what manifests do not tell.
    verdict: &'static str,
    /// Whether one end is on the host's network and may be on the node of the other: a pod and its node always reach each
    /// other.
    may_share_node: bool,
    /// What the source's policies say.
    egress: SideShape,
    /// What the destination's policies say.
    ingress: SideShape,
    /// All ports on which the source reaches the destination.
    open: Vec<PortRange>,
}

/// What the policies at one end say.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct SideShape {
    /// `allowed`, `denied`, or `undecided` where it hangs on what manifests do not tell.
    verdict: &'static str,
    /// Why: `outside` the cluster, on the `host-network`, `not-selected` by any policy, a `rule` decides, `isolated`
    /// and no rule allows it, `undecided` by cluster policies and not isolated, `unknown`.
    reason: &'static str,
    /// The tier of the rules that decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    tier: Option<String>,
    /// The policies that isolate this end: `namespace/name`.
    isolated_by: Vec<String>,
    /// The rules that decide.
    decided_by: Vec<RuleShape>,
    /// The rules that pass it on to a later tier.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    passed_by: Vec<RuleShape>,
    /// Where no rule allows it: those that come nearest, the nearest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    near_misses: Vec<MissShape>,
    /// Rules that may mean it: manifests do not tell.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    undecided: Vec<RuleShape>,
    /// Policies that may select this end, `namespace/name`: manifests do not tell.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    may_select: Vec<String>,
}

/// A rule of a policy, or a peer of one.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct RuleShape {
    /// `namespace/policy#ingress[0].from[1]`.
    id: String,
    /// Where it stands; left out where it is not in the text of an input.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<SourceShape>,
}

/// A place in an input.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct SourceShape {
    /// The input.
    file: String,
    /// From 1.
    line: usize,
    /// In characters, from 1.
    column: usize,
}

/// A rule that would allow it but for some fields.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct MissShape {
    /// The rule.
    rule: RuleShape,
    /// What does not fit.
    failed: Vec<MismatchShape>,
}

/// A field that does not fit.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct MismatchShape {
    /// `port`, `protocol`, `except`, `pod-label`, `namespace`, `address` or `kind`.
    field: &'static str,
    /// What the rule wants.
    wanted: String,
    /// What the connection has.
    found: String,
    /// Where the field stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<SourceShape>,
}

const fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Outside => "outside",
        Reason::HostNetwork => "host-network",
        Reason::NotSelected => "not-selected",
        Reason::Rule(..) => "rule",
        Reason::Isolated => "isolated",
        Reason::Undecided => "undecided",
        Reason::Unknown => "unknown",
    }
}

const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allowed => "allowed",
        Verdict::Denied => "denied",
        Verdict::Undecided => "undecided",
    }
}

const fn field(field: Field) -> &'static str {
    match field {
        Field::Port => "port",
        Field::Protocol => "protocol",
        Field::Except => "except",
        Field::PodLabel => "pod-label",
        Field::Namespace => "namespace",
        Field::Address => "address",
        Field::Kind => "kind",
    }
}

fn source(network: &Network, location: Option<Location>) -> Option<SourceShape> {
    let location = location?;
    let region = network.manifests.regions(std::slice::from_ref(&location)).into_iter().next()??;
    Some(SourceShape { file: location.source.to_string(), line: region.line, column: region.column })
}

fn rule(network: &Network, rule: &RuleRef) -> RuleShape {
    let model = &network.model;
    RuleShape { id: model.rule_id(rule), source: source(network, model.locate(rule)) }
}

fn miss(network: &Network, miss: &NearMiss) -> MissShape {
    let policy = network.model.policy(miss.rule.policy);
    let mismatches = miss.failed.iter().map(|mismatch| MismatchShape {
        field: field(mismatch.field),
        wanted: mismatch.wanted.clone(),
        found: mismatch.found.clone(),
        source: source(network, policy.map(|policy| policy.locate(&mismatch.at))),
    });
    MissShape { rule: rule(network, &miss.rule), failed: mismatches.collect() }
}

fn side(network: &Network, side: &Side) -> SideShape {
    let rules = |rules: &[RuleRef]| rules.iter().map(|each| rule(network, each)).collect();
    let names_of = |ids: &[PolicyId]| {
        let policies = ids.iter().filter_map(|id| network.model.policy(*id));
        policies.map(lumen_core::network::Policy::name).collect()
    };
    SideShape {
        verdict: verdict(side.verdict),
        reason: reason(side.reason),
        tier: match side.reason {
            Reason::Rule(tier, _) => Some(Tier::to_string(&tier)),
            _ => None,
        },
        isolated_by: names_of(&side.isolated_by),
        decided_by: rules(&side.decided_by),
        passed_by: rules(&side.passed_by),
        near_misses: side.near_misses.iter().map(|each| miss(network, each)).collect(),
        undecided: rules(&side.undecided),
        may_select: names_of(&side.may_select),
    }
}

fn answer(network: &Network, answer: &Answer) -> AnswerShape {
    AnswerShape {
        source: answer.source.clone(),
        destination: answer.destination.clone(),
        protocol: answer.protocol.as_str(),
        port: answer.port,
        service: answer.service.clone(),
        example: answer.example.map(|address| address.to_string()),
        verdict: verdict(answer.decision.verdict),
        may_share_node: answer.decision.may_share_node,
        egress: side(network, &answer.decision.egress),
        ingress: side(network, &answer.decision.ingress),
        open: port_ranges(&answer.open),
    }
}

/// Writes answers as one JSON document.
///
/// # Errors
///
/// Where writing fails.
pub fn json(network: &Network, answers: &Answers, out: &mut dyn io::Write) -> io::Result<()> {
    let why = Why {
        schema: WHY_SCHEMA,
        verdict: [Verdict::Allowed, Verdict::Denied, Verdict::Undecided]
            .into_iter()
            .find(|each| answers.all_are(*each))
            .map_or("mixed", verdict),
        answers: answers.answers.iter().map(|each| answer(network, each)).collect(),
        notes: answers.notes.clone(),
        assumptions: network.assumptions(),
    };
    write_json(&why, out)
}

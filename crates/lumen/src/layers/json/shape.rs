//! The shape of the document: these types are its schema.

#![expect(clippy::struct_field_names, reason = "the fields are called as in the document")]

use schemars::JsonSchema;
use serde::Serialize;

/// The name and version of the shape.
pub const LAYERS_SCHEMA: &str = "lumen.layers/v1";

/// What each layer does about each step of an attack, and what is left without it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "lumen.layers/v1", deny_unknown_fields)]
pub struct Document<'a> {
    /// The name and version of this shape. A change that could break a reader changes it.
    #[schemars(extend("const" = LAYERS_SCHEMA))]
    pub(super) schema: &'static str,
    /// The workloads that were asked for, in the order of the inputs.
    pub(super) workloads: Vec<Workload<'a>>,
    /// Ways to switch layers off or go round them, each with who can.
    pub(super) switches: Vec<Switch<'a>>,
    /// What is reached more without one policy of the network; null where none was asked about.
    pub(super) without_policy: Option<WithoutPolicy<'a>>,
    /// What is weak about the layers together, without what is silenced.
    pub(super) findings: Vec<Finding<'a>>,
    /// How many findings are silenced.
    pub(super) silenced: usize,
    /// Controls of known frameworks; empty where they were not asked for.
    pub(super) compliance: Vec<Control<'a>>,
}

/// A place in the inputs.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Place {
    /// The input.
    pub(super) file: String,
    /// The line, from 1; null where the input as a whole is meant.
    pub(super) line: Option<usize>,
}

/// An object.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Object<'a> {
    /// Its `apiVersion`.
    pub(super) api_version: &'a str,
    /// Its kind.
    pub(super) kind: &'a str,
    /// The namespace that it lands in.
    pub(super) namespace: &'a str,
    /// Its name.
    pub(super) name: &'a str,
}

/// A workload over the layers.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Workload<'a> {
    /// What it is.
    pub(super) object: Object<'a>,
    /// Where it stands.
    pub(super) source: Place,
    /// Why admission and Pod Security refuse it, or its pods, as it is.
    pub(super) refused: Vec<Finding<'a>>,
    /// The steps of an attack, in their order.
    pub(super) steps: Vec<StepCells<'a>>,
    /// What is left when each layer, or those that were named, are bypassed.
    pub(super) bypassed: Vec<Bypass>,
    /// The steps that one layer alone stops or limits.
    pub(super) one_layer: Vec<StepAndLayer>,
    /// The steps that no layer is known to stop or limit.
    pub(super) no_layer: Vec<&'static str>,
    /// What whoever takes it over has.
    pub(super) holdings: Holdings<'a>,
    /// The workloads that the network lets it reach; null where that is not known.
    pub(super) reaches: Option<Reaches>,
}

/// The workloads that are reached from one, directly or over others.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Reaches {
    /// How many.
    pub(super) count: usize,
    /// Whether there could be more than that.
    pub(super) at_least: bool,
    /// Why; null where there cannot.
    pub(super) doubt: Option<String>,
    /// Those that are reached first by one, two, .. hops.
    pub(super) hops: Vec<Names>,
}

/// Some workloads.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Names {
    /// How many.
    pub(super) count: usize,
    /// The first of them in the order of the inputs.
    #[schemars(extend("maxItems" = super::NAMES_MAX))]
    pub(super) first: Vec<String>,
}

/// A step of an attack, and what each layer does about it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct StepCells<'a> {
    /// The name of the step.
    pub(super) step: &'static str,
    /// What the attacker does.
    pub(super) title: &'static str,
    /// What it is in MITRE ATT&CK.
    pub(super) techniques: Vec<Technique>,
    /// Whether the manifest itself leaves the step open.
    #[schemars(extend("enum" = ["open", "closed", "unknown"]))]
    pub(super) manifest: &'static str,
    /// The field that says so; null where that is not known.
    pub(super) manifest_because: Option<&'a str>,
    /// The layers, in the order in which an attacker meets them.
    pub(super) layers: Vec<Cell<'a>>,
}

/// A technique of MITRE ATT&CK.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Technique {
    /// Its id, such as `T1611`.
    pub(super) id: &'static str,
    /// Its name.
    pub(super) name: &'static str,
}

/// What one layer does about one step.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Cell<'a> {
    /// The layer.
    #[schemars(extend("enum" = ["supply-chain", "admission", "pod-security", "network", "runtime"]))]
    pub(super) layer: &'static str,
    /// Whether it has a say in the step at all.
    pub(super) has_say: bool,
    /// What is known.
    #[schemars(extend("enum" = ["enforced", "warned", "not covered", "unknown"]))]
    pub(super) state: &'static str,
    /// What it does where the state is `enforced`, else the most that it could do.
    #[schemars(extend("enum" = ["stops", "limits", "detects"]))]
    pub(super) effect: &'static str,
    /// What to read in a table.
    pub(super) words: String,
    /// Why it does this, or nothing.
    pub(super) why: &'a str,
    /// What shows it.
    pub(super) evidence: Vec<Proof<'a>>,
    /// What it rests on beside the evidence.
    pub(super) rests_on: Vec<RestsOn<'a>>,
    /// The ways to do the step, where the layer was asked about them.
    pub(super) ways: Vec<Way<'a>>,
}

/// Something that shows what a layer does.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Proof<'a> {
    /// What it is.
    pub(super) what: &'a str,
    /// What it says.
    pub(super) says: &'a str,
    /// Where it stands; null where it is not among the inputs.
    pub(super) source: Option<Place>,
}

/// Something that has to be so.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct RestsOn<'a> {
    /// What.
    pub(super) text: &'a str,
    /// Whether the inputs show it.
    #[schemars(extend("enum" = ["holds", "weak", "open", "broken"]))]
    pub(super) standing: &'static str,
    /// Where that is decided; null where no input does.
    pub(super) source: Option<Place>,
}

/// A way to do a step.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Way<'a> {
    /// What is done.
    pub(super) title: &'static str,
    /// What becomes of it.
    #[schemars(extend("enum" = ["enforced", "warned", "not covered", "unknown"]))]
    pub(super) state: &'static str,
    /// How whoever deploys the workload gets past a refusal; null where nothing is known that does.
    pub(super) avoided_by: Option<&'a str>,
}

/// What is left when layers are bypassed.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Bypass {
    /// The layers that are taken for bypassed.
    pub(super) layers: Vec<&'static str>,
    /// The first step that is stopped all the same, and by what; null where none is.
    pub(super) first_stop: Option<StepAndLayer>,
    /// What is left against each step.
    pub(super) left: Vec<Left>,
}

/// A step and a layer.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct StepAndLayer {
    /// The name of the step.
    pub(super) step: &'static str,
    /// The layer.
    #[schemars(extend("enum" = ["supply-chain", "admission", "pod-security", "network", "runtime"]))]
    pub(super) layer: &'static str,
}

/// What is left against a step.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Left {
    /// The name of the step.
    pub(super) step: &'static str,
    /// The layers that stop it.
    pub(super) stops: Vec<&'static str>,
    /// The layers that limit it.
    pub(super) limits: Vec<&'static str>,
    /// The layers that detect it.
    pub(super) detects: Vec<&'static str>,
}

/// What whoever takes a workload over has.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Holdings<'a> {
    /// Secrets, `ConfigMaps` and volumes.
    pub(super) things: Vec<Held<'a>>,
    /// Ways to the node.
    pub(super) host: Vec<HostAccess<'a>>,
    /// Service accounts.
    pub(super) accounts: Vec<Account<'a>>,
    /// What the rights of their tokens come to.
    pub(super) powers: Vec<Power<'a>>,
}

/// A thing that a workload holds.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Held<'a> {
    /// What kind of thing.
    pub(super) kind: String,
    /// Its name.
    pub(super) name: &'a str,
    /// How it comes in.
    #[schemars(extend("enum" = ["volume", "read-only volume", "environment"]))]
    pub(super) by: &'static str,
    /// The field that says so.
    pub(super) source: Place,
}

/// A way to the node.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct HostAccess<'a> {
    /// What it is.
    pub(super) what: &'a str,
    /// The field that gives it.
    pub(super) source: Place,
}

/// A service account of a workload.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Account<'a> {
    /// Its namespace.
    pub(super) namespace: &'a str,
    /// Its name.
    pub(super) name: &'a str,
    /// Whether its token is in the pod.
    pub(super) token: bool,
    /// Why.
    pub(super) because: String,
}

/// What rights come to.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Power<'a> {
    /// The name of the power.
    pub(super) power: &'static str,
    /// What can be done.
    pub(super) title: &'static str,
    /// Where; null for the whole cluster.
    pub(super) namespace: Option<&'a str>,
    /// The first right that gives it.
    pub(super) right: &'a str,
    /// The objects to which that is bound; empty for all.
    pub(super) names: Vec<&'a str>,
    /// The binding that gives it.
    pub(super) binding: String,
    /// Where the binding stands; null for one that every cluster has.
    pub(super) source: Option<Place>,
}

/// A way to switch layers off or go round them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Switch<'a> {
    /// Its name.
    pub(super) switch: &'static str,
    /// What can be done.
    pub(super) title: &'static str,
    /// What that does to the layers.
    #[schemars(extend("enum" = ["off", "round"]))]
    pub(super) effect: &'static str,
    /// The layers.
    pub(super) layers: Vec<&'static str>,
    /// Why that is a way past them.
    pub(super) why: &'static str,
    /// Who can.
    pub(super) holders: Vec<Holder<'a>>,
}

/// Somebody who can.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Holder<'a> {
    /// Who.
    pub(super) subject: String,
    /// The binding that lets them.
    pub(super) binding: String,
    /// The rights.
    pub(super) can: Vec<&'a str>,
    /// The objects to which they are bound; empty for all.
    pub(super) names: Vec<&'a str>,
    /// Whether every cluster has it.
    pub(super) default: bool,
    /// Where the binding stands.
    pub(super) source: Option<Place>,
}

/// What is reached more without one policy of the network.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct WithoutPolicy<'a> {
    /// The policy; several where manifests of one name are among the inputs.
    pub(super) policies: Vec<Policy<'a>>,
    /// The workloads that somebody reaches only without it.
    pub(super) protects: Vec<String>,
    /// Whether that is all: not, where what workloads reach is not fully known.
    pub(super) certain: bool,
    /// Who reaches more.
    pub(super) reaches_more: Vec<ReachesMore>,
}

/// A policy of the network.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Policy<'a> {
    /// Its kind.
    pub(super) kind: &'a str,
    /// Its namespace; null where it belongs to the cluster.
    pub(super) namespace: Option<&'a str>,
    /// Its name.
    pub(super) name: &'a str,
    /// Where it stands.
    pub(super) source: Place,
}

/// What whoever is in a workload reaches more.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct ReachesMore {
    /// The workload.
    pub(super) from: String,
    /// The workloads that it reaches itself.
    pub(super) direct: Names,
    /// Those that are reached over any number of hops; null where that is not known.
    pub(super) over_hops: Option<Names>,
    /// Addresses outside of the cluster, with the policy and without it; null where that is the same.
    pub(super) internet: Option<[String; 2]>,
    /// The API server likewise.
    pub(super) api_server: Option<[String; 2]>,
}

/// A finding.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Finding<'a> {
    /// The rule.
    pub(super) rule: String,
    /// What became of the rule.
    pub(super) outcome: &'static str,
    /// What admission does about it.
    pub(super) action: &'static str,
    /// How severe it is.
    pub(super) severity: &'static str,
    /// What was found.
    pub(super) message: &'a str,
    /// The object that it is about; null where none is.
    pub(super) object: Option<String>,
    /// Where; null where no place is meant.
    pub(super) source: Option<Place>,
}

/// What became of a control.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Control<'a> {
    /// The framework.
    pub(super) framework: &'static str,
    /// The number of the control there.
    pub(super) control: &'static str,
    /// What it demands, in our words.
    pub(super) title: &'static str,
    /// Whether it is met.
    #[schemars(extend("enum" = ["met", "not met", "not checkable"]))]
    pub(super) verdict: &'static str,
    /// Whether a met control rests on what the inputs do not show.
    pub(super) if_enforced: bool,
    /// Why.
    pub(super) reason: &'a str,
    /// How many do not meet it.
    pub(super) count: usize,
    /// What does not meet it.
    pub(super) evidence: Vec<Proof<'a>>,
}

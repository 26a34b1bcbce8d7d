//! The attack model: what an attacker does, step by step, and what each layer would have to show to stop, limit or detect
//! it. One table of data, [`STEPS`], so that every cell of it can be held against what happens on a real node.
//!
//! A step that shows in a manifest has *ways*: changes of a workload that do the step. Whether admission or Pod Security
//! stops it is found by asking them about the changed workload, never by knowing the names of policies.

use crate::finding::Layer;

pub mod probe;

pub use probe::{Change, Datum};

/// A step of an attack.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Its name, such as `run-own-image`.
    pub name: &'static str,
    /// What the attacker does, as an infinitive: `run an image of one's own`.
    pub title: &'static str,
    /// The techniques of MITRE ATT&CK that it is: id and name.
    pub techniques: &'static [(&'static str, &'static str)],
    /// What the attacker gains.
    pub gain: &'static str,
    /// The ways to do it that show in a manifest; none for what only a running program does.
    pub ways: &'static [Way],
    /// What each layer can do about it, one for each of [`LAYERS`] in that order.
    pub answers: [Answer; 5],
}

/// The layers of the model, in the order in which an attacker meets them.
pub const LAYERS: [Layer; 5] =
    [Layer::SupplyChain, Layer::Admission, Layer::PodSecurity, Layer::Network, Layer::Runtime];

/// A change of a workload that does a step.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    /// What is done: a few words, such as `a privileged container`.
    pub title: &'static str,
    /// The changes of the workload.
    pub changes: &'static [Change],
}

/// What a layer can do about a step.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// The most that it does, where its evidence is there.
    pub effect: Effect,
    /// What its evidence has to be.
    pub evidence: Evidence,
    /// Why that does it; for [`Evidence::Nothing`] why the layer has no say.
    pub why: &'static str,
}

/// What a layer does about a step. Ordered: the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// The step cannot be done.
    Stops,
    /// The step can be done, and gains less.
    Limits,
    /// The step can be done, and somebody hears of it.
    Detects,
}

impl Effect {
    /// The word for it: `stops`, `limits`, `detects`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stops => "stops",
            Self::Limits => "limits",
            Self::Detects => "detects",
        }
    }
}

/// What a layer's evidence has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Evidence {
    /// There can be none: the layer has no say in it.
    Nothing,
    /// The layer refuses the workload when it is changed in each of the step's ways, and for that change.
    Refusal,
    /// No policy lets the pods reach addresses outside of the cluster.
    NoInternet,
    /// No policy lets the pods reach the API server.
    NoApiServer,
    /// No policy lets the pods reach other workloads.
    NoPeers,
    /// A rule about one of the step's techniques is evaluated on the nodes.
    Rule,
    /// A policy demands a signature of every image.
    Signature,
}

/// The name of the step after which the network does not hold.
pub const BREAK_OUT: &str = "break-out";

/// The image of probes: from nowhere that anybody trusts, with a tag that stays and a digest, so that a policy which refuses it does so
/// for its origin.
pub const FOREIGN_IMAGE: &str =
    "evil.example.com/probe:1.0.0@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

const fn nothing(why: &'static str) -> Answer {
    Answer { effect: Effect::Detects, evidence: Evidence::Nothing, why }
}

const fn answer(effect: Effect, evidence: Evidence, why: &'static str) -> Answer {
    Answer { effect, evidence, why }
}

const fn detects(why: &'static str) -> Answer {
    answer(Effect::Detects, Evidence::Rule, why)
}

const fn way(title: &'static str, changes: &'static [Change]) -> Way {
    Way { title, changes }
}

const AFTER_ADMISSION: &str = "Admission sees what is applied, not what a running program does";
const NO_IMAGES: &str = "Pod Security does not look at images";
const NO_PACKETS: &str = "The step sends no packet that a policy could stop";
const IMAGES_ALONE: &str = "A signature speaks of the image, not of what is done with it";

use Change::{Container, ForeignInit, HostPath, LookAlike, Pod, TokenVolume};
use Datum::{Absent, Bool, Int, Text, Texts};
use Effect::{Limits, Stops};
use Evidence::{NoApiServer, NoInternet, NoPeers, Refusal, Signature};

const CONTAINER_USER: &[&str] = &["securityContext", "runAsUser"];
const CONTAINER_NON_ROOT: &[&str] = &["securityContext", "runAsNonRoot"];
const ESCALATION: &[&str] = &["securityContext", "allowPrivilegeEscalation"];

/// The steps, in the order of an attack.
pub static STEPS: &[Step] = &[
    Step {
        name: "run-own-image",
        title: "run an image of one's own",
        techniques: &[("T1610", "Deploy Container"), ("T1204.003", "Malicious Image")],
        gain: "Code of the attacker's choice runs in the cluster",
        ways: &[
            way("a container with an image from elsewhere", &[Container(&["image"], Text(FOREIGN_IMAGE))]),
            way("an init container with an image from elsewhere", &[ForeignInit(FOREIGN_IMAGE)]),
            way("an image from a host whose name starts like the trusted one", &[LookAlike]),
        ],
        answers: [
            answer(
                Stops,
                Signature,
                "An image without the right signature is not admitted, wherever it comes from",
            ),
            answer(Stops, Refusal, "A constraint on registries or digests refuses the image"),
            nothing(NO_IMAGES),
            nothing("The node pulls images, not the pod: policies do not apply"),
            detects(
                "A program that was not in the image, or a container of an unknown image, shows when it starts",
            ),
        ],
    },
    Step {
        name: "become-root",
        title: "become root in the container",
        techniques: &[("T1548", "Abuse Elevation Control Mechanism")],
        gain: "Every file of the container, and every hole of the kernel that wants root",
        ways: &[
            way(
                "a container as user 0",
                &[Container(CONTAINER_USER, Int(0)), Container(CONTAINER_NON_ROOT, Bool(false))],
            ),
            way(
                "a pod as user 0",
                &[
                    Container(CONTAINER_USER, Absent),
                    Container(CONTAINER_NON_ROOT, Absent),
                    Pod(&["securityContext", "runAsUser"], Int(0)),
                    Pod(&["securityContext", "runAsNonRoot"], Bool(false)),
                ],
            ),
            way(
                "whatever user the image names",
                &[
                    Container(CONTAINER_USER, Absent),
                    Container(CONTAINER_NON_ROOT, Absent),
                    Pod(&["securityContext", "runAsUser"], Absent),
                    Pod(&["securityContext", "runAsNonRoot"], Absent),
                ],
            ),
            way("a program with the setuid bit", &[Container(ESCALATION, Bool(true))]),
        ],
        answers: [
            nothing(IMAGES_ALONE),
            answer(Stops, Refusal, "A constraint on users refuses the pod"),
            answer(
                Stops,
                Refusal,
                "`restricted` wants `runAsNonRoot`, no user 0 and no escalation of privileges",
            ),
            nothing(NO_PACKETS),
            detects("A change of user to root shows as a system call"),
        ],
    },
    Step {
        name: BREAK_OUT,
        title: "break out to the node",
        techniques: &[("T1611", "Escape to Host")],
        gain: "The node: its kubelet's rights, and every pod, Secret and token on it",
        ways: &[
            way(
                "a privileged container",
                &[Container(&["securityContext", "privileged"], Bool(true)), Container(ESCALATION, Absent)],
            ),
            way(
                "the capability SYS_ADMIN",
                &[
                    Container(&["securityContext", "capabilities", "add"], Texts(&["SYS_ADMIN"])),
                    Container(ESCALATION, Absent),
                ],
            ),
            way("the node's root directory", &[HostPath("/")]),
            way("the node's processes", &[Pod(&["hostPID"], Bool(true))]),
            way("the node's network", &[Pod(&["hostNetwork"], Bool(true))]),
        ],
        answers: [
            nothing(IMAGES_ALONE),
            answer(Stops, Refusal, "A constraint on privileges, host paths and namespaces refuses the pod"),
            answer(Stops, Refusal, "`baseline` already refuses all of these"),
            nothing("A process on the node is not in the pod's network any more"),
            detects("Mounts, namespaces and files of the node show as system calls"),
        ],
    },
    Step {
        name: "use-token",
        title: "escalate by the service account's token",
        techniques: &[("T1528", "Steal Application Access Token"), ("T1078", "Valid Accounts")],
        gain: "The rights of the pod's service account",
        ways: &[
            way("a mounted token", &[Pod(&["automountServiceAccountToken"], Bool(true))]),
            way("a projected token", &[TokenVolume]),
        ],
        answers: [
            nothing(IMAGES_ALONE),
            answer(Stops, Refusal, "A constraint on tokens refuses the pod, so there is none to take"),
            nothing("Every level of Pod Security lets tokens be mounted"),
            answer(Limits, NoApiServer, "The pod itself cannot use the token; whoever carries it out can"),
            detects("A program that reads the token and was not meant to shows when it opens the file"),
        ],
    },
    Step {
        name: "reach-peer",
        title: "reach other workloads",
        techniques: &[("T1210", "Exploitation of Remote Services"), ("T1046", "Network Service Discovery")],
        gain: "The next workload, and what it holds",
        ways: &[],
        answers: [
            nothing(IMAGES_ALONE),
            nothing(AFTER_ADMISSION),
            nothing(AFTER_ADMISSION),
            answer(Stops, NoPeers, "A connection that neither side's policies allow is not made"),
            detects("A connection that the program never made before shows when it is opened"),
        ],
    },
    Step {
        name: "reach-api-server",
        title: "reach the API server",
        techniques: &[("T1613", "Container and Resource Discovery")],
        gain: "What every account may ask, and holes of the API server itself",
        ways: &[],
        answers: [
            nothing(IMAGES_ALONE),
            nothing(AFTER_ADMISSION),
            nothing(AFTER_ADMISSION),
            answer(Stops, NoApiServer, "No policy lets the pod open a connection there"),
            detects("A connection from a container to the API server shows when it is opened"),
        ],
    },
    Step {
        name: "exfiltrate",
        title: "send data out of the cluster",
        techniques: &[
            ("T1041", "Exfiltration Over C2 Channel"),
            ("T1048", "Exfiltration Over Alternative Protocol"),
        ],
        gain: "The data is gone, and orders come in by the same way",
        ways: &[],
        answers: [
            nothing(IMAGES_ALONE),
            nothing(AFTER_ADMISSION),
            nothing(AFTER_ADMISSION),
            answer(Stops, NoInternet, "No policy lets the pod reach an address outside of the cluster"),
            detects("A connection to the outside shows when it is opened"),
        ],
    },
    Step {
        name: "persist",
        title: "persist by writing to the file system",
        techniques: &[
            ("T1554", "Compromise Host Software Binary"),
            ("T1543", "Create or Modify System Process"),
        ],
        gain: "Tools and changed programs that stay as long as the container does",
        ways: &[way(
            "a root file system that can be written to",
            &[Container(&["securityContext", "readOnlyRootFilesystem"], Bool(false))],
        )],
        answers: [
            nothing(IMAGES_ALONE),
            answer(
                Stops,
                Refusal,
                "A constraint that wants read-only root file systems refuses the pod; volumes stay writable",
            ),
            nothing("No level of Pod Security asks for a read-only root file system"),
            nothing(NO_PACKETS),
            detects("A write below a directory of programs shows when the file is opened"),
        ],
    },
    Step {
        name: "mine",
        title: "mine with others' processors",
        techniques: &[("T1496", "Resource Hijacking")],
        gain: "Computing time, at the cost of everything else on the node",
        ways: &[
            way("no limits", &[Container(&["resources"], Absent)]),
            way(
                "a limit of 64 processors",
                &[
                    Container(&["resources", "requests", "cpu"], Text("64")),
                    Container(&["resources", "limits", "cpu"], Text("64")),
                ],
            ),
        ],
        answers: [
            nothing(IMAGES_ALONE),
            answer(
                Limits,
                Refusal,
                "A constraint on limits refuses the pod, so that what is mined stays small",
            ),
            nothing("Pod Security does not look at resources"),
            answer(Limits, NoInternet, "Without a way out there is no pool to mine for"),
            detects("A known miner, or a connection to a pool, shows when it starts"),
        ],
    },
];

/// The step of a name.
pub fn step(name: &str) -> Option<&'static Step> {
    STEPS.iter().find(|step| step.name == name)
}

impl Step {
    /// What a layer can do about it; `None` for a layer that is not among [`LAYERS`].
    pub fn answer(&self, layer: Layer) -> Option<&Answer> {
        let mut of_layers = LAYERS.iter().zip(&self.answers);
        of_layers.find(|(each, _)| **each == layer).map(|(_, answer)| answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        for step in STEPS {
            assert!(!step.techniques.is_empty() && !step.gain.ends_with('.'), "{}", step.name);
            for answer in &step.answers {
                assert!(!answer.why.is_empty());
                let asks_about_ways = answer.evidence == Evidence::Refusal;
                assert!(!asks_about_ways || !step.ways.is_empty(), "{} has no way to ask about", step.name);
            }
            assert_eq!(step.answer(Layer::Runtime).map(|answer| answer.effect), Some(Effect::Detects));
        }
        let names: std::collections::BTreeSet<_> = STEPS.iter().map(|step| step.name).collect();
        assert_eq!(names.len(), STEPS.len());
    }
}

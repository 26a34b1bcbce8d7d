//! The table of controls.

use super::super::ask::{Ask, ask};

/// Where a control comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Framework {
    /// CIS Kubernetes Benchmark 1.10, section 5.
    Cis,
    /// NSA/CISA Kubernetes Hardening Guide 1.2.
    Nsa,
    /// NIST SP 800-190, Application Container Security Guide.
    Nist,
    /// PCI DSS 4.0.
    Pci,
    /// HIPAA Security Rule, 45 CFR 164.
    Hipaa,
    /// `FedRAMP` Moderate: controls of NIST SP 800-53.
    FedRamp,
}

impl Framework {
    /// Every one.
    pub const ALL: &[Self] = &[Self::Cis, Self::Nsa, Self::Nist, Self::Pci, Self::Hipaa, Self::FedRamp];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cis => "CIS Kubernetes Benchmark 1.10",
            Self::Nsa => "NSA/CISA Kubernetes Hardening Guide 1.2",
            Self::Nist => "NIST SP 800-190",
            Self::Pci => "PCI DSS 4.0",
            Self::Hipaa => "HIPAA Security Rule",
            Self::FedRamp => "FedRAMP Moderate (NIST SP 800-53)",
        }
    }
}

/// How a control is measured.
#[derive(Clone, Copy, Debug)]
pub enum Measure {
    /// No workload fails these checks of Pod Security, by their upstream names.
    Checks(&'static [&'static str]),
    /// No workload fails these checks, and the level of Pod Security of every namespace with workloads demands them.
    NotAdmitted(&'static [&'static str]),
    /// Each of several.
    All(&'static [Measure]),
    /// One that is a part of what the control asks for: it can show that the control is not met, and never that it is. What
    /// is left is said.
    Partly(&'static Measure, &'static str),
    /// Admission or Pod Security stops a step of the attack model for every workload.
    Stopped(&'static str),
    /// The network stops or limits a step for every workload.
    Contained(&'static str),
    /// Nobody has any of these rights but by what every cluster gives.
    NobodyMay(&'static [Ask]),
    /// No role among the inputs says `*`.
    NoWildcards,
    /// No workload runs as its namespace's account `default` with a token.
    NoDefaultAccount,
    /// No workload holds a token of an account without rights of its own.
    NoIdleTokens,
    /// No Secret comes by the environment.
    NoSecretsInEnvironment,
    /// No variable of a container whose name looks like that of a secret has a value in clear text.
    NoClearSecrets,
    /// No two workloads run as one account.
    NoSharedAccount,
    /// No workload is in the namespace `default`.
    NoDefaultNamespace,
    /// Every namespace with workloads has a policy that denies what no other allows: for what comes in, and, where the
    /// word is true, for what goes out.
    DefaultDeny {
        /// Whether what goes out counts, too.
        egress: bool,
    },
    /// Every namespace with workloads enforces `baseline` or more by label, or a constraint is about its pods.
    SomeAdmission,
    /// Every container has a read-only root file system.
    ReadOnlyRoot,
    /// Every container has limits of CPU and memory.
    Limits,
    /// Rules are evaluated at run time.
    RuntimeRules,
    /// A policy demands signatures.
    Signatures,
    /// The inputs cannot show it, for the reason given.
    Elsewhere(&'static str),
}

/// One control.
#[derive(Clone, Copy, Debug)]
pub struct Control {
    /// Where it comes from.
    pub framework: Framework,
    /// Its number there.
    pub id: &'static str,
    /// What it asks for, in our words.
    pub title: &'static str,
    /// How it is measured.
    pub measure: Measure,
}

const fn control(framework: Framework, id: &'static str, title: &'static str, measure: Measure) -> Control {
    Control { framework, id, title, measure }
}

use Framework::{Cis, FedRamp, Hipaa, Nist, Nsa, Pci};
use Measure::{
    All, Checks, Contained, DefaultDeny, Elsewhere, Limits, NoClearSecrets, NoDefaultAccount,
    NoDefaultNamespace, NoIdleTokens, NoSecretsInEnvironment, NoSharedAccount, NoWildcards, NobodyMay,
    NotAdmitted, Partly, ReadOnlyRoot, RuntimeRules, Signatures, SomeAdmission, Stopped,
};

const RBAC: &str = "rbac.authorization.k8s.io:clusterroles rbac.authorization.k8s.io:roles";
const NODES: &str = "It is set on the nodes of the control plane, which manifests do not show";
const PEOPLE: &str = "It is about people and procedures, which manifests do not show";
const NEEDED: &str = "what is needed is for people to say";
const EVERYTHING: &[Ask] = &[ask("*", "*:*")];

/// The controls, framework by framework.
pub static CONTROLS: &[Control] = &[
    control(
        Cis,
        "1 to 4",
        "Control plane, etcd and kubelets are configured as the benchmark asks",
        Elsewhere(NODES),
    ),
    control(Cis, "5.1.1", "Only who needs it is cluster-admin", NobodyMay(EVERYTHING)),
    control(Cis, "5.1.2", "Few can read Secrets", NobodyMay(&[ask("get list watch", "secrets")])),
    control(Cis, "5.1.3", "Roles name what they give, without wildcards", NoWildcards),
    control(Cis, "5.1.4", "Few can make pods", NobodyMay(&[ask("create", "pods")])),
    control(Cis, "5.1.5", "No workload uses the account `default`", NoDefaultAccount),
    control(Cis, "5.1.6", "Tokens are mounted where they are used", NoIdleTokens),
    control(
        Cis,
        "5.1.7",
        "Nobody is a member of system:masters",
        Elsewhere("Group membership is in certificates and tokens"),
    ),
    control(
        Cis,
        "5.1.8",
        "Few can bind, impersonate or escalate",
        NobodyMay(&[ask("escalate bind", RBAC), ask("impersonate", "users groups serviceaccounts")]),
    ),
    control(
        Cis,
        "5.1.9",
        "Few can make persistent volumes",
        NobodyMay(&[ask("create", "persistentvolumes")]),
    ),
    control(
        Cis,
        "5.1.10",
        "Few can speak to kubelets through the API server",
        NobodyMay(&[ask("get create", "nodes/proxy")]),
    ),
    control(
        Cis,
        "5.1.11",
        "Few can approve certificates",
        NobodyMay(&[ask("update patch", "certificates.k8s.io:certificatesigningrequests/approval")]),
    ),
    control(
        Cis,
        "5.1.12",
        "Few can change webhooks",
        NobodyMay(&[ask(
            "create update patch delete",
            "admissionregistration.k8s.io:validatingwebhookconfigurations admissionregistration.k8s.io:mutatingwebhookconfigurations",
        )]),
    ),
    control(
        Cis,
        "5.1.13",
        "Few can make tokens of service accounts",
        NobodyMay(&[ask("create", "serviceaccounts/token")]),
    ),
    control(Cis, "5.2.1", "Some admission control judges pods in every namespace", SomeAdmission),
    control(Cis, "5.2.2", "No privileged containers", NotAdmitted(&["privileged"])),
    control(
        Cis,
        "5.2.3 to 5.2.5",
        "No containers in the node's process, IPC or network namespace",
        NotAdmitted(&["hostNamespaces"]),
    ),
    control(Cis, "5.2.6", "No container may gain privileges", NotAdmitted(&["allowPrivilegeEscalation"])),
    control(Cis, "5.2.7", "No container runs as root", NotAdmitted(&["runAsNonRoot", "runAsUser"])),
    control(
        Cis,
        "5.2.8 to 5.2.10",
        "Containers drop capabilities and add none",
        NotAdmitted(&["capabilities_restricted"]),
    ),
    control(Cis, "5.2.11", "No Windows HostProcess containers", NotAdmitted(&["windowsHostProcess"])),
    control(Cis, "5.2.12", "No directories of the node are mounted", NotAdmitted(&["hostPathVolumes"])),
    control(Cis, "5.2.13", "No ports of the node are taken", NotAdmitted(&["hostPorts"])),
    control(
        Cis,
        "5.3.1",
        "The cluster's network enforces policies",
        Elsewhere("Manifests do not show what enforces them"),
    ),
    control(Cis, "5.3.2", "Every namespace has network policies", DefaultDeny { egress: false }),
    control(Cis, "5.4.1", "Secrets come as files, not in the environment", NoSecretsInEnvironment),
    control(
        Cis,
        "5.4.2",
        "Secrets are kept in a store outside of the cluster where that is possible",
        Elsewhere(PEOPLE),
    ),
    control(Cis, "5.5.1", "Images are admitted by where they come from", Stopped("run-own-image")),
    control(Cis, "5.7.1", "Namespaces set apart what belongs to different people", Elsewhere(PEOPLE)),
    control(
        Cis,
        "5.7.2",
        "Every pod has the runtime's seccomp profile, or one of its own",
        Checks(&["seccompProfile_restricted"]),
    ),
    control(
        Cis,
        "5.7.3",
        "Pods and containers have security contexts",
        Checks(&[
            "privileged",
            "allowPrivilegeEscalation",
            "capabilities_restricted",
            "runAsNonRoot",
            "seccompProfile_restricted",
        ]),
    ),
    control(Cis, "5.7.4", "The namespace `default` is not used", NoDefaultNamespace),
    control(
        Nsa,
        "Pod security: non-root",
        "Containers run as users other than root",
        Checks(&["runAsNonRoot", "runAsUser"]),
    ),
    control(
        Nsa,
        "Pod security: immutable file systems",
        "Root file systems cannot be written to",
        ReadOnlyRoot,
    ),
    control(
        Nsa,
        "Pod security: hardened pods",
        "No privilege, no host access, no escalation",
        Checks(&["privileged", "hostNamespaces", "hostPathVolumes", "allowPrivilegeEscalation"]),
    ),
    control(
        Nsa,
        "Pod security: enforcement",
        "Admission refuses pods that are not hardened",
        Stopped("break-out"),
    ),
    control(
        Nsa,
        "Pod security: tokens",
        "Pods that do not speak to the API server hold no token",
        NoIdleTokens,
    ),
    control(
        Nsa,
        "Network separation: policies",
        "What no policy allows is denied, in and out",
        DefaultDeny { egress: true },
    ),
    control(Nsa, "Network separation: resources", "Containers have limits", Limits),
    control(
        Nsa,
        "Network separation: control plane",
        "etcd and control plane are kept apart",
        Elsewhere(NODES),
    ),
    control(Nsa, "Authorization", "Roles give no more than is needed", NoWildcards),
    control(
        Nsa,
        "Image scanning and signatures",
        "Images are scanned, and admitted by signature",
        Signatures,
    ),
    control(Nsa, "Audit logging and threat detection", "What happens at run time is watched", RuntimeRules),
    control(
        Nist,
        "4.1.3",
        "Images hold no malware",
        Elsewhere("It is in the images, which are not looked at"),
    ),
    control(Nist, "4.1.4", "No secrets in clear text in images", NoClearSecrets),
    control(Nist, "4.1.5", "Only trusted images run", Stopped("run-own-image")),
    control(
        Nist,
        "4.2.1 to 4.2.3",
        "Registries are reached securely, hold no stale images and know who asks",
        Elsewhere("It is set at the registry"),
    ),
    control(Nist, "4.3.1", "Access to the orchestrator is the least that is needed", NobodyMay(EVERYTHING)),
    control(Nist, "4.3.3", "Traffic between workloads is kept apart", DefaultDeny { egress: true }),
    control(Nist, "4.3.4", "Workloads of different sensitivity run on different hosts", Elsewhere(PEOPLE)),
    control(Nist, "4.4.2", "What containers send out is bounded", Contained("exfiltrate")),
    control(
        Nist,
        "4.4.3",
        "The runtime is configured safely",
        Checks(&["privileged", "capabilities_restricted", "seccompProfile_restricted"]),
    ),
    control(
        Nist,
        "4.4.4",
        "Compromised programs are detected, and their file systems are read-only",
        All(&[ReadOnlyRoot, RuntimeRules]),
    ),
    control(Nist, "4.4.5", "Rogue containers are kept out by admission", Stopped("run-own-image")),
    control(Nist, "4.5.5", "Containers cannot change the host's file system", Checks(&["hostPathVolumes"])),
    control(
        Pci,
        "1.2, 1.3",
        "Traffic to and from the cardholder environment is restricted to what is needed",
        DefaultDeny { egress: true },
    ),
    control(
        Pci,
        "1.4",
        "Connections between trusted and untrusted networks are controlled",
        Contained("exfiltrate"),
    ),
    control(
        Pci,
        "2.2",
        "Components are configured securely, with no needless privileges",
        Checks(&["privileged", "hostNamespaces", "hostPathVolumes", "runAsNonRoot"]),
    ),
    control(Pci, "6.3", "Software is inventoried and its flaws are mended", Elsewhere(PEOPLE)),
    control(Pci, "7.2", "Access is the least that is needed", Partly(&NoWildcards, NEEDED)),
    control(
        Pci,
        "8.6",
        "Accounts of programs are managed and not shared",
        All(&[NoDefaultAccount, NoSharedAccount]),
    ),
    control(Pci, "10.2", "What administrators and programs do is logged", Elsewhere(NODES)),
    control(Pci, "11.5", "Intrusions and changes of files are detected", RuntimeRules),
    control(Hipaa, "164.308(a)(1)(ii)(D)", "What happens in systems is reviewed", RuntimeRules),
    control(
        Hipaa,
        "164.312(a)(1)",
        "Only who has been given rights reaches health records",
        Partly(
            &NobodyMay(EVERYTHING),
            "who reaches the records themselves is for the programs that hold them",
        ),
    ),
    control(Hipaa, "164.312(a)(2)(iv)", "Health records are encrypted at rest", Elsewhere(NODES)),
    control(Hipaa, "164.312(b)", "Access to health records is recorded", Elsewhere(NODES)),
    control(
        Hipaa,
        "164.312(c)(1)",
        "Health records are kept from improper change",
        Partly(
            &Stopped("run-own-image"),
            "who changes the records themselves is for the programs that hold them",
        ),
    ),
    control(Hipaa, "164.312(e)(1)", "Traffic with health records is guarded", DefaultDeny { egress: true }),
    control(
        FedRamp,
        "AC-3, AC-6",
        "Access is enforced, and the least that is needed",
        Partly(&NoWildcards, NEEDED),
    ),
    control(FedRamp, "AC-4", "The flow of information is enforced", DefaultDeny { egress: true }),
    control(FedRamp, "AU-2, AU-12", "Events are recorded", Elsewhere(NODES)),
    control(
        FedRamp,
        "CM-6, CM-7",
        "Configuration is hardened, with the least function",
        Checks(&["privileged", "hostNamespaces", "hostPathVolumes", "capabilities_restricted"]),
    ),
    control(FedRamp, "CM-7(5)", "Only software that is allowed runs", Stopped("run-own-image")),
    control(FedRamp, "SC-7", "Boundaries deny by default", Contained("exfiltrate")),
    control(FedRamp, "SC-39", "Processes are kept apart", Stopped("break-out")),
    control(FedRamp, "SI-4", "Systems are watched", RuntimeRules),
    control(FedRamp, "SI-7", "Software is checked for its integrity", Signatures),
];

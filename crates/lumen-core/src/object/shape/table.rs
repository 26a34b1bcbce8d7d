//! The tables of field types: of `k8s.io/api` (`core/v1/types.go`, `networking/v1/types.go` and others), as far as the
//! layers read them.

use super::Shape::{self, Bool, Int32, Int64, IntOrString, List, Map, Object, Quantity, String};

type Fields = &'static [(&'static str, Shape)];

const STRINGS: Shape = List(&String);
const TEXT_MAP: Shape = Map(&String);
const QUANTITIES: Shape = Map(&Quantity);
/// A mapping of which no layer reads a field.
const ANY_OBJECT: Shape = Object(&[]);
const ANY_OBJECTS: Shape = List(&ANY_OBJECT);

/// Every object, those of custom kinds included.
pub(super) static OBJECT: Fields = &[("metadata", METADATA)];

const METADATA: Shape = Object(&[
    ("name", String),
    ("generateName", String),
    ("namespace", String),
    ("labels", TEXT_MAP),
    ("annotations", TEXT_MAP),
    ("finalizers", STRINGS),
    ("uid", String),
    ("resourceVersion", String),
    ("generation", Int64),
    (
        "ownerReferences",
        List(&Object(&[
            ("apiVersion", String),
            ("kind", String),
            ("name", String),
            ("uid", String),
            ("controller", Bool),
            ("blockOwnerDeletion", Bool),
        ])),
    ),
]);

/// What a Pod adds to [`OBJECT`].
pub(super) static POD: Fields = &[("spec", POD_SPEC)];

/// A pod template.
pub(super) static POD_TEMPLATE: Fields = &[("metadata", METADATA), ("spec", POD_SPEC)];

const POD_SPEC: Shape = Object(&[
    ("initContainers", CONTAINERS),
    ("containers", CONTAINERS),
    ("ephemeralContainers", CONTAINERS),
    ("volumes", List(&VOLUME)),
    ("securityContext", POD_SECURITY_CONTEXT),
    ("hostNetwork", Bool),
    ("hostPID", Bool),
    ("hostIPC", Bool),
    ("hostUsers", Bool),
    ("shareProcessNamespace", Bool),
    ("automountServiceAccountToken", Bool),
    ("enableServiceLinks", Bool),
    ("setHostnameAsFQDN", Bool),
    ("os", Object(&[("name", String)])),
    ("runtimeClassName", String),
    ("serviceAccountName", String),
    ("serviceAccount", String),
    ("nodeName", String),
    ("nodeSelector", TEXT_MAP),
    ("schedulerName", String),
    ("priorityClassName", String),
    ("priority", Int32),
    ("preemptionPolicy", String),
    ("restartPolicy", String),
    ("dnsPolicy", String),
    ("hostname", String),
    ("subdomain", String),
    ("terminationGracePeriodSeconds", Int64),
    ("activeDeadlineSeconds", Int64),
    ("imagePullSecrets", List(&Object(&[("name", String)]))),
    ("hostAliases", List(&Object(&[("ip", String), ("hostnames", STRINGS)]))),
    (
        "tolerations",
        List(&Object(&[
            ("key", String),
            ("operator", String),
            ("value", String),
            ("effect", String),
            ("tolerationSeconds", Int64),
        ])),
    ),
    ("affinity", AFFINITY),
    (
        "dnsConfig",
        Object(&[
            ("nameservers", STRINGS),
            ("searches", STRINGS),
            ("options", List(&Object(&[("name", String), ("value", String)]))),
        ]),
    ),
    ("overhead", QUANTITIES),
    ("resources", RESOURCES),
    ("resourceClaims", ANY_OBJECTS),
    ("schedulingGates", List(&Object(&[("name", String)]))),
    ("readinessGates", List(&Object(&[("conditionType", String)]))),
    ("hostnameOverride", String),
    (
        "topologySpreadConstraints",
        List(&Object(&[
            ("labelSelector", LABEL_SELECTOR),
            ("maxSkew", Int32),
            ("minDomains", Int32),
            ("topologyKey", String),
            ("whenUnsatisfiable", String),
        ])),
    ),
]);

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

const AFFINITY: Shape = Object(&[
    ("nodeAffinity", NODE_AFFINITY),
    ("podAffinity", POD_AFFINITY),
    ("podAntiAffinity", POD_AFFINITY),
]);

const NODE_AFFINITY: Shape = Object(&[
    (REQUIRED, Object(&[("nodeSelectorTerms", List(&NODE_TERM))])),
    (PREFERRED, List(&Object(&[("weight", Int32), ("preference", NODE_TERM)]))),
]);

const NODE_TERM: Shape = Object(&[("matchExpressions", EXPRESSIONS), ("matchFields", EXPRESSIONS)]);

const POD_AFFINITY: Shape = Object(&[
    (REQUIRED, List(&POD_TERM)),
    (PREFERRED, List(&Object(&[("weight", Int32), ("podAffinityTerm", POD_TERM)]))),
]);

const POD_TERM: Shape = Object(&[
    ("labelSelector", LABEL_SELECTOR),
    ("namespaceSelector", LABEL_SELECTOR),
    ("namespaces", STRINGS),
    ("topologyKey", String),
]);

const POD_SECURITY_CONTEXT: Shape = Object(&[
    ("runAsNonRoot", Bool),
    ("runAsUser", Int64),
    ("runAsGroup", Int64),
    ("fsGroup", Int64),
    ("fsGroupChangePolicy", String),
    ("supplementalGroups", List(&Int64)),
    ("supplementalGroupsPolicy", String),
    ("seLinuxOptions", SELINUX_OPTIONS),
    ("seLinuxChangePolicy", String),
    ("seccompProfile", PROFILE),
    ("appArmorProfile", PROFILE),
    ("windowsOptions", WINDOWS_OPTIONS),
    ("sysctls", List(&Object(&[("name", String), ("value", String)]))),
]);

const SECURITY_CONTEXT: Shape = Object(&[
    ("privileged", Bool),
    ("allowPrivilegeEscalation", Bool),
    ("readOnlyRootFilesystem", Bool),
    ("runAsNonRoot", Bool),
    ("runAsUser", Int64),
    ("runAsGroup", Int64),
    ("procMount", String),
    ("capabilities", Object(&[("add", STRINGS), ("drop", STRINGS)])),
    ("seLinuxOptions", SELINUX_OPTIONS),
    ("seccompProfile", PROFILE),
    ("appArmorProfile", PROFILE),
    ("windowsOptions", WINDOWS_OPTIONS),
]);

const SELINUX_OPTIONS: Shape =
    Object(&[("user", String), ("role", String), ("type", String), ("level", String)]);

/// A seccomp or an `AppArmor` profile.
const PROFILE: Shape = Object(&[("type", String), ("localhostProfile", String)]);

const WINDOWS_OPTIONS: Shape = Object(&[
    ("gmsaCredentialSpecName", String),
    ("gmsaCredentialSpec", String),
    ("runAsUserName", String),
    ("hostProcess", Bool),
]);

const CONTAINERS: Shape = List(&Object(&[
    ("name", String),
    ("image", String),
    ("imagePullPolicy", String),
    ("command", STRINGS),
    ("args", STRINGS),
    ("workingDir", String),
    ("restartPolicy", String),
    ("targetContainerName", String),
    ("stdin", Bool),
    ("stdinOnce", Bool),
    ("tty", Bool),
    ("securityContext", SECURITY_CONTEXT),
    (
        "ports",
        List(&Object(&[
            ("name", String),
            ("containerPort", Int32),
            ("hostPort", Int32),
            ("hostIP", String),
            ("protocol", String),
        ])),
    ),
    ("env", List(&Object(&[("name", String), ("value", String), ("valueFrom", VALUE_FROM)]))),
    ("envFrom", List(&Object(&[("prefix", String), ("configMapRef", REFERENCE), ("secretRef", REFERENCE)]))),
    ("terminationMessagePath", String),
    ("terminationMessagePolicy", String),
    ("resizePolicy", List(&Object(&[("resourceName", String), ("restartPolicy", String)]))),
    ("resources", RESOURCES),
    (
        "volumeMounts",
        List(&Object(&[
            ("name", String),
            ("mountPath", String),
            ("subPath", String),
            ("subPathExpr", String),
            ("readOnly", Bool),
            ("recursiveReadOnly", String),
            ("mountPropagation", String),
        ])),
    ),
    ("volumeDevices", List(&Object(&[("name", String), ("devicePath", String)]))),
    ("livenessProbe", PROBE),
    ("readinessProbe", PROBE),
    ("startupProbe", PROBE),
    ("lifecycle", Object(&[("postStart", HANDLER), ("preStop", HANDLER)])),
]));

const RESOURCES: Shape = Object(&[
    ("limits", QUANTITIES),
    ("requests", QUANTITIES),
    ("claims", List(&Object(&[("name", String), ("request", String)]))),
]);

/// A `ConfigMap` or a Secret.
const REFERENCE: Shape = Object(&[("name", String), ("optional", Bool)]);

/// A key in one.
const KEY_REFERENCE: Shape = Object(&[("name", String), ("key", String), ("optional", Bool)]);

const FIELD_REFERENCE: Shape = Object(&[("apiVersion", String), ("fieldPath", String)]);

const RESOURCE_REFERENCE: Shape =
    Object(&[("containerName", String), ("resource", String), ("divisor", Quantity)]);

const VALUE_FROM: Shape = Object(&[
    ("configMapKeyRef", KEY_REFERENCE),
    ("secretKeyRef", KEY_REFERENCE),
    ("fieldRef", FIELD_REFERENCE),
    ("resourceFieldRef", RESOURCE_REFERENCE),
]);

const EXEC: Shape = Object(&[("command", STRINGS)]);
const HTTP_GET: Shape = Object(&[
    ("path", String),
    ("port", IntOrString),
    ("host", String),
    ("scheme", String),
    ("httpHeaders", List(&Object(&[("name", String), ("value", String)]))),
]);
const TCP_SOCKET: Shape = Object(&[("port", IntOrString), ("host", String)]);

const HANDLER: Shape = Object(&[
    ("exec", EXEC),
    ("httpGet", HTTP_GET),
    ("tcpSocket", TCP_SOCKET),
    ("sleep", Object(&[("seconds", Int64)])),
]);

const PROBE: Shape = Object(&[
    ("exec", EXEC),
    ("httpGet", HTTP_GET),
    ("tcpSocket", TCP_SOCKET),
    ("grpc", Object(&[("port", Int32), ("service", String)])),
    ("initialDelaySeconds", Int32),
    ("timeoutSeconds", Int32),
    ("periodSeconds", Int32),
    ("successThreshold", Int32),
    ("failureThreshold", Int32),
    ("terminationGracePeriodSeconds", Int64),
]);

/// Every source that a volume can have: which one it has decides `restricted volume types`.
const VOLUME: Shape = Object(&[
    ("name", String),
    ("hostPath", Object(&[("path", String), ("type", String)])),
    ("emptyDir", Object(&[("medium", String), ("sizeLimit", Quantity)])),
    (
        "configMap",
        Object(&[("name", String), ("defaultMode", Int32), ("optional", Bool), ("items", KEY_FILES)]),
    ),
    (
        "secret",
        Object(&[("secretName", String), ("defaultMode", Int32), ("optional", Bool), ("items", KEY_FILES)]),
    ),
    ("projected", Object(&[("sources", List(&PROJECTION)), ("defaultMode", Int32)])),
    ("persistentVolumeClaim", Object(&[("claimName", String), ("readOnly", Bool)])),
    ("image", Object(&[("reference", String), ("pullPolicy", String)])),
    ("downwardAPI", DOWNWARD_API),
    ("ephemeral", Object(&[("volumeClaimTemplate", CLAIM_TEMPLATE)])),
    (
        "csi",
        Object(&[("driver", String), ("readOnly", Bool), ("fsType", String), ("volumeAttributes", TEXT_MAP)]),
    ),
    ("nfs", Object(&[("server", String), ("path", String), ("readOnly", Bool)])),
    ("iscsi", ANY_OBJECT),
    ("fc", ANY_OBJECT),
    ("awsElasticBlockStore", ANY_OBJECT),
    ("azureDisk", ANY_OBJECT),
    ("azureFile", ANY_OBJECT),
    ("cephfs", ANY_OBJECT),
    ("cinder", ANY_OBJECT),
    ("flexVolume", ANY_OBJECT),
    ("flocker", ANY_OBJECT),
    ("gcePersistentDisk", ANY_OBJECT),
    ("gitRepo", ANY_OBJECT),
    ("glusterfs", ANY_OBJECT),
    ("photonPersistentDisk", ANY_OBJECT),
    ("portworxVolume", ANY_OBJECT),
    ("quobyte", ANY_OBJECT),
    ("rbd", ANY_OBJECT),
    ("scaleIO", ANY_OBJECT),
    ("storageos", ANY_OBJECT),
    ("vsphereVolume", ANY_OBJECT),
]);

/// Keys of a `ConfigMap` or a Secret, and the files that they become.
const KEY_FILES: Shape = List(&Object(&[("key", String), ("path", String), ("mode", Int32)]));

const DOWNWARD_FILE: Shape = Object(&[
    ("path", String),
    ("mode", Int32),
    ("fieldRef", FIELD_REFERENCE),
    ("resourceFieldRef", RESOURCE_REFERENCE),
]);

const DOWNWARD_API: Shape = Object(&[("defaultMode", Int32), ("items", List(&DOWNWARD_FILE))]);

const PROJECTED_KEYS: Shape = Object(&[("name", String), ("optional", Bool), ("items", KEY_FILES)]);

const PROJECTION: Shape = Object(&[
    ("configMap", PROJECTED_KEYS),
    ("secret", PROJECTED_KEYS),
    ("downwardAPI", DOWNWARD_API),
    ("serviceAccountToken", Object(&[("audience", String), ("expirationSeconds", Int64), ("path", String)])),
    ("clusterTrustBundle", ANY_OBJECT),
    ("podCertificate", ANY_OBJECT),
]);

const CLAIM_TEMPLATE: Shape = Object(&[("metadata", METADATA), ("spec", ANY_OBJECT)]);

const LABEL_SELECTOR: Shape = Object(&[("matchLabels", TEXT_MAP), ("matchExpressions", EXPRESSIONS)]);

const EXPRESSIONS: Shape = List(&Object(&[("key", String), ("operator", String), ("values", STRINGS)]));

/// The spec of a controller, down to the template, which is checked as such.
const CONTROLLER: Fields =
    &[("spec", Object(&[("replicas", Int32), ("selector", LABEL_SELECTOR), ("template", ANY_OBJECT)]))];

const PEERS: Shape = List(&Object(&[
    ("podSelector", LABEL_SELECTOR),
    ("namespaceSelector", LABEL_SELECTOR),
    ("ipBlock", Object(&[("cidr", String), ("except", STRINGS)])),
]));

const NETWORK_PORTS: Shape =
    List(&Object(&[("protocol", String), ("port", IntOrString), ("endPort", Int32)]));

/// What the built-in kinds add to [`OBJECT`]: group, kind, fields.
pub(super) static KINDS: &[(&str, &str, Fields)] = &[
    ("apps", "DaemonSet", CONTROLLER),
    ("apps", "Deployment", CONTROLLER),
    ("apps", "ReplicaSet", CONTROLLER),
    ("apps", "StatefulSet", CONTROLLER),
    ("batch", "Job", CONTROLLER),
    (
        "batch",
        "CronJob",
        &[(
            "spec",
            Object(&[
                ("schedule", String),
                ("suspend", Bool),
                (
                    "jobTemplate",
                    Object(&[
                        ("metadata", METADATA),
                        ("spec", Object(&[("selector", LABEL_SELECTOR), ("template", ANY_OBJECT)])),
                    ]),
                ),
            ]),
        )],
    ),
    (
        "",
        "ReplicationController",
        &[("spec", Object(&[("replicas", Int32), ("selector", TEXT_MAP), ("template", ANY_OBJECT)]))],
    ),
    ("", "PodTemplate", &[("template", ANY_OBJECT)]),
    (
        "",
        "Service",
        &[(
            "spec",
            Object(&[
                ("type", String),
                ("selector", TEXT_MAP),
                ("clusterIP", String),
                (
                    "ports",
                    List(&Object(&[
                        ("name", String),
                        ("protocol", String),
                        ("port", Int32),
                        ("targetPort", IntOrString),
                        ("nodePort", Int32),
                    ])),
                ),
                ("externalIPs", STRINGS),
            ]),
        )],
    ),
    (
        "networking.k8s.io",
        "NetworkPolicy",
        &[(
            "spec",
            Object(&[
                ("podSelector", LABEL_SELECTOR),
                ("policyTypes", STRINGS),
                ("ingress", List(&Object(&[("from", PEERS), ("ports", NETWORK_PORTS)]))),
                ("egress", List(&Object(&[("to", PEERS), ("ports", NETWORK_PORTS)]))),
            ]),
        )],
    ),
    (
        "policy",
        "PodDisruptionBudget",
        &[(
            "spec",
            Object(&[
                ("selector", LABEL_SELECTOR),
                ("minAvailable", IntOrString),
                ("maxUnavailable", IntOrString),
            ]),
        )],
    ),
];

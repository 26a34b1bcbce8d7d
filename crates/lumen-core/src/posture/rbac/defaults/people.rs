//! The default roles that are meant to be bound to people and programs.

use super::{DefaultRole, on, urls};

pub(super) static ROLES: &[DefaultRole] = &[
    DefaultRole { namespace: "", name: "admin", aggregated_to: "", aggregates: "admin", rules: &[] },
    DefaultRole {
        namespace: "",
        name: "cluster-admin",
        aggregated_to: "",
        aggregates: "",
        rules: &[on("*", "*", "*"), urls("*", "*")],
    },
    DefaultRole { namespace: "", name: "edit", aggregated_to: "admin", aggregates: "edit", rules: &[] },
    DefaultRole {
        namespace: "",
        name: "system:aggregate-to-admin",
        aggregated_to: "admin",
        aggregates: "",
        rules: &[
            on("authorization.k8s.io", "localsubjectaccessreviews", "create"),
            on(
                "rbac.authorization.k8s.io",
                "rolebindings roles",
                "create delete deletecollection get list patch update watch",
            ),
        ],
    },
    DefaultRole {
        namespace: "",
        name: "system:aggregate-to-edit",
        aggregated_to: "edit",
        aggregates: "",
        rules: &[
            on(
                "core",
                "pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy",
                "get list watch",
            ),
            on("core", "serviceaccounts", "impersonate"),
            on(
                "core",
                "pods pods/attach pods/exec pods/portforward pods/proxy",
                "create delete deletecollection patch update",
            ),
            on("core", "pods/eviction", "create"),
            on(
                "core",
                "configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts services services/proxy",
                "create delete deletecollection patch update",
            ),
            on("core", "serviceaccounts/token", "create"),
            on(
                "apps",
                "daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale",
                "create delete deletecollection patch update",
            ),
            on("autoscaling", "horizontalpodautoscalers", "create delete deletecollection patch update"),
            on("batch", "cronjobs jobs", "create delete deletecollection patch update"),
            on(
                "extensions",
                "daemonsets deployments deployments/rollback deployments/scale ingresses networkpolicies replicasets replicasets/scale replicationcontrollers/scale",
                "create delete deletecollection patch update",
            ),
            on("policy", "poddisruptionbudgets", "create delete deletecollection patch update"),
            on(
                "networking.k8s.io",
                "ingresses networkpolicies",
                "create delete deletecollection patch update",
            ),
            on("coordination.k8s.io", "leases", "create delete deletecollection get list patch update watch"),
            on(
                "resource.k8s.io",
                "resourceclaims resourceclaimtemplates",
                "create delete deletecollection patch update",
            ),
        ],
    },
    DefaultRole {
        namespace: "",
        name: "system:aggregate-to-view",
        aggregated_to: "view",
        aggregates: "",
        rules: &[
            on(
                "core",
                "configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status",
                "get list watch",
            ),
            on(
                "core",
                "bindings events limitranges namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas resourcequotas/status",
                "get list watch",
            ),
            on("core", "namespaces", "get list watch"),
            on("discovery.k8s.io", "endpointslices", "get list watch"),
            on(
                "apps",
                "controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status",
                "get list watch",
            ),
            on("autoscaling", "horizontalpodautoscalers horizontalpodautoscalers/status", "get list watch"),
            on("batch", "cronjobs cronjobs/status jobs jobs/status", "get list watch"),
            on(
                "extensions",
                "daemonsets daemonsets/status deployments deployments/scale deployments/status ingresses ingresses/status networkpolicies replicasets replicasets/scale replicasets/status replicationcontrollers/scale",
                "get list watch",
            ),
            on("policy", "poddisruptionbudgets poddisruptionbudgets/status", "get list watch"),
            on("networking.k8s.io", "ingresses ingresses/status networkpolicies", "get list watch"),
            on(
                "resource.k8s.io",
                "resourceclaims resourceclaims/status resourceclaimtemplates",
                "get list watch",
            ),
        ],
    },
    DefaultRole {
        namespace: "",
        name: "system:auth-delegator",
        aggregated_to: "",
        aggregates: "",
        rules: &[
            on("authentication.k8s.io", "tokenreviews", "create"),
            on("authorization.k8s.io", "subjectaccessreviews", "create"),
        ],
    },
    DefaultRole {
        namespace: "",
        name: "system:basic-user",
        aggregated_to: "",
        aggregates: "",
        rules: &[
            on("authorization.k8s.io", "selfsubjectaccessreviews selfsubjectrulesreviews", "create"),
            on("authentication.k8s.io", "selfsubjectreviews", "create"),
        ],
    },
    DefaultRole {
        namespace: "",
        name: "system:discovery",
        aggregated_to: "",
        aggregates: "",
        rules: &[urls(
            "/api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version /version/",
            "get",
        )],
    },
    DefaultRole {
        namespace: "",
        name: "system:kubelet-api-admin",
        aggregated_to: "",
        aggregates: "",
        rules: &[
            on("core", "nodes", "get list watch"),
            on("core", "nodes", "proxy"),
            on("core", "nodes/log nodes/metrics nodes/proxy nodes/stats", "*"),
            on("core", "nodes/configz nodes/healthz nodes/pods", "*"),
        ],
    },
    DefaultRole {
        namespace: "",
        name: "system:monitoring",
        aggregated_to: "",
        aggregates: "",
        rules: &[
            urls("/healthz /healthz/* /livez /livez/* /metrics /metrics/slis /readyz /readyz/*", "get"),
            on("core", "nodes/metrics", "get"),
        ],
    },
    DefaultRole {
        namespace: "",
        name: "system:public-info-viewer",
        aggregated_to: "",
        aggregates: "",
        rules: &[urls("/healthz /livez /readyz /version /version/", "get")],
    },
    DefaultRole { namespace: "", name: "view", aggregated_to: "edit", aggregates: "view", rules: &[] },
];

//! What is the same in nearly every cluster and stands in no manifest: where DNS runs, on which ports an API server listens,
//! which addresses are private, and by what names ingress controllers go.

use lumen_value::Value;

use super::address::{AddressRange, AddressSet};
use super::port::{Ports, Protocol};
use super::workload::Workload;
use crate::object::label;
use crate::object::pod::{ContainerKind, PodView};

/// Where the cluster's DNS runs, and the label that all its makes have there.
pub mod dns {
    /// The namespace.
    pub const NAMESPACE: &str = crate::object::KUBE_SYSTEM;
    /// The key of the label of its pods.
    pub const LABEL: &str = "k8s-app";
    /// The value of that label.
    pub const VALUE: &str = "kube-dns";
    /// Its port.
    pub const PORT: u16 = 53;
    /// The ports on which the pods listen that answer: nearly everywhere, and in `OpenShift`.
    pub const POD_PORTS: [u16; 2] = [PORT, 5353];
}

/// The port of DNS, of UDP and TCP.
pub fn dns_ports() -> Ports {
    Ports::one(Protocol::Udp, dns::PORT).union(&Ports::one(Protocol::Tcp, dns::PORT))
}

/// Ports that people know, by which of them is likeliest to be meant: HTTPS, HTTP, DNS.
pub const FAMILIAR_PORTS: [(Protocol, u16); 3] =
    [(Protocol::Tcp, 443), (Protocol::Tcp, 80), (Protocol::Udp, dns::PORT)];

/// The ports on which API servers listen: behind their Service, on their nodes, and those of some distributions.
pub const API_SERVER_PORTS: [u16; 4] = [443, 6443, 8443, 16443];

/// The private addresses of IPv4 of which clusters take theirs (RFC 1918).
pub const PRIVATE_RANGES: [&str; 3] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];

/// Networks of IPv4 that are not the internet: private, shared, local, reserved, multicast (RFC 6890).
pub const NOT_INTERNET: [&str; 13] = [
    "0.0.0.0/8",
    PRIVATE_RANGES[0],
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    PRIVATE_RANGES[1],
    "192.0.0.0/24",
    "192.0.2.0/24",
    PRIVATE_RANGES[2],
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/3",
];

/// The addresses of IPv6 that are given out (RFC 4291, global unicast).
pub const INTERNET_V6: &str = "2000::/3";

/// Networks from which pods get their addresses: the private ones, those that carriers share, and those of IPv6 that are
/// unique to a site (RFC 4193).
const OF_PODS: [&str; 5] =
    [PRIVATE_RANGES[0], PRIVATE_RANGES[1], PRIVATE_RANGES[2], "100.64.0.0/10", "fc00::/7"];

/// Ranges that distributions give to Services where nobody says otherwise, with what the range is known from.
pub const SERVICE_RANGES: [(&str, &str); 4] = [
    ("10.96.0.0/12", "kubeadm"),
    ("10.43.0.0/16", "K3s"),
    ("10.152.183.0/24", "MicroK8s"),
    ("172.30.0.0/16", "OpenShift"),
];

/// Ranges that distributions give to pods.
pub const POD_RANGES: [(&str, &str); 3] = [
    ("10.42.0.0/16", "K3s"),
    ("10.244.0.0/16", "kubeadm with Flannel, and kind"),
    ("10.128.0.0/14", "OpenShift"),
];

fn ranges<const N: usize>(networks: [&str; N]) -> Vec<AddressRange> {
    networks.into_iter().filter_map(AddressRange::of_cidr).collect()
}

/// The addresses of the internet, of IPv4 and IPv6: all but private, local and reserved ones.
pub fn internet() -> AddressSet {
    let mut found = AddressSet::without(AddressRange::IPV4, ranges(NOT_INTERNET)).ranges().to_vec();
    found.extend(AddressRange::of_cidr(INTERNET_V6));
    AddressSet::of(found)
}

/// Whether some addresses may be those of pods.
pub fn may_be_of_pods(set: &AddressSet) -> bool {
    let of_pods = ranges(OF_PODS);
    set.ranges().iter().any(|range| of_pods.iter().any(|pods| range.overlaps(pods)))
}

/// Policies of other makers that network plugins enforce and that the model does not read: group, kind, maker.
pub const POLICIES_NOT_READ: [(&str, &str, &str); 9] = [
    ("projectcalico.org", "NetworkPolicy", "Calico"),
    ("projectcalico.org", "GlobalNetworkPolicy", "Calico"),
    ("crd.projectcalico.org", "NetworkPolicy", "Calico"),
    ("crd.projectcalico.org", "GlobalNetworkPolicy", "Calico"),
    ("crd.antrea.io", "NetworkPolicy", "Antrea"),
    ("crd.antrea.io", "ClusterNetworkPolicy", "Antrea"),
    ("k8s.ovn.org", "EgressFirewall", "OVN-Kubernetes"),
    ("network.openshift.io", "EgressNetworkPolicy", "OpenShift"),
    ("networking.gke.io", "FQDNNetworkPolicy", "GKE"),
];

/// What ingress controllers and gateways are called by those who make them: in the labels of their charts, or as
/// workloads.
const CONTROLLER_NAMES: [&str; 19] = [
    "traefik",
    "ingress-nginx",
    "ingress-nginx-controller",
    "nginx-ingress",
    "nginx-ingress-controller",
    "haproxy-ingress",
    "kubernetes-ingress",
    "kong",
    "contour-envoy",
    "envoy",
    "envoy-gateway",
    "istio-ingressgateway",
    "ingressgateway",
    "cilium-ingress",
    "ambassador",
    "emissary-ingress",
    "voyager",
    "skipper-ingress",
    "router-default",
];

/// Ends of image names, without tag, by which they are known.
const CONTROLLER_IMAGES: [&str; 9] = [
    "traefik",
    "ingress-nginx/controller",
    "nginx-ingress-controller",
    "nginx-ingress",
    "haproxy-ingress",
    "kubernetes-ingress",
    "contour",
    "envoy",
    "kong",
];

/// The labels that say what a pod is, the first that is there counts.
const CONTROLLER_LABELS: [&str; 4] = ["app.kubernetes.io/name", "app", "k8s-app", "name"];

/// Whether a workload is an ingress controller or a gateway: nothing in Kubernetes says so, its usual names do, as its own, as
/// a label, or as the image of its first container. A sidecar makes no controller.
pub fn is_ingress_controller(workload: &Workload) -> bool {
    let is_known = |name: &str| CONTROLLER_NAMES.contains(&name);
    let labels = CONTROLLER_LABELS.iter().filter_map(|key| label(&workload.labels, key));
    is_known(&workload.name)
        || labels.filter(|value| !value.is_empty()).take(1).any(is_known)
        || images(workload, true).iter().any(|image| is_image(image, &CONTROLLER_IMAGES))
}

/// Whether a container of a workload has an image whose name ends so.
pub fn runs_image(workload: &Workload, ends: &[&str]) -> bool {
    images(workload, false).iter().any(|image| is_image(image, ends))
}

/// The images of a workload: of its containers, or of the first that is none for its start.
fn images(workload: &Workload, first_only: bool) -> Vec<String> {
    let Some(holder) = workload.entry.value.find(&workload.at) else { return Vec::new() };
    let pod = PodView::of(holder, workload.at.clone());
    let counts = |kind: &ContainerKind| !first_only || *kind == ContainerKind::Regular;
    let wanted = pod.containers().filter(|container| counts(&container.kind));
    let most = if first_only { 1 } else { usize::MAX };
    wanted.map(|container| container.image().to_owned()).take(most).collect()
}

fn is_image(image: &str, ends: &[&str]) -> bool {
    let image = image.split('@').next().unwrap_or_default();
    let name_at = image.rfind('/').map_or(0, |slash| slash + 1);
    let colon = image.get(name_at..).and_then(|name| name.find(':')).map(|colon| name_at + colon);
    let bare = colon.and_then(|end| image.get(..end)).unwrap_or(image);
    ends.iter().any(|end| bare.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('/')))
}

/// The labels of a namespace of which nothing but the name is known.
pub fn bare_namespace(name: &str) -> Value {
    [(crate::object::NAMESPACE_NAME_LABEL, Value::from(name))].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_internet_has_no_private_addresses() {
        let internet = internet();
        for inside in ["10.1.2.3", "192.168.2.1", "127.0.0.1", "255.255.255.255", "fd00::1", "::1"] {
            assert!(!internet.contains(inside.parse().expect("an address")), "{inside}");
        }
        for outside in ["1.1.1.1", "8.8.8.8", "11.0.0.0", "2606:4700::1111"] {
            assert!(internet.contains(outside.parse().expect("an address")), "{outside}");
        }
        assert!(!may_be_of_pods(&internet));
        assert!(may_be_of_pods(&AddressSet::all()));
    }

    #[test]
    fn images_are_known_by_the_end_of_their_names() {
        for image in ["traefik", "traefik:v3", "docker.io/library/traefik@sha256:0", "a:5000/traefik:3"] {
            assert!(is_image(image, &CONTROLLER_IMAGES), "{image}");
        }
        for image in ["my-traefik", "traefik/whoami:1", ""] {
            assert!(!is_image(image, &CONTROLLER_IMAGES), "{image}");
        }
    }
}

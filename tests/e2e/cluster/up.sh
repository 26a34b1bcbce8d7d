#!/usr/bin/env bash
# Starts a Kubernetes cluster from what build.sh built, and waits until it works.
# usage: up.sh CACHE_DIR RUN_DIR [NODES]      (default: 0, a control plane alone)
#   RUN_DIR/kubeconfig is an administrator's; RUN_DIR/log/*.log are the logs.
#   RUN_DIR/images/*.tar, if there before, are images that the nodes get beside CACHE_DIR/images/*.tar.
# Run again it starts what is not running; the first run's NODES holds for RUN_DIR.
# down.sh RUN_DIR stops it; enter.sh RUN_DIR COMMAND.. runs a command where it can be reached.
# A cluster with nodes needs root and lives in a network namespace of its own, without
# a way out: nothing meant for it can leave the machine. One such cluster runs at a time.
# Without nodes everything listens on 127.0.0.1 of the machine.
# LEADER_ELECT=true: as in real clusters (slower to start). AUDIT_POLICY=FILE: audit log at RUN_DIR/log/audit.jsonl.
# ADMISSION_CONFIG=FILE: the configuration of the admission plugins.
# API_SERVER_ALONE=true: etcd and the API server, no controllers: nobody makes the `default` service accounts then.
set -euo pipefail

bridge=kubelab0 subnet=10.200.0 pods=10.244 services=10.96.0.0/16 lab=kubelab

[ $# -ge 2 ] || { sed -n '2,12s/^# //p' "$0" >&2; exit 2; }
if [ "${3:-0}" -gt 0 ] || grep -qs '^nodes=[1-9]' "$2/settings"; then
	[ -e "/run/netns/$lab" ] || { ip netns add "$lab"; ip -n "$lab" link set lo up; }
	[ "$(stat -Lc %i "/run/netns/$lab")" = "$(stat -Lc %i /proc/self/ns/net)" ] || exec nsenter --net="/run/netns/$lab" "$0" "$@"
fi
here=$(cd "$(dirname "$0")" && pwd)
cache=$(cd "$1" && pwd); bin=$cache/bin
mkdir -p "$2"/{pki,log,pid,etcd}
run=$(cd "$2" && pwd)
. "$here/process.sh"

die() { echo "up.sh: $*" >&2; exit 1; }

free_port() {
	local port
	while port=$((RANDOM % 20000 + 10000)); do
		(: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
	done
}

# start NAME COMMAND...
start() {
	local name=$1 id; shift
	running "$name" && return
	setsid "$@" >>"$run/log/$name.log" 2>&1 </dev/null &
	echo "$! $(birth $!)" >"$run/pid/$name"
}

# await NAME COMMAND...: until the command succeeds, NAME ends, or 120 s pass
await() {
	local name=$1 end=$((SECONDS + 120)) id; shift
	until "$@" >/dev/null 2>&1; do
		if ! running "$name" || [ $SECONDS -ge $end ]; then
			tail -n 20 "$run/log/$name"*.log >&2
			die "$name did not become ready"
		fi
		sleep 0.1
	done
}

get() { curl -sf --max-time 5 --cacert "$run/pki/ca.crt" --cert "$run/pki/admin.crt" --key "$run/pki/admin.key" "$@"; }
kubectl() { "$bin/kubectl" --kubeconfig "$run/kubeconfig" "$@"; }

# certificate NAME SUBJECT [ALTERNATIVE_NAMES]
certificate() {
	[ -f "$run/pki/$1.crt" ] && return
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$2" -keyout "$run/pki/$1.key" -out "$run/pki/$1.csr" 2>/dev/null
	openssl x509 -req -in "$run/pki/$1.csr" -CA "$run/pki/ca.crt" -CAkey "$run/pki/ca.key" -days 3650 -out "$run/pki/$1.crt" 2>/dev/null \
		-extfile <(printf 'extendedKeyUsage=clientAuth,serverAuth\n%s' "${3:+subjectAltName=$3}")
}

# kubeconfig NAME FILE HOST
kubeconfig() {
	cat >"$2" <<-EOF
		apiVersion: v1
		kind: Config
		current-context: default
		clusters: [{name: default, cluster: {server: "https://$3:$port_api", certificate-authority-data: $(base64 -w0 "$run/pki/ca.crt")}}]
		contexts: [{name: default, context: {cluster: default, user: default}}]
		users: [{name: default, user: {client-certificate-data: $(base64 -w0 "$run/pki/$1.crt"), client-key-data: $(base64 -w0 "$run/pki/$1.key")}}]
	EOF
	chmod 600 "$2"
}

if [ ! -f "$run/settings" ]; then
	for name in etcd peer api manager scheduler dns; do echo "port_$name=$(free_port)"; done >"$run/settings.new"
	echo "nodes=${3:-0}" >>"$run/settings.new"
	mv "$run/settings.new" "$run/settings"
fi
. "$run/settings"

if [ ! -f "$run/pki/sa.pub" ]; then
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=ca \
		-keyout "$run/pki/ca.key" -out "$run/pki/ca.crt" 2>/dev/null
	openssl genrsa -out "$run/pki/sa.key" 2048 2>/dev/null
	openssl rsa -in "$run/pki/sa.key" -pubout -out "$run/pki/sa.pub" 2>/dev/null
fi
certificate apiserver /CN=kube-apiserver "IP:127.0.0.1,IP:$subnet.1,IP:${services%.*}.1,DNS:localhost,DNS:kubernetes.default,DNS:kubernetes.default.svc"
certificate admin /O=system:masters/CN=admin
certificate manager /CN=system:kube-controller-manager
certificate scheduler /CN=system:kube-scheduler
kubeconfig admin "$run/kubeconfig" 127.0.0.1
kubeconfig manager "$run/pki/manager.kubeconfig" 127.0.0.1
kubeconfig scheduler "$run/pki/scheduler.kubeconfig" 127.0.0.1

listen=127.0.0.1 advertise=127.0.0.1
if [ "$nodes" -gt 0 ]; then
	listen=0.0.0.0 advertise=$subnet.1
	ip link show "$bridge" >/dev/null 2>&1 || ip link add "$bridge" type bridge
	ip addr replace "$advertise/24" dev "$bridge"
	ip link set "$bridge" up
fi

start etcd "$bin/etcd" --name default --data-dir "$run/etcd" --unsafe-no-fsync --log-level warn \
	--listen-client-urls "http://127.0.0.1:$port_etcd" --advertise-client-urls "http://127.0.0.1:$port_etcd" \
	--listen-peer-urls "http://127.0.0.1:$port_peer" --initial-advertise-peer-urls "http://127.0.0.1:$port_peer" \
	--initial-cluster "default=http://127.0.0.1:$port_peer"
await etcd get "http://127.0.0.1:$port_etcd/health"

start kube-apiserver "$bin/kube-apiserver" --etcd-servers "http://127.0.0.1:$port_etcd" \
	--bind-address "$listen" --advertise-address "$advertise" --secure-port "$port_api" \
	--tls-cert-file "$run/pki/apiserver.crt" --tls-private-key-file "$run/pki/apiserver.key" --client-ca-file "$run/pki/ca.crt" \
	--kubelet-preferred-address-types InternalIP --kubelet-client-certificate "$run/pki/admin.crt" --kubelet-client-key "$run/pki/admin.key" --kubelet-certificate-authority "$run/pki/ca.crt" \
	--service-account-issuer https://kubernetes.default.svc --service-cluster-ip-range "$services" \
	--service-account-key-file "$run/pki/sa.pub" --service-account-signing-key-file "$run/pki/sa.key" \
	--authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction --enable-aggregator-routing --allow-privileged \
	${ADMISSION_CONFIG:+--admission-control-config-file "$ADMISSION_CONFIG"} \
	${AUDIT_POLICY:+--audit-policy-file "$AUDIT_POLICY" --audit-log-path "$run/log/audit.jsonl"}
await kube-apiserver get "https://127.0.0.1:$port_api/readyz"
[ "${API_SERVER_ALONE:-false}" != true ] || exit 0

start kube-controller-manager "$bin/kube-controller-manager" --kubeconfig "$run/pki/manager.kubeconfig" \
	--bind-address 127.0.0.1 --secure-port "$port_manager" --cert-dir "$run/pki" --leader-elect="${LEADER_ELECT:-false}" --use-service-account-credentials \
	--service-account-private-key-file "$run/pki/sa.key" --root-ca-file "$run/pki/ca.crt"
start kube-scheduler "$bin/kube-scheduler" --kubeconfig "$run/pki/scheduler.kubeconfig" \
	--bind-address 127.0.0.1 --secure-port "$port_scheduler" --cert-dir "$run/pki" --leader-elect="${LEADER_ELECT:-false}"
await kube-controller-manager get -k "https://127.0.0.1:$port_manager/healthz"
await kube-scheduler get -k "https://127.0.0.1:$port_scheduler/healthz"
await kube-controller-manager kubectl get serviceaccount default

if [ "$nodes" -gt 0 ]; then
	printf '.:53 {\n\tbind %s\n\terrors\n\tready 127.0.0.1:%s\n\tkubernetes cluster.local {\n\t\tkubeconfig %s\n\t}\n}\n' \
		"$advertise" "$port_dns" "$run/kubeconfig" >"$run/Corefile"
	start coredns "$bin/coredns" -conf "$run/Corefile"
	await coredns get "http://127.0.0.1:$port_dns/ready"
fi

for i in $(seq "$nodes"); do
	certificate "node-$i" "/O=system:nodes/CN=system:node:node-$i" "IP:$subnet.$((i + 1)),DNS:node-$i"
	certificate proxy /CN=system:kube-proxy
	kubeconfig "node-$i" "$run/pki/node-$i.kubeconfig" "$advertise"
	kubeconfig proxy "$run/pki/proxy.kubeconfig" "$advertise"
	start "node-$i" unshare --mount --net --pid --ipc --uts --fork --mount-proc --kill-child \
		"$here/node.sh" "$cache" "$run" "$i" "$nodes" "$bridge" "$subnet" "$pods" 9</proc/self/ns/net
done
for i in $(seq "$nodes"); do
	await "node-$i" get "https://$subnet.$((i + 1)):10250/healthz"
	await "node-$i" kubectl wait --for condition=Ready --timeout 5s "node/node-$i"
	ip route replace "$pods.$i.0/24" via "$subnet.$((i + 1))"
done
[ "$nodes" -eq 0 ] || ip route replace "$services" via "$subnet.2"

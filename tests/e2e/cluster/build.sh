#!/usr/bin/env bash
# Builds etcd, CoreDNS and Kubernetes from Go modules, and two small container images.
# usage: build.sh CACHE_DIR [PROGRAM...]      (default: every program)
#   CACHE_DIR/bin/PROGRAM, CACHE_DIR/images/base.tar
# A program already built at the wanted version is left alone.
set -euo pipefail

kubernetes=1.34.4
etcd=3.6.16
coredns=1.12.4

[ $# -gt 0 ] || { sed -n '2,5s/^# //p' "$0" >&2; exit 2; }
mkdir -p "$1"
cache=$(cd "$1" && pwd); shift
[ $# -gt 0 ] || set -- etcd kube-apiserver kube-controller-manager kube-scheduler kubectl kubelet kube-proxy coredns images
export CGO_ENABLED=0 GOWORK=off GOFLAGS="-mod=mod -buildvcs=false -trimpath"
mkdir -p "$cache/bin" "$cache"/src/{etcd,coredns,kubernetes} "$cache/images"

# The staging modules are required at v0.0.0 and replaced by folders that the
# published module lacks; v1.X.Y of Kubernetes belongs to v0.X.Y of each.
kubernetes_module() {
	local src
	[ -f go.sum ] && grep -q "^require k8s.io/kubernetes v$kubernetes\$" go.mod && return
	rm -f go.mod go.sum
	echo 'module build' >go.mod
	src=$(go mod download -json "k8s.io/kubernetes@v$kubernetes" | sed -n 's/.*"Dir": "\(.*\)",/\1/p')
	sed -e 's/^module .*/module build/' \
		-e "s#=> ./staging/src/\(.*\)#=> \1 v0.${kubernetes#1.}#" "$src/go.mod" >go.mod
	echo "require k8s.io/kubernetes v$kubernetes" >>go.mod
	cat "$src/go.sum" >go.sum
}

kubernetes_program() {
	local v=k8s.io/component-base/version
	go build -ldflags "-s -w -X $v.gitVersion=v$kubernetes -X $v.gitMajor=1 -X $v.gitMinor=$(cut -d. -f2 <<<"$kubernetes")" \
		-o "$cache/bin/$1" "k8s.io/kubernetes/cmd/$1"
}

etcd_program() {
	printf 'module build\n\ngo 1.24\n\nrequire go.etcd.io/etcd/server/v3 v%s\n' "$etcd" >go.mod
	go build -ldflags "-s -w" -o "$cache/bin/etcd" go.etcd.io/etcd/server/v3
}

coredns_program() {
	printf 'module build\n\ngo 1.24\n\nrequire github.com/coredns/coredns v%s\n' "$coredns" >go.mod
	cat >main.go <<-'EOF'
		package main

		import (
			"github.com/coredns/coredns/core/dnsserver"
			"github.com/coredns/coredns/coremain"

			_ "github.com/coredns/coredns/plugin/bind"
			_ "github.com/coredns/coredns/plugin/errors"
			_ "github.com/coredns/coredns/plugin/kubernetes"
			_ "github.com/coredns/coredns/plugin/ready"
		)

		func init() { dnsserver.Directives = []string{"bind", "errors", "ready", "kubernetes"} }

		func main() { coremain.Run() }
	EOF
	go build -ldflags "-s -w" -o "$cache/bin/coredns" .
}

# image NAME ROOT CONFIG: one layer, in the archive layout that ctr imports.
image() {
	local layer config
	tar -C "$2" --sort=name --owner=0 --group=0 --mtime=@0 -cf "$tmp/layer.tar" .
	layer=$(sha256sum <"$tmp/layer.tar" | cut -d' ' -f1)
	mv "$tmp/layer.tar" "$tmp/archive/$layer.tar"
	printf '{"architecture":"%s","os":"linux","config":%s,"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
		"$(go env GOARCH)" "$3" "$layer" >"$tmp/config.json"
	config=$(sha256sum <"$tmp/config.json" | cut -d' ' -f1)
	mv "$tmp/config.json" "$tmp/archive/$config.json"
	manifest+=${manifest:+,}$(printf '{"Config":"%s.json","RepoTags":["%s"],"Layers":["%s.tar"]}' "$config" "$1" "$layer")
}

images() {
	local tmp manifest='' applet
	command -v busybox >/dev/null || { echo "build.sh: images need busybox: apt-get install busybox-static" >&2; exit 1; }
	tmp=$(mktemp -d)
	mkdir -p "$tmp"/{archive,pause,busybox/{bin,tmp}}
	printf '#include <unistd.h>\n#include <signal.h>\nstatic void end(int s) { _exit(0); }\nint main(void) { signal(SIGTERM, end); signal(SIGINT, end); for (;;) pause(); }\n' |
		cc -Os -static -s -x c -o "$tmp/pause/pause" -
	image localhost/pause:1 "$tmp/pause" '{"Entrypoint":["/pause"]}'
	for applet in $(busybox --list); do ln -s busybox "$tmp/busybox/bin/$applet"; done
	cp --remove-destination "$(command -v busybox)" "$tmp/busybox/bin/busybox"
	chmod 1777 "$tmp/busybox/tmp"
	image localhost/busybox:1 "$tmp/busybox" '{"Env":["PATH=/bin"],"Cmd":["sh"]}'
	echo "[$manifest]" >"$tmp/archive/manifest.json"
	tar -C "$tmp/archive" -cf "$cache/images/base.tar" .
	rm -r "$tmp"
}

for program; do
	version=$kubernetes
	case $program in etcd) version=$etcd ;; coredns) version=$coredns ;; images) version=1 ;; esac
	stamp=$cache/src/$program.version
	[ "$(cat "$stamp" 2>/dev/null)" = "$version" ] && continue
	case $program in
	etcd | coredns) (cd "$cache/src/$program" && "${program}_program") ;;
	images) images ;;
	*) (cd "$cache/src/kubernetes" && kubernetes_module && kubernetes_program "$program") ;;
	esac
	echo "$version" >"$stamp"
done

#!/bin/bash
# Builds the control plane that the tests of the operator run against (etcd, API server, controller manager, scheduler, kubectl), and helm, from the Go
# module proxy, into the user's cache folder, or into the folder that is given. It takes minutes the first time, and nothing later.
set -euo pipefail
version=1.36.3 etcd=v3.6.16 helm=v4.3.2
out=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/vitrine-tests/kube-$version}
programs='kube-apiserver kubectl kube-controller-manager kube-scheduler'
for p in etcd $programs; do [ -x "$out/$p" ] || missing=1; done
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
mkdir -p "$work/kube" "$work/etcd" "$work/helm" "$work/out" "$(dirname "$out")"
export CGO_ENABLED=0 GOFLAGS=-buildvcs=false GOWORK=off

helm() { # into the folder that is given
  [ ! -x "$1/helm" ] || return 0
  cd "$work/helm"
  printf 'module helmbin\n\ngo 1.26.0\n\nrequire helm.sh/helm/v4 %s\n' $helm >go.mod
  printf '//go:build tools\n\npackage tools\n\nimport _ "helm.sh/helm/v4/cmd/helm"\n' >tools.go
  go mod tidy
  echo 'building helm' && go build -trimpath -ldflags '-s -w' -o "$1/helm" helm.sh/helm/v4/cmd/helm
}
[ -n "${missing:-}" ] || { helm "$out"; exit 0; }

# Kubernetes' own go.mod has its staging modules beside it; a module that requires it has to name their published versions.
cd "$work/kube"
mod=$(cd / && go mod download -json k8s.io/kubernetes@v$version | sed -n 's/^\t"GoMod": "\(.*\)",$/\1/p')
{
  printf 'module kubebins\n\ngo 1.26.0\n\ngodebug default=go1.26\n\nrequire k8s.io/kubernetes v%s\n\nreplace (\n' $version
  sed -n 's#^\s*\(k8s.io/[a-z-]*\) => ./staging.*#\t\1 => \1 v0.'${version#1.}'#p' "$mod"
  echo ')'
} >go.mod
{
  printf '//go:build tools\n\npackage tools\n\nimport (\n'
  for p in $programs; do printf '\t_ "k8s.io/kubernetes/cmd/%s"\n' $p; done
  echo ')'
} >tools.go
go mod tidy
minor=${version#1.} && minor=${minor%.*} # without -X the server says that it is v0.0.0
ld='-s -w'
for p in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
  ld="$ld -X $p.gitVersion=v$version -X $p.gitMajor=1 -X $p.gitMinor=$minor"
done
for p in $programs; do echo "building $p" && go build -trimpath -ldflags "$ld" -o "$work/out/$p" k8s.io/kubernetes/cmd/$p; done

cd "$work/etcd"
printf 'module etcdbin\n\ngo 1.26.0\n\nrequire go.etcd.io/etcd/server/v3 %s\n' $etcd >go.mod
printf 'package main\n\nimport (\n\t"os"\n\n\t"go.etcd.io/etcd/server/v3/etcdmain"\n)\n\nfunc main() { etcdmain.Main(os.Args) }\n' >main.go
go mod tidy
echo 'building etcd' && go build -trimpath -ldflags '-s -w' -o "$work/out/etcd" .
helm "$work/out"
rm -rf "$out"
mv "$work/out" "$out"

# Sourced by the scripts beside it: where the guests are, and how their tools get into the cache from their registries.
guests=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
src=$guests/src
out=${OUT:-$guests/prebuilt}
cache=${VITRINE_GUESTS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vitrine-guests}
mkdir -p "$cache" "$out"
export PATH=$cache/bin:$PATH

# need COMMAND WHAT…: gives up where a command is missing, and says how to get it.
need() {
  command -v "$1" >/dev/null || { echo "$1 is not here: ${*:2}" >&2; exit 1; }
}

# crate NAME VERSION [COMMAND]: a command of crates.io in the cache, built once.
crate() {
  local at
  at=$cache/bin/${3:-$1}
  [ -x "$at" ] && [ "$(cat "$at.version" 2>/dev/null)" = "$2" ] && return
  need cargo 'install Rust'
  cargo install --quiet --locked --root "$cache" --version "$2" "$1"
  echo "$2" >"$at.version"
}

# The version that the specification's suite is converted with, too: later ones parse another text format.
wasm_tools() { crate wasm-tools 1.258.0; }

# packages NAME…: npm packages in the cache.
packages() {
  need npm 'install Node.js 20 or newer'
  npm install --silent --no-save --prefix "$cache/npm" "$@" >&2
  export PATH=$cache/npm/node_modules/.bin:$PATH
}

# debian NAME…: Debian packages unpacked in the cache, not installed.
debian() {
  need apt-get 'the C library for wasm32-wasi comes as a Debian package'
  mkdir -p "$cache/debian"
  (cd "$cache/debian" && apt-get download -qq "$@" && for d in *.deb; do dpkg -x "$d" .; done && rm -- *.deb)
}

# adapter KIND: the file that makes a component of a module of WASI 0.1, from the crate that publishes it.
adapter() {
  local at=$cache/adapter
  if [ ! -e "$at/$1.wasm" ]; then
    mkdir -p "$at/src"
    printf '[package]\nname="adapter"\nversion="0.0.0"\nedition="2021"\n[dependencies]\nwasi-preview1-component-adapter-provider="=%s"\n' 48.0.8 >"$at/Cargo.toml"
    : >"$at/src/lib.rs"
    (cd "$at" && cargo vendor --quiet vendor >/dev/null)
    cp "$at/vendor/wasi-preview1-component-adapter-provider/artefacts/wasi_snapshot_preview1.$1.wasm" "$at/$1.wasm"
  fi
  echo "$at/$1.wasm"
}

# sources DIR WIT: a copy of a guest's source, with the WIT that its world depends on beside it.
sources() {
  rm -rf "$work/g"
  cp -r "$src/$1" "$work/g"
  [ -z "${2:-}" ] || { mkdir -p "$work/g/wit/deps" && cp -r "$src/wit/$2/." "$work/g/wit/deps/"; }
  echo "$work/g"
}

# wanted NAME: whether ONLY asks for the guest.
wanted() { [[ $1 =~ ${ONLY:-.} ]]; }

done_with() { printf '%9d %s\n' "$(stat -c %s "$out/$1.component.wasm")" "$1"; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

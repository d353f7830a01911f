#!/bin/bash
# Rebuilds the guests into ../prebuilt, or into the folder OUT.   all.sh [REGEX of the guests to build]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export ONLY=${1:-${ONLY:-}}
for language in wat rust c go js; do "$here/$language.sh"; done
"$here/compose.sh"

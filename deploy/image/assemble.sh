#!/bin/sh
# Puts together what a gateway needs to run, and nothing else, from a checkout that is set up:
# sources without their tests, the codec, packages without those for developers, the compiled Kafka
# client. The Dockerfile calls it; it knows nothing of containers.
#
#   sh deploy/image/assemble.sh TARGET
set -eu

target=${1:?the folder to fill}
root=$(CDPATH='' cd "$(dirname "$0")/../.." && pwd -P)
if [ -e "$target" ]; then
  echo "assemble.sh: $target is there already" >&2
  exit 1
fi

mkdir -p "$target/build"
cp "$root/package.json" "$root/package-lock.json" "$root/.npmrc" "$root/LICENSE" "$target/"
cp -R "$root/src" "$root/packs" "$root/demo" "$root/console" "$target/"
cp "$root/build/codec.wasm" "$root/build/client.js" "$target/build/"
find "$target/src" "$target/packs" \( -name '*.test.ts' -o -name 'testing' -o -name 'data' \) \
  -prune -exec rm -rf {} +

# Scripts stay off: the one that matters compiles the Kafka client, which is done already.
(cd "$target" && npm ci --omit=dev --ignore-scripts --no-audit --no-fund)
kafka=node_modules/@confluentinc/kafka-javascript
# Sources that the addon was compiled from, half of the packages' size.
rm -rf "$target/${kafka:?}/deps" "$target/$kafka/src" "$target/$kafka/build"
cp -R "$root/$kafka/build" "$target/$kafka/build"
rm -f "$target/.npmrc"

cp "$root/deploy/image/sluice" "$target/sluice"
chmod 755 "$target/sluice"

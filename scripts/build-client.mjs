// @ts-check
/**
 * Bundles `sluice/client` for browsers into build/client.js, and `sluice/client/live` into
 * build/live.js: who sends does not pay for who looks on. Members of the sender's one record of
 * state are renamed to single letters: nobody else sees them. What goes over the wire, into a store
 * or to users keeps its name.
 *
 * By hand: npm run build
 */
import { writeFileSync } from "node:fs";

import { build } from "esbuild";
import { minify } from "terser";

import { inRoot } from "./setup/paths.mjs";

const OWN_NAMES = `
  adding aheadMs backAt bytesMax bytesSent cancelLinger cancelPause cancelRenewal cancelWake
  cancelWatch creditBytes creditSeq deafTries entries eventBytesMax eventsMax finished flushes
  frameBytes frameBytesMax frameEvents freshBytes freshEvents hasGap heardAt isAdding isBroken
  isDialing isLeading isOnAir isOver isRounded isSaving leadTry leave left listeners loaded mine
  nextUrl notBefore nowMs openBytes openEvents options out pauses phase pingMs pub release return
  run seqMax singleUntil sleep socket suspect suspicions tokenRefused wake wakeAt welcomeAt
  whenAdded whenEnded whenFollowing whenLeading whenTrusted work
`
  .trim()
  .split(/\s+/);

/**
 * One file without imports, as small as it gets.
 *
 * @param {string} entry below src/client
 * @param {string} target below build
 * @param {import("esbuild").BuildOptions} [options]
 */
async function bundle(entry, target, options = {}) {
  const { outputFiles } = await build({
    entryPoints: [inRoot("src", "client", entry)],
    bundle: true,
    write: false,
    minify: true,
    format: "esm",
    target: "es2022",
    ...options,
  });
  const { code = "" } = await minify(outputFiles?.[0]?.text ?? "", {
    module: true,
    ecma: 2020,
    compress: {
      passes: 3,
      pure_getters: true,
      sequences: false,
      unsafe_arrows: true,
      unsafe_methods: true,
    },
  });
  writeFileSync(inRoot("build", target), code);
}

const mangleProps = new RegExp(`^(?:${OWN_NAMES.join("|")})$`);
await bundle("browser.ts", "client.js", { mangleProps });
await bundle("live.ts", "live.js");

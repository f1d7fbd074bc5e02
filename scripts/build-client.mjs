// @ts-check
/**
 * Bundles `sluice/client` for browsers into build/client.js. Members of its one record of state are
 * renamed to single letters: nobody else sees them. What goes over the wire, into a store or to
 * users keeps its name.
 *
 * By hand: npm run build
 */
import { writeFileSync } from "node:fs";

import { build } from "esbuild";
import { minify } from "terser";

import { inRoot } from "./setup/paths.mjs";

const OWN_NAMES = `
  adding backAt bytesMax bytesSent cancelLinger cancelPause cancelRenewal cancelWake cancelWatch
  creditBytes creditSeq deafTries entries eventBytesMax eventsMax finished frameBytes
  frameBytesMax frameEvents hasGap heardAt isAdding isBroken isDialing isLeading isOnAir isOut
  isOver isRounded isSaving leadTry left listeners loaded mine nextUrl notBefore nowMs pauses
  phase pingMs pub run seqMax singleUntil socket suspect suspicions tokenRefused wakeAt welcomeAt
  whenAdded whenEnded whenFollowing whenLeading whenTrusted
`
  .trim()
  .split(/\s+/);

const bundle = await build({
  entryPoints: [inRoot("src", "client", "browser.ts")],
  bundle: true,
  write: false,
  minify: true,
  format: "esm",
  target: "es2022",
  mangleProps: new RegExp(`^(?:${OWN_NAMES.join("|")})$`),
});
const [file] = bundle.outputFiles;
const { code = "" } = await minify(file?.text ?? "", {
  module: true,
  ecma: 2020,
  compress: { passes: 3, unsafe_arrows: true },
});
writeFileSync(inRoot("build", "client.js"), code);

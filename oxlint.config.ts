/** The linter's rules: every one an error. A disabling comment that hides nothing is one too. */
import { defineConfig, type OxlintOverride } from "oxlint";

import { forbiddenImports, forbiddenLibraries, ROOM_IMPORTS } from "./scripts/check/rooms.ts";

const TESTS = ["**/*.test.{ts,mjs}", "src/**/testing/**", "test/**", "bench/**"];

const roomRules = Object.keys(ROOM_IMPORTS).map((room): OxlintOverride => {
  return {
    files: [`src/${room}/**/*.ts`],
    rules: { "no-restricted-imports": ["error", { patterns: forbiddenImports(room) }] },
  };
});

export default defineConfig({
  plugins: ["typescript", "unicorn", "oxc", "import", "node", "promise"],
  categories: { correctness: "error", suspicious: "error" },
  options: { typeAware: true, reportUnusedDisableDirectives: "error" },
  // Scripts of pages are for browsers, whose types are not here.
  ignorePatterns: ["assembly/**", "build/**", "examples/*/pages/**"],
  rules: {
    eqeqeq: "error",
    "max-lines-per-function": ["error", { max: 70 }],
    "max-lines": ["error", { max: 400 }],
    "max-params": ["error", { max: 3 }],
    "no-console": "error",
    // Passing functions and their results on is what `then` is for at times; sorting a fresh array
    // in place is no harm; a helper may stand where it is used; uWebSockets.js is CommonJS.
    "promise/always-return": "off",
    "unicorn/no-array-sort": "off",
    "unicorn/no-array-reverse": "off",
    "unicorn/consistent-function-scoping": "off",
    "unicorn/no-useless-spread": "off",
    "import/no-named-as-default-member": "off",
    "unicorn/prefer-add-event-listener": "off",
    // Interfaces are met by closures as often as by classes; a flag may be set by a listener.
    "typescript/unbound-method": "off",
    "no-unmodified-loop-condition": "off",
    // Foreign enums take numbers. Casts belong to the borders, where they are all of this kind:
    // their reasons are for a reader to judge.
    "typescript/no-unsafe-enum-assignment": "off",
    "typescript/no-unsafe-type-assertion": "off",
    "import/no-cycle": "error",
    "import/no-default-export": "error",
    "unicorn/prefer-node-protocol": "error",
    "node/no-process-env": "error",
    "typescript/consistent-type-imports": "error",
    "typescript/no-deprecated": "error",
    "typescript/no-explicit-any": "error",
    "typescript/no-floating-promises": "error",
    "typescript/no-misused-promises": "error",
    "typescript/no-non-null-assertion": "error",
    "typescript/no-unsafe-argument": "error",
    "typescript/no-unsafe-assignment": "error",
    "typescript/no-unsafe-call": "error",
    "typescript/no-unsafe-member-access": "error",
    "typescript/no-unsafe-return": "error",
    "typescript/prefer-promise-reject-errors": "error",
    "typescript/switch-exhaustiveness-check": [
      "error",
      { considerDefaultExhaustiveForUnions: true },
    ],
  },
  overrides: [
    ...roomRules,
    {
      files: ["src/main.ts", "src/cli/**/*.ts"],
      rules: {
        "no-restricted-imports": ["error", { patterns: forbiddenLibraries("main") }],
      },
    },
    {
      // Programs for a terminal.
      files: ["scripts/**", "examples/**", "loadtest/**"],
      rules: { "no-console": "off", "node/no-process-env": "off" },
    },
    {
      // Plain JavaScript: tsc checks it by its doc comments, in which `any` cannot be avoided.
      files: ["**/*.mjs", "console/**"],
      rules: {
        "typescript/no-unsafe-argument": "off",
        "typescript/no-unsafe-assignment": "off",
        "typescript/no-unsafe-call": "off",
        "typescript/no-unsafe-member-access": "off",
        "typescript/no-unsafe-return": "off",
      },
    },
    { files: ["src/cli/**"], rules: { "no-console": "off" } },
    // The environment is read in one room, to which main hands it.
    { files: ["src/config/**", "src/main.ts"], rules: { "node/no-process-env": "off" } },
    { files: ["**/*.d.ts"], rules: { "typescript/no-extraneous-class": "off" } },
    {
      files: TESTS,
      rules: {
        "max-lines": "off",
        "max-lines-per-function": "off",
        "no-restricted-imports": "off",
        "node/no-process-env": "off",
        "no-console": "off",
        // node:test returns promises from test() and describe() that it awaits by itself.
        "typescript/no-floating-promises": [
          "error",
          {
            allowForKnownSafeCalls: [
              { from: "package", package: "node:test", name: ["describe", "it", "suite", "test"] },
            ],
          },
        ],
      },
    },
    { files: ["**/*.gen.ts"], rules: { "max-lines": "off" } },
    // Their readers take a default export only.
    {
      files: ["*.config.ts", "scripts/test/ledger.ts"],
      rules: { "import/no-default-export": "off" },
    },
  ],
});

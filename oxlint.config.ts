/** The linter's rules. Every rule is an error; a disabling comment that hides nothing is one too. */
import { defineConfig, type OxlintOverride } from "oxlint";
import { forbiddenImports, forbiddenLibraries, ROOM_IMPORTS } from "./scripts/check/rooms.ts";

const TESTS = ["**/*.test.ts", "src/**/testing/**", "test/**", "bench/**"];

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
  ignorePatterns: ["assembly/**", "build/**"],
  rules: {
    eqeqeq: "error",
    "max-lines-per-function": ["error", { max: 70 }],
    "max-lines": ["error", { max: 400 }],
    "max-params": ["error", { max: 3 }],
    "no-console": "error",
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
    "typescript/switch-exhaustiveness-check": "error",
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
      // Programs for a terminal, with JSON files of npm at their borders.
      files: ["scripts/**"],
      rules: { "no-console": "off", "node/no-process-env": "off" },
    },
    {
      // Plain JavaScript: tsc checks it by its doc comments, in which `any` cannot be avoided.
      files: ["**/*.mjs"],
      rules: {
        "typescript/no-unsafe-argument": "off",
        "typescript/no-unsafe-assignment": "off",
        "typescript/no-unsafe-call": "off",
        "typescript/no-unsafe-member-access": "off",
        "typescript/no-unsafe-return": "off",
      },
    },
    { files: ["src/cli/**"], rules: { "no-console": "off" } },
    { files: ["src/config/**"], rules: { "node/no-process-env": "off" } },
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
    { files: ["*.config.ts"], rules: { "import/no-default-export": "off" } },
  ],
});

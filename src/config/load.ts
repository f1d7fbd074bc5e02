/**
 * Makes the configuration out of flags, variables, the file and the defaults (in this order of
 * precedence) or says, in sentences, everything that is wrong with them. The only place that knows
 * how settings are written. It is handed argv and the environment; it reads neither by itself.
 */
import { CROSS_RULES } from "./cross-rules.ts";
import { helpText } from "./help.ts";
import { nearestName } from "./nearest.ts";
import { OPTIONS, type Config, type OptionName } from "./options.ts";
import { maskUserInfo } from "./print.ts";
import { flagName, variableName, type OptionTable, type OptionValue } from "./rule.ts";
import { parseJson, parseText, type ParsedValue } from "./value.ts";

/** Where a value came from. */
type ValueSource = "flag" | "variable" | "file" | "default";

export interface LoadInput {
  /** What follows the command: `process.argv.slice(2)`. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Returns the text of a file or throws; called at most once, for `--config`. */
  readonly readFile: (path: string) => string;
  /** Whether the help text may be coloured. */
  readonly isTty: boolean;
}

export interface LoadedConfig {
  readonly kind: "config";
  readonly config: Config;
  readonly sources: Readonly<Record<OptionName, ValueSource>>;
  /** Sentences about deprecated settings. */
  readonly warnings: readonly string[];
}

export type LoadResult =
  | LoadedConfig
  | { readonly kind: "help"; readonly text: string }
  /** At least one sentence; each names the setting that is wrong. */
  | { readonly kind: "fault"; readonly faults: readonly string[] };

/** Variables with these beginnings belong to the tests and to the scripts that start services. */
const FOREIGN_PREFIXES = ["SLUICE_TEST_", "SLUICE_SERVICES_"] as const;

/** What Kubernetes puts into every pod beside a Service called `sluice`. */
const SERVICE_LINK = /^SLUICE_(SERVICE_(HOST|PORT)|PORT_[0-9]+_(TCP|UDP))/;
const SERVICE_LINK_VALUE = /^(tcp|udp):\/\//;

const CONFIG_FLAG = "--config";
const CONFIG_VARIABLE = "SLUICE_CONFIG";

interface Written {
  readonly parsed: ParsedValue;
  readonly source: ValueSource;
  /** How the user wrote the setting: its flag, its variable, or its key in the file. */
  readonly name: string;
  readonly shown: string;
}

/**
 * Reads the configuration.
 *
 * ```ts
 * const loaded = loadConfig({ argv, env, readFile: (path) => readFileSync(path, "utf8"), isTty });
 * if (loaded.kind === "config") start(loaded.config);
 * ```
 */
export function loadConfig(input: LoadInput): LoadResult {
  const flags = readFlags(OPTIONS, input.argv);
  if (flags.help) {
    return { kind: "help", text: helpText({ colour: input.isTty }) };
  }
  const file = readConfigFile(OPTIONS, flags.configPath ?? configVariable(input.env), input);
  const variables = readVariables(OPTIONS, input.env);
  const faults = [...flags.faults, ...variables.faults, ...file.faults];
  const values: Record<string, OptionValue> = {};
  const sources: Record<string, ValueSource> = {};
  const warnings: string[] = [];
  for (const [option, rule] of Object.entries<OptionTable[string]>(OPTIONS)) {
    const layers = [flags.found, variables.found, file.found].map((layer) => layer.get(option));
    for (const written of layers) {
      if (written?.parsed.kind === "fault") {
        const shown = rule.secret === true ? "***" : maskUserInfo(written.shown);
        faults.push(`${written.name} is ${shown} but should be ${written.parsed.expected}.`);
      }
    }
    const winner = layers.find((written) => written !== undefined);
    values[option] = winner?.parsed.kind === "value" ? winner.parsed.value : rule.default;
    sources[option] = winner?.source ?? "default";
    if (winner !== undefined && rule.deprecated !== undefined) {
      warnings.push(`${winner.name} is deprecated: ${rule.deprecated}`);
    }
  }
  // The table was walked row by row, so there is a value of the right type for each option.
  const config = Object.freeze(values) as Config;
  if (faults.length === 0) {
    faults.push(...CROSS_RULES.map((rule) => rule(config)).filter((fault) => fault !== undefined));
  }
  return faults.length > 0
    ? { kind: "fault", faults }
    : {
        kind: "config",
        config,
        sources: Object.freeze(sources) as LoadedConfig["sources"],
        warnings,
      };
}

interface Layer {
  readonly found: ReadonlyMap<string, Written>;
  readonly faults: readonly string[];
}

interface FlagLayer extends Layer {
  readonly help: boolean;
  readonly configPath: string | undefined;
}

function readFlags(table: OptionTable, argv: readonly string[]): FlagLayer {
  const options = new Map(Object.keys(table).map((option) => [flagName(option), option]));
  const found = new Map<string, Written>();
  const faults: string[] = [];
  let configPath: string | undefined;
  let help = false;
  for (let index = 0; index < argv.length; index += 1) {
    const argument = argv[index] ?? "";
    if (argument === "--help" || argument === "-h") {
      help = true;
      continue;
    }
    const equals = argument.indexOf("=");
    const flag = equals < 0 ? argument : argument.slice(0, equals);
    let text = equals < 0 ? undefined : argument.slice(equals + 1);
    const negated = flag.startsWith("--no-") ? options.get(`--${flag.slice(5)}`) : undefined;
    const option = options.get(flag) ?? negated;
    const rule = option === undefined ? undefined : table[option];
    if (rule === undefined && flag !== CONFIG_FLAG) {
      faults.push(unknownArgument(argument, flag, [...options.keys(), CONFIG_FLAG, "--help"]));
      index += equals < 0 && flag.startsWith("--") && isValue(argv[index + 1]) ? 1 : 0;
      continue;
    }
    if (negated !== undefined && (rule?.type !== "boolean" || text !== undefined)) {
      faults.push(`${flag} does not exist: only a switch can be turned off this way.`);
      continue;
    }
    if (text === undefined && rule?.type === "boolean") {
      text = isSwitchValue(argv[index + 1]) ? argv[(index += 1)] : String(negated === undefined);
    } else if (text === undefined && isValue(argv[index + 1])) {
      text = argv[(index += 1)];
    }
    if (text === undefined) {
      faults.push(`${flag} needs a value.`);
    } else if (option === undefined || rule === undefined) {
      configPath = text;
    } else if (found.has(option)) {
      faults.push(`${flagName(option)} is given twice.`);
    } else {
      const shown = JSON.stringify(text);
      found.set(option, { parsed: parseText(rule, text), source: "flag", name: flag, shown });
    }
  }
  return { found, faults, help, configPath };
}

function unknownArgument(argument: string, flag: string, known: readonly string[]): string {
  if (!flag.startsWith("-")) {
    return `${JSON.stringify(argument)} is not expected here: settings are written --name value.`;
  }
  return `${flag} is not a flag of sluice${suggestion(flag, known)}`;
}

function isValue(text: string | undefined): boolean {
  return text !== undefined && !text.startsWith("--");
}

function isSwitchValue(text: string | undefined): boolean {
  return text === "true" || text === "false";
}

function suggestion(name: string, known: Iterable<string>): string {
  const nearest = nearestName(name, known);
  return nearest === undefined ? "; --help lists all settings." : `; did you mean ${nearest}?`;
}

function configVariable(env: LoadInput["env"]): string | undefined {
  const path = env[CONFIG_VARIABLE];
  return path === "" ? undefined : path;
}

function readVariables(table: OptionTable, env: LoadInput["env"]): Layer {
  const options = new Map(Object.keys(table).map((option) => [variableName(option), option]));
  const found = new Map<string, Written>();
  const faults: string[] = [];
  for (const [name, text] of Object.entries(env)) {
    const foreign = FOREIGN_PREFIXES.some((prefix) => name.startsWith(prefix));
    // An empty variable is what container tools leave behind for "not set".
    if (!name.startsWith("SLUICE_") || foreign || name === CONFIG_VARIABLE || !text) {
      continue;
    }
    if (SERVICE_LINK.test(name) || (name === "SLUICE_PORT" && SERVICE_LINK_VALUE.test(text))) {
      faults.push(
        `${name} comes from a Kubernetes Service called sluice, not from you; ` +
          "set enableServiceLinks: false in the pod.",
      );
      continue;
    }
    const option = options.get(name);
    const rule = option === undefined ? undefined : table[option];
    if (option === undefined || rule === undefined) {
      const known = [...options.keys(), CONFIG_VARIABLE];
      faults.push(`${name} is not a variable of sluice${suggestion(name, known)}`);
    } else {
      const shown = JSON.stringify(text);
      found.set(option, { parsed: parseText(rule, text), source: "variable", name, shown });
    }
  }
  return { found, faults };
}

function readConfigFile(
  table: OptionTable,
  path: string | undefined,
  input: Pick<LoadInput, "readFile">,
): Layer {
  const found = new Map<string, Written>();
  if (path === undefined) {
    return { found, faults: [] };
  }
  let members: unknown;
  try {
    members = JSON.parse(input.readFile(path));
  } catch (error) {
    const reason = error instanceof SyntaxError ? "is not JSON" : "cannot be read";
    const detail = error instanceof Error ? error.message : String(error);
    return { found, faults: [`The configuration file ${path} ${reason}: ${detail}.`] };
  }
  if (typeof members !== "object" || members === null || Array.isArray(members)) {
    return { found, faults: [`The configuration file ${path} should be one JSON object.`] };
  }
  const faults: string[] = [];
  for (const [key, value] of Object.entries(members)) {
    const rule = Object.hasOwn(table, key) ? table[key] : undefined;
    const name = `${key} in ${path}`;
    if (rule === undefined) {
      faults.push(`${name} is not a setting of sluice${suggestion(key, Object.keys(table))}`);
    } else {
      const shown = JSON.stringify(value).slice(0, 200);
      found.set(key, { parsed: parseJson(rule, value), source: "file", name, shown });
    }
  }
  return { found, faults };
}

/**
 * What one row of the option table says, and the names that follow from it. This file knows no
 * option and reads nothing.
 */

interface CommonRule {
  /** Heading the option is listed under. */
  readonly group: OptionGroup;
  /** What it does, what zero or empty means, what happens at the bound. One or two sentences. */
  readonly text: string;
  /** Never printed: `config print` shows `***`. */
  readonly secret?: true;
  /** May hold a password inside (a URL): printed with that part masked. */
  readonly masked?: true;
  /** What to use instead. The option still works; a warning says this. */
  readonly deprecated?: string;
}

interface IntegerRule extends CommonRule {
  readonly type: "integer";
  readonly default: number;
  readonly min: number;
  readonly max: number;
}

interface BooleanRule extends CommonRule {
  readonly type: "boolean";
  readonly default: boolean;
}

interface ChoiceRule extends CommonRule {
  readonly type: "choice";
  readonly default: string;
  readonly choices: readonly string[];
}

/** What a text, or each item of a list, has to look like. */
export interface TextForm {
  readonly pattern: RegExp;
  /** Completes "expected …". */
  readonly expected: string;
  readonly example: string;
}

interface TextRule extends CommonRule {
  readonly type: "text";
  /** Empty means: not set. */
  readonly default: string;
  readonly form?: TextForm;
}

interface ListRule extends CommonRule {
  readonly type: "list";
  readonly default: readonly string[];
  /** Items are separated by commas in flags and variables, an array in the file. */
  readonly itemsMax: number;
  readonly form?: TextForm;
}

export type OptionRule = IntegerRule | BooleanRule | ChoiceRule | TextRule | ListRule;
export type OptionTable = Readonly<Record<string, OptionRule>>;
export type OptionValue = number | boolean | string | readonly string[];

export type ValueOf<Rule> = Rule extends { readonly type: "integer" }
  ? number
  : Rule extends { readonly type: "boolean" }
    ? boolean
    : Rule extends { readonly type: "choice"; readonly choices: readonly (infer Choice)[] }
      ? Choice
      : Rule extends { readonly type: "list" }
        ? readonly string[]
        : string;

/** Headings of the help text and of docs/configuration.md, in their order. */
export const OPTION_GROUPS = {
  listen: "Listening",
  access: "Access",
  kafka: "Kafka",
  schemas: "Schemas",
  sessions: "Sessions and streams",
  limits: "Limits",
  telemetry: "Traces and canary",
  process: "Process",
  postgres: "PostgreSQL (sluice sink)",
} as const;

export type OptionGroup = keyof typeof OPTION_GROUPS;

/** `kafkaLingerMs` → `SLUICE_KAFKA_LINGER_MS` */
export function variableName(option: string): string {
  return `SLUICE_${words(option).join("_").toUpperCase()}`;
}

/** `kafkaLingerMs` → `--kafka-linger-ms` */
export function flagName(option: string): string {
  return `--${words(option).join("-")}`;
}

function words(option: string): string[] {
  return option.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).split(" ");
}

/**
 * What a command is, how its arguments are read and how its help looks. Knows no command.
 */
import { parseArgs, styleText } from "node:util";

import { nearestName } from "../config/nearest.ts";
import type { CliIo } from "./io.ts";

/** What the shell sees. */
export const EXIT = {
  good: 0,
  /** Something was refused, is missing or does not answer. */
  failed: 1,
  /** The command line or the configuration is wrong. */
  usage: 2,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export interface CommandOption {
  /** Name of the value in the help; absent: a switch. */
  readonly value?: string;
  readonly text: string;
}

export interface Command {
  /** One or two words. */
  readonly name: string;
  /** Positional arguments as the help shows them. */
  readonly operands: string;
  readonly operandsMin: number;
  readonly operandsMax: number;
  /** One line for the list of commands. */
  readonly summary: string;
  /** What the help of the command says below its usage. */
  readonly text: string;
  /** By long name, without the dashes. */
  readonly options: Readonly<Record<string, CommandOption>>;
  readonly examples: readonly string[];
  readonly run: (invocation: Invocation) => Promise<ExitCode>;
}

export interface Invocation {
  readonly operands: readonly string[];
  /** Given options: the value, or "" for a switch. */
  readonly options: ReadonlyMap<string, string>;
  readonly env: Environment;
  readonly io: CliIo;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The command line or the settings are wrong; the message is one sentence or several lines of them.
 */
export class UsageError extends Error {}

/** The command cannot do what it was asked; the message is one sentence for the user. */
export class CommandError extends Error {}

export type ParsedArguments =
  | { readonly kind: "help" }
  | {
      readonly kind: "arguments";
      readonly operands: readonly string[];
      readonly options: ReadonlyMap<string, string>;
    };

/** Reads what follows the name of a command. Throws UsageError. */
export function parseArguments(command: Command, argv: readonly string[]): ParsedArguments {
  const names = Object.keys(command.options);
  const { tokens } = parseArgs({
    args: [...argv],
    strict: false,
    allowPositionals: true,
    tokens: true,
    options: {
      help: { type: "boolean", short: "h" },
      ...Object.fromEntries(names.map((name) => [name, { type: kindOf(command, name) }])),
    },
  });
  const options = new Map<string, string>();
  const operands: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") operands.push(token.value);
    if (token.kind !== "option") continue;
    if (token.name === "help") return { kind: "help" };
    const option = command.options[token.name];
    if (option === undefined) throw new UsageError(unknownOption(command, token.rawName));
    if (options.has(token.name)) throw new UsageError(`--${token.name} is given twice.`);
    options.set(token.name, optionValue(option, token));
  }
  const { operandsMin, operandsMax } = command;
  if (operands.length < operandsMin) {
    throw new UsageError(`sluice ${command.name} needs ${command.operands}.`);
  }
  const surplus = operands[operandsMax];
  if (surplus !== undefined) {
    throw new UsageError(`sluice ${command.name} does not expect ${JSON.stringify(surplus)}.`);
  }
  return { kind: "arguments", operands, options };
}

function kindOf(command: Command, name: string): "string" | "boolean" {
  return command.options[name]?.value === undefined ? "boolean" : "string";
}

interface OptionToken {
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

function optionValue(option: CommandOption, token: OptionToken): string {
  if (option.value === undefined) {
    if (token.value !== undefined) throw new UsageError(`${token.rawName} takes no value.`);
    return "";
  }
  const isNextOption = token.inlineValue === false && token.value?.startsWith("--") === true;
  if (token.value === undefined || token.value === "" || isNextOption) {
    throw new UsageError(`${token.rawName} needs a value: ${token.rawName} ${option.value}.`);
  }
  return token.value;
}

function unknownOption(command: Command, rawName: string): string {
  const known = [...Object.keys(command.options), "help"].map((name) => `--${name}`);
  const nearest = nearestName(rawName, known);
  const hint = nearest === undefined ? "" : ` Did you mean ${nearest}?`;
  return `${rawName} is not an option of sluice ${command.name}.${hint}`;
}

/** A whole number of at least `min` given as an option. Throws UsageError. */
export function integerOption(
  invocation: Invocation,
  option: { readonly name: string; readonly min: number },
): number | undefined {
  const text = invocation.options.get(option.name);
  if (text === undefined) return undefined;
  const value = /^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= option.min)) {
    const shown = JSON.stringify(text);
    throw new UsageError(
      `--${option.name} is ${shown} but should be a whole number of at least ${option.min}.`,
    );
  }
  return value;
}

/** The help of one command. Ends with a newline. */
export function commandHelp(command: Command, colour: boolean): string {
  const options: Array<readonly [string, string]> = Object.entries(command.options).map(
    ([name, option]) => [
      `--${name}${option.value === undefined ? "" : ` ${option.value}`}`,
      option.text,
    ],
  );
  const usage = ["sluice", command.name, command.operands, "[options]"].filter(
    (word) => word !== "",
  );
  return [
    `${heading("Usage:", colour)} ${usage.join(" ")}`,
    "",
    ...wrap(command.text, COLUMNS_MAX),
    "",
    heading("Options:", colour),
    ...columns([...options, ["--help", "This text."]]),
    "",
    heading("Examples:", colour),
    ...command.examples.map((example) => `  ${example}`),
    "",
  ].join("\n");
}

/** The list of all commands. Ends with a newline. */
export function overview(
  commands: readonly Pick<Command, "name" | "operands" | "summary">[],
  colour: boolean,
): string {
  const rows: Array<readonly [string, string]> = commands.map(
    (command) => [`${command.name} ${command.operands}`.trimEnd(), command.summary] as const,
  );
  return [
    "sluice takes in events, checks them against their Avro schemas and stores them in Kafka.",
    "",
    `${heading("Usage:", colour)} sluice <command> [options]`,
    "",
    heading("Commands:", colour),
    ...columns(rows),
    "",
    "sluice <command> --help explains a command, sluice start --help lists all settings.",
    "",
  ].join("\n");
}

function heading(text: string, colour: boolean): string {
  return colour ? styleText("bold", text, { validateStream: false }) : text;
}

/** Width of the help. */
const COLUMNS_MAX = 98;

function columns(rows: ReadonlyArray<readonly [string, string]>): string[] {
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return rows.flatMap(([left, right]) =>
    wrap(right, COLUMNS_MAX - 2 - width).map(
      (line, index) => `  ${(index === 0 ? left : "").padEnd(width)}${line}`,
    ),
  );
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/**
 * The commands of sluice other than `start`: finds the one that is meant, reads its arguments, runs
 * it and turns what it says into an exit code. main.ts calls runCli; nothing here ends the process.
 */
import { nearestName } from "../config/nearest.ts";
import {
  CommandError,
  commandHelp,
  EXIT,
  overview,
  parseArguments,
  UsageError,
  type Command,
  type Environment,
  type ExitCode,
} from "./command.ts";
import { COMMANDS, START } from "./commands.ts";
import { Output, processIo, type CliIo } from "./io.ts";

/**
 * Runs one command. `argv` is what follows `sluice`, the name of the command first. Resolves with
 * the exit code: 0 good, 1 something was refused or failed, 2 the command line or the settings are
 * wrong.
 */
export async function runCli(
  argv: readonly string[],
  env: Environment,
  io: CliIo = processIo(),
): Promise<ExitCode> {
  const errors = new Output(io.stderr);
  try {
    const found = findCommand(argv);
    if (found.kind === "overview") {
      await new Output(io.stdout).write(overview(found.commands, io.colour.stdout));
      return EXIT.good;
    }
    const parsed = parseArguments(found.command, found.rest);
    if (parsed.kind === "help") {
      await new Output(io.stdout).write(commandHelp(found.command, io.colour.stdout));
      return EXIT.good;
    }
    const { operands, options } = parsed;
    return await found.command.run({ operands, options, env, io });
  } catch (error) {
    if (error instanceof UsageError) {
      await errors.write(`${error.message}\n`);
      return EXIT.usage;
    }
    if (error instanceof CommandError) {
      await errors.write(`${error.message}\n`);
      return EXIT.failed;
    }
    throw error;
  }
}

type Search =
  | { readonly kind: "overview"; readonly commands: Parameters<typeof overview>[0] }
  | { readonly kind: "command"; readonly command: Command; readonly rest: readonly string[] };

const HELP_WORDS: ReadonlySet<string> = new Set(["help", "--help", "-h"]);

/** Throws UsageError for a command that does not exist. */
function findCommand(argv: readonly string[]): Search {
  const [first, second] = argv;
  if (first === undefined || HELP_WORDS.has(first)) {
    return { kind: "overview", commands: [START, ...COMMANDS] };
  }
  for (const [name, length] of [
    [`${first} ${second}`, 2],
    [first, 1],
  ] as const) {
    const command = COMMANDS.find((candidate) => candidate.name === name);
    if (command !== undefined) return { kind: "command", command, rest: argv.slice(length) };
  }
  const family = COMMANDS.filter((command) => command.name.startsWith(`${first} `));
  if (family.length > 0 && (second === undefined || HELP_WORDS.has(second))) {
    return { kind: "overview", commands: family };
  }
  throw new UsageError(unknownCommand(first, { second, family }));
}

function unknownCommand(
  first: string,
  rest: { readonly second: string | undefined; readonly family: readonly Command[] },
): string {
  if (rest.family.length > 0) {
    const known = rest.family.map((command) => `sluice ${command.name}`).join(" and ");
    return `sluice ${first} ${rest.second ?? ""} is not a command; there are ${known}.`;
  }
  const names = [...COMMANDS.map((command) => command.name), START.name];
  const nearest = nearestName(first, names);
  const hint = nearest === undefined ? "sluice --help lists them all." : `Did you mean ${nearest}?`;
  return `${first} is not a command of sluice. ${hint}`;
}

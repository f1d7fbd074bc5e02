/**
 * The command line of `npm run services`, parsed to a value. It knows the words, not what they do.
 */
import { DEFINITIONS, definitionOf } from "./catalog.mjs";
import { ServiceProblem } from "./problem.mjs";

const COMMANDS = ["up", "down", "status", "env", "logs"];
const PORT_OFFSET_VARIABLE = "SLUICE_SERVICES_PORT_OFFSET";
const LOG_LINES_DEFAULT = 100;

export function helpText() {
  const names = DEFINITIONS.map(({ name, summary }) => `  ${name.padEnd(12)}${summary}`);
  return `npm run services -- COMMAND [NAME…] [OPTION…]

Real servers on this machine, without containers, for tests and for trying sluice with them.
They listen on 127.0.0.1, outlive this command and are ended by down.

Commands
  up NAME…      gets what is missing, starts the servers, waits until they answer
  down [NAME…]  ends them; all of them without a name
  status        what runs, with pid, address and memory
  env           export lines for a shell: eval "$(npm run -s services -- env)"
  logs NAME     the end of a server's log

Options
  --fresh           up: ends the server and wipes its data first; without it data is kept
  --lines N         logs: how many lines (default ${LOG_LINES_DEFAULT})
  --port-offset N   adds N to every port, so that two sets run side by side (a multiple of 1000;
                    also ${PORT_OFFSET_VARIABLE}); the same option names the set to every command
  --help            this text

Servers
${names.join("\n")}

Downloads are kept in the user's cache folder ($XDG_CACHE_HOME/sluice or ~/.cache/sluice), data and
logs in .run/ of this checkout.
`;
}

/**
 * @param {readonly string[]} words without node and script
 * @param {NodeJS.ProcessEnv} environment
 * @throws {ServiceProblem} for words that make no command
 */
export function parseArguments(words, environment) {
  const {
    options,
    names: [command, ...names],
  } = splitWords(words);
  if (options.isHelp || command === undefined || command === "help") return { command: "help" };
  if (!COMMANDS.includes(command)) {
    throw new ServiceProblem(`there is no command "${command}"; there are: ${COMMANDS.join(", ")}`);
  }
  for (const name of names) definitionOf(name);
  if (command === "up" && names.length === 0) {
    throw new ServiceProblem("up needs the name of a server, for example: up kafka redis registry");
  }
  if (command === "logs" && names.length !== 1) {
    throw new ServiceProblem("logs needs the name of one server, for example: logs kafka");
  }
  const offsetText = options.portOffset ?? environment[PORT_OFFSET_VARIABLE] ?? "0";
  return {
    command,
    names: [...new Set(names)],
    isFresh: options.isFresh,
    portOffset: wholeNumber(offsetText === "" ? "0" : offsetText, "--port-offset"),
    lines: wholeNumber(options.lines ?? String(LOG_LINES_DEFAULT), "--lines"),
  };
}

function splitWords(words) {
  const options = { isFresh: false, isHelp: false, portOffset: undefined, lines: undefined };
  const names = [];
  const left = words.flatMap((word) => splitOption(word));
  const valueOf = (option) => {
    const value = left.shift();
    if (value === undefined) throw new ServiceProblem(`${option} needs a number`);
    return value;
  };
  while (left.length > 0) {
    const word = left.shift();
    if (word === "--fresh") options.isFresh = true;
    else if (word === "--help" || word === "-h") options.isHelp = true;
    else if (word === "--port-offset") options.portOffset = valueOf(word);
    else if (word === "--lines") options.lines = valueOf(word);
    else if (word.startsWith("-")) throw new ServiceProblem(`there is no option ${word}`);
    else names.push(word);
  }
  return { options, names };
}

/** `--name=value` is `--name value`. */
function splitOption(word) {
  const equals = word.indexOf("=");
  if (!word.startsWith("--") || equals === -1) return [word];
  return [word.slice(0, equals), word.slice(equals + 1)];
}

function wholeNumber(text, option) {
  if (/^\d{1,6}$/u.test(text)) return Number(text);
  throw new ServiceProblem(`${option} needs a whole number that is not negative, not "${text}"`);
}

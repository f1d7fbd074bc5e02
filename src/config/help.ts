/** The help text of `sluice start`, out of the option table: grouped, at most 100 columns wide. */
import { OPTIONS } from "./options.ts";
import { defaultText } from "./print.ts";
import { flagName, OPTION_GROUPS, type OptionGroup, type OptionRule } from "./rule.ts";

const COLUMNS_MAX = 100;
const TEXT_COLUMN = 6;

const BOLD = "\u001b[1m";
const DIM = "\u001b[2m";
const PLAIN = "\u001b[0m";

/** Plain text without colour codes unless `colour` is true. Ends with a newline. */
export function helpText(options: { readonly colour: boolean }): string {
  const bold = (text: string) => (options.colour ? `${BOLD}${text}${PLAIN}` : text);
  const dim = (text: string) => (options.colour ? `${DIM}${text}${PLAIN}` : text);
  const lines = [
    `${bold("sluice start")} [settings]`,
    "",
    ...wrap(
      "Takes events over HTTP and WebSocket, validates them, stores them as Avro in Kafka and " +
        "tells every sender what became of every event. Without settings everything runs inside " +
        "this process, for trying it out.",
      0,
    ),
    "",
    ...wrap(
      "Each setting is a flag, a variable (--kafka-brokers is SLUICE_KAFKA_BROKERS) and a key of " +
        "the file (kafkaBrokers). A flag wins over a variable, a variable over the file.",
      0,
    ),
  ];
  for (const [group, heading] of Object.entries(OPTION_GROUPS) as [OptionGroup, string][]) {
    lines.push("", bold(heading));
    for (const [option, rule] of Object.entries<OptionRule>(OPTIONS)) {
      if (rule.group !== group || rule.deprecated !== undefined) {
        continue;
      }
      lines.push(`  ${bold(flagName(option))} ${valueHint(rule)}  ${dim(defaultText(rule))}`);
      lines.push(...wrap(rule.text, TEXT_COLUMN));
    }
  }
  lines.push("", bold("Other"));
  lines.push(`  ${bold("--config")} FILE`, ...wrap("Read settings from a JSON file.", TEXT_COLUMN));
  lines.push(`  ${bold("--help")}`, ...wrap("Show this text.", TEXT_COLUMN));
  return `${lines.join("\n")}\n`;
}

function valueHint(rule: OptionRule): string {
  switch (rule.type) {
    case "integer":
      return "NUMBER";
    case "boolean":
      return "true|false";
    case "choice":
      return rule.choices.join("|");
    case "text":
      return "TEXT";
    case "list":
      return "ITEM,ITEM…";
    default:
      return rule satisfies never;
  }
}

/** Breaks at spaces so that no line is over the width, each line indented by `indent` columns. */
function wrap(text: string, indent: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && indent + line.length + 1 + word.length > COLUMNS_MAX) {
      lines.push(line);
      line = "";
    }
    line = line === "" ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines.map((content) => " ".repeat(indent) + content);
}

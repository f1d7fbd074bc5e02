/** docs/configuration.md, out of the option table. */
import { OPTIONS } from "./options.ts";
import { valueText } from "./print.ts";
import { flagName, OPTION_GROUPS, variableName, type OptionRule } from "./rule.ts";

const INTRODUCTION = `<!-- Made by scripts/gen-docs.mjs from src/config/options.ts. -->

# Configuration

Every setting can be given in three ways, in this order of precedence:

1. as a flag: \`--kafka-brokers kafka-1:9092,kafka-2:9092\`
2. as an environment variable: \`SLUICE_KAFKA_BROKERS=kafka-1:9092,kafka-2:9092\`
3. in a JSON file, named by \`--config FILE\` or \`SLUICE_CONFIG\`:
   \`{ "kafkaBrokers": ["kafka-1:9092", "kafka-2:9092"] }\`

Durations are milliseconds (\`…Ms\`), sizes are bytes (\`…BytesMax\`). Items of a list are separated
by commas in flags and variables. A switch may stand alone (\`--create-topics\`) or be turned off
(\`--no-create-topics\`). An empty variable counts as not set.

sluice refuses to start when a name is unknown, a value has the wrong form or is out of range, or
two settings clash; it says which, in one sentence each. Variables that begin with \`SLUICE_TEST_\`
or \`SLUICE_SERVICES_\` belong to the tests and to \`npm run services\`.

\`./sluice config check\` tells whether a configuration is sound without starting anything,
\`./sluice config print\` shows every value and where it comes from, with secrets masked.
`;

/** The whole page, ending with a newline. */
export function configurationReference(): string {
  const sections = Object.entries(OPTION_GROUPS).map(([group, heading]) => {
    const rows = Object.entries<OptionRule>(OPTIONS)
      .filter(([, rule]) => rule.group === group)
      .map(([option, rule]) => row(option, rule));
    const head =
      "| variable, flag, key | takes | default | what it does |\n| --- | --- | --- | --- |";
    return `## ${heading}\n\n${head}\n${rows.join("\n")}\n`;
  });
  return [INTRODUCTION, ...sections].join("\n");
}

function row(option: string, rule: OptionRule): string {
  const names = `\`${variableName(option)}\`<br>\`${flagName(option)}\`<br>\`${option}\``;
  const shown = valueText(rule.default);
  const notes = [
    ...(rule.secret === true ? ["Secret: never printed."] : []),
    ...(rule.masked === true ? ["A password in it is never printed."] : []),
    ...(rule.deprecated === undefined ? [] : [`**Deprecated:** ${rule.deprecated}`]),
  ];
  const cells = [names, takes(rule), shown === "" ? "–" : `\`${shown}\``];
  return `| ${[...cells, escapeCell([rule.text, ...notes].join(" "))].join(" | ")} |`;
}

function takes(rule: OptionRule): string {
  switch (rule.type) {
    case "integer":
      return `${rule.min} to ${rule.max}`;
    case "boolean":
      return "`true`, `false`";
    case "choice":
      return rule.choices.map((choice) => `\`${choice}\``).join(", ");
    case "text":
      return rule.form === undefined
        ? "a text"
        : `${escapeCell(rule.form.expected)}: \`${rule.form.example}\``;
    case "list":
      return `up to ${rule.itemsMax} items: \`${rule.form?.example ?? "a,b"}\``;
    default:
      return rule satisfies never;
  }
}

/** What Markdown would take for a table border or for HTML. */
function escapeCell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
}

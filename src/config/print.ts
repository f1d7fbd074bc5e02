/**
 * Shows a configuration to people and tools, with the source of each value and without secrets.
 * Knows how values look, not how they are read.
 */
import { embeddedParts } from "./cross-rules.ts";
import type { LoadedConfig, LoadResult } from "./load.ts";
import { OPTIONS, type OptionName } from "./options.ts";
import { variableName, type OptionRule, type OptionValue } from "./rule.ts";

const MASK = "***";

/**
 * The whole configuration: a table for people, or JSON
 * (`{"<option>": {"value", "source", "variable"}}`). Ends with a newline.
 */
export function printConfig(loaded: LoadedConfig, options?: { readonly json?: boolean }): string {
  const names = Object.keys(OPTIONS) as OptionName[];
  if (options?.json === true) {
    const entries = names.map((name) => [
      name,
      {
        value: maskValue(OPTIONS[name], loaded.config[name]),
        source: loaded.sources[name],
        variable: variableName(name),
      },
    ]);
    return `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`;
  }
  const rows = names.map((name) => [
    variableName(name),
    loaded.sources[name],
    valueText(maskValue(OPTIONS[name], loaded.config[name])),
  ]);
  return formatTable([["variable", "source", "value"], ...rows]);
}

/**
 * The answer of `config check`: what is set, what runs inside the process, what to mend.
 * `ok` is false when sluice would refuse to start.
 */
export function checkConfig(result: LoadResult): { readonly ok: boolean; readonly text: string } {
  switch (result.kind) {
    case "help":
      return { ok: true, text: result.text };
    case "fault": {
      const count = result.faults.length === 1 ? "1 fault" : `${result.faults.length} faults`;
      return { ok: false, text: `The configuration has ${count}:\n${bullets(result.faults)}` };
    }
    case "config": {
      const set = Object.values(result.sources).filter((source) => source !== "default").length;
      const parts = embeddedParts(result.config);
      const notes = [...result.warnings];
      if (parts.length > 0) {
        notes.push(`Embedded and volatile, because they are not set: ${parts.join(", ")}.`);
      }
      const all = Object.keys(result.sources).length;
      const head = `The configuration is sound: ${set} of ${all} set.\n`;
      return { ok: true, text: head + bullets(notes) };
    }
    default:
      return result satisfies never;
  }
}

/** What an operator may see of a value. */
function maskValue(rule: OptionRule, value: OptionValue): OptionValue {
  if (rule.secret === true) {
    const isSet =
      typeof value === "string" ? value !== "" : Array.isArray(value) && value.length > 0;
    return isSet ? MASK : "";
  }
  if (rule.masked === true) {
    return typeof value === "string"
      ? maskUserInfo(value)
      : Array.isArray(value)
        ? value.map((item) => maskUserInfo(String(item)))
        : value;
  }
  return value;
}

/** `redis://user:password@host` → `redis://***@host`, wherever it stands in the text. */
export function maskUserInfo(text: string): string {
  return text.replaceAll(/(:\/\/)[^/\s"',]*@/g, `$1${MASK}@`);
}

/** `default 8080`, `not set`, … */
export function defaultText(rule: OptionRule): string {
  const isEmpty = rule.default === "" || (rule.type === "list" && rule.default.length === 0);
  return isEmpty ? "not set" : `default ${valueText(rule.default)}`;
}

export function valueText(value: OptionValue): string {
  if (Array.isArray(value)) {
    return value.join(",");
  }
  return String(value);
}

function bullets(sentences: readonly string[]): string {
  return sentences.map((sentence) => `- ${sentence}\n`).join("");
}

function formatTable(rows: readonly (readonly string[])[]): string {
  const columns = rows[0]?.length ?? 0;
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  return `${lines.join("\n")}\n`;
}

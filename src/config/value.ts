/**
 * Turns what was written (text of a flag or variable, JSON of the file) into a value of the
 * option's type, or into the words that complete "… should be". Knows no option by name.
 */
import type { OptionRule, OptionValue, TextForm } from "./rule.ts";

export type ParsedValue =
  | { readonly kind: "value"; readonly value: OptionValue }
  | { readonly kind: "fault"; readonly expected: string };

const TEXT_LENGTH_MAX = 4_096;

export function parseText(rule: OptionRule, text: string): ParsedValue {
  switch (rule.type) {
    case "integer":
      return /^-?[0-9]{1,15}$/.test(text) ? parseJson(rule, Number(text)) : fault(rule);
    case "boolean":
      return text === "true" || text === "false" ? parseJson(rule, text === "true") : fault(rule);
    case "choice":
    case "text":
      return parseJson(rule, text);
    case "list":
      return parseJson(rule, text === "" ? [] : text.split(",").map((item) => item.trim()));
    default:
      return rule satisfies never;
  }
}

export function parseJson(rule: OptionRule, value: unknown): ParsedValue {
  switch (rule.type) {
    case "integer": {
      const sound = typeof value === "number" && Number.isSafeInteger(value);
      return sound && value >= rule.min && value <= rule.max ? accept(value) : fault(rule);
    }
    case "boolean":
      return typeof value === "boolean" ? accept(value) : fault(rule);
    case "choice":
      return typeof value === "string" && rule.choices.includes(value)
        ? accept(value)
        : fault(rule);
    case "text":
      return isText(value) && (value === "" ? rule.default === "" : fits(value, rule.form))
        ? accept(value)
        : fault(rule);
    case "list":
      return parseList(rule, value);
    default:
      return rule satisfies never;
  }
}

function parseList(rule: Extract<OptionRule, { type: "list" }>, value: unknown): ParsedValue {
  if (!Array.isArray(value) || value.length > rule.itemsMax) {
    return fault(rule);
  }
  const items: string[] = [];
  for (const item of value as readonly unknown[]) {
    if (!isText(item) || item === "" || !fits(item, rule.form)) {
      return fault(rule);
    }
    items.push(item);
  }
  return accept(Object.freeze(items));
}

/** Completes "should be": what the option takes, with an example where that helps. */
function expectedText(rule: OptionRule): string {
  switch (rule.type) {
    case "integer":
      return `an integer from ${rule.min} to ${rule.max}`;
    case "boolean":
      return "true or false";
    case "choice":
      return `one of ${rule.choices.join(", ")}`;
    case "text":
      return rule.form === undefined
        ? `a text of at most ${TEXT_LENGTH_MAX} characters`
        : `${rule.form.expected}, such as ${rule.form.example}`;
    case "list":
      return rule.form === undefined
        ? `at most ${rule.itemsMax} items`
        : `at most ${rule.itemsMax} times ${rule.form.expected}, such as ${rule.form.example}`;
    default:
      return rule satisfies never;
  }
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= TEXT_LENGTH_MAX && !hasControls(value);
}

function hasControls(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0x20 || unit === 0x7f) {
      return true;
    }
  }
  return false;
}

function fits(text: string, form: TextForm | undefined): boolean {
  return form === undefined || form.pattern.test(text);
}

function accept(value: OptionValue): ParsedValue {
  return { kind: "value", value };
}

function fault(rule: OptionRule): ParsedValue {
  return { kind: "fault", expected: expectedText(rule) };
}

/**
 * Conditions on fields of an event: what a subscriber may write, and whether an event meets them.
 * All of them have to hold. Numbers compare as doubles: whole ones above 2^53 lose digits.
 */
import {
  LIVE_CONDITIONS_MAX,
  LIVE_CONDITION_TEXT_MAX,
  LIVE_CONDITION_VALUES_MAX,
} from "../limits/live.ts";

const OPERATORS = ["eq", "ne", "in", "gt", "gte", "lt", "lte", "prefix", "exists"] as const;

export type Operator = (typeof OPERATORS)[number];
type Scalar = string | number | boolean | null;

interface Condition {
  /** Steps of the pointer. */
  readonly steps: readonly string[];
  readonly operator: Operator;
  readonly values: readonly Scalar[];
}

export interface Filter {
  /** The same for filters that say the same: they share their work. */
  readonly text: string;
  /** `value`: the event's record as plain JSON values. */
  passes(value: unknown): boolean;
}

/** A string says what is wrong. null: no condition. */
export function readFilter(where: unknown): Filter | string | null {
  if (where === undefined || where === null) return null;
  if (!Array.isArray(where)) return "where is an array of conditions";
  if (where.length === 0) return null;
  if (where.length > LIVE_CONDITIONS_MAX) {
    return `where has at most ${LIVE_CONDITIONS_MAX} conditions`;
  }
  const conditions: Condition[] = [];
  for (const each of where) {
    const condition = readCondition(each);
    if (typeof condition === "string") return condition;
    conditions.push(condition);
  }
  return {
    text: JSON.stringify(conditions),
    passes: (value) => conditions.every((condition) => holds(condition, value)),
  };
}

function readCondition(value: unknown): Condition | string {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return "a condition is an object {path, op, value}";
  }
  // A JSON object: string keys, unknown values.
  const { path, op = "eq", value: operand } = value as Readonly<Record<string, unknown>>;
  if (typeof path !== "string" || !/^(?:\/[^/]*)+$/.test(path) || isLong(path)) {
    return "the path of a condition is a JSON pointer into the event, such as /severity";
  }
  const operator = OPERATORS.find((known) => known === op);
  if (operator === undefined) return `the op of a condition is one of ${OPERATORS.join(", ")}`;
  const values = readValues(operator, operand);
  if (typeof values === "string") return values;
  const steps = path.slice(1).split("/");
  const named = steps.map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
  return { steps: named, operator, values };
}

function readValues(operator: Operator, operand: unknown): readonly Scalar[] | string {
  switch (operator) {
    case "exists":
      if (typeof (operand ?? true) !== "boolean") return "exists takes a boolean";
      return [operand !== false];
    case "in": {
      const isList = Array.isArray(operand) && operand.every((each) => isScalar(each));
      if (isList && operand.length <= LIVE_CONDITION_VALUES_MAX) return operand;
      return `in takes an array of at most ${LIVE_CONDITION_VALUES_MAX} scalars`;
    }
    case "prefix":
      return typeof operand === "string" && !isLong(operand) ? [operand] : "prefix takes a string";
    case "gt":
    case "gte":
    case "lt":
    case "lte":
      return typeof operand === "number" || (typeof operand === "string" && !isLong(operand))
        ? [operand]
        : `${operator} takes a number or a string`;
    case "eq":
    case "ne":
      return isScalar(operand) ? [operand] : `${operator} takes a string, number, boolean or null`;
    default:
      return operator satisfies never;
  }
}

function isLong(text: string): boolean {
  return text.length > LIVE_CONDITION_TEXT_MAX;
}

function isScalar(value: unknown): value is Scalar {
  if (typeof value === "string") return !isLong(value);
  return value === null || typeof value === "number" || typeof value === "boolean";
}

function holds({ steps, operator, values }: Condition, event: unknown): boolean {
  const found = lookUp(event, steps);
  const [value = null] = values;
  switch (operator) {
    case "exists":
      return (found !== undefined) === value;
    case "eq":
      return found === value;
    case "ne":
      return found !== value;
    case "in":
      return values.some((each) => each === found);
    case "prefix":
      return typeof found === "string" && typeof value === "string" && found.startsWith(value);
    case "gt":
    case "gte":
    case "lt":
    case "lte":
      return compares(operator, found, value);
    default:
      return operator satisfies never;
  }
}

/** Only values of one kind compare. */
function compares(operator: "gt" | "gte" | "lt" | "lte", left: unknown, right: Scalar): boolean {
  const order =
    typeof left === "number" && typeof right === "number"
      ? left - right
      : typeof left === "string" && typeof right === "string"
        ? Number(left > right) - Number(left < right)
        : NaN;
  switch (operator) {
    case "gt":
      return order > 0;
    case "gte":
      return order >= 0;
    case "lt":
      return order < 0;
    case "lte":
      return order <= 0;
    default:
      return operator satisfies never;
  }
}

function lookUp(event: unknown, steps: readonly string[]): unknown {
  let value = event;
  for (const step of steps) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) {
      return undefined;
    }
    value = (value as Readonly<Record<string, unknown>>)[step];
  }
  return value;
}

/**
 * A JSON reader for schemas and packs. JSON.parse rounds numbers beyond 2^53 and keeps the last of
 * two equal members; here numbers stay text and a repeated member is an error. Comments in the
 * style of C are white space, because Avro's Java tools take them and published schemas hold them.
 * It knows nothing of Avro.
 */

/** One JSON value; `raw` is a number exactly as written. Members keep the order of the text. */
export type JsonNode =
  | { readonly kind: "null" }
  | { readonly kind: "boolean"; readonly value: boolean }
  | { readonly kind: "number"; readonly raw: string }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "array"; readonly items: readonly JsonNode[] }
  | { readonly kind: "object"; readonly members: ReadonlyMap<string, JsonNode> };

/** The text is not JSON; `line` and `column` (in UTF-16 units) count from 1. */
export class JsonError extends Error {
  readonly line: number;
  readonly column: number;
  constructor(problem: string, place: { readonly line: number; readonly column: number }) {
    super(`${problem} at line ${place.line}, column ${place.column}`);
    this.name = "JsonError";
    this.line = place.line;
    this.column = place.column;
  }
}

/** Of surrogates the expression sees only those that are no pair. */
const LONE_SURROGATE = /\p{Surrogate}/u;

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["\\", "\\"],
  ["/", "/"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);

/**
 * Reads one JSON text (RFC 8259 and comments). Throws JsonError for anything else: more than
 * `depthMax` nested arrays and objects, a repeated member, a lone surrogate.
 */
export function readJson(text: string, depthMax: number): JsonNode {
  return new JsonReader(text, depthMax).read();
}

/** The value as JSON without white space; numbers as they were written. */
export function renderJson(node: JsonNode): string {
  switch (node.kind) {
    case "null":
      return "null";
    case "boolean":
      return String(node.value);
    case "number":
      return node.raw;
    case "string":
      return JSON.stringify(node.value);
    case "array":
      return `[${node.items.map(renderJson).join(",")}]`;
    case "object": {
      const members = [...node.members].map(
        ([name, value]) => `${JSON.stringify(name)}:${renderJson(value)}`,
      );
      return `{${members.join(",")}}`;
    }
    default:
      return node satisfies never;
  }
}

/** Nested arrays and objects; 0 for a value without any. */
export function depthOf(node: JsonNode): number {
  if (node.kind !== "array" && node.kind !== "object") return 0;
  const inner = node.kind === "array" ? node.items : [...node.members.values()];
  return 1 + inner.reduce((depth, item) => Math.max(depth, depthOf(item)), 0);
}

/** What a value is, for sentences: "a number", "an object". */
export function describeJson(node: JsonNode): string {
  switch (node.kind) {
    case "null":
      return "null";
    case "boolean":
      return String(node.value);
    case "array":
    case "object":
      return `an ${node.kind}`;
    default:
      return `a ${node.kind}`;
  }
}

/** An RFC 6901 pointer one step longer. */
export function pointerStep(path: string, step: string | number): string {
  return `${path}/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

class JsonReader {
  readonly #text: string;
  readonly #depthMax: number;
  #at = 0;
  #depth = 0;

  constructor(text: string, depthMax: number) {
    this.#text = text;
    this.#depthMax = depthMax;
  }

  read(): JsonNode {
    const node = this.#value();
    this.#skipSpace();
    if (this.#at < this.#text.length)
      this.#fail("only one JSON value is expected, but there is more");
    return node;
  }

  #value(): JsonNode {
    this.#skipSpace();
    const first = this.#text[this.#at];
    switch (first) {
      case "{":
        return this.#object();
      case "[":
        return this.#array();
      case '"':
        return { kind: "string", value: this.#string() };
      case undefined:
        return this.#fail("the text ends where a value is expected");
      default:
        return this.#scalar();
    }
  }

  #scalar(): JsonNode {
    const word = this.#match(/[a-z]+/y);
    if (word === "null") return { kind: "null" };
    if (word === "true" || word === "false") return { kind: "boolean", value: word === "true" };
    if (word !== undefined) this.#at -= word.length;
    const raw = this.#match(/-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y);
    return raw === undefined ? this.#fail("a JSON value is expected") : { kind: "number", raw };
  }

  #object(): JsonNode {
    const members = new Map<string, JsonNode>();
    this.#open();
    this.#skipSpace();
    if (this.#text[this.#at] !== "}") {
      do {
        this.#skipSpace();
        const nameAt = this.#at;
        if (this.#text[nameAt] !== '"') this.#fail("the name of a member is expected");
        const name = this.#string();
        if (members.has(name)) {
          this.#at = nameAt;
          this.#fail(`the member ${JSON.stringify(name)} is there twice`);
        }
        this.#skipSpace();
        if (!this.#take(":")) this.#fail('":" is expected');
        members.set(name, this.#value());
        this.#skipSpace();
      } while (this.#take(","));
    }
    this.#close("}");
    return { kind: "object", members };
  }

  #array(): JsonNode {
    const items: JsonNode[] = [];
    this.#open();
    this.#skipSpace();
    if (this.#text[this.#at] !== "]") {
      do {
        items.push(this.#value());
        this.#skipSpace();
      } while (this.#take(","));
    }
    this.#close("]");
    return { kind: "array", items };
  }

  #string(): string {
    const start = this.#at;
    this.#at++;
    let value = "";
    for (;;) {
      // oxlint-disable-next-line no-control-regex -- JSON forbids exactly these characters
      value += this.#match(/[^"\\\u0000-\u001f]+/y) ?? "";
      if (this.#take('"')) break;
      if (!this.#take("\\")) {
        this.#fail(
          this.#at < this.#text.length
            ? "a control character inside a string has to be escaped"
            : "the text ends inside a string",
        );
      }
      value += this.#escape();
    }
    if (LONE_SURROGATE.test(value)) {
      this.#at = start;
      this.#fail("this string holds half of a surrogate pair");
    }
    return value;
  }

  #escape(): string {
    const letter = this.#text[this.#at] ?? "";
    const plain = ESCAPES.get(letter);
    if (plain !== undefined) {
      this.#at++;
      return plain;
    }
    const unit = this.#match(/u[0-9a-fA-F]{4}/y);
    if (unit === undefined) return this.#fail("this escape is unknown to JSON");
    return String.fromCharCode(Number.parseInt(unit.slice(1), 16));
  }

  #open(): void {
    this.#depth++;
    if (this.#depth > this.#depthMax) {
      this.#fail(`arrays and objects are nested deeper than ${this.#depthMax}`);
    }
    this.#at++;
  }

  #close(bracket: "}" | "]"): void {
    if (!this.#take(bracket)) this.#fail(`"," or "${bracket}" is expected`);
    this.#depth--;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #skipSpace(): void {
    for (;;) {
      this.#match(/[ \t\r\n]+/y);
      if (this.#text.startsWith("//", this.#at)) {
        this.#match(/[^\r\n]*/y);
      } else if (this.#text.startsWith("/*", this.#at)) {
        const end = this.#text.indexOf("*/", this.#at + 2);
        if (end < 0) this.#fail("this comment has no end");
        this.#at = end + 2;
      } else {
        return;
      }
    }
  }

  #fail(problem: string): never {
    const before = this.#text.slice(0, this.#at).split("\n");
    const column = (before.at(-1)?.length ?? 0) + 1;
    throw new JsonError(problem, { line: before.length, column });
  }
}

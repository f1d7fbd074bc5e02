/**
 * The text of a pack.json, checked member by member: what is wrong is said in one sentence that
 * names the file and the member. packs/pack.schema.json says the same to editors; a test holds the
 * two together. It opens no file and knows nothing of Avro.
 */
import { JSON_FILE_DEPTH_MAX } from "../limits/events.ts";
import {
  PACK_PARTITIONS_MAX,
  PACK_TOPICS_MAX,
  PACK_TYPES_MAX,
  POINTER_BYTES_MAX,
  POINTERS_MAX,
  SUBJECT_BYTES_MAX,
  TOPIC_BYTES_MAX,
  TYPE_BYTES_MAX,
} from "../limits/schemas.ts";
import { describeJson, JsonError, type JsonNode, pointerStep, readJson } from "./avro/json.ts";
import type { RoutePointers } from "./plan/compile.ts";

/** The members each object of a pack.json may have. */
export const PACK_MEMBERS = {
  pack: [
    "$schema",
    "name",
    "description",
    "payload",
    "typeMember",
    "context",
    "topics",
    "defaults",
    "types",
  ],
  topic: ["partitions", "header"],
  defaults: ["topic", "subject", "pointers", "keyRequired", "json"],
  type: ["schema", "topic", "subject", "pointers", "keyRequired", "json"],
  pointers: ["id", "key", "time", "actor", "session"],
} as const;

/** Where the usual clients put these things; the first member that is there and not null wins. */
export const DEFAULT_POINTERS: RoutePointers = {
  id: ["/id", "/eventId", "/messageId"],
  key: ["/key", "/userId", "/anonymousId", "/aggregateId"],
  time: ["/timestamp", "/occurredOn", "/time", "/ts"],
  actor: ["/anonymousId", "/deviceId", "/userId"],
  session: ["/sessionId", "/session_id"],
};

export const DEFAULT_SUBJECT = "{topic}-{record}";
export const DEFAULT_TOPIC = { partitions: 6, header: true } as const;

export interface PackTopic {
  readonly name: string;
  readonly partitions: number;
  /** Do its records carry the Kafka header `sluice`? */
  readonly header: boolean;
}

export interface PackFile {
  readonly name: string;
  readonly payload: "data" | "whole";
  readonly typeMember: string;
  /** Member of the records that `ctx` is merged into; "": `ctx` reaches no record. */
  readonly context: string;
  readonly topics: ReadonlyMap<string, PackTopic>;
  readonly types: ReadonlyMap<string, PackFileType>;
}

export interface PackFileType {
  readonly schemaFile: string;
  readonly topic: string;
  /** Holds `{topic}` and `{record}` where their names go. */
  readonly subject: string;
  readonly pointers: RoutePointers;
  readonly keyRequired: boolean;
  readonly json: "plain" | "avro";
}

/** A pack cannot be used; the message is one sentence that names the file and the member. */
export class PackError extends Error {
  readonly file: string;
  /** RFC 6901 pointer into the file; "": the file itself. */
  readonly member: string;
  constructor(file: string, place: { readonly member: string; readonly problem: string }) {
    const where = place.member === "" ? file : `${file}, ${place.member}`;
    super(`${where}: ${place.problem}.`);
    this.name = "PackError";
    this.file = file;
    this.member = place.member;
  }
}

/** Reads the text of the pack.json at `file`. Throws PackError. */
export function readPackFile(text: string, file: string): PackFile {
  return new PackFileReader(file).read(text);
}

type Members = ReadonlyMap<string, JsonNode>;
type TypeRules = Omit<PackFileType, "schemaFile" | "topic"> & { readonly topic?: string };

class PackFileReader {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  read(text: string): PackFile {
    const pack = this.#members(this.#json(text), "", PACK_MEMBERS.pack);
    this.#text(pack, "$schema", "");
    this.#text(pack, "description", "");
    const name = this.#text(pack, "name", "") ?? this.#fail("", 'the member "name" is missing');
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(name)) {
      this.#fail("/name", "a pack's name is 1 to 64 letters, digits, - and _");
    }
    const payload =
      this.#choice(pack, "", { name: "payload", values: ["data", "whole"] }) ?? "data";
    const typeMember = this.#text(pack, "typeMember", "");
    if (payload === "whole" && (typeMember === undefined || typeMember === "")) {
      this.#fail("", 'with "payload": "whole", "typeMember" names the member that holds the type');
    }
    if (payload === "data" && typeMember !== undefined) {
      this.#fail("/typeMember", 'it has a meaning only with "payload": "whole"');
    }
    const context = this.#text(pack, "context", "") ?? "";
    if (context.length > POINTER_BYTES_MAX) this.#fail("/context", "it is the name of a member");
    const topics = this.#topics(pack);
    const types = this.#types(pack);
    for (const [type, { topic }] of types) {
      // A pack that lists topics lists all of them, so that a misspelt one does not become another.
      if (topics.size === 0 || topics.has(topic)) continue;
      this.#fail(pointerStep("/types", type), `its topic "${topic}" is not under "topics"`);
    }
    return { name, payload, typeMember: typeMember ?? "type", context, topics, types };
  }

  #json(text: string): JsonNode {
    try {
      return readJson(text, JSON_FILE_DEPTH_MAX);
    } catch (error) {
      if (error instanceof JsonError) return this.#fail("", `it is not JSON: ${error.message}`);
      throw error;
    }
  }

  #topics(pack: Members): ReadonlyMap<string, PackTopic> {
    const topics = new Map<string, PackTopic>();
    const node = pack.get("topics");
    if (node === undefined) return topics;
    const members = this.#members(node, "/topics", undefined);
    if (members.size > PACK_TOPICS_MAX) {
      this.#fail("/topics", `a pack may have ${PACK_TOPICS_MAX} topics, this has ${members.size}`);
    }
    for (const [name, value] of members) {
      const path = pointerStep("/topics", name);
      this.#checkTopic(name, path);
      const topic = this.#members(value, path, PACK_MEMBERS.topic);
      const partitions = this.#partitions(topic, path) ?? DEFAULT_TOPIC.partitions;
      const header = this.#boolean(topic, "header", path) ?? DEFAULT_TOPIC.header;
      topics.set(name, { name, partitions, header });
    }
    return topics;
  }

  #types(pack: Members): ReadonlyMap<string, PackFileType> {
    const node = pack.get("types") ?? this.#fail("", 'the member "types" is missing');
    const members = this.#members(node, "/types", undefined);
    if (members.size === 0) this.#fail("/types", "a pack has at least one type");
    if (members.size > PACK_TYPES_MAX) {
      this.#fail("/types", `a pack may have ${PACK_TYPES_MAX} types, this has ${members.size}`);
    }
    const none = {
      subject: DEFAULT_SUBJECT,
      pointers: DEFAULT_POINTERS,
      keyRequired: false,
      json: "plain",
    } as const;
    const defaultsNode = pack.get("defaults");
    const defaults =
      defaultsNode === undefined
        ? none
        : this.#rules(
            this.#members(defaultsNode, "/defaults", PACK_MEMBERS.defaults),
            "/defaults",
            none,
          );
    const types = new Map<string, PackFileType>();
    for (const [type, value] of members) {
      const path = pointerStep("/types", type);
      if (type === "" || Buffer.byteLength(type) > TYPE_BYTES_MAX) {
        this.#fail(path, `a type's name has 1 to ${TYPE_BYTES_MAX} bytes`);
      }
      types.set(type, this.#type(value, path, defaults));
    }
    return types;
  }

  #type(node: JsonNode, path: string, defaults: TypeRules): PackFileType {
    const members = this.#members(node, path, PACK_MEMBERS.type);
    const schemaFile =
      this.#text(members, "schema", path) ?? this.#fail(path, 'the member "schema" is missing');
    const inside = schemaFile.split("/").every((step) => step !== "" && step !== "..");
    if (!inside || !schemaFile.endsWith(".avsc") || schemaFile.includes("\0")) {
      this.#fail(`${path}/schema`, "it is the path of an .avsc file inside the pack's directory");
    }
    const { topic, ...rules } = this.#rules(members, path, defaults);
    if (topic === undefined) {
      return this.#fail(path, 'neither the type nor "defaults" has a "topic"');
    }
    return { schemaFile, topic, ...rules };
  }

  /** The members that a type and `defaults` share. */
  #rules(members: Members, path: string, defaults: TypeRules): TypeRules {
    const topic = this.#text(members, "topic", path) ?? defaults.topic;
    if (members.has("topic") && topic !== undefined) this.#checkTopic(topic, `${path}/topic`);
    const subject = this.#text(members, "subject", path) ?? defaults.subject;
    const literal = subject.replaceAll("{topic}", "").replaceAll("{record}", "");
    if (subject === "" || /[{}\p{Cc}]/u.test(literal) || literal.length > SUBJECT_BYTES_MAX) {
      this.#fail(`${path}/subject`, "a subject is a text that may hold {topic} and {record}");
    }
    const pointersNode = members.get("pointers");
    return {
      ...(topic === undefined ? {} : { topic }),
      subject,
      pointers:
        pointersNode === undefined
          ? defaults.pointers
          : this.#pointers(pointersNode, `${path}/pointers`, defaults.pointers),
      keyRequired: this.#boolean(members, "keyRequired", path) ?? defaults.keyRequired,
      json:
        this.#choice(members, path, { name: "json", values: ["plain", "avro"] }) ?? defaults.json,
    };
  }

  #pointers(node: JsonNode, path: string, defaults: RoutePointers): RoutePointers {
    const members = this.#members(node, path, PACK_MEMBERS.pointers);
    const list = (name: (typeof PACK_MEMBERS.pointers)[number]): readonly string[] => {
      const value = members.get(name);
      return value === undefined ? defaults[name] : this.#pointerList(value, `${path}/${name}`);
    };
    return {
      id: list("id"),
      key: list("key"),
      time: list("time"),
      actor: list("actor"),
      session: list("session"),
    };
  }

  #pointerList(node: JsonNode, path: string): readonly string[] {
    if (node.kind !== "array" || node.items.length > POINTERS_MAX) {
      return this.#fail(path, `it is an array of up to ${POINTERS_MAX} JSON pointers`);
    }
    return node.items.map((item, index) => {
      const isPointer =
        item.kind === "string" &&
        /^(?:\/(?:[^~/]|~[01])*)+$/u.test(item.value) &&
        Buffer.byteLength(item.value) <= POINTER_BYTES_MAX;
      if (isPointer) return item.value;
      return this.#fail(`${path}/${index}`, 'a JSON pointer (RFC 6901) like "/userId" is expected');
    });
  }

  #checkTopic(name: string, path: string): void {
    const isTopic = /^[a-zA-Z0-9._-]+$/.test(name) && name !== "." && name !== "..";
    if (!isTopic || name.length > TOPIC_BYTES_MAX) {
      const form = `letters, digits, ".", "_" and "-", at most ${TOPIC_BYTES_MAX}`;
      this.#fail(path, `"${name}" is no name for a topic: ${form}`);
    }
  }

  #partitions(members: Members, path: string): number | undefined {
    const node = members.get("partitions");
    if (node === undefined) return undefined;
    const count = node.kind === "number" && /^[0-9]{1,9}$/.test(node.raw) ? Number(node.raw) : 0;
    if (count >= 1 && count <= PACK_PARTITIONS_MAX) return count;
    return this.#fail(`${path}/partitions`, `it is a number from 1 to ${PACK_PARTITIONS_MAX}`);
  }

  #members(node: JsonNode, path: string, known: readonly string[] | undefined): Members {
    if (node.kind !== "object") {
      return this.#fail(path, `an object is expected, not ${describeJson(node)}`);
    }
    if (known === undefined) return node.members;
    for (const name of node.members.keys()) {
      if (known.includes(name)) continue;
      this.#fail(pointerStep(path, name), `unknown member; known are ${known.join(", ")}`);
    }
    return node.members;
  }

  #text(members: Members, name: string, path: string): string | undefined {
    const node = members.get(name);
    if (node === undefined || node.kind === "string") return node?.value;
    return this.#fail(`${path}/${name}`, `a string is expected, not ${describeJson(node)}`);
  }

  #boolean(members: Members, name: string, path: string): boolean | undefined {
    const node = members.get(name);
    if (node === undefined || node.kind === "boolean") return node?.value;
    return this.#fail(`${path}/${name}`, `true or false is expected, not ${describeJson(node)}`);
  }

  #choice<T extends string>(
    members: Members,
    path: string,
    { name, values }: { readonly name: string; readonly values: readonly T[] },
  ): T | undefined {
    const text = this.#text(members, name, path);
    const found = values.find((value) => value === text);
    if (text === undefined || found !== undefined) return found;
    return this.#fail(`${path}/${name}`, `it is one of ${values.join(", ")}, not "${text}"`);
  }

  #fail(member: string, problem: string): never {
    throw new PackError(this.#file, { member, problem });
  }
}

/**
 * The read side of the Confluent registry API over the schemas that are in use, for the admin port:
 * with it `sluice tail` and other tools decode what an embedded sluice stores. It knows no HTTP
 * server: it turns a path into an answer.
 */
import type { TypeSchema } from "./type-schema.ts";

export interface RegistryRouteAnswer {
  readonly status: 200 | 404 | 422;
  readonly contentType: string;
  readonly body: string;
}

/** What is shown of one. */
export type HeldSchema = Pick<TypeSchema, "subject" | "schemaId" | "version" | "text">;

/** What is asked for schemas; the store is one. */
export interface HeldSchemas {
  /** One per subject. */
  held(): readonly HeldSchema[];
}

/** Where its paths begin. */
export const REGISTRY_PREFIXES = ["/schemas", "/subjects"] as const;

const CONTENT_TYPE = "application/vnd.schemaregistry.v1+json";
const ABSENT = {
  subject: { status: 404, code: 40_401, message: "Subject not found." },
  version: { status: 404, code: 40_402, message: "Version not found." },
  schema: { status: 404, code: 40_403, message: "Schema not found" },
  badVersion: {
    status: 422,
    code: 42_202,
    message: 'The specified version is no positive number and not "latest".',
  },
} as const;

/** Answers a GET of the path (a query is ignored); undefined: no path of the registry API. */
export function handleRegistryRequest(
  schemas: HeldSchemas,
  path: string,
): RegistryRouteAnswer | undefined {
  const steps = readSteps(path);
  const [first, second] = steps;
  if (first === "schemas" && second === "types" && steps.length === 2) return answer(["AVRO"]);
  if (first === "schemas" && second === "ids") return answerId(schemas, steps.slice(2));
  if (first === "subjects") return answerSubjects(schemas, steps.slice(1));
  return undefined;
}

function answerId(
  schemas: HeldSchemas,
  [id, what, ...rest]: readonly string[],
): RegistryRouteAnswer | undefined {
  if (id === undefined || rest.length > 0) return undefined;
  const found = schemas.held().filter(({ schemaId }) => String(schemaId) === id);
  const [schema] = found;
  switch (what) {
    case undefined:
      return schema === undefined ? absent("schema") : answer({ schema: schema.text });
    case "schema":
      return schema === undefined ? absent("schema") : answer(JSON.parse(schema.text));
    case "subjects":
      return schema === undefined ? absent("schema") : answer(found.map(({ subject }) => subject));
    case "versions":
      return schema === undefined
        ? absent("schema")
        : answer(found.map(({ subject, version }) => ({ subject, version })));
    default:
      return undefined;
  }
}

function answerSubjects(
  schemas: HeldSchemas,
  [subject, versions, number, what, ...rest]: readonly string[],
): RegistryRouteAnswer | undefined {
  const held = schemas.held();
  if (subject === undefined) return answer(held.map((schema) => schema.subject));
  if (versions !== "versions" || rest.length > 0) return undefined;
  const schema = held.find((candidate) => candidate.subject === subject);
  if (what !== undefined && what !== "schema") return undefined;
  if (schema === undefined) return absent("subject");
  if (number === undefined) return answer([schema.version]);
  if (number !== "latest" && !/^[1-9][0-9]*$/.test(number)) return absent("badVersion");
  if (number !== "latest" && number !== String(schema.version)) return absent("version");
  const { schemaId: id, version, text } = schema;
  if (what === "schema") return answer(JSON.parse(text));
  return answer({ subject, version, id, schema: text });
}

/** The decoded steps; none for a path that is not well formed. */
function readSteps(path: string): readonly string[] {
  const [plain = ""] = path.split("?", 1);
  try {
    const steps = plain.split("/").map((step) => decodeURIComponent(step));
    return steps.filter((step) => step !== "");
  } catch {
    return [];
  }
}

function answer(json: unknown): RegistryRouteAnswer {
  return { status: 200, contentType: CONTENT_TYPE, body: JSON.stringify(json) };
}

function absent(what: keyof typeof ABSENT): RegistryRouteAnswer {
  const { status, code, message } = ABSENT[what];
  const body = JSON.stringify({ error_code: code, message });
  return { status, contentType: CONTENT_TYPE, body };
}

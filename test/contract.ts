/**
 * Holds what a gateway says against the documents it publishes: every answer and every frame that
 * the helpers of the end-to-end tests see comes by here, and one that is not documented fails its
 * test.
 */
import assert from "node:assert/strict";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { asyncapiDocument } from "../src/protocol/documents/asyncapi.ts";
import { FACADE_PATHS } from "../src/protocol/documents/facades.ts";
import { LIVE_EVENTS_PATH, LIVE_PATH, SESSIONS_PATH } from "../src/protocol/documents/facts.ts";
import { openapiDocument } from "../src/protocol/documents/openapi.ts";

/** A JSON document whose members are looked up by name; a leaf has none. */
type Json = { readonly [name: string]: Json };

/** A leaf that should be a text. */
function textOf(leaf: unknown): string {
  return typeof leaf === "string" ? leaf : "";
}

const OPENAPI = openapiDocument() as Json;
const ASYNCAPI = asyncapiDocument() as Json;

const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats.default(ajv);
ajv.addSchema({ ...OPENAPI, $id: "openapi" });
ajv.addSchema({ ...ASYNCAPI, $id: "asyncapi" });

const compiled = new Map<string, ValidateFunction>();

/** Checks a value against the schema at this place of a document. */
function checkAt(place: string, value: unknown, what: string): void {
  const known = compiled.get(place) ?? ajv.compile({ $ref: place });
  compiled.set(place, known);
  if (known(value)) return;
  assert.fail(
    `${what} is not as documented at ${place}: ` +
      `${ajv.errorsText(known.errors)}\n${JSON.stringify(value)}`,
  );
}

const escaped = (name: string): string => name.replaceAll("~", "~0").replaceAll("/", "~1");

/** What has been seen of the documents by this process. */
export const seen = { frames: new Set<string>(), answers: new Set<string>() };

/** A frame of sluice: it must be one of the document, with its members and no others. */
export function checkFrame(frame: { readonly t: string }): void {
  const name = serverFrames().get(frame.t);
  assert.ok(name !== undefined, `a frame ${frame.t} is not documented`);
  seen.frames.add(frame.t);
  checkAt(`asyncapi#/components/schemas/${name}`, frame, `a frame ${frame.t}`);
}

/** A frame that a test sends: what is documented must be enough to write it. */
export function checkClientFrame(frame: { readonly t: string }): void {
  const name = framesOf("fromClient").get(frame.t);
  assert.ok(name !== undefined, `a frame ${frame.t} of a client is not documented`);
  checkAt(`asyncapi#/components/schemas/${name}`, frame, `a frame ${frame.t}`);
}

/** A frame of the live feed: likewise. */
export function checkLiveFrame(frame: { readonly t: string }): void {
  const name = framesOf("toSubscriber").get(frame.t);
  assert.ok(name !== undefined, `a frame ${frame.t} of the live feed is not documented`);
  checkAt(`asyncapi#/components/schemas/${name}`, frame, `a frame ${frame.t}`);
}

/** Names of the schemas of the frames that sluice sends, by `t`. */
export function serverFrames(): ReadonlyMap<string, string> {
  return framesOf("fromServer");
}

function framesOf(operation: string): ReadonlyMap<string, string> {
  const messages = ASYNCAPI["operations"]?.[operation]?.["messages"] ?? {};
  const names = Object.values(messages).map(({ $ref }) => textOf($ref).split("/").at(-1) ?? "");
  return new Map(
    names.map((name) => [textOf(ASYNCAPI["components"]?.["messages"]?.[name]?.["title"]), name]),
  );
}

/** A close code of sluice: it must be one of the table. */
export function checkClose(code: number): void {
  // 1005 and 1006 are never sent: the connection went away without a close frame.
  if (code === 1005 || code === 1006) return;
  const rules = Object.values(ASYNCAPI["channels"]?.["stream"]?.["x-close-codes"] ?? {});
  assert.ok(
    rules.some((rule) => Number(rule["code"]) === code),
    `close code ${code} is not documented`,
  );
}

export interface Asked {
  readonly method: string;
  readonly path: string;
}

/** An answer: status, content type, body and headers must be those of the document. */
export async function checkAnswer(asked: Asked, response: Response): Promise<void> {
  const { status } = response;
  const [place, answer] = documented(asked, status);
  seen.answers.add(`${asked.method} ${templateOf(asked.path)} ${status}`);
  const what = `${asked.method} ${asked.path} ${status}`;
  for (const [name, header] of Object.entries(answer["headers"] ?? {})) {
    const [headerPlace, rule] = resolve(`${place}/headers/${escaped(name)}`, header);
    const value = response.headers.get(name);
    assert.ok(value !== null || !rule["required"], `${what} has the header ${name}`);
    if (value === null) continue;
    const isNumber = textOf(rule["schema"]?.["type"]) === "integer";
    checkAt(`openapi#${headerPlace}/schema`, isNumber ? Number(value) : value, `${what}: ${name}`);
  }
  if (answer["content"] === undefined) {
    assert.equal(await response.clone().text(), "", `${what} has no body`);
    return;
  }
  const [type = ""] = (response.headers.get("content-type") ?? "").split(";");
  assert.ok(answer["content"][type] !== undefined, `${what}: ${type} is not documented`);
  const body = response.clone();
  const value: unknown = type.endsWith("json") ? await body.json() : await body.text();
  checkAt(`openapi#${place}/content/${escaped(type)}/schema`, value, what);
}

/** The path of the document that this one is an instance of. */
function templateOf(path: string): string {
  const templates = Object.keys(OPENAPI["paths"] ?? {});
  if (templates.includes(path)) return path;
  const found = templates.find((template) =>
    new RegExp(`^${template.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(path),
  );
  return found ?? "*";
}

/** Where the document has the answer, and the answer. */
function documented({ method, path }: Asked, status: number): readonly [string, Json] {
  const template = templateOf(path);
  const [itemPlace, item] = resolve(
    `/paths/${escaped(template)}`,
    OPENAPI["paths"]?.[template] ?? null,
  );
  const verb = method === "HEAD" ? "get" : method.toLowerCase();
  const operation = item?.[verb];
  if (operation === undefined) {
    const name = item === null ? "NotFound" : "MethodNotAllowed";
    assert.equal(status, item === null ? 404 : 405, `${method} ${path} is not documented`);
    const place = `/components/responses/${name}`;
    return [place, OPENAPI["components"]?.["responses"]?.[name] ?? {}];
  }
  const answer = operation["responses"]?.[String(status)];
  assert.ok(answer !== undefined, `${method} ${path} answers ${status}, which is not documented`);
  return resolve(`${itemPlace}/${verb}/responses/${status}`, answer);
}

/** Follows one reference. */
function resolve<T extends Json | null>(place: string, value: T): readonly [string, T | Json] {
  if (value === null) return [place, value];
  const target = value["$ref"];
  if (target === undefined) return [place, value];
  const names = textOf(target).slice(2).split("/");
  let found: Json = OPENAPI;
  for (const name of names) found = found[name] ?? {};
  return [`/${names.join("/")}`, found];
}

/**
 * Every answer of sluice's own routes but those of sessions and of the live feed, which have tests
 * of their own, as `checkAnswer` writes them.
 */
export function documentedAnswers(): string[] {
  const paths = Object.entries(OPENAPI["paths"] ?? {});
  const others = [SESSIONS_PATH, LIVE_PATH, LIVE_EVENTS_PATH];
  const isElsewhere = (path: string): boolean => path in FACADE_PATHS || others.includes(path);
  return paths.flatMap(([path, item]) => (isElsewhere(path) ? [] : answersOf(path, item)));
}

/** Every answer that the document has for a person's sessions, as `seen.answers` names them. */
export function documentedSessionAnswers(): string[] {
  return answersOf(SESSIONS_PATH, OPENAPI["paths"]?.[SESSIONS_PATH] ?? {});
}

function answersOf(path: string, item: Json): string[] {
  return Object.entries(item).flatMap(([verb, operation]) =>
    Object.keys(operation["responses"] ?? {}).map(
      (status) => `${verb.toUpperCase()} ${path} ${status}`,
    ),
  );
}

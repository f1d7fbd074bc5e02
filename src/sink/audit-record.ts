/** Records of the audit topic: JSON that says what was done by whom, erasures among them. */
import type { KafkaRecord } from "../delivery/reader.ts";
import type { AuditRow, ErasureRow } from "./record-kinds.ts";

const HASH = /^[0-9a-f]{64}$/;

/** Undefined: these bytes are no audit record. */
export function readAudit(record: KafkaRecord, value: Uint8Array): AuditRow | undefined {
  const json = Buffer.from(value).toString("utf8");
  const said = membersOf(json);
  const what = text(said, "what");
  const atMs = Date.parse(text(said, "at"));
  if (what === "" || Number.isNaN(atMs)) return undefined;
  const { topic, partition, offset } = record;
  const tenant = text(said, "tenant");
  const place = { topic, partition, offset };
  const erasure = what === "sessions_erased" ? erasureOf(said, { tenant, atMs }) : undefined;
  return { kind: "audit", ...place, atMs, what, tenant, json, erasure };
}

function erasureOf(
  said: Readonly<Record<string, unknown>>,
  { tenant, atMs }: { readonly tenant: string; readonly atMs: number },
): ErasureRow | undefined {
  const personHash = text(said, "person");
  if (!HASH.test(personHash)) return undefined;
  return { kind: "erasure", tenant, personHash, atMs, requestId: text(said, "requestId") };
}

function membersOf(json: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value !== "object" || value === null) return {};
    // Whatever members it has are looked at one by one.
    return value as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}

function text(members: Readonly<Record<string, unknown>>, name: string): string {
  const value = members[name];
  return typeof value === "string" ? value : "";
}

/**
 * Notes in the audit topic what an operator does with events, before it is done and after. Without
 * the note nothing is done; an operator who wants none has set the topic to nothing.
 */
import { userInfo } from "node:os";

import type { Config } from "../config/options.ts";
import { RecordProducer } from "../delivery/record-producer.ts";
import { TAIL_CONNECT_TIMEOUT_MS } from "../limits/commands.ts";
import type { KafkaPlace } from "./places.ts";

/** What is noted; the closed set of words that stand in `what` of such records. */
export type AuditedAct =
  | "replay_started"
  | "replay_ended"
  | "redrive_started"
  | "redrive_ended"
  | "export_started"
  | "export_ended";

export interface AuditNote {
  readonly what: AuditedAct;
  readonly [member: string]: string | number | null;
}

/** Throws ReaderError when the topic cannot be written. */
export async function noteInAudit(
  { auditTopic: topic }: Pick<Config, "auditTopic">,
  { kafka, note }: { readonly kafka: KafkaPlace; readonly note: AuditNote },
): Promise<void> {
  if (topic === "") return;
  const producer = await RecordProducer.open({
    ...kafka,
    topic,
    timeoutMs: TAIL_CONNECT_TIMEOUT_MS,
  });
  try {
    const { what, ...members } = note;
    const said = { what, at: new Date().toISOString(), by: { user: userName() }, ...members };
    const value = Buffer.from(JSON.stringify(said));
    const record = { key: null, value, headers: [], timestampMs: null, partitionHint: 0 };
    await producer.store([record]);
  } finally {
    await producer.close();
  }
}

/** Of the operating system; some users of containers have none. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? "");
  }
}

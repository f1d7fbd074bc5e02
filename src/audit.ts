/**
 * Notes in the audit topic, by the gateway's own producers: what was done, as JSON. Knows neither
 * who asks nor what it means.
 */
import { createHash } from "node:crypto";

import type { Access, KeysListener } from "./access.ts";
import type { Delivery } from "./delivery/delivery.ts";
import { systemClock } from "./lib/clock.ts";
import type { RoomParts } from "./rooms.ts";

interface AuditNote {
  readonly what: string;
  readonly tenant: string;
}

/**
 * `key`: notes with the same one keep their order. True once the note is in Kafka; never rejects.
 */
export function noteInAudit(
  { delivery, topic }: { readonly delivery: Delivery; readonly topic: string },
  { record, key }: { readonly record: AuditNote; readonly key: string },
): Promise<boolean> {
  const value = Buffer.from(JSON.stringify(record));
  return new Promise((resolve) => {
    const sink = {
      recordStored: () => resolve(true),
      recordFailed: () => resolve(false),
      commitSettled: () => {},
    };
    const tenant = delivery.tenant(record.tenant);
    const letter = { topic, index: 0, tenant, key: Buffer.from(key), value, headers: [] };
    if (!delivery.deadLetter(letter, sink)) resolve(false);
  });
}

/**
 * Has the audit topic told of every edit of the tenants file that changes keys: by one of the
 * processes that read the same file and share Redis.
 */
export function noteKeyChanges(
  { config, telemetry }: RoomParts,
  { access, delivery }: { readonly access: Access; readonly delivery: Delivery },
): void {
  const { auditTopic: topic } = config;
  if (topic === "") return;
  const note = async (...[tenant, changes, edit]: Parameters<KeysListener>): Promise<void> => {
    const keys = changes.map(({ source, kind, key, change }) => ({ source, kind, key, change }));
    const at = new Date(systemClock.nowMs()).toISOString();
    const digest = createHash("sha256").update(JSON.stringify([edit, tenant, keys]));
    if (!(await access.isFirst(`keys:${digest.digest("base64url")}`))) return;
    const record = { what: "keys_changed", at, tenant, keys };
    const isNoted = await noteInAudit({ delivery, topic }, { record, key: tenant });
    // The edit holds already; what cannot be noted is at least in the log.
    if (!isNoted) telemetry.log.warn("a change of keys is not in the audit topic", { tenant });
  };
  access.onKeysChanged((...change) => void note(...change));
}

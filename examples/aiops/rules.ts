/**
 * The rules by which alerts are raised: state per tower and rule, and what changes it. Pure: time
 * and everything else is in the samples. An alert's id is made from what it says, so that the same
 * sample seen twice gives the same alert and not a second one.
 */
import { createHash } from "node:crypto";

export interface Rule {
  readonly name: string;
  readonly metric: string;
  readonly severity: "WARNING" | "CRITICAL";
  readonly threshold: number;
  readonly isOver: (value: number) => boolean;
  readonly summary: (tower: string, value: number) => string;
}

export const RULES: readonly Rule[] = [
  {
    name: "Overheating",
    metric: "cabinet.temperature",
    severity: "CRITICAL",
    threshold: 70,
    isOver: (value) => value > 70,
    summary: (tower, value) => `${tower}: the cabinet is at ${value.toFixed(1)} °C`,
  },
  {
    name: "WeakSignal",
    metric: "radio.signal",
    severity: "WARNING",
    threshold: -100,
    isOver: (value) => value < -100,
    summary: (tower, value) => `${tower}: the signal is down to ${value.toFixed(0)} dBm`,
  },
  {
    name: "OnBattery",
    metric: "power.battery",
    severity: "WARNING",
    threshold: 0.4,
    isOver: (value) => value < 0.4,
    summary: (tower, value) => `${tower}: the battery is at ${Math.round(value * 100)} %`,
  },
];

/** So many samples in a row begin an alert, or end it. */
export const SAMPLES_IN_A_ROW = 3;

export interface Sample {
  readonly tenant: string;
  readonly tower: string;
  readonly metric: string;
  readonly value: number;
  /** Ms since 1970. */
  readonly atMs: number;
}

/** The data of an event of type `alert`. */
export interface Alert {
  readonly eventId: string;
  readonly timestamp: number;
  readonly tenantId: string;
  readonly deviceId: string;
  readonly fingerprint: string;
  readonly name: string;
  readonly status: "FIRING" | "RESOLVED";
  readonly severity: Rule["severity"];
  readonly startsAt: number;
  readonly endsAt: number | null;
  readonly summary: string;
  readonly value: number;
  readonly threshold: number;
}

interface Watch {
  /** Samples in a row that speak against the state. */
  against: number;
  startsAtMs: number | null;
}

export class AlertRules {
  readonly #watches = new Map<string, Watch>();

  /** Alerts that hold now. */
  get firing(): number {
    return [...this.#watches.values()].filter(({ startsAtMs }) => startsAtMs !== null).length;
  }

  /** What a sample brings about: nothing, or that an alert begins or ends. */
  take(sample: Sample): Alert | null {
    const rule = RULES.find(({ metric }) => metric === sample.metric);
    if (rule === undefined) return null;
    const place = `${sample.tenant}/${sample.tower}/${rule.name}`;
    const watch = this.#watches.get(place) ?? { against: 0, startsAtMs: null };
    this.#watches.set(place, watch);
    const isFiring = watch.startsAtMs !== null;
    watch.against = rule.isOver(sample.value) === isFiring ? 0 : watch.against + 1;
    if (watch.against < SAMPLES_IN_A_ROW) return null;
    watch.against = 0;
    const startsAtMs = watch.startsAtMs ?? sample.atMs;
    watch.startsAtMs = isFiring ? null : sample.atMs;
    return alertOf(rule, sample, { startsAtMs, status: isFiring ? "RESOLVED" : "FIRING" });
  }
}

function alertOf(
  { name, severity, threshold, summary }: Rule,
  { tenant, tower, value, atMs }: Sample,
  { startsAtMs, status }: { readonly startsAtMs: number; readonly status: Alert["status"] },
): Alert {
  const fingerprint = digest(`${tenant}/${tower}/${name}/${startsAtMs}`).slice(0, 16);
  return {
    eventId: uuidOf(`${fingerprint}/${status}`),
    timestamp: atMs,
    tenantId: tenant,
    deviceId: tower,
    fingerprint,
    name,
    status,
    severity,
    startsAt: startsAtMs,
    endsAt: status === "RESOLVED" ? atMs : null,
    summary: status === "FIRING" ? summary(tower, value) : `${tower}: back to normal`,
    value,
    threshold,
  };
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** A UUID of version 8 (RFC 9562): its bits are ours. */
function uuidOf(text: string): string {
  const hex = digest(text);
  const parts = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
  ];
  return [...parts, hex.slice(20, 32)].join("-");
}

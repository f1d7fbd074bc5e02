/**
 * What readiness depends on: Kafka, and at least one type that has a schema; at first all of them,
 * for a while, where they are being registered.
 */
import type { Delivery } from "./delivery/delivery.ts";
import type { Lifecycle } from "./lifecycle/lifecycle.ts";
import type { Pack } from "./schema/pack.ts";
import type { SchemaStore } from "./schema/store.ts";

/** Patience of readiness, beyond delivery's own: a blip of Kafka must not empty a load balancer. */
const KAFKA_FAIL_AFTER_MS = 1_000;
const KAFKA_RECOVER_AFTER_MS = 1_000;
const WATCH_MS = 250;

/** Schemas that are being registered are waited for so long before the others do without them. */
const REGISTRATION_PATIENCE_MS = 10_000;

export interface ReadinessParts {
  readonly lifecycle: Pick<Lifecycle, "condition">;
  readonly pack: Pick<Pack, "types">;
  readonly delivery: Pick<Delivery, "state">;
  readonly schemas: Pick<SchemaStore, "missing">;
  /** Missing schemas are put into the registry. */
  readonly registers: boolean;
  /** Monotonic clock, ms. */
  readonly clockMs: () => number;
}

/** Looks now and again, until the returned function is called. */
export function watchReadiness({
  lifecycle,
  pack,
  delivery,
  schemas: store,
  registers,
  clockMs,
}: ReadinessParts): () => void {
  const isReached = delivery.state() === "ready";
  const kafka = lifecycle.condition("kafka", {
    failAfterMs: KAFKA_FAIL_AFTER_MS,
    recoverAfterMs: KAFKA_RECOVER_AFTER_MS,
    ...(isReached ? {} : { initially: "Kafka has not been reached yet" }),
  });
  const patientUntilMs = clockMs() + (registers ? REGISTRATION_PATIENCE_MS : 0);
  let isPatient = registers;
  const noSchema = () => {
    const missing = store.missing();
    const [first] = missing.values();
    isPatient &&= missing.size > 0 && clockMs() < patientUntilMs;
    return isPatient || missing.size === pack.types.size ? first : undefined;
  };
  const initially = noSchema();
  const schemas = lifecycle.condition("schemas", {
    failAfterMs: 0,
    recoverAfterMs: 0,
    ...(initially === undefined ? {} : { initially }),
  });
  const timer = setInterval(() => {
    if (delivery.state() === "ready") kafka.clear();
    else kafka.fail("Kafka cannot be reached");
    const reason = noSchema();
    if (reason === undefined) schemas.clear();
    else schemas.fail(reason);
  }, WATCH_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/**
 * What rooms report of themselves, translated into telemetry. The rooms know no metrics, telemetry
 * knows no rooms; this is where each happening gets its name for the operator.
 */
import type { DeliveryEvent } from "./delivery/delivery.ts";
import type { SchemaStoreEvent } from "./schema/store.ts";
import type { SessionsEvent } from "./session/coalescer.ts";
import type { Telemetry } from "./telemetry/telemetry.ts";

export function deliveryEvents(telemetry: Telemetry): (event: DeliveryEvent) => void {
  const { backends, log } = telemetry;
  return (event) => {
    switch (event.kind) {
      case "commit":
        backends.commitSettled(event);
        break;
      case "records_failed":
        backends.recordsFailed(event.code, {
          count: event.count,
          lane: event.lane,
          reason: event.reason,
        });
        break;
      case "late_failure":
        backends.kafkaError("other", { lane: event.lane, topic: event.topic, code: event.code });
        log.error("a record failed after its event was answered stored", { ...event });
        break;
      case "state":
        backends.kafkaState(event.state, { reason: event.reason });
        break;
      case "producer_fatal":
        backends.producerRebuilt({ lane: event.lane, reason: event.reason });
        break;
      case "producer_doubted":
        backends.producerDoubted({ lane: event.lane });
        break;
      case "producer_failed":
      case "broker_error":
        backends.kafkaError("connection", { lane: event.lane, reason: event.reason });
        break;
      case "queue_full":
        backends.kafkaError("queue_full", { lane: event.lane });
        break;
      case "circuit_open":
        backends.circuitOpened({ lane: event.lane, forMs: event.forMs });
        break;
      case "commit_stuck":
        backends.commitStuck({ lane: event.lane, records: event.records });
        break;
      case "siding_opened":
        backends.partitionsStalled({ lane: event.lane, partitions: event.partitions.join(" ") });
        break;
      case "siding_closed":
        log.info("stalled partitions are quick again", { lane: event.lane });
        break;
      case "topic":
        backends.topicChanged(event.status, topicFields(event));
        break;
      case "lanes_reduced":
        log.warn("fewer lanes than asked for", { ...event });
        break;
      case "expired":
        log.warn("records waited too long for a commit, answered retry", { count: event.count });
        break;
      case "refused":
        log.debug("events not taken", { ...event });
        break;
      case "pressure":
        backends.pressureChanged(event.level);
        break;
      case "producer_ready":
        log.debug("producer ready", { ...event });
        break;
      default:
        event satisfies never;
    }
  };
}

function topicFields(event: Extract<DeliveryEvent, { readonly kind: "topic" }>) {
  const { topic, partitions, reason, status } = event;
  const mend = status === "missing" ? { mend: "create it, or start with --create-topics" } : {};
  return { topic, partitions, reason, ...mend };
}

export function schemaEvents(telemetry: Telemetry): (event: SchemaStoreEvent) => void {
  const { backends, log } = telemetry;
  return (event) => {
    switch (event.kind) {
      case "fetched":
        backends.schemaFetched();
        break;
      case "failed":
        backends.schemaFetchFailed({ subject: event.subject, detail: event.detail });
        break;
      case "loaded":
        backends.schemaChanged("loaded", versionFields(event));
        break;
      case "new-version":
        backends.schemaChanged("new_version", versionFields(event));
        break;
      case "from-snapshot":
        backends.schemaChanged("from_snapshot", versionFields(event));
        break;
      case "refused-version":
        backends.schemaChanged("refused_version", {
          ...versionFields(event),
          detail: event.detail,
        });
        break;
      case "unregistered":
        backends.schemaChanged("unregistered", { subject: event.subject, detail: event.detail });
        break;
      case "registered":
        log.info("schema registered", versionFields(event));
        break;
      case "snapshot-failed":
        log.warn("schema snapshot cannot be used", { detail: event.detail });
        break;
      default:
        event satisfies never;
    }
  };
}

function versionFields(event: {
  readonly subject: string;
  readonly schemaId: number;
  readonly version: number;
}) {
  const { subject, schemaId, version } = event;
  return { subject, schemaId, version };
}

export function sessionEvents({ backends }: Telemetry): (event: SessionsEvent) => void {
  return (event) => {
    switch (event.kind) {
      case "flushed":
        backends.sessionsFlushed(event);
        break;
      case "failed":
        backends.sessionsFlushFailed({ reason: event.reason, detail: event.detail });
        break;
      case "degraded":
        backends.sessionStoreDown({ reason: event.reason, detail: event.detail });
        break;
      case "healed":
        backends.sessionStoreUp({ afterMs: event.afterMs });
        break;
      default:
        event satisfies never;
    }
  };
}

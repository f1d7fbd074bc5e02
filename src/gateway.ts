/**
 * One gateway process: its rooms, put together in the order in which they depend on one another,
 * how they start and how they drain. Read it to see what needs what; rooms.ts has their settings.
 */
import { makeAccess } from "./access.ts";
import { makeAdminPort } from "./admin-port.ts";
import type { Access } from "./access.ts";
import { noteKeyChanges } from "./audit.ts";
import { banner, embeddedParts } from "./banner.ts";
import { makeCanary } from "./canary-watch.ts";
import type { Canary } from "./canary/canary.ts";
import type { Codec } from "./codec/codec.ts";
import { createCodec } from "./codec/create-codec.ts";
import { dataDirectory } from "./config/data-directory.ts";
import type { Delivery } from "./delivery/delivery.ts";
import { followCertificate, makeIngest, makeServer } from "./doors.ts";
import { systemClock, waitUntil } from "./lib/clock.ts";
import type { Lifecycle } from "./lifecycle/lifecycle.ts";
import { FRAME_BYTES_HARD_MAX, INFLATED_BYTES_MAX } from "./limits/events.ts";
import { TRACE_STOP_DEADLINE_MS } from "./limits/watching.ts";
import { makeLiveFeed } from "./live-feed.ts";
import type { LiveFeed } from "./live-feed.ts";
import { DeadLetters } from "./pipeline/dead-letters.ts";
import { Pipeline } from "./pipeline/pipeline.ts";
import { RouteBook } from "./pipeline/routes.ts";
import { watchReadiness } from "./readiness.ts";
import { makeRepeats } from "./repeats.ts";
import * as rooms from "./rooms.ts";
import type { RoomParts } from "./rooms.ts";
import { removeRunFile, writeRunFile } from "./run-file.ts";
import type { SchemaStore } from "./schema/store.ts";
import type { TypeSchema } from "./schema/type-schema.ts";
import type { HttpIngest } from "./server/ingest.ts";
import type { Server } from "./server/server.ts";
import type { StreamDoor } from "./server/stream-door.ts";
import { makeSessionDesk } from "./session-desk.ts";
import { loadNewsGround, makeSessionNews } from "./session-news.ts";
import type { NewsGround, SessionNewsRoom } from "./session-news.ts";
import type { Sessions } from "./session/sessions.ts";
import type { StreamHub } from "./stream/hub.ts";
import type { StreamStore } from "./stream/store.ts";
import { makeStreamDoor, makeStreamHub, makeStreamStore } from "./streams.ts";
import type { AdminServer } from "./telemetry/admin.ts";
import { eventTopics, tenantsOf } from "./topics.ts";
import type { BatchTracer } from "./tracing/tracer.ts";
import { makeTracer } from "./traces.ts";

/** A start waits so long for Kafka before it goes on without. */
const KAFKA_START_MS = 2_000;

/**
 * And so long for topics that are being made, so that their first events are not answered retry.
 */
const TOPICS_START_MS = 10_000;

export interface GatewayParts extends RoomParts {
  readonly lifecycle: Lifecycle;
  /** Of sluice, for those who look at its traces. */
  readonly version: string;
  /** Threads of libuv's pool, as the environment has set it. */
  readonly threadPoolSize: number;
  /** Where people look: the banner goes here, null for none. */
  readonly people: { write(text: string): unknown } | null;
  /**
   * Other processes of the same gateway serve the same port; they have no admin port of their own.
   */
  readonly isWorker: boolean;
}

/** What has to be loaded before the rest. */
interface Loaded {
  readonly codec: Codec;
  readonly newsGround: NewsGround | null;
  readonly tracer: BatchTracer | null;
}

export class Gateway {
  readonly #parts: GatewayParts;
  readonly #access: Access;
  readonly #repeats: ReturnType<typeof makeRepeats>;
  readonly #delivery: Delivery;
  readonly #topicsKnown = new Set<string>();
  readonly #schemas: SchemaStore;
  readonly #sessions: Sessions;
  readonly #news: SessionNewsRoom | null;
  readonly #pipeline: Pipeline;
  readonly #deadlines: ReturnType<typeof rooms.makeDeadlines>;
  readonly #gate: rooms.Gate;
  readonly #streams: StreamStore;
  readonly #hub: StreamHub;
  readonly #live: LiveFeed;
  readonly #ingest: HttpIngest;
  readonly #streamDoor: StreamDoor;
  readonly #server: Server;
  readonly #admin: AdminServer | null;
  readonly #tracer: BatchTracer | null;
  #canary: Canary | null = null;
  readonly #duty = Promise.withResolvers<void>();
  #stopWatching: () => void = () => {};
  #stopFollowing: () => void = () => {};
  #port = 0;
  #adminUrl = "";

  /** The codec comes first, because it loads asynchronously. */
  static async create(parts: GatewayParts): Promise<Gateway> {
    const { backends } = parts.telemetry;
    const inputBytesMax = Math.max(INFLATED_BYTES_MAX, FRAME_BYTES_HARD_MAX);
    const onTrap = () => backends.codecTrapped();
    const codec = await createCodec({ onTrap, inputBytesMax, ...rooms.recordLimit(parts.config) });
    const newsGround = await loadNewsGround(parts.config);
    return new Gateway(parts, { codec, newsGround, tracer: await makeTracer(parts) });
  }

  private constructor(parts: GatewayParts, { codec, newsGround, tracer }: Loaded) {
    const { config, pack, telemetry } = parts;
    const { deadLetters: payload } = config;
    const clockMs = systemClock.monotonicMs;
    this.#parts = parts;
    this.#tracer = tracer;
    this.#access = makeAccess(parts);
    this.#repeats = makeRepeats(parts, this.#access.admission);
    this.#delivery = rooms.makeDelivery(parts, {
      table: this.#access.admission.table,
      threadPoolSize: parts.threadPoolSize,
      onTopic: (name) => this.#topicsKnown.add(name),
      onState: (state) => this.#gate.stateChanged(state),
    });
    noteKeyChanges(parts, { access: this.#access, delivery: this.#delivery });
    // Looked up now, so that the first events for them find them.
    for (const topic of this.#eventTopics()) this.#delivery.topic(topic);
    const { sessions, book } = rooms.makeSessions(parts, this.#access.admission);
    this.#sessions = sessions;
    const sessionRooms = { delivery: this.#delivery, sessions, book };
    this.#news = newsGround && makeSessionNews(parts, { ...newsGround, ...sessionRooms });
    const routes = new RouteBook({
      codec,
      delivery: this.#delivery,
      pack,
      hasPrivacySalt: config.privacySalt !== "",
    });
    this.#schemas = rooms.makeSchemaStore(parts, (schema) => routes.refusal(schema));
    this.#schemas.onChange((schema) => routes.load(schema));
    this.#pipeline = new Pipeline({
      codec,
      routes,
      delivery: this.#delivery,
      sessions: this.#sessions,
      schemas: this.#schemas,
      deadLetters: new DeadLetters({ delivery: this.#delivery, routes, payload }),
      ...this.#repeats,
      observer: telemetry.traffic,
      ...(config.privacySalt === "" ? {} : { privacySalt: config.privacySalt }),
      clockMs,
    });
    this.#deadlines = rooms.makeDeadlines(config);
    const shedding = rooms.makeShedding(parts);
    this.#gate = new rooms.Gate(this.#delivery, shedding, clockMs);
    this.#streams = makeStreamStore(parts);
    const { admission, quotas, doorman } = this.#access;
    const gated = { pipeline: this.#pipeline, gate: this.#gate, shedding };
    const shared = { admission, quotas, tracer, ...gated };
    const store = this.#streams;
    this.#hub = makeStreamHub(parts, { ...shared, store, deadlines: this.#deadlines.stream });
    const heldSchemas = () => this.allSchemas();
    this.#live = makeLiveFeed(parts, { ...sessionRooms, admission, heldSchemas, newsGround });
    const deadlines = this.#deadlines.http;
    const ingest = makeIngest(parts, { ...shared, deadlines, repeats: this.#repeats.requests });
    this.#ingest = ingest;
    this.#streamDoor = makeStreamDoor(parts, { ...shared, store, deadlines, ingest });
    this.#server = makeServer(parts, {
      ...shared,
      desk: makeSessionDesk(parts, { admission, ...sessionRooms }),
      doorman,
      ingest,
      streams: this.#streamDoor,
      hub: this.#hub,
      live: this.#live.hub,
      isWorker: parts.isWorker,
    });
    this.#admin = parts.isWorker ? null : this.#makeAdmin(tracer);
    this.#watch(codec);
  }

  #makeAdmin(tracer: BatchTracer | null): AdminServer {
    const schemas = { own: () => this.#schemas.held(), all: () => this.allSchemas() };
    return makeAdminPort(this.#parts, { tracer, schemas, look: this.look });
  }

  #eventTopics(): Iterable<string> {
    return eventTopics(this.#parts, tenantsOf(this.#access.admission.table)).keys();
  }

  /** Schemas in use, of the pack's types and of sluice's own topics. */
  allSchemas(): readonly TypeSchema[] {
    return [...this.#schemas.held(), ...(this.#news?.schemas.held() ?? [])];
  }

  #watch(codec: Codec): void {
    const { traffic, backends } = this.#parts.telemetry;
    traffic.countInFlightBy(() => this.#pipeline.inFlight);
    backends.watchProducers(() => this.#delivery.statistics(), systemClock.monotonicMs);
    backends.watch({
      unacked: () => {
        const { unackedEvents: events, unackedBytes: bytes } = this.#delivery.pressure();
        return { events, bytes };
      },
      tenantsHeldBack: () => this.#delivery.tenantsHeldBack(),
      codec: () => codec.stats(),
      sessionsActive: () => this.#sessions.stats().active,
      sessionsStarted: () => this.#sessions.stats().started,
      schemasLoaded: () => this.#schemas.held().length,
      schemasMissing: () => this.#schemas.missing().size,
      schemaAgeMs: () => this.#schemas.confirmedAgeMs(),
    });
  }

  /** Starts everything; true when the process serves (it may still not be ready: see /readyz). */
  async start(): Promise<boolean> {
    const { lifecycle } = this.#parts;
    this.#plan();
    const serves = await lifecycle.start([
      { name: "the admin port", run: async () => this.#startAdmin() },
      { name: "the Kafka producers", run: () => this.#startDelivery() },
      { name: "the session store", run: () => this.#sessions.start() },
      { name: "the stream store", run: () => this.#streams.start() },
      { name: "the schemas", run: () => this.#startSchemas() },
      { name: "listening", run: async () => this.#listen() },
      { name: "the run file", run: () => this.#writeRunFile() },
    ]);
    if (!serves) return false;
    if (lifecycle.phase !== "ready") this.#parts.telemetry.process.notice("serving, not ready yet");
    await lifecycle.firstReady;
    if (!this.#parts.isWorker) this.takeDuty();
    void this.#duty.promise.then(() => this.#startCanary());
    this.#announce();
    return true;
  }

  /**
   * Waits for the first connection, but not for long: an absent Kafka is no reason not to start.
   */
  async #startDelivery(): Promise<void> {
    await this.#delivery.start();
    await waitUntil(KAFKA_START_MS, () => this.#delivery.state() === "ready");
    if (this.#delivery.state() === "ready" && this.#parts.config.createTopics) {
      const names = [...this.#eventTopics()];
      await waitUntil(TOPICS_START_MS, () => names.every((name) => this.#topicsKnown.has(name)));
    }
  }

  async #startSchemas(): Promise<void> {
    await Promise.all([this.#schemas.start(), this.#news?.schemas.start()]);
    this.#news?.sweeper.start();
    const { lifecycle, pack } = this.#parts;
    const [delivery, schemas] = [this.#delivery, this.#schemas];
    this.#stopWatching = watchReadiness({
      ...{ lifecycle, pack, delivery, schemas },
      registers: this.#parts.config.registerSchemas,
      clockMs: systemClock.monotonicMs,
    });
  }

  async #startAdmin(): Promise<void> {
    const { adminHost, adminPort } = this.#parts.config;
    try {
      this.#adminUrl = (await this.#admin?.start()) ?? "";
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const advice = "another --admin-port may be free";
      throw new Error(`cannot listen on ${adminHost}:${adminPort} (${reason}); ${advice}`, {
        cause: error,
      });
    }
  }

  async #listen(): Promise<void> {
    this.#hub.start();
    this.#live.hub.start();
    this.#port = await this.#server.listen();
    this.#stopFollowing = followCertificate(this.#parts, this.#server);
  }

  #startCanary(): void {
    this.#canary = makeCanary(this.#parts, this.#delivery);
    this.#canary?.start();
  }

  /** What is done once, not in each of several workers, is done here from now on. */
  takeDuty(): void {
    this.#duty.resolve();
  }

  /** For the console: events of a type after a number, as they are stored. */
  readonly look = (type: string, after: number): Promise<unknown> => {
    return this.#live.onlookers.look(type, after);
  };

  /** Schemas of the pack's types in use. */
  heldSchemas(): readonly TypeSchema[] {
    return this.#schemas.held();
  }

  get url(): string {
    const { host, tlsCertFile } = this.#parts.config;
    const scheme = tlsCertFile === "" ? "http" : "https";
    return `${scheme}://${host.includes(":") ? `[${host}]` : host}:${this.#port}`;
  }

  /** Asks so many WebSockets to reconnect, since other processes have fewer. */
  sendAway(connections: number): void {
    this.#hub.sendAway(connections);
  }

  /** What a drain does, in the lifecycle's order. */
  #plan(): void {
    const { lifecycle } = this.#parts;
    lifecycle.onDrain("listen", () => {
      this.#gate.isDraining = true;
      this.#server.stopListening();
    });
    lifecycle.onDrain("streams", async (remainingMs) => {
      await this.#live.hub.drain();
      await this.#hub.drain(AbortSignal.timeout(Math.ceil(remainingMs / 2)));
    });
    lifecycle.onDrain("answers", async (remainingMs) => this.#answerAll(remainingMs / 2));
    lifecycle.onDrain("delivery", async (remainingMs) => {
      void this.#canary?.stop();
      const swept = this.#news?.sweeper.stop();
      await this.#delivery.drain(remainingMs / 2);
      await swept;
    });
    lifecycle.onDrain("sessions", async () => {
      await Promise.all([this.#sessions.stop(), this.#streams.stop(), this.#repeats.stop()]);
    });
    lifecycle.onDrain("schemas", async () => {
      await Promise.all([this.#schemas.stop(), this.#news?.schemas.stop()]);
    });
    lifecycle.onDrain("admin", async () => {
      this.#stopWatching();
      this.#access.stop();
      this.#stopFollowing();
      this.#deadlines.http.stop();
      this.#deadlines.stream.stop();
      this.#server.close();
      if (!this.#parts.isWorker) {
        await removeRunFile(dataDirectory(this.#parts.config), process.pid);
      }
      await this.#tracer?.stop(TRACE_STOP_DEADLINE_MS);
      await this.#admin?.stop();
      this.#parts.telemetry.stop();
    });
  }

  /** Waits until every request has its answer: at the latest at its own deadline. */
  async #answerAll(withinMs: number): Promise<void> {
    await waitUntil(withinMs, () => this.#ingest.pending + this.#streamDoor.pending === 0);
  }

  /** Tells other commands on this machine where the embedded parts are. It serves without, too. */
  async #writeRunFile(): Promise<void> {
    const { config, isWorker, telemetry } = this.#parts;
    if (isWorker) return;
    const [registryUrl = this.#adminUrl] = config.registryUrl;
    const problem = await writeRunFile(dataDirectory(config), {
      pid: process.pid,
      brokers: this.#delivery.brokers(),
      registryUrl,
      port: this.#port,
      adminPort: Number(new URL(this.#adminUrl).port),
    });
    if (problem !== null) {
      telemetry.process.notice(`no run file, so sluice tail needs --brokers: ${problem}`);
    }
  }

  #announce(): void {
    const { config, pack, telemetry, people, isWorker } = this.#parts;
    if (isWorker) return;
    const facts = { config, pack, url: this.url, adminUrl: this.#adminUrl };
    people?.write(banner(facts));
    const parts = embeddedParts(config);
    if (parts.length > 0 && people === null) {
      telemetry.log.warn("embedded parts in use", {
        volatile: config.kafkaBrokers.length === 0,
        parts: parts.map(({ what }) => what.replaceAll(/\s+/g, " ")),
        replace: parts.map(({ flag }) => flag),
      });
    }
    telemetry.process.ready(this.url, { admin: this.#adminUrl, pack: pack.name });
  }
}

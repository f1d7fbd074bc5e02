/**
 * The route book: for each type of the pack (and for each schema an event has asked for by name)
 * the plan in the codec and the topic in delivery, under one small number. It listens to the schema
 * store and switches a route to a new version between two frames; it knows nothing of events.
 */
import type { Codec, PlanHandle, RouteSpec } from "../codec/codec.ts";
import type { Delivery } from "../delivery/delivery.ts";
import { parseAvroSchema } from "../schema/avro/schema.ts";
import { compilePlan, type CompiledPlan } from "../schema/plan/compile.ts";
import type { Pack, PackType } from "../schema/pack.ts";
import type { TypeSchema } from "../schema/store.ts";

/**
 * Schemas asked for by events themselves, at once; beyond it the one that was loaded first goes.
 */
const ASKED_ROUTES_MAX = 256;

/** Takes any object: it stands where a type is known but its schema is not there yet. */
const STAND_IN = parseAvroSchema('{"type":"record","name":"StandIn","fields":[]}');

export interface Route {
  readonly index: number;
  readonly type: PackType;
  readonly topicNumber: number;
  /** null: the type's schema is not there yet, and none of its events may be stored. */
  readonly plan: PlanHandle | null;
  /** Its records hold the ids of their sessions. */
  readonly fillsSession: boolean;
}

export interface RouteBookParts {
  readonly codec: Codec;
  readonly delivery: Delivery;
  readonly pack: Pack;
  /** Frames come with a salt for values that are stored as keyed hashes. */
  readonly hasPrivacySalt?: boolean;
}

export class RouteBook {
  readonly #parts: RouteBookParts;
  readonly #standIn: PlanHandle;
  /** "type\0schema id" → its plan, and how many routes use it. */
  readonly #plans = new Map<string, { readonly plan: PlanHandle; uses: number }>();
  readonly #routes: (Route | undefined)[] = [];
  readonly #byType = new Map<string, number>();
  /** "type\0schema reference" → route index, in the order of loading. */
  readonly #asked = new Map<string, number>();
  readonly #free: number[] = [];
  #fillsSessions = false;

  constructor(parts: RouteBookParts) {
    this.#parts = parts;
    const pointers = { id: [], key: [], time: [], actor: [], session: [] };
    this.#standIn = parts.codec.loadPlan(compilePlan(STAND_IN, { json: "plain", pointers }));
    for (const type of parts.pack.types.values()) {
      const index = this.#routes.length;
      const topicNumber = parts.delivery.topic(type.topic);
      this.#routes.push({ index, type, topicNumber, plan: null, fillsSession: false });
      this.#byType.set(type.type, index);
      const spec = this.#spec(type, { plan: this.#standIn, schemaId: 0 });
      parts.codec.setRoute(index, { ...spec, keyRequired: false });
    }
  }

  /** Records of some route hold the ids of their sessions. */
  get fillsSessions(): boolean {
    return this.#fillsSessions;
  }

  /** The route of a row of the record table. */
  get(index: number): Route | undefined {
    return this.#routes[index];
  }

  /** Would this schema compile? The sentence says why not. */
  refusal(schema: TypeSchema): string | undefined {
    try {
      this.#compile(schema);
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  #compile({ schema, type }: TypeSchema): CompiledPlan {
    const { json, pointers } = type;
    const hasPrivacySalt = this.#parts.hasPrivacySalt ?? false;
    return compilePlan(schema, { json, pointers, hasPrivacySalt });
  }

  /** Switches the type's default route to this schema. */
  load(schema: TypeSchema): void {
    const { type } = schema.type;
    const index = this.#byType.get(type);
    if (index === undefined) return;
    this.#switch(index, schema);
    // A reference without a version means the newest one: it is looked up again when it is used.
    for (const [key, asked] of this.#asked) {
      if (key.startsWith(`${type}\0`)) this.#drop(key, asked);
    }
  }

  /** Adds a route for events of this type that name this schema. */
  loadAsked(schema: TypeSchema, schemaRef: string): void {
    const key = `${schema.type.type}\0${schemaRef}`;
    const known = this.#asked.get(key);
    if (known !== undefined) this.#asked.delete(key);
    const index = known ?? this.#freeIndex();
    this.#switch(index, schema, schemaRef);
    this.#asked.set(key, index);
  }

  /** Names of the types there are. */
  get types(): Iterable<string> {
    return this.#byType.keys();
  }

  /** Name of a topic by its number in delivery. */
  topicName(number: number): string {
    return this.#routes.find((route) => route?.topicNumber === number)?.type.topic ?? "unknown";
  }

  #freeIndex(): number {
    if (this.#asked.size >= ASKED_ROUTES_MAX) {
      const [oldest] = this.#asked;
      if (oldest !== undefined) this.#drop(oldest[0], oldest[1]);
    }
    return this.#free.pop() ?? this.#routes.length;
  }

  #drop(key: string, index: number): void {
    const route = this.#routes[index];
    this.#asked.delete(key);
    this.#parts.codec.removeRoute(index);
    this.#release(route?.plan ?? null);
    this.#routes[index] = undefined;
    this.#free.push(index);
    this.#noteFills();
  }

  #switch(index: number, schema: TypeSchema, schemaRef?: string): void {
    const { codec, delivery } = this.#parts;
    const before = this.#routes[index];
    const plan = this.#acquire(schema);
    const { schemaId, type } = schema;
    codec.setRoute(index, this.#spec(type, { plan, schemaId }, schemaRef));
    // Nothing between two encode calls refers to the old plan: records are copied out by then.
    this.#release(before?.plan ?? null);
    const topicNumber = delivery.topic(type.topic);
    const fillsSession = plan.compiled.fills.some(({ source }) => source === "session");
    this.#routes[index] = { index, type, topicNumber, plan, fillsSession };
    this.#noteFills();
  }

  #noteFills(): void {
    this.#fillsSessions = this.#routes.some((route) => route?.fillsSession === true);
  }

  /** The plan of this schema, compiled once however many names it is asked for by. */
  #acquire(schema: TypeSchema): PlanHandle {
    const key = `${schema.type.type}\0${schema.schemaId}`;
    const known = this.#plans.get(key);
    if (known !== undefined) {
      known.uses += 1;
      return known.plan;
    }
    const plan = this.#parts.codec.loadPlan(this.#compile(schema));
    this.#plans.set(key, { plan, uses: 1 });
    return plan;
  }

  #release(plan: PlanHandle | null): void {
    for (const [key, used] of this.#plans) {
      if (used.plan !== plan) continue;
      used.uses -= 1;
      if (used.uses > 0) return;
      this.#plans.delete(key);
      this.#parts.codec.freePlan(plan);
    }
  }

  #spec(
    type: PackType,
    load: { readonly plan: PlanHandle; readonly schemaId: number },
    schemaRef?: string,
  ): RouteSpec {
    const header = this.#parts.pack.topics.get(type.topic)?.header ?? true;
    const { keyRequired } = type;
    const spec = { type: type.type, ...load, header, keyRequired };
    return schemaRef === undefined ? spec : { ...spec, schemaRef };
  }
}

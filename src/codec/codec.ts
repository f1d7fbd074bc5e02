/**
 * The room of the WASM codec: takes the bytes of a frame, returns a table of records. It owns the
 * module's memory, its plans and routes, and replaces the instance when an event makes it trap. It
 * knows nothing of sockets, Kafka or registries.
 */
import type { Fault } from "../errors.ts";
import { assert } from "../lib/assert.ts";
import { INFLATED_BYTES_MAX, RECORD_BYTES_MAX } from "../limits/events.ts";
import { ROW_STATUS, type RowStatus } from "../records.ts";
import type { CompiledPlan } from "../schema/plan/compile.ts";
import { pointerSteps } from "../schema/plan/pointers.ts";
import { ROUTES_MAX } from "./abi.gen.ts";
import { FaultSearcher } from "./all-faults.ts";
import { describeRefusal, type Refusal } from "./describe.ts";
import { fillDigests, type KeyedHash } from "./digests.ts";
import { escapeStep } from "./event-walk.ts";
import {
  clearPoison,
  dialectPlace,
  dialectPlaceBytes,
  type DialectPlace,
  type FrameContext,
  FrameWriter,
  poison,
} from "./frame-context.ts";
import { Fills } from "./fills.ts";
import { type FrameResult, readResult, rowAtTrap } from "./frame-result.ts";
import { Instance, layOut, type Regions } from "./instance.ts";
import { type RouteEntry, writeRoutes } from "./routes.ts";
import { Space } from "./space.ts";
import { Table } from "./table.ts";
import { writeSession } from "./header.ts";

export type { FrameContext } from "./frame-context.ts";
export type { FrameResult } from "./frame-result.ts";

/** A loaded plan. */
export interface PlanHandle {
  readonly compiled: CompiledPlan;
  /** Address in the module's memory. */
  readonly address: number;
}

export interface RouteSpec {
  readonly type: string;
  /**
   * Value of the event's `schema` member this route answers to; absent: the type's default route.
   */
  readonly schemaRef?: string;
  readonly plan: PlanHandle;
  /** Written into the value's registry header. */
  readonly schemaId: number;
  /** Write the Kafka header `sluice` for this route's events. */
  readonly header: boolean;
  readonly keyRequired: boolean;
}

export interface CodecOptions {
  /** Told of every replaced instance. */
  readonly onTrap?: () => void;
  /** The longest frame. */
  readonly inputBytesMax?: number;
  /** The longest record, up to RECORD_BYTES_MAX, which it is if absent. */
  readonly recordBytesMax?: number;
  /** Needed by plans with fields that are stored as keyed hashes. */
  readonly keyedHash?: KeyedHash;
}

export interface CodecStats {
  readonly memoryBytes: number;
  readonly plans: number;
  readonly planBytes: number;
  readonly traps: number;
}

/** Events of one frame that may trap before the whole frame is given up. */
const TRAPS_PER_FRAME_MAX = 16;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const noop = (): void => undefined;

export class Codec {
  readonly #module: WebAssembly.Module;
  readonly #regions: Regions;
  readonly #onTrap: () => void;
  readonly #inputBytesMax: number;
  readonly #keyedHash: KeyedHash | undefined;
  readonly #space: Space;
  readonly #fills: Fills;
  /** Loaded plans with fields that the gateway fills. */
  #fillingPlans = 0;
  readonly #writer = new FrameWriter();
  readonly #plans = new Set<PlanHandle>();
  readonly #routes = new Map<number, RouteEntry>();
  readonly #specs = new Map<number, RouteSpec>();
  readonly #searcher: FaultSearcher;
  #instance: Instance;
  #table: Table;
  #traps = 0;
  #dialectPlace: DialectPlace | undefined;
  /** The last frame's. */
  #context: FrameContext | undefined;

  /** `module`: codec.wasm, compiled; create-codec.ts reads it from its file. */
  constructor(module: WebAssembly.Module, options: CodecOptions = {}) {
    this.#module = module;
    this.#onTrap = options.onTrap ?? noop;
    this.#inputBytesMax = options.inputBytesMax ?? INFLATED_BYTES_MAX;
    this.#keyedHash = options.keyedHash;
    this.#searcher = new FaultSearcher(() => new Codec(module, { ...options, onTrap: noop }));
    const { recordBytesMax = RECORD_BYTES_MAX } = options;
    this.#regions = layOut(this.#inputBytesMax, recordBytesMax);
    this.#space = new Space(this.#regions.plans);
    this.#fills = new Fills(this.#regions);
    this.#instance = new Instance(module, this.#regions);
    this.#table = new Table(this.#instance.memory);
    writeRoutes(this.#instance, this.#routes);
  }

  /**
   * Copies a plan into the module, where it stays until freePlan. The memory may grow for it, which
   * ends the last frame's table: plans and routes are set between frames, not while one is read.
   */
  loadPlan(compiled: CompiledPlan): PlanHandle {
    const address = this.#space.allocate(compiled.bytes.length);
    const handle = { compiled, address };
    this.#makeRoom();
    this.#writePlan(handle);
    this.#plans.add(handle);
    if (compiled.fills.length > 0) this.#fillingPlans += 1;
    return handle;
  }

  /** Frees a plan that no route uses any more. */
  freePlan(handle: PlanHandle): void {
    assert(this.#plans.has(handle), "a plan is freed once");
    for (const { plan } of this.#specs.values()) {
      assert(plan !== handle, "no route uses a plan that is freed");
    }
    this.#searcher.forget();
    this.#plans.delete(handle);
    if (handle.compiled.fills.length > 0) this.#fillingPlans -= 1;
    this.#space.free(handle.address);
  }

  /** Adds a route or replaces it; the next frame sees the new one. `index` is small: below 4096. */
  setRoute(index: number, spec: RouteSpec): void {
    assert(index >= 0 && index < ROUTES_MAX, "a route's index is below ROUTES_MAX");
    assert(this.#plans.has(spec.plan), "a route's plan is loaded");
    const type = encoder.encode(spec.type);
    const reference = encoder.encode(spec.schemaRef ?? "");
    this.#freeTexts(index);
    this.#routes.set(index, {
      type,
      typeAt: this.#space.allocate(type.length + 16),
      reference,
      referenceAt: this.#space.allocate(reference.length + 16),
      planAt: spec.plan.address,
      schemaId: spec.schemaId,
      header: spec.header,
      keyRequired: spec.keyRequired,
    });
    this.#specs.set(index, spec);
    this.#makeRoom();
    this.#writeRoutes();
  }

  removeRoute(index: number): void {
    this.#freeTexts(index);
    this.#routes.delete(index);
    this.#specs.delete(index);
    this.#writeRoutes();
  }

  /** The longest frame, in bytes. */
  get inputBytesMax(): number {
    return this.#inputBytesMax;
  }

  /** Where the last frame's events have their type, their record and their schema. */
  #paths(): Pick<Refusal, "typePath" | "dataPath" | "schemaPath" | "recordDepth"> {
    const form = this.#context?.dialect?.form;
    if (form !== undefined) {
      const dataPath = form.data ?? "";
      const typePath = form.type[0] ?? "";
      const schemaPath = form.schema?.[0] ?? "";
      return { typePath, dataPath, schemaPath, recordDepth: pointerSteps(dataPath).length };
    }
    const isData = this.#context?.payload === "data";
    const typeMember = isData ? "type" : (this.#context?.typeMember ?? "");
    const dataPath = isData ? "/data" : "";
    const typePath = `/${escapeStep(typeMember)}`;
    return { typePath, dataPath, schemaPath: "/schema", recordDepth: isData ? 1 : 0 };
  }

  /** Encodes one frame. The table may be read until the next call. */
  encode(frame: Uint8Array, context: FrameContext): FrameResult {
    assert(frame.length <= this.#inputBytesMax, "a frame is at most inputBytesMax bytes long");
    this.#context = context;
    if (context.dialect !== undefined) this.#placeDialects();
    if (!this.#run(frame, context) && !this.#runAround(frame, context)) {
      return { kind: "fault", problem: "bad_frame", offset: 0, detail: "the codec failed on it" };
    }
    const { view } = this.#instance;
    const result = readResult(view, this.#table, this.text);
    if (this.#fillingPlans > 0) this.#fill(context);
    fillDigests(this.#instance, this.#table, {
      originals: this.#regions.originals,
      keyedHash: this.#keyedHash,
      salt: context.privacySalt,
    });
    return result;
  }

  /** Why a row that is not `encoded` was refused. Walks the event's text once. */
  describe(row: number): Fault {
    return describeRefusal(this.refusal(row));
  }

  /**
   * All that is wrong with a row that is not `encoded`, at most `bound` faults: what `describe`
   * says, then what it would say if that were mended, and so on. Each costs about as much as
   * encoding the event, so it is for those who ask.
   */
  describeAll(row: number, bound: number): Fault[] {
    assert(this.#context !== undefined, "a frame has been encoded");
    const first = this.refusal(row);
    const route = this.#specs.get(this.#table.route[row] ?? -1);
    return this.#searcher.search({ first, route, context: this.#context, bound });
  }

  /** What is known of a row that is not `encoded`; its text is valid until the next frame. */
  refusal(row: number): Refusal {
    const table = this.#table;
    assert(row >= 0 && row < table.count, "the row is one of the last frame");
    const start = table.eventStart[row] ?? 0;
    const plan = this.#specs.get(table.route[row] ?? -1)?.plan;
    const node = table.faultNode[row] ?? 0;
    const isPlanNode = plan !== undefined && node >= plan.address;
    return {
      // The module writes no other statuses (abi.ts, STATUS_).
      status: (table.status[row] ?? ROW_STATUS.fault) as RowStatus,
      kind: table.kind[row] ?? 0,
      text: table.memory.subarray(start, table.eventEnd[row]),
      eventBytesMax: this.#context?.eventBytesMax ?? Infinity,
      recordBytesMax: this.#regions.recordBytesMax,
      at: (table.faultAt[row] ?? 0) - start,
      node: isPlanNode ? node - plan.address : node,
      field: table.faultField[row] ?? 0,
      plan: plan?.compiled,
      ...this.#paths(),
      // A broken text has no type, so it may belong to any plan.
      hidesBytes: [...this.#plans].some(({ compiled }) => compiled.isPrivate),
      schemaReference: this.text(table.schemaStart[row] ?? 0, table.schemaEnd[row] ?? 0),
    };
  }

  #fill(context: FrameContext): void {
    const table = this.#table;
    const planOf = (row: number): CompiledPlan | undefined =>
      this.#specs.get(table.route[row] ?? -1)?.plan.compiled;
    this.#fills.fill(this.#instance, { table, context, planOf });
  }

  /** UTF-8 of a span of the table. */
  readonly text = (start: number, end: number): string => {
    if (start === end) return "";
    return decoder.decode(this.#table.memory.subarray(start, end));
  };

  /** Writes the session id into the row's header and its record, where they want it. */
  setSession(row: number, id: string): void {
    if (this.#fillingPlans > 0) this.#fills.setSession(this.#instance, this.#table, { row, id });
    writeSession(this.#instance.view, { table: this.#table, row, id, regions: this.#regions });
  }

  stats(): CodecStats {
    return {
      memoryBytes: this.#instance.memory.length,
      plans: this.#plans.size,
      planBytes: this.#space.usedBytes - this.#dialectBytes,
      traps: this.#traps,
    };
  }

  /** False: the module trapped. */
  #run(frame: Uint8Array, context: FrameContext): boolean {
    this.#instance.memory.set(frame, this.#regions.input);
    this.#writer.write(this.#instance, context, this.#dialectPlace);
    try {
      this.#instance.encodeFrame(frame.length);
      return true;
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError || error instanceof RangeError) return false;
      throw error;
    }
  }

  /** Encodes the frame again, leaving out events that trap; false: too many do. */
  #runAround(frame: Uint8Array, context: FrameContext): boolean {
    const poisoned = new Set<number>();
    for (;;) {
      const row = rowAtTrap(this.#instance.view);
      this.#replaceInstance();
      if (poisoned.has(row) || poisoned.size >= TRAPS_PER_FRAME_MAX) return false;
      poisoned.add(row);
      for (const bad of poisoned) poison(this.#instance.view, bad);
      const isDone = this.#run(frame, context);
      clearPoison(this.#instance.view);
      if (isDone) return true;
    }
  }

  #replaceInstance(): void {
    this.#traps += 1;
    this.#instance = new Instance(this.#module, this.#regions);
    this.#writer.reset();
    this.#instance.growTo(this.#space.end);
    this.#table = new Table(this.#instance.memory);
    for (const handle of this.#plans) this.#writePlan(handle);
    this.#writeRoutes();
    this.#onTrap();
  }

  get #dialectBytes(): number {
    return this.#dialectPlace === undefined ? 0 : dialectPlaceBytes(this.#inputBytesMax);
  }

  /** Room for dialects, taken when the first one comes. */
  #placeDialects(): void {
    if (this.#dialectPlace !== undefined) return;
    const start = this.#space.allocate(dialectPlaceBytes(this.#inputBytesMax));
    this.#dialectPlace = dialectPlace(start, this.#inputBytesMax);
    this.#makeRoom();
  }

  #makeRoom(): void {
    if (this.#instance.growTo(this.#space.end)) this.#table = new Table(this.#instance.memory);
  }

  #writePlan({ compiled, address }: PlanHandle): void {
    const { memory } = this.#instance;
    memory.set(compiled.bytes, address);
    // Plans are aligned, and so is every address in them; both sides are little-endian.
    const words = new Uint32Array(memory.buffer, address, compiled.bytes.length / 4);
    for (const fixup of compiled.fixups) {
      const at = fixup >>> 2;
      words[at] = (words[at] ?? 0) + address;
    }
    for (const hole of compiled.holes) memory.set(this.#fills.token, address + hole);
  }

  #writeRoutes(): void {
    const { memory } = this.#instance;
    for (const route of this.#routes.values()) {
      memory.set(route.type, route.typeAt);
      memory.set(route.reference, route.referenceAt);
    }
    writeRoutes(this.#instance, this.#routes);
  }

  #freeTexts(index: number): void {
    const route = this.#routes.get(index);
    if (route === undefined) return;
    this.#space.free(route.typeAt);
    this.#space.free(route.referenceAt);
  }
}

/**
 * All faults of a refused event instead of the first. The codec stops at the first one, which keeps
 * it fast; here the event is mended there and judged again, by a codec of its own, until nothing is
 * wrong with it or enough has been said. So each fault is one that the codec gives, and the first
 * is the one it gives for the event as it came.
 */
import type { Fault } from "../errors.ts";
import { assert } from "../lib/assert.ts";
import { ROW_STATUS } from "../records.ts";
import type { Codec, PlanHandle, RouteSpec } from "./codec.ts";
import { describeRefusal, type Refusal } from "./describe.ts";
import type { FrameContext } from "./frame-context.ts";
import { mend } from "./mend.ts";

/** What was mended does not fit either: tries with what is said of it then. */
const TRIES_PER_FAULT_MAX = 4;

export interface FaultSearch {
  /** What the frame's codec says of the event. */
  readonly first: Refusal;
  /** The event's route; undefined where its type has none. */
  readonly route: RouteSpec | undefined;
  /** The frame's. */
  readonly context: FrameContext;
  /** Faults at most, the first among them. */
  readonly bound: number;
}

/** How one event of a frame is read alone: its type is known, its frame's members are in it. */
function aloneContext(context: FrameContext, route: RouteSpec): FrameContext {
  const { eventBytesMax: _, dialect, ...rest } = context;
  const alone = { ...rest, shape: "json", defaultType: route.type } as const;
  if (dialect?.form === undefined) return alone;
  return { ...alone, dialect: { form: { ...dialect.form, events: [], type: [], detail: [] } } };
}

/** The same again: what was mended is not what was wrong. A member may well repeat many times. */
function isRepeat(fault: Fault, last: Fault | undefined): boolean {
  return fault.kind !== "duplicate" && fault.kind === last?.kind && fault.path === last?.path;
}

export class FaultSearcher {
  readonly #create: () => Codec;
  #codec: Codec | undefined;
  #plan: PlanHandle | undefined;
  #route: RouteSpec | undefined;

  /** `create`: makes a codec without plans and routes, on the first search. */
  constructor(create: () => Codec) {
    this.#create = create;
  }

  /** The event's faults, the first first. */
  search({ first, route, context, bound }: FaultSearch): Fault[] {
    const faults = [describeRefusal(first)];
    if (route === undefined) return faults;
    let refusal: Refusal | undefined = first;
    let tries = 0;
    while (faults.length < bound && tries < TRIES_PER_FAULT_MAX) {
      const mended = mend(refusal);
      if (mended === undefined) return faults;
      refusal = this.#judge(mended.text, { route, context });
      if (refusal === undefined) return faults;
      if (refusal.at >= mended.start && refusal.at < mended.end) tries += 1;
      else {
        const fault = describeRefusal(refusal);
        if (isRepeat(fault, faults.at(-1))) return faults;
        tries = 0;
        faults.push(fault);
      }
    }
    return faults;
  }

  /** Frees the plan that is kept for the next search; for a plan that is about to go. */
  forget(): void {
    if (this.#codec === undefined || this.#plan === undefined) return;
    this.#codec.removeRoute(0);
    this.#codec.removeRoute(1);
    this.#codec.freePlan(this.#plan);
    this.#plan = undefined;
    this.#route = undefined;
  }

  /** Why the event is refused; undefined: it is not, or it is too long by now. */
  #judge(
    text: Uint8Array,
    { route, context }: { readonly route: RouteSpec; readonly context: FrameContext },
  ): Refusal | undefined {
    const codec = this.#load(route);
    if (text.length + 2 > codec.inputBytesMax) return undefined;
    const frame = new Uint8Array(text.length + 2);
    frame[0] = 0x5b;
    frame.set(text, 1);
    frame[text.length + 1] = 0x5d;
    const result = codec.encode(frame, aloneContext(context, route));
    assert(result.kind === "table", "a mended event is one event");
    const isRefused = result.table.status[0] !== ROW_STATUS.encoded;
    return isRefused ? codec.refusal(0) : undefined;
  }

  #load(route: RouteSpec): Codec {
    const codec = (this.#codec ??= this.#create());
    if (this.#route === route) return codec;
    this.forget();
    const plan = codec.loadPlan(route.plan.compiled);
    const { schemaRef, ...own } = { ...route, plan, header: false };
    codec.setRoute(0, own);
    if (schemaRef !== undefined) codec.setRoute(1, { ...own, schemaRef });
    this.#plan = plan;
    this.#route = route;
    return codec;
  }
}

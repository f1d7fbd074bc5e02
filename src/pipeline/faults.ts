/**
 * Why an event of an open frame is not handed over, in words for the one who sent it. It knows what
 * the codec says of a row, which types there are, and what the registry said of schemas asked for.
 */
import type { Codec } from "../codec/codec.ts";
import type { Fault, OutcomeCode } from "../errors.ts";
import { FAULTS_PER_EVENT_MAX } from "../limits/events.ts";
import { ROW_STATUS } from "../records.ts";
import type { RecordTable } from "../records.ts";
import type { SchemaStore } from "../schema/store.ts";
import type { RouteBook } from "./routes.ts";

/** Why schemas that were asked for are not there, by "type\0reference". */
export type Refusals = ReadonlyMap<string, { readonly code: OutcomeCode; readonly detail: string }>;

/** How much of a frame may still be judged again to find all faults of its events, in bytes. */
export interface SearchBudget {
  bytesLeft: number;
}

/** Types that are named to a sender who uses another one. */
const TYPES_NAMED_MAX = 20;

const NOT_OF_CODEC: ReadonlySet<number> = new Set([
  ROW_STATUS.encoded,
  ROW_STATUS.typeUnknown,
  ROW_STATUS.schemaNeeded,
]);

export interface FaultsParts {
  readonly codec: Codec;
  readonly routes: RouteBook;
  readonly schemas: SchemaStore;
}

export class Faults {
  readonly #parts: FaultsParts;

  constructor(parts: FaultsParts) {
    this.#parts = parts;
  }

  /** True if the row's event can be handed over. */
  isSound(table: RecordTable, row: number): boolean {
    const plan = this.#parts.routes.get(table.route[row] ?? -1)?.plan ?? null;
    return table.status[row] === ROW_STATUS.encoded && plan !== null;
  }

  /** Of a row that is not sound. */
  describe(table: RecordTable, row: number, refusals: Refusals): Fault {
    const { codec, routes } = this.#parts;
    const status = table.status[row];
    const type = routes.get(table.route[row] ?? -1)?.type.type ?? "";
    if (status === ROW_STATUS.encoded) return this.#missingSchema(type);
    if (status === ROW_STATUS.typeUnknown) return this.#unknownType(row);
    if (status !== ROW_STATUS.schemaNeeded) return codec.describe(row);
    const ref = codec.text(table.schemaStart[row] ?? 0, table.schemaEnd[row] ?? 0);
    const detail = `schema ${ref} of type ${type} is not loaded yet`;
    const refusal = refusals.get(`${type}\0${ref}`) ?? { code: "registry_unavailable", detail };
    return { path: "/schema", code: refusal.code, detail: refusal.detail };
  }

  /** As `describe`, and what else is wrong with the event, as far as the budget goes. */
  describeAll(
    table: RecordTable,
    row: number,
    { refusals, budget }: { readonly refusals: Refusals; readonly budget: SearchBudget },
  ): readonly Fault[] {
    const first = this.describe(table, row, refusals);
    const bytes = Math.max(1, (table.eventEnd[row] ?? 0) - (table.eventStart[row] ?? 0));
    const bound = Math.min(FAULTS_PER_EVENT_MAX, 1 + Math.floor(budget.bytesLeft / bytes));
    const isCodecs = !NOT_OF_CODEC.has(table.status[row] ?? ROW_STATUS.encoded);
    if (!isCodecs || bound === 1) return [first];
    const faults = this.#parts.codec.describeAll(row, bound);
    budget.bytesLeft -= faults.length * bytes;
    return faults;
  }

  #unknownType(row: number): Fault {
    const fault = this.#parts.codec.describe(row);
    const types = [...this.#parts.routes.types];
    const more = types.length > TYPES_NAMED_MAX ? ", …" : "";
    const known = types.slice(0, TYPES_NAMED_MAX).join(", ");
    return { ...fault, detail: `${fault.detail}; this pack has ${known}${more}` };
  }

  /** The event is sound, but its type has no schema to hold it against. */
  #missingSchema(type: string): Fault {
    const reason = this.#parts.schemas.missing().get(type);
    const detail = reason ?? `the schema of type ${type} is not loaded yet`;
    return { code: "registry_unavailable", path: "/type", detail };
  }
}

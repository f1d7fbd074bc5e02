/**
 * Schemas that events name and that are not loaded yet: which ones an open frame asks for, and
 * getting them. It knows no sockets and no batches.
 */
import type { Codec } from "../codec/codec.ts";
import { ROW_STATUS } from "../records.ts";
import type { RecordTable } from "../records.ts";
import type { SchemaStore } from "../schema/store.ts";
import type { Refusals } from "./faults.ts";
import type { RouteBook } from "./routes.ts";

/** Different schemas that the events of one frame may ask for by name; the rest is `retry`. */
const ASKED_SCHEMAS_MAX = 16;

export interface AskedSchemasParts {
  readonly codec: Pick<Codec, "text">;
  readonly routes: RouteBook;
  readonly schemas: SchemaStore;
}

interface Asked {
  readonly type: string;
  readonly ref: string;
}

export class AskedSchemas {
  readonly #parts: AskedSchemasParts;

  constructor(parts: AskedSchemasParts) {
    this.#parts = parts;
  }

  /** Starts fetching the schemas that the events of a table name, null if there are none. */
  fetch(table: RecordTable): Promise<Refusals> | null {
    const { codec, routes } = this.#parts;
    let asked: Map<string, Asked> | null = null;
    for (let row = 0; row < table.count; row += 1) {
      if (table.status[row] !== ROW_STATUS.schemaNeeded) continue;
      asked ??= new Map();
      if (asked.size === ASKED_SCHEMAS_MAX) break;
      const ref = codec.text(table.schemaStart[row] ?? 0, table.schemaEnd[row] ?? 0);
      const type = routes.get(table.route[row] ?? -1)?.type.type;
      if (type !== undefined) asked.set(`${type}\0${ref}`, { type, ref });
    }
    if (asked === null || asked.size === 0) return null;
    return this.#fetchAll([...asked.values()]);
  }

  async #fetchAll(asked: readonly Asked[]): Promise<Refusals> {
    const { schemas, routes } = this.#parts;
    const found = await Promise.all(asked.map(({ type, ref }) => schemas.resolve(type, ref)));
    const refusals = new Map<string, RefusalOf>();
    for (const [index, { type, ref }] of asked.entries()) {
      const answer = found[index];
      if (answer?.kind === "schema") routes.loadAsked(answer.schema, ref);
      else if (answer !== undefined) {
        refusals.set(`${type}\0${ref}`, { code: answer.code, detail: answer.detail });
      }
    }
    return refusals;
  }
}

type RefusalOf = Refusals extends ReadonlyMap<string, infer Refusal> ? Refusal : never;

/**
 * One connection to PostgreSQL, made anew when it is lost: queries, COPY, transactions, and what
 * kind of trouble a failure is. The one place that meets pg. It knows no table.
 */
import { pipeline } from "node:stream/promises";

import pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import {
  SINK_CONNECT_TIMEOUT_MS,
  SINK_STATEMENT_TIMEOUT_MS,
  SINK_TRANSACTION_TIMEOUT_MS,
} from "./limits.ts";

/**
 * `data`: a row holds something the database refuses, again and again. `stale`: a table or
 * partition is not as it was. `passing`: it may be tried again; the outcome of a transaction that
 * was being committed is not known.
 */
export type TroubleKind = "data" | "stale" | "passing";

export interface DatabaseOptions {
  /** postgres://user:password@host:port/database */
  readonly url: string;
  /** Where names without a schema are looked for. */
  readonly schema: string;
}

export class Database {
  readonly #options: DatabaseOptions;
  #client: pg.Client | undefined;
  /** The transaction that is open: its statements go to this connection, or nowhere. */
  #inTransaction: pg.Client | undefined;

  constructor(options: DatabaseOptions) {
    this.#options = options;
  }

  /** Throws what pg throws; `troubleOf` says what that is. */
  async query<Row extends object>(
    sql: string,
    values: readonly unknown[] = [],
  ): Promise<readonly Row[]> {
    const client = await this.#connected();
    const { rows } = await client.query<Row>(sql, [...values]);
    return rows;
  }

  /** Several statements, without values. */
  async run(sql: string): Promise<void> {
    const client = await this.#connected();
    await client.query(sql);
  }

  /** Rows in COPY's text format, each with its line feed. */
  async copy(into: string, rows: readonly string[]): Promise<void> {
    const client = await this.#connected();
    await pipeline([rows.join("")], client.query(copyFrom(`COPY ${into} FROM STDIN`)));
  }

  /**
   * All of `work`, or nothing; one at a time. Where it takes too long the connection is cut, which
   * undoes it on the server too.
   */
  async transaction<T>(work: () => Promise<T>): Promise<T> {
    const client = await this.#connected();
    const timer = setTimeout(() => this.#drop(client), SINK_TRANSACTION_TIMEOUT_MS);
    try {
      await client.query("BEGIN");
      this.#inTransaction = client;
      const result = await work();
      await client.query("COMMIT");
      return result;
    } catch (error) {
      await client.query("ROLLBACK").catch(() => this.#drop(client));
      throw error;
    } finally {
      this.#inTransaction = undefined;
      clearTimeout(timer);
    }
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => {});
  }

  async #connected(): Promise<pg.Client> {
    // On another connection a statement would hold by itself, without those before it.
    if (this.#inTransaction !== undefined) return this.#inTransaction;
    if (this.#client !== undefined) return this.#client;
    const { url, schema } = this.#options;
    const client = new pg.Client({
      connectionString: url,
      application_name: "sluice-sink",
      connectionTimeoutMillis: SINK_CONNECT_TIMEOUT_MS,
      keepAlive: true,
      options:
        `-c search_path=${schema} -c timezone=UTC -c datestyle=ISO ` +
        `-c statement_timeout=${SINK_STATEMENT_TIMEOUT_MS}`,
    });
    // Without a listener the loss of an idle connection would end the process.
    client.on("error", () => this.#drop(client));
    client.on("end", () => this.#drop(client));
    await client.connect();
    // Somebody else may have connected meanwhile: one of the two is enough.
    if (this.#client !== undefined) await client.end();
    this.#client ??= client;
    return this.#client;
  }

  #drop(client: pg.Client): void {
    if (this.#client === client) this.#client = undefined;
    // end() waits for the server; what is wanted here is that nothing is waited for.
    clientStream(client)?.destroy();
  }
}

/** The socket below a client, which pg's types leave out. */
function clientStream(client: pg.Client): { destroy(): void } | undefined {
  const { connection } = client as unknown as {
    readonly connection?: { readonly stream?: { destroy(): void } };
  };
  return connection?.stream;
}

/** No partition for a row; an unknown table or column. */
const STALE_CODES: ReadonlySet<string> = new Set(["23514", "42P01", "42703"]);
/** Values that do not fit, constraints, and sizes that the server cannot hold. */
const DATA_CLASSES: ReadonlySet<string> = new Set(["22", "23", "54"]);

export function troubleOf(error: unknown): TroubleKind {
  const code = codeOf(error);
  if (STALE_CODES.has(code)) return "stale";
  return DATA_CLASSES.has(code.slice(0, 2)) ? "data" : "passing";
}

/** One phrase for a log, without values of rows. */
export function describeTrouble(error: unknown): string {
  const code = codeOf(error);
  const text = error instanceof Error ? error.message : String(error);
  return code === "" ? text : `${text} (${code})`;
}

function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null || !("code" in error)) return "";
  return String(error.code);
}

/** The one way a schema is refused. */

/** The text is no Avro schema; `path` is an RFC 6901 pointer into it, `problem` a sentence. */
export class SchemaError extends Error {
  readonly path: string;
  readonly problem: string;
  constructor(problem: string, path: string) {
    super(path === "" ? problem : `${problem} (at ${path})`);
    this.name = "SchemaError";
    this.path = path;
    this.problem = problem;
  }
}

/** Throws the SchemaError; `path` is an RFC 6901 pointer. */
export function fail(problem: string, path: string): never {
  throw new SchemaError(problem, path);
}

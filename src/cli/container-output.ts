/**
 * Avro container files that grow record by record: a file is written beside its place and renamed
 * when it is whole. A container holds one schema. It knows neither Kafka nor registries.
 */
import { randomBytes } from "node:crypto";
import { mkdir, open, rename, rm, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";

import { ContainerWriter, type ContainerCodec } from "../schema/container.ts";

export class ContainerOutput {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #writer: ContainerWriter;
  records = 0;

  private constructor(path: string, file: FileHandle, writer: ContainerWriter) {
    this.path = path;
    this.#file = file;
    this.#writer = writer;
  }

  static async create(
    path: string,
    options: { readonly schemaText: string; readonly codec: ContainerCodec },
  ): Promise<ContainerOutput> {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(partOf(path), "w");
    const writer = new ContainerWriter({ ...options, sync: randomBytes(16) });
    await file.write(writer.header());
    return new ContainerOutput(path, file, writer);
  }

  /** Avro binary, without the registry's header. */
  async append(record: Uint8Array): Promise<void> {
    const block = this.#writer.append(record);
    this.records += 1;
    if (block !== undefined) await this.#file.write(block);
  }

  /** The file is in its place. */
  async finish(): Promise<void> {
    const block = this.#writer.finish();
    if (block !== undefined) await this.#file.write(block);
    await this.#file.close();
    await rename(partOf(this.path), this.path);
  }

  /** Nothing is left of it. */
  async discard(): Promise<void> {
    await this.#file.close();
    await rm(partOf(this.path), { force: true });
  }
}

function partOf(path: string): string {
  return `${path}.part`;
}

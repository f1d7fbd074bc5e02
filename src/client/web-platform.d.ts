/**
 * The part of the web platform that this room uses and Node.js does not have. TypeScript declares
 * it only together with the browser's whole DOM, which this project does not have; what is emitted
 * for others is compiled against that.
 */
interface IDBRequest<T = unknown> {
  readonly result: T;
  readonly error: unknown;
  onsuccess: (() => void) | null;
  onerror: (() => void) | null;
}
interface IDBOpenDBRequest extends IDBRequest<IDBDatabase> {
  onupgradeneeded: (() => void) | null;
}
interface IDBFactory {
  open(name: string, version: number): IDBOpenDBRequest;
}
interface IDBObjectStore {
  add(value: unknown): IDBRequest;
  put(value: unknown, key: string): IDBRequest;
  get(key: string): IDBRequest;
  getAll(range: unknown): IDBRequest;
  delete(key: number): IDBRequest;
}
interface IDBTransaction {
  readonly error: unknown;
  oncomplete: (() => void) | null;
  onabort: (() => void) | null;
  objectStore(name: string): IDBObjectStore;
  commit(): void;
}
interface IDBDatabase {
  createObjectStore(name: string, options?: object): IDBObjectStore;
  transaction(names: string | string[], mode?: "readwrite"): IDBTransaction;
  close(): void;
}
declare var indexedDB: IDBFactory;
declare var IDBKeyRange: { lowerBound(bound: number, open: boolean): unknown };
declare var document: { addEventListener(name: string, listener: () => void): void };
declare function addEventListener(
  name: string,
  listener: (event: { readonly persisted: boolean }) => void,
): void;
interface Navigator {
  sendBeacon(url: string, body: string): boolean;
}

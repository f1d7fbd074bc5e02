/** node:cluster in the shapes of this room. The one place that meets it. */
import cluster from "node:cluster";
import type { EventEmitter } from "node:events";

import type { PrimaryChannel } from "./worker-link.ts";
import type { WorkerHandle } from "./pooled-worker.ts";

/** The number of this worker, from 1; null in a process that is no worker. */
export function workerNumber(): number | null {
  return cluster.worker?.id ?? null;
}

/** Forks this program once more, with the same arguments and environment. */
export function forkWorker(): WorkerHandle {
  const worker = cluster.fork();
  // A worker that is just leaving closes the line first; its exit is what counts.
  worker.on("error", () => undefined);
  // EventEmitter's own listener type, which worker.on narrows event by event.
  const events: EventEmitter = worker;
  return {
    id: worker.id,
    pid: worker.process.pid,
    send: (message) => worker.send(message),
    kill: (signal) => worker.process.kill(signal as NodeJS.Signals),
    isConnected: () => worker.isConnected(),
    on: (event, listener) => events.on(event, listener),
  };
}

/** A worker's line to its primary. */
export function primaryChannel(): PrimaryChannel {
  const { worker } = cluster;
  // Without this mark node:cluster ends the worker on the spot when the primary dies, drain or not.
  worker?.once("disconnect", () => {
    worker.exitedAfterDisconnect = true;
  });
  return {
    send: (message) =>
      new Promise((resolve) => {
        // The callback takes the error of a line that closes meanwhile: the primary is gone.
        if (process.connected) process.send?.(message, undefined, {}, () => resolve());
        else resolve();
      }),
    on: (event, listener) => process.on(event, listener),
  };
}

/**
 * Several workers on one port, with real servers and under load: a rolling restart, a worker that
 * is killed, connections that are spread unevenly. Whatever happens to the processes, nothing that
 * was answered is lost and no count goes back.
 */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import type { KafkaRecord } from "../../src/delivery/reader.ts";
import { freePort } from "../free-port.ts";
import { Gateway } from "../gateway.ts";
import { testService } from "../services.ts";
import { ResumingStream, StreamClient } from "../stream-client.ts";
import { byId, readAll } from "./read-back.ts";
import { judgeRecords, makeEvent, makeStreamPack, Sender } from "./stream-rows.ts";

let directory: string;
let gateway: Gateway;
let topic: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "sluice-e2e-"));
  const made = await makeStreamPack(directory);
  topic = made.topic;
  const servers = [
    ["--kafka-brokers", testService("kafka"), "--redis-url", testService("redis")],
    ["--registry-url", testService("registry"), "--register-schemas", "--create-topics"],
  ].flat();
  gateway = await Gateway.start({
    flags: ["--pack", made.pack, ...servers, "--workers", "2"],
    port: await freePort(),
  });
});

after(async () => {
  await gateway[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

/** Process ids of the workers that live. */
async function workerPids(): Promise<readonly number[]> {
  const { pid } = gateway.run;
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  return children.trim().split(" ").map(Number);
}

/** Log lines with this message. */
function lines(message: string): readonly Readonly<Record<string, unknown>>[] {
  return (
    gateway.output
      .split("\n")
      // The last one may not be whole.
      .slice(0, -1)
      .filter((text) => text.includes(`"msg":${JSON.stringify(message)}`))
      .map((text) => JSON.parse(text) as Record<string, unknown>)
  );
}

async function line(message: string, number = 1): Promise<Readonly<Record<string, unknown>>> {
  for (;;) {
    const found = lines(message)[number - 1];
    if (found !== undefined) return found;
    await delay(50);
  }
}

const COUNTERS = [
  "sluice_events_received_total",
  "sluice_events_outcome_total",
  "sluice_ws_opened_total",
  "sluice_ack_latency_seconds_count",
  "process_cpu_seconds_total",
];

/**
 * Looks at the counters as often as it can; what it gives ends that, and fails if one went back.
 */
function watchCounters(): () => Promise<void> {
  const problems: string[] = [];
  const seen = new Map<string, number>();
  let isOver = false;
  const watching = (async () => {
    while (!isOver) {
      const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
      for (const name of COUNTERS) {
        const series = text.split("\n").filter((each) => each.startsWith(name));
        const sum = series.reduce((total, each) => total + Number(each.split(" ").at(-1)), 0);
        const last = seen.get(name) ?? 0;
        if (sum < last) problems.push(`${name} went back from ${last} to ${sum}`);
        seen.set(name, sum);
      }
      await delay(20);
    }
  })();
  return async () => {
    isOver = true;
    await watching;
    assert.deepEqual(problems, []);
    assert.ok((seen.get("sluice_events_received_total") ?? 0) > 0);
  };
}

/** A sender over HTTP that sends nothing twice and goes on whatever it is answered. */
class Poster {
  readonly outcomes = new Map<string, "stored" | "retry" | "lost">();
  readonly #run: string;

  constructor(run: string) {
    this.#run = run;
  }

  async postUntil(isOver: () => boolean): Promise<void> {
    for (let index = 0; !isOver(); index += 1) {
      const id = `${this.#run}-${index}`;
      const body = JSON.stringify(makeEvent(id, `${this.#run}-k${index % 3}`));
      this.outcomes.set(id, await this.#post(body));
      await delay(3);
    }
  }

  async #post(body: string): Promise<"stored" | "retry" | "lost"> {
    let response: Response;
    try {
      response = await gateway.post(body);
    } catch {
      return "lost";
    }
    const text = await response.text();
    assert.ok(response.status === 200 || response.status === 503, text);
    return response.status === 200 ? "stored" : "retry";
  }

  /** Stored once what was answered so; answers whatever else is there. */
  judge(found: ReadonlyMap<string, readonly KafkaRecord[]>): string[] {
    for (const [id, outcome] of this.outcomes) {
      const copies = found.get(id)?.length ?? 0;
      if (outcome === "stored") assert.equal(copies, 1, `${id} is there once`);
      else assert.ok(copies <= 1, `${id} was sent once`);
    }
    return [...this.outcomes].flatMap(([id, outcome]) =>
      outcome === "lost" && found.has(id) ? [id] : [],
    );
  }
}

function storedPosts({ posters }: Pick<Crowd, "posters">): number {
  const outcomes = posters.flatMap((poster) => [...poster.outcomes.values()]);
  return outcomes.filter((outcome) => outcome === "stored").length;
}

interface Crowd {
  readonly senders: readonly Sender[];
  readonly posters: readonly Poster[];
  stop(): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

async function startCrowd(run: string): Promise<Crowd> {
  const senders = Array.from(
    { length: 6 },
    (_, at) => new Sender(`${run}-s${at}`, new ResumingStream(gateway.streamUrl)),
  );
  await Promise.all(senders.map((sender) => sender.connect()));
  const posters = Array.from({ length: 3 }, (_, at) => new Poster(`${run}-h${at}`));
  let isOver = false;
  const over = () => isOver;
  const streams = Promise.all(senders.map((sender) => sender.publishUntil(over)));
  const posts = Promise.all(posters.map((poster) => poster.postUntil(over)));
  return {
    senders,
    posters,
    stop: async () => {
      isOver = true;
      const [welcomes] = await Promise.all([streams, posts]);
      return welcomes.flat();
    },
  };
}

/** Judges a crowd by what Kafka has of it. */
async function judge(run: string, { senders, posters }: Crowd) {
  const records = await readAll(testService("kafka"), [topic]);
  const mine = records.filter((record) =>
    [...byId([record]).keys()].some((id) => id.startsWith(`${run}-`)),
  );
  const isPosted = (record: KafkaRecord) =>
    [...byId([record]).keys()].some((id) => id.startsWith(`${run}-h`));
  const found = byId(mine.filter(isPosted));
  return {
    doubles: judgeRecords(
      mine.filter((record) => !isPosted(record)),
      senders,
    ),
    storedUnanswered: posters.flatMap((poster) => poster.judge(found)),
    posted: posters.flatMap((poster) => [...poster.outcomes.values()]),
  };
}

test("row 33: SIGHUP renews all workers under load: streams move, nothing is lost or doubled", async () => {
  const old = await workerPids();
  const stopWatching = watchCounters();
  const crowd = await startCrowd("renew");
  await delay(1_000);
  gateway.signal("SIGHUP");
  await line("rolling restart done");
  while (crowd.senders.some(({ welcomes }) => welcomes < 2) || storedPosts(crowd) <= 100) {
    await delay(20);
  }
  const welcomes = await crowd.stop();
  await stopWatching();
  const young = await workerPids();
  assert.equal(young.length, 2);
  assert.deepEqual(
    young.filter((pid) => old.includes(pid)),
    [],
  );
  assert.ok(welcomes.length >= crowd.senders.length, "every stream has moved");
  for (const welcome of welcomes) {
    assert.equal(welcome["resumed"], true);
    assert.equal(welcome["dup_possible"], false, "handed over, not guessed");
  }
  const { doubles, storedUnanswered, posted } = await judge("renew", crowd);
  assert.equal(doubles, 0);
  assert.deepEqual(storedUnanswered, [], "whatever is stored was answered");
  assert.ok(posted.filter((outcome) => outcome === "stored").length > 100);
  assert.deepEqual(
    lines("worker left").map(({ code }) => code),
    [0, 0],
  );
  assert.deepEqual(
    lines("drained").map(({ worker }) => worker),
    [1, 2],
    "lines say which worker wrote them",
  );
});

test("row 32: kill -9 to one of two workers under load: replaced, nothing acked is lost", async () => {
  const [victim = 0, bystander] = await workerPids();
  const stopWatching = watchCounters();
  const crowd = await startCrowd("kill");
  await delay(1_500);
  process.kill(victim, "SIGKILL");
  const died = await line("worker died, its events in flight got no answer");
  assert.equal(died["pid"], victim);
  assert.ok(Number(died["restartInMs"]) > 0, "with back-off");
  while ((await gateway.metric("sluice_workers_ready")) !== 2) await delay(50);
  const stored = storedPosts(crowd);
  while (storedPosts(crowd) <= stored + 20) await delay(20);
  await crowd.stop();
  await stopWatching();
  assert.ok((await workerPids()).includes(bystander ?? 0), "the other one lives on");
  await judge("kill", crowd);
  assert.equal(await gateway.metric("sluice_workers_restarted_total"), 1);
  await gateway.ledger();
});

/** Clients that come back as soon as they are asked to move, or have lost their socket. */
class Visitors {
  readonly #clients = new Set<StreamClient>();
  #isOver = false;
  /** How often one was asked to move. */
  moved = 0;

  async add(): Promise<void> {
    const client = await StreamClient.hello(gateway.streamUrl, { auth: "demo" });
    this.#clients.add(client);
    client.onFrame = ({ t, reason }) => {
      if (t !== "goaway" || reason !== "rebalance") return;
      this.moved += 1;
      client.close();
    };
    void client.closed.then(() => {
      this.#clients.delete(client);
      if (!this.#isOver) void this.#addAgain();
    });
  }

  async #addAgain(): Promise<void> {
    await this.add().catch(() => delay(50).then(() => this.#addAgain()));
  }

  leave(): void {
    this.#isOver = true;
    for (const client of this.#clients) client.close();
  }
}

test("connections are evened out: a worker with many more asks some to move", async () => {
  const [victim = 0] = await workerPids();
  const visitors = new Visitors();
  await Promise.all(Array.from({ length: 160 }, () => visitors.add()));
  process.kill(victim, "SIGKILL");
  // All are at the one that is left before there is another one.
  await line("connections asked to move to other workers");
  // Until the difference is one that is left alone, and all of them are there again.
  for (;;) {
    const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    const counts = [...text.matchAll(/^sluice_worker_connections\{.*\} (\d+)$/gm)].map(
      ([, count]) => Number(count),
    );
    const [least, most] = [Math.min(...counts), Math.max(...counts)];
    if (counts.length === 2 && least + most === 160 && most - least <= 64) break;
    await delay(100);
  }
  assert.ok(visitors.moved > 0);
  // The last ones may still be on their way to those who are asked.
  while ((await gateway.metric("sluice_connections_rebalanced_total")) !== visitors.moved) {
    await delay(20);
  }
  visitors.leave();
  assert.equal(await gateway.stop(), 0);
});

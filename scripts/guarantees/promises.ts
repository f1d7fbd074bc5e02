/**
 * What sluice promises, and the tests that hold each promise. docs/guarantees.md is made from this;
 * a test that is named here and does not exist fails the checks.
 */

export interface NamedTest {
  readonly file: string;
  /** Title as in the source, what a template puts in as "…". */
  readonly title: string;
}

export interface Promised {
  readonly name: string;
  readonly text: string;
  readonly tests: readonly NamedTest[];
}

const ORACLE: NamedTest = {
  file: "test/oracle/oracle.e2e.test.ts",
  title: "nothing is lost, nothing is made up, whatever breaks (seed …)",
};

const JUDGE = "test/oracle/judge.test.ts";
const DELIVERY = "src/delivery/delivery.test.ts";
const DELIVERY_KAFKA = "src/delivery/delivery.kafka.test.ts";
const DELIVERY_FUZZ = "src/delivery/delivery.fuzz.test.ts";
const BATCH = "src/pipeline/batch.test.ts";
const CONNECTION = "src/stream/connection.test.ts";
const STREAMS = "test/e2e/streams.e2e.test.ts";
const SIMULATION = "src/stream/simulation.test.ts";
const REAL = "test/e2e/real-services.kafka.test.ts";
const CRASH = "test/e2e/crash-and-outage.kafka.test.ts";
const EVERY_OUTCOME = "simulation: exactly one true outcome for every event, whatever goes wrong";
const EQUAL_EVENTS = "… mixed events come out of Kafka equal, in order per key, none missing";
const CRASH_KILL =
  "row 32: kill -9 in the middle of a load loses no event that was answered stored";
const CRASH_STOP =
  "row 4: all brokers stopped: retry and 503, bounded memory, healed without a restart";
const ONE_VERDICT =
  "Batch: every event leaves with exactly one verdict, whatever order reports come in";

const of = (file: string, ...titles: readonly string[]): NamedTest[] =>
  titles.map((title) => ({ file, title }));

export const PROMISES: readonly Promised[] = [
  {
    name: "I1",
    text: "An event that was answered `stored` is in Kafka, whatever breaks afterwards.",
    tests: [
      ORACLE,
      {
        file: "src/delivery/acquaintance.kafka.test.ts",
        title: "a refused first request is not told stored because a later one was",
      },
      ...of(CRASH, CRASH_KILL),
      ...of(DELIVERY_FUZZ, "delivery, …: every promise holds"),
      ...of(JUDGE, "convicts a lost acked event"),
    ],
  },
  {
    name: "I2",
    text: "What is in Kafka was sent by a client, and is equal to what was sent.",
    tests: [
      ORACLE,
      ...of(REAL, EQUAL_EVENTS),
      ...of("src/codec/codec.fuzz.test.ts", "plain JSON becomes avsc's bytes"),
      ...of(JUDGE, "convicts a ghost", "convicts an altered payload, key, topic or number"),
    ],
  },
  {
    name: "I3",
    text:
      "A record is double only where its event was sent again. Of the two records of a double " +
      "of one stream one is flagged, mostly the second, sometimes the first; of more all " +
      "but one are. Whichever it is, `sluice/consumer` keeps the first in the partition and " +
      "drops the others. Doubles of plain HTTP, and of an event that its client took over into " +
      "a new stream, share the id and are not flagged.",
    tests: [
      ORACLE,
      ...of(
        "test/e2e/consumer.kafka.test.ts",
        "of doubled records of a stream and of repeated ids the first is kept, once",
      ),
      ...of(
        "src/consumer/deduplicator.fuzz.test.ts",
        "read from the beginning, within what credit allows: exactly the model's answer",
      ),
      ...of(
        CONNECTION,
        "StreamConnection: held numbers of an unknown stream are trusted, and flagged",
      ),
      ...of(
        "src/stream/keeper.test.ts",
        "who was served in a memory that was lost since is in doubt, whoever began the new one",
      ),
      ...of(
        CONNECTION,
        "StreamConnection: what came back as retry is flagged if Kafka may have it",
      ),
    ],
  },
  {
    name: "I4",
    text:
      "Events of one sender and key are stored in the order of their arrival, on a stream of " +
      "their numbers, except those answered `retry`: they land where they are sent again. Where " +
      "the answers to both were lost with their connection that `retry` may be unheard; then the " +
      "`welcome` calls later numbers final and not this one, or the record is flagged.",
    tests: [
      ORACLE,
      ...of(REAL, EQUAL_EVENTS),
      ...of(
        DELIVERY_KAFKA,
        "50 000 keyed records over all lanes are read back, each once, in order per key",
      ),
      ...of(JUDGE, "convicts a break of order"),
    ],
  },
  {
    name: "I5",
    text:
      "The ledger `received = stored + duplicate + rejected + retry + in flight` balances at any " +
      "moment. Every end-to-end gateway is watched for it as long as it runs " +
      "(test/ledger-watch.ts).",
    tests: [
      ORACLE,
      ...of(
        "test/e2e/embedded.e2e.test.ts",
        "health and metrics are on the admin port, and the ledger balances",
      ),
      ...of(JUDGE, "convicts a ledger, memory and recovery that are not as they should be"),
    ],
  },
  {
    name: "I6",
    text: "Memory stays under its bound, also when Kafka or Redis is away for minutes.",
    tests: [
      ORACLE,
      ...of(CRASH, CRASH_STOP),
      ...of(
        DELIVERY,
        "minutes without Kafka: retry outcomes, bounded memory, and it heals by itself",
      ),
      ...of("src/session/sessions.test.ts", "memory stays bounded while the store is away"),
    ],
  },
  {
    name: "I7",
    text: "The process stays up: input that breaks something costs its own event or connection.",
    tests: [
      ...of(
        "test/e2e/input-http.e2e.test.ts",
        "input 4: a length that is none, or two, stores no event of body or tail",
        "input 5: both framings, disguised codings, odd chunks: no tail is ever answered",
      ),
      ...of(STREAMS, "frames that are wrong are closed with the code of their class"),
    ],
  },
  {
    name: "I8",
    text: "After a fault is healed a fresh event is stored again, without a restart.",
    tests: [
      ORACLE,
      ...of(CRASH, CRASH_STOP, "a gateway that starts without its broker waits for it"),
      ...of(
        DELIVERY,
        "three fatal errors in a minute open the circuit, which closes again by itself",
      ),
      ...of(
        "src/delivery/liveness.fuzz.test.ts",
        "delivery, …: what Kafka can store is stored again",
      ),
      ...of(
        "src/delivery/forgotten-brokers.kafka.test.ts",
        "producers that have forgotten all brokers are replaced, " +
          "and every partition is stored again",
      ),
      ...of(
        "src/delivery/forgotten-consumers.kafka.test.ts",
        "a reader of a group joins anew, and reads everything",
        "a reader of a topic says that it is lost",
      ),
    ],
  },
  {
    name: "I9",
    text:
      "Every batch has one answer or its connection closes; every event has exactly one final " +
      "outcome.",
    tests: [
      ORACLE,
      ...of(BATCH, ONE_VERDICT),
      ...of(SIMULATION, EVERY_OUTCOME),
      ...of(CONNECTION, "StreamConnection: outcomes of every kind come in one ack, each once"),
      ...of(JUDGE, "convicts two answers", "convicts no answer: to an event, to a batch"),
    ],
  },
  {
    name: "I10",
    text: "A fault or a flood of one tenant, topic or partition does not hold up the others.",
    tests: [
      ...of(
        DELIVERY,
        "a stalled partition holds up nobody for longer than it takes to notice",
        "a lane that hangs goes on serving its partitions until a spare is connected",
        "sidings that are quick again make room for a lane that hangs",
        "row 43: a tenant that floods a silent Kafka leaves room for another",
      ),
      ...of(
        "src/delivery/budget.test.ts",
        "Budget: a tenant that floods is held back, the others are not, " +
          "and it cannot fill the whole",
      ),
      ...of(
        "test/e2e/isolation.kafka.long.test.ts",
        "isolation (…): acks of the other partitions take at most 1.5 times as long",
        "a dead broker of three (…): nothing fails, nothing waits for longer than 11 s",
      ),
    ],
  },
  {
    name: "streams",
    text: "A stream goes on after any cut, at any gateway, with the outcomes it had.",
    tests: [
      ORACLE,
      ...of(STREAMS, "a stream goes on after its socket was cut, and each event has one outcome"),
      ...of(
        "src/stream/hand-over.redis.test.ts",
        "a released stream is carried on elsewhere, with a higher epoch",
      ),
      ...of(
        "test/e2e/python-client.long.test.ts",
        "the Python client loses nothing over a cut connection and its own death",
      ),
    ],
  },
  {
    name: "pressure",
    text:
      "Who comes while there is no room is told why and when to come again: credit of streams " +
      "stops rising, HTTP answers 503 with Retry-After, and both end with the pressure.",
    tests: [
      ...of(
        CONNECTION,
        "StreamConnection: credit bounds seq, rises with acks, and stays under pressure",
      ),
      ...of(CRASH, CRASH_STOP),
    ],
  },
  {
    name: "dead letters",
    text:
      "A rejected event that was kept is stored once after its schema is mended, by " +
      "`sluice redrive`.",
    tests: of(
      "test/e2e/redrive.kafka.test.ts",
      "after the schema is mended each dead letter is stored once, however often redrive runs",
    ),
  },
  {
    name: "client",
    text:
      "An event that `sluice/client` has taken leaves its queue with its outcome only: over " +
      "cuts, other tabs, the end of its page or process, a store that fails. It costs a page " +
      "6 KiB.",
    tests: [
      ...of(
        "src/client/simulation.test.ts",
        "client: … worlds of trouble, one outcome for each event",
      ),
      ...of(
        "test/e2e/client.chromium.test.ts",
        "offline and online again: what was tracked meanwhile arrives",
        "a connection cut while acks are out: sent again, stored once",
        "a tab that is killed: the next one sends what it left",
        "two tabs: one socket, one queue, and the other takes over",
        "a page that goes away: a beacon takes what waits, the next page learns of it",
        "where …, the queue is in memory and every event arrives",
      ),
      ...of(
        "test/e2e/client-node.e2e.test.ts",
        "fileStore: what a killed process has not sent, the next one sends",
      ),
      ...of(
        "src/client/bundle.test.ts",
        "build/…: is at most … KiB gzipped and needs no other file",
      ),
    ],
  },
  {
    name: "settings",
    text: "Settings that contradict one another are refused at the start, by name.",
    tests: of("src/config/cross-rules.test.ts", "… is one sentence that names them"),
  },
  {
    name: "contract",
    text: "Answers and frames are as `/openapi.json` and `/asyncapi.json` say, and no others.",
    tests: [
      ...of(
        "test/e2e/contract.e2e.test.ts",
        "every answer and every frame is as documented, and all of them are seen",
      ),
      ...of(
        "src/protocol/documents/documents.test.ts",
        "asyncapi.json is sound by the official schema of AsyncAPI 3",
        "openapi.json is sound by the official schema of OpenAPI 3.1",
      ),
      ...of("src/stream/transitions.test.ts", "StreamConnection …: … → …"),
    ],
  },
];

/** Faults by number; tests of theirs are called `row N: …`. */
export const FAULT_ROWS: readonly string[] = [
  "leader killed, three brokers",
  "leader stands still for 20 s",
  "rolling restart of all brokers under load",
  "all brokers away for 60 s",
  "too few in-sync replicas",
  "appended, but the answer is lost",
  "OUT_OF_ORDER_SEQUENCE_NUMBER at the head",
  "UNKNOWN_PRODUCER_ID, fenced epoch",
  "fatal again during the rebuild",
  "TOPIC_AUTHORIZATION_FAILED",
  "MESSAGE_TOO_LARGE from the broker",
  "topic missing, partitions added",
  "local queue full",
  "500 ms to the brokers",
  "broker throttles by quota",
  "slow link, sliced bytes",
  "half-open connection to a broker",
  "bootstrap gone, back later",
  "certificate of the broker expired or rotated",
  "Kafka back after 10 min, clients have a million queued",
  "Redis killed",
  "Redis slow",
  "Redis out of memory, read-only, loading",
  "Redis fails over and loses a second",
  "registry away at the start",
  "registry away later, unknown schema id",
  "registry slow, 5xx, 404, wrong or huge body",
  "incompatible schema in mid-stream",
  "WASM trap in one event",
  "WASM memory over 10 million events",
  "event loop blocked for 2 s",
  "worker killed with unacked batches",
  "SIGTERM under load",
  "second signal during the drain, drain without Kafka",
  "10 000 clients come back at once",
  "socket cut after sending, before the ack",
  "resume with a stale, forged or foreign token",
  "client does not read its acks",
  "clocks jump by an hour, client clock years off",
  "out of file descriptors",
  "disk full",
  "too little CPU",
  "one tenant floods a hundredfold",
  "collector or scrape hangs",
  "load balancer resets or times out",
  "partition between gateway and one broker",
  "bit flip on the wire to the broker",
  "24 h of mixed faults",
];

/** Types of control.mjs, for tests written in TypeScript. */

export type ServiceName =
  | "kafka"
  | "kafka3"
  | "redis"
  | "redis-ha"
  | "registry"
  | "postgres"
  | "prometheus"
  | "toxiproxy"
  | "haproxy"
  | "keycloak";

/**
 * One process of a server; `name`: broker, node1 … node3, primary, replica, sentinel, redis,
 * registry, postgres, prometheus, toxiproxy, keycloak.
 */
export interface ServiceProcess {
  readonly name: string;
  readonly pid: number;
  readonly state: "running" | "suspended" | "gone";
  readonly residentBytes: number;
}

/** Labels and addresses as `npm run services -- up` prints them, the main one first. */
export type Addresses = Readonly<Record<string, string>>;

export interface SharedOptions {
  /** Default: SLUICE_SERVICES_PORT_OFFSET, or 0. */
  readonly portOffset?: number;
}

export interface ProcessChoice {
  /** One process of several, as `node2` of kafka3. Default: all. */
  readonly process?: string;
}

export interface SharedStatus {
  readonly name: string;
  readonly state: "stopped" | "died" | "suspended" | "incomplete" | "running" | "not answering";
  readonly address: string;
  readonly processes: readonly ServiceProcess[];
}

/** Starts a shared server, or whatever of it does not run, and waits until it answers. */
export function start(
  name: ServiceName,
  options?: SharedOptions & {
    readonly isFresh?: boolean;
    /** Told what takes long: a download, a wait for another command. */
    readonly progress?: (sentence: string) => void;
  },
): Promise<Addresses>;

/** Ends a shared server; resolves when it is gone. */
export function stop(name: ServiceName, options?: SharedOptions): Promise<void>;

/** Signals a shared server's processes. Answers how many were there to hear it. */
export function signal(
  name: ServiceName,
  signalName: NodeJS.Signals,
  options?: SharedOptions & ProcessChoice,
): number;

export function status(name: ServiceName, options?: SharedOptions): Promise<SharedStatus>;

export interface InstanceOptions {
  /**
   * Where it runs and keeps its data; kept by remove(). What an earlier owner left running there is
   * ended first. Default: a new folder under .run.
   */
  readonly directory?: string;
  /**
   * By purpose; those left out are chosen free. Purposes: kafka plaintext, saslSsl, proxied, proxy
   * (named by the broker, for a fault proxy to listen on), controller; kafka3 the same with node1.
   * … node3. before them; redis plain, tls; redis-ha primary, replica, sentinel; registry and
   * prometheus http; postgres tcp; toxiproxy api; keycloak http, management.
   */
  readonly ports?: Readonly<Record<string, number>>;
  /**
   * Kafka properties, Redis directives or PostgreSQL parameters to replace or add; Prometheus:
   * scrape (host:port); haproxy: gateway1, gateway2, admin1, admin2 (host:port), balancers (blocks
   * of addresses), requestsMax.
   */
  readonly settings?: Readonly<Record<string, string | number>>;
  readonly progress?: (sentence: string) => void;
  /** Kafka: for its Java machine, instead of those that keep it small. */
  readonly javaFlags?: readonly string[];
}

/**
 * A private server. It keeps ports, directory and data through stop, kill and start, until remove.
 * It ends with the process that started it.
 */
export interface Instance extends AsyncDisposable {
  readonly name: ServiceName;
  readonly directory: string;
  readonly ports: Readonly<Record<string, number>>;
  /** The main address: kafka host:port[,host:port], redis://…, http://… */
  readonly address: string;
  readonly addresses: Addresses;
  /** Of the first process; undefined before the first start and after a stop. */
  readonly pid: number | undefined;
  readonly processes: readonly ServiceProcess[];
  /** Starts the processes that do not run, resumes suspended ones; resolves when all answer. */
  start(): Promise<void>;
  /** SIGTERM, after a patience SIGKILL; resolves when it is gone. */
  stop(): Promise<void>;
  /** SIGKILL, as a crash; resolves when it is gone. */
  kill(choice?: ProcessChoice): Promise<void>;
  /** SIGSTOP: connections stay open and nothing answers; resolves when it stands still. */
  suspend(choice?: ProcessChoice): Promise<void>;
  resume(choice?: ProcessChoice): void;
  signal(signalName: NodeJS.Signals, choice?: ProcessChoice): number;
  /** stop, then start. */
  restart(): Promise<void>;
  /** Ends it, frees its ports and deletes its directory unless the caller chose that. */
  remove(): Promise<void>;
}

/**
 * Starts a private server and waits until it answers.
 * @throws {Error} with one sentence when it cannot be had or started
 */
export function startInstance(name: ServiceName, options?: InstanceOptions): Promise<Instance>;

/** Ends and removes instances whose owner died without doing so. Answers how many there were. */
export function sweepInstances(): Promise<number>;

/**
 * The operators' own web server, as a company would have one: it serves the page, knows who is
 * logged in (here: the path says which tenant's operator), and buys each page a ticket for the live
 * feed with a secret key that never leaves this process.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";

import type { History } from "./history.ts";
import { TENANTS } from "./system.ts";
import type { Tenant } from "./system.ts";

const file = (path: string): string =>
  readFileSync(fileURLToPath(new URL(path, import.meta.url)), "utf8");

export interface PageServerOptions {
  /** 0: any free port. */
  readonly port: number;
  /** Of the gateways, through the balancer. */
  readonly gatewayUrl: string;
  readonly operatorKey: (tenant: Tenant) => string;
  readonly history: History;
}

export class PageServer {
  readonly #options: PageServerOptions;
  readonly #server: Server;
  readonly #page = file("page.html");
  readonly #client = file("../../build/live.js");

  private constructor(options: PageServerOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        response.writeHead(502).end(String(error));
      });
    });
  }

  static async start(options: PageServerOptions): Promise<PageServer> {
    const server = new PageServer(options);
    server.#server.listen(options.port, "127.0.0.1");
    await once(server.#server, "listening");
    return server;
  }

  get url(): string {
    // An address of TCP.
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}`;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? "/", "http://page");
    const [, name = "", action = ""] = pathname.split("/");
    const tenant = TENANTS.find((known) => known === name);
    if (pathname === "/live.js") {
      response.writeHead(200, { "Content-Type": "text/javascript" }).end(this.#client);
    } else if (pathname === "/") {
      response.writeHead(302, { Location: `/${TENANTS[0]}` }).end();
    } else if (tenant === undefined) response.writeHead(404).end("there is no such tenant\n");
    else if (action === "ticket") await this.#giveTicket(tenant, response);
    else if (action === "history") {
      const alerts = await this.#options.history.alerts(tenant);
      response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(alerts));
    } else if (action === "") {
      const facts = { tenant, tenants: TENANTS, gateway: this.#options.gatewayUrl };
      const page = this.#page.replace('"FACTS"', JSON.stringify(facts));
      response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" }).end(page);
    } else response.writeHead(404).end();
  }

  async #giveTicket(tenant: Tenant, response: ServerResponse): Promise<void> {
    const { gatewayUrl, operatorKey } = this.#options;
    const authorization = `Bearer ${operatorKey(tenant)}`;
    const bought = await fetch(`${gatewayUrl}/v1/tickets`, {
      method: "POST",
      headers: { authorization },
    });
    const { ticket } = (await bought.json()) as { readonly ticket?: string };
    const status = ticket === undefined ? 502 : 200;
    response.writeHead(status, { "Content-Type": "application/json" });
    response.end(JSON.stringify({ ticket }));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}

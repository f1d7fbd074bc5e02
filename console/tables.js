/** The lists of the console: refusals, batches, tenants, schemas. */
import { short, size, span, time, total } from "./numbers.js";

export const OUTCOMES = ["stored", "duplicate", "retry", "rejected"];

const ROWS_MAX = 10;

export const find = (id) => document.getElementById(id);

/** An element with text and children; a text is never read as HTML. */
export function make(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, text] of Object.entries(attributes)) {
    if (text !== undefined) made.setAttribute(key, text);
  }
  made.append(...children);
  return made;
}

export function fillTable(id, rows, none) {
  const body = find(id).tBodies[0];
  if (rows.length > 0) {
    body.replaceChildren(...rows.map((cells) => make("tr", {}, ...cells)));
    return;
  }
  const columns = find(id).tHead.rows[0].cells.length;
  body.replaceChildren(make("tr", { class: "empty" }, make("td", { colspan: columns }, none)));
}

export const cell = (...content) => make("td", {}, ...content);
export const soft = (text) => make("span", { class: "soft" }, text);

export function showRecent({ recent: noted, atMs }) {
  const none = "None so far.";
  const { refusals, batches } = noted;
  const ago = (then) => `${span(atMs - then)} ago`;
  const sender = ({ tenant, source }) => cell(`${tenant} / ${source}`);
  fillTable(
    "refusals",
    refusals
      .slice(0, ROWS_MAX)
      .map((each) => [
        cell(ago(each.atMs)),
        cell(each.type || soft("unknown")),
        cell(each.code, each.kind === "none" ? "" : soft(`, ${each.kind}`)),
        cell(
          each.path === "" ? "" : make("code", {}, each.path),
          each.expected === "" ? "" : soft(` wants ${each.expected}`),
        ),
        sender(each),
      ]),
    none,
  );
  fillTable(
    "batches",
    batches
      .slice(0, ROWS_MAX)
      .map((each) => [
        cell(ago(each.atMs)),
        cell(each.topic === "" ? soft("several") : make("code", {}, each.topic)),
        cell(...outcomeOf(each)),
        cell(time(each.durationMs / 1_000)),
        cell(
          `${each.tenant} / ${each.source} `,
          soft(each.transport === "ws" ? "WebSocket" : "HTTP"),
        ),
      ]),
    none,
  );
}

function outcomeOf(batch) {
  const said = OUTCOMES.filter((outcome) => batch[outcome] > 0).flatMap((outcome) => [
    make("span", { class: `chip ${outcome}` }, `${batch[outcome]} ${outcome}`),
    " ",
  ]);
  return said.length > 0 ? said : [soft("no events")];
}

/** `old`: what was said some seconds ago. */
export function showTenants(data, old) {
  const seconds = Math.max(1, (data.atMs - old.atMs) / 1_000);
  const { metrics } = data;
  const since = (key, ...labels) =>
    (total(metrics[key], ...labels) - total(old.metrics[key], ...labels)) / seconds;
  const names = new Set(
    [...metrics.tenantEvents, ...metrics.tenantConnections].map(([tenant]) => tenant),
  );
  const rows = [...names]
    .map((tenant) => ({ tenant, events: since("tenantEvents", tenant) }))
    .sort((left, right) => right.events - left.events || left.tenant.localeCompare(right.tenant))
    .slice(0, ROWS_MAX)
    .map(({ tenant, events }) => {
      const lost =
        since("tenantEvents", tenant, "rejected") + since("tenantEvents", tenant, "retry");
      const share = events > 0 ? `${((100 * lost) / events).toFixed(lost > 0 ? 1 : 0)} %` : "–";
      return [
        cell(tenant),
        cell(short(events)),
        cell(share),
        cell(size(since("tenantBytes", tenant))),
        cell(short(total(metrics.tenantConnections, tenant))),
      ];
    });
  fillTable("tenants", rows, "Nobody has sent anything yet.");
}

export function showSchemas({ schemas }) {
  const rows = schemas
    .toSorted((left, right) => left.type.localeCompare(right.type))
    .map(({ type, version, id }) => [cell(type), cell(String(version)), cell(String(id))]);
  fillTable("schemas", rows, "None.");
}

/**
 * Events of one type as they are stored: what the live feed of the process reads, without ids, keys
 * and values. Nothing is read before somebody asks.
 */
import { size, span } from "./numbers.js";
import { cell, fillTable, find, make, soft } from "./tables.js";

const EVENTS_MAX = 60;
const ROWS_MAX = 10;
const MEMBERS_MAX = 12;

let isWatching = false;
let process = "";
let events = [];

export function isWatched() {
  return isWatching;
}

/** The types that may be chosen, as schemas are in use. */
export function showTypes({ schemas }) {
  const types = schemas.map(({ type }) => type).sort((left, right) => left.localeCompare(right));
  const select = find("watch-type");
  if (types.join() === [...select.options].map(({ value }) => value).join()) return;
  const chosen = select.value;
  select.replaceChildren(...types.map((type) => make("option", { value: type }, type)));
  if (types.includes(chosen)) select.value = chosen;
}

function say(text) {
  find("watch-state").textContent = text;
}

function reset() {
  events = [];
  process = "";
  show(Date.now());
}

export async function look(atMs) {
  const type = find("watch-type").value;
  const after = events.at(-1)?.number ?? 0;
  const query = new URLSearchParams({ type, after: String(after) });
  const response = await fetch(`/console/events?${query}`, { signal: AbortSignal.timeout(4_000) });
  if (!response.ok) throw new Error(String(response.status));
  const seen = await response.json();
  if (!isWatching || find("watch-type").value !== type) return;
  // Another worker counts anew.
  if (process !== "" && seen.from !== process) events = [];
  else events = [...events, ...seen.events.filter(({ number }) => number > after)];
  process = seen.from;
  events = events.slice(-EVENTS_MAX);
  if (seen.state === "off") say(`Cannot be watched: ${seen.reason}.`);
  else say(seen.state === "opening" ? "Opening the topic …" : "Watching");
  show(atMs);
}

function memberOf({ name, kind }) {
  return make("span", { class: "member" }, name, soft(` ${kind}`));
}

function builtAs({ members, reason, isRepeat }) {
  const shown = members.filter(({ kind }) => kind !== "null").slice(0, MEMBERS_MAX);
  const left = members.length - shown.length;
  const nodes = shown.flatMap((member) => [memberOf(member), " "]);
  if (left > 0) nodes.push(soft(`and ${left} more or empty`));
  if (reason !== "") nodes.push(soft(reason));
  if (isRepeat) nodes.push(" ", make("span", { class: "chip" }, "may be a repeat"));
  return nodes;
}

function show(atMs) {
  const rows = events
    .slice(-ROWS_MAX)
    .toReversed()
    .map((event) => [
      cell(`${span(Math.max(0, atMs - event.atMs))} ago`),
      cell(make("code", {}, event.topic), soft(` ${event.partition} / ${event.offset}`)),
      cell(size(event.bytes), event.schemaId === null ? "" : soft(`, schema ${event.schemaId}`)),
      cell(...builtAs(event)),
      cell(`${event.tenant} / ${event.source}`),
    ]);
  fillTable("watched", rows, isWatching ? "None has come since you look." : "Nothing is watched.");
}

find("watch").addEventListener("click", () => {
  isWatching = !isWatching;
  find("watch").textContent = isWatching ? "Stop" : "Watch";
  find("watch").setAttribute("aria-pressed", String(isWatching));
  say("");
  reset();
});

find("watch-type").addEventListener("change", reset);
show(Date.now());

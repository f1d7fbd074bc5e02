/**
 * The console's page: asks for the numbers every second, remembers five minutes of them, and shows
 * what they say. It changes nothing in the process it looks at.
 */
import { showBackends, troublesOf } from "./backends.js";
import { chart, PLOT_LEFT, PLOT_RIGHT, spark } from "./charts.js";
import { buckets, quantile, short, span, time, total, value } from "./numbers.js";
import { find, make, OUTCOMES, showRecent, showSchemas, showTenants } from "./tables.js";
import { isWatched, look as watch, showTypes } from "./watch.js";

const EVERY_MS = 1_000;
const HISTORY_MS = 5 * 60_000;
/** Rates and quantiles are of what came in so long. */
const WINDOW_MS = 10_000;
const STAGES = ["receive", "encode", "commit", "answer"];
const PRESSURES = ["open", "high", "hard"];

/** Looks at the process, the oldest first: what it said, and what follows for the charts. */
const looks = [];
let isPaused = false;
let cursorMs;

function lookBefore(atMs) {
  return looks.findLast((look) => look.atMs <= atMs) ?? looks[0];
}

/** The same among looks that know everything. */
function wholeLookBefore(atMs) {
  const whole = looks.filter(({ isWhole }) => isWhole);
  return whole.findLast((look) => look.atMs <= atMs) ?? whole[0];
}

/** Numbers of the charts at one look, from what changed since the last one. */
function pointOf(data, before) {
  const values = {};
  const seconds = before === undefined ? NaN : (data.atMs - before.atMs) / 1_000;
  for (const outcome of OUTCOMES) {
    const count = total(data.metrics.eventsOutcome, outcome);
    const since = count - total(before?.data.metrics.eventsOutcome, outcome);
    values[outcome] = seconds > 0 && since >= 0 ? since / seconds : undefined;
  }
  const old = lookBefore(data.atMs - WINDOW_MS);
  const now = buckets(data.metrics.ackLatency);
  const then = buckets(old?.data.metrics.ackLatency);
  values.p50 = old && quantile(now, then, 0.5);
  values.p99 = old && quantile(now, then, 0.99);
  values.flight = value(data.metrics.unackedEvents);
  values.sockets = value(data.metrics.wsConnections);
  values.sessions = value(data.metrics.sessionsActive);
  values.loop = value(data.metrics.eventLoopUtilization);
  return values;
}

/** Adds a look; one out of the process's memory knows the charts' numbers only. */
function add(data, isWhole) {
  const { atMs } = data;
  const last = looks.at(-1);
  // After a pause or an outage the time between is nobody's.
  const before = last !== undefined && atMs - last.atMs < 5 * EVERY_MS ? last : undefined;
  looks.push({ atMs, seenAtMs: Date.now(), data, isWhole, values: pointOf(data, before) });
}

function remember(data) {
  // Another process answers: what was counted before is not this one's.
  const last = looks.at(-1);
  if (last !== undefined && last.data.startedAtMs !== data.startedAtMs) looks.length = 0;
  if (looks.length === 0) {
    for (const { atMs, metrics } of data.history ?? []) add({ ...data, atMs, metrics }, false);
  }
  add(data, true);
  while (looks[0].atMs < data.atMs - HISTORY_MS) looks.shift();
}

/** Mean over the last seconds, so that a number can be read. */
function recent(name) {
  const { atMs } = looks.at(-1);
  const known = looks
    .filter((look) => look.atMs > atMs - 3_500 && look.values[name] !== undefined)
    .map((look) => look.values[name]);
  return known.length === 0 ? undefined : known.reduce((sum, each) => sum + each, 0) / known.length;
}

function showTile(id, { text, unit, mood, name, most }) {
  const tile = find(`tile-${id}`);
  tile.querySelector("strong").textContent = text;
  if (unit !== undefined) tile.querySelector("span").textContent = unit;
  if (mood === undefined) tile.removeAttribute("data-mood");
  else tile.dataset.mood = mood;
  const points = looks.slice(-90).map((look) => look.values[name]);
  spark(tile.querySelector("svg"), points, most ?? 0);
}

function showTiles(metrics) {
  const [stored, rejected, retry] = ["stored", "rejected", "retry"].map(recent);
  showTile("stored", { text: short(stored), name: "stored" });
  const p50 = looks.at(-1).values.p50;
  const unit = p50 === undefined ? "nothing to answer" : `p99, half in ${time(p50)}`;
  const { p99 } = looks.at(-1).values;
  showTile("latency", { text: time(p99), unit, name: "p99", mood: p99 > 0.5 ? "wait" : undefined });
  const isBad = rejected > 0;
  showTile("rejected", {
    text: short(rejected),
    name: "rejected",
    mood: isBad ? "bad" : undefined,
  });
  showTile("retry", { text: short(retry), name: "retry", mood: retry > 0 ? "wait" : undefined });
  const pressure = value(metrics.pressure) ?? 0;
  showTile("flight", {
    text: short(recent("flight")),
    unit: pressure > 0 ? `events, pressure ${PRESSURES[pressure]}` : "events, no pressure",
    mood: ["", "wait", "bad"][pressure] || undefined,
    name: "flight",
    most: 10,
  });
  const credit = value(metrics.streamCreditEvents) ?? 0;
  showTile("sockets", {
    text: short(value(metrics.wsConnections)),
    unit: `open, credit ${short(credit)}`,
    name: "sockets",
    most: 4,
  });
  const unitOfSessions = `active, ${short(value(metrics.sessionsStarted) ?? 0)} begun`;
  const sessions = short(value(metrics.sessionsActive));
  showTile("sessions", { text: sessions, unit: unitOfSessions, name: "sessions", most: 4 });
  const loop = recent("loop") ?? 0;
  const mood = loop > 0.9 ? "bad" : loop > 0.7 ? "wait" : undefined;
  showTile("loop", { text: `${Math.round(loop * 100)} %`, mood, name: "loop", most: 1 });
}

function showLegend(id, names, format) {
  const look = cursorMs === undefined ? undefined : lookBefore(cursorMs);
  const parts = names.map(([name, words]) => {
    const shown = look === undefined ? (recent(name) ?? 0) : look.values[name];
    return make("span", { class: name }, `${words} `, make("b", {}, format(shown)));
  });
  find(id).replaceChildren(...parts);
}

/** Whole minutes, as many as there are looks of, at most all. */
function shownMs() {
  const knownMs = looks.at(-1).atMs - looks[0].atMs;
  return Math.min(HISTORY_MS, Math.max(1, Math.ceil(knownMs / 60_000)) * 60_000);
}

function showCharts() {
  const { atMs } = looks.at(-1);
  const range = { points: looks, fromMs: atMs - shownMs(), toMs: atMs, cursorMs };
  const words = { stored: "stored", duplicate: "duplicate", retry: "retry", rejected: "rejected" };
  showLegend("events-legend", Object.entries(words), short);
  chart(find("events-chart"), {
    ...range,
    names: OUTCOMES,
    format: short,
    stacked: true,
    least: 10,
  });
  const latency = [
    ["p50", "half within"],
    ["p99", "99 % within"],
  ];
  showLegend("latency-legend", latency, time);
  chart(find("latency-chart"), {
    ...range,
    names: ["p50", "p99"],
    format: time,
    stacked: false,
    least: 0.01,
  });
}

function meanOf(metrics, old, stage) {
  const count = total(metrics[stage], "count") - total(old[stage], "count");
  const sum = total(metrics[stage], "sum") - total(old[stage], "sum");
  return count > 0 ? sum / count : undefined;
}

function showStages(data) {
  const old = wholeLookBefore(data.atMs - WINDOW_MS).data.metrics;
  const means = STAGES.map((stage) => meanOf(data.metrics, old, stage));
  const most = Math.max(...means.map((mean) => mean ?? 0), 1e-9);
  const list = find("stages");
  if (list.children.length === 0) {
    for (const stage of STAGES) {
      list.append(make("li", {}, make("span", {}, stage), make("i"), make("b")));
    }
  }
  STAGES.forEach((_, index) => {
    const [, bar, number] = list.children[index].children;
    bar.style.setProperty("--share", String((means[index] ?? 0) / most));
    number.textContent = time(means[index]);
  });
}

function showCodes(data) {
  const first = looks[0].data.metrics.eventsOutcome;
  const counts = data.metrics.eventsOutcome
    .filter(([outcome]) => outcome === "rejected" || outcome === "retry")
    .map(([outcome, code, count]) => [outcome, code, count - total(first, outcome, code)])
    .filter(([, , count]) => count > 0)
    .sort(([, , left], [, , right]) => right - left);
  const minutes = span(data.atMs - looks[0].atMs);
  const items = counts
    .slice(0, 8)
    .map(([outcome, code, count]) =>
      make(
        "li",
        {},
        make("span", {}, make("span", { class: `chip ${outcome}` }, outcome), " ", code),
        make("b", {}, short(count)),
      ),
    );
  const none = `Every event of the last ${minutes} was stored.`;
  find("codes").replaceChildren(
    ...(items.length > 0 ? items : [make("li", { class: "soft" }, none)]),
  );
}

/** Sentences above all else; none: nothing wants to be seen. */
function note(sentences, mood) {
  const reasons = find("reasons");
  const text = sentences.join(". ");
  reasons.hidden = sentences.length === 0;
  reasons.dataset.mood = mood;
  // Read out when it changes only.
  if (reasons.textContent !== text) reasons.textContent = text;
}

/** The numbers stay, but say that they are old. */
function showSilence() {
  const pill = find("state");
  pill.dataset.state = "away";
  pill.textContent = "no answer";
  const last = looks.at(-1);
  if (last === undefined) return;
  document.body.dataset.stale = "";
  const clock = new Date(last.seenAtMs).toLocaleTimeString("en-GB");
  note([`The process does not answer. What is shown is of ${clock}`], "bad");
}

function showState(data) {
  const pill = find("state");
  const shown = isPaused ? "paused" : data.state;
  if (pill.dataset.state !== shown) {
    pill.dataset.state = shown;
    pill.textContent = shown.replace("-", " ");
  }
  document.body.removeAttribute("data-stale");
  const troubles = troublesOf(data);
  note([...data.reasons, ...troubles], troubles.length > 0 ? "bad" : "wait");
  const { pack, version, workers } = data;
  const many = workers > 1 ? `, ${workers} workers` : "";
  find("facts").textContent = `pack ${pack}, version ${version}${many}`;
}

function show() {
  const look = looks.at(-1);
  if (look === undefined) return;
  showState(look.data);
  showTiles(look.data.metrics);
  showCharts();
  showStages(look.data);
  showBackends(look.data);
  showCodes(look.data);
  showRecent(look.data);
  showTenants(look.data, wholeLookBefore(look.atMs - WINDOW_MS).data);
  showSchemas(look.data);
  showTypes(look.data);
}

async function ask() {
  const path = looks.length === 0 ? "/console/data?history=1" : "/console/data";
  const response = await fetch(path, { signal: AbortSignal.timeout(4_000) });
  if (!response.ok) throw new Error(String(response.status));
  const data = await response.json();
  remember(data);
  show();
  if (isWatched()) await watch(data.atMs);
}

async function follow() {
  if (!isPaused && !document.hidden) {
    await ask().catch(showSilence);
  }
  setTimeout(follow, EVERY_MS);
}

find("pause").addEventListener("click", () => {
  isPaused = !isPaused;
  find("pause").textContent = isPaused ? "Go on" : "Pause";
  find("pause").setAttribute("aria-pressed", String(isPaused));
  show();
});

for (const id of ["events-chart", "latency-chart"]) {
  find(id).addEventListener("pointermove", (event) => {
    const look = looks.at(-1);
    if (look === undefined) return;
    const { left, width } = find(id).getBoundingClientRect();
    const share = (event.clientX - left - PLOT_LEFT) / (width - PLOT_LEFT - PLOT_RIGHT);
    cursorMs = share < 0 || share > 1 ? undefined : look.atMs - (1 - share) * shownMs();
    showCharts();
  });
  find(id).addEventListener("pointerleave", () => {
    cursorMs = undefined;
    showCharts();
  });
}

addEventListener("resize", show);
await follow();

/** Asks for the funnel once a second and draws it. */
import { byId, text } from "/assets/page.js";

function drawFunnel({ steps, funnel }) {
  const sdks = ["sluice", "segment"].map(
    (sdk) => funnel.find((row) => row.sdk === sdk)?.people ?? [],
  );
  const totals = steps.map((_, n) => (sdks[0][n] ?? 0) + (sdks[1][n] ?? 0));
  if (!(totals[0] > 0)) return totals;
  byId("funnel").classList.remove("soft");
  byId("funnel").innerHTML = steps
    .map((name, n) => {
      const part = n === 0 ? "" : `· ${Math.round((100 * totals[n]) / totals[0])} %`;
      const bars = ["sluice", "segment"].map((sdk, k) => {
        const people = sdks[k][n] ?? 0;
        return `<span class="${sdk}" style="width:${(100 * people) / totals[0]}%">${people || ""}</span>`;
      });
      return `<div class="step"><div class="name"><b>${name}</b><span class="soft">${totals[n]} people ${part}</span></div>
        <div class="bar">${bars.join("")}</div></div>`;
    })
    .join("");
  return totals;
}

function drawPeople(people) {
  byId("people").innerHTML = people
    .map(({ person, known, email, sessions, events }) => {
      const who = known
        ? `<b>${text(email ?? person)}</b>`
        : `<span class="soft">${text(person)}</span>`;
      // The events of a session are counted when it is over.
      const counted = events > 0 ? events : `<span class="soft">here now</span>`;
      return `<tr><td>${who}</td><td class="number">${sessions}</td><td class="number">${counted}</td></tr>`;
    })
    .join("");
}

function drawFigures({ people, sessions }, totals) {
  const figures = [
    [people[0]?.total ?? 0, "people"],
    [people[0]?.known_total ?? 0, "of them known"],
    [sessions?.sessions ?? 0, "sessions"],
    [totals.at(-1) ?? 0, "purchases by people"],
  ];
  byId("figures").innerHTML = figures
    .map(
      ([count, name]) => `<div class="card"><b>${count}</b><span class="soft">${name}</span></div>`,
    )
    .join("");
}

async function refresh() {
  try {
    const found = await (await fetch("/api/funnel")).json();
    const totals = drawFunnel(found);
    drawPeople(found.people);
    drawFigures(found, totals);
    byId("state").textContent = "from PostgreSQL, every second";
  } catch {
    byId("state").textContent = "the example does not answer";
  }
  setTimeout(refresh, 1_000);
}

await refresh();

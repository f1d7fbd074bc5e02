/**
 * The dashboards in the form of Grafana 10 and newer. It knows the form, not what is shown.
 */
import type { DashboardName } from "./alert.ts";
import type { Dashboard, Panel } from "./panel.ts";

const COLUMNS = 24;
const STAT = { width: 8, height: 4 } as const;
const COURSE = { width: 12, height: 8 } as const;

/** The PromQL of a panel as Grafana asks it. */
export function grafanaExpression(expression: string): string {
  return expression
    .replaceAll("SELECT", 'job=~"$job",instance=~"$instance"')
    .replaceAll("EVERY", "$__rate_interval");
}

/** The JSON of one dashboard. */
export function dashboardText(name: DashboardName, dashboard: Dashboard): string {
  const document = {
    uid: `sluice-${name}`,
    title: dashboard.title,
    tags: ["sluice"],
    editable: false,
    schemaVersion: 39,
    refresh: "30s",
    time: { from: "now-1h", to: "now" },
    links: [{ type: "dashboards", tags: ["sluice"], title: "sluice", asDropdown: true }],
    templating: { list: variables() },
    panels: placed(dashboard.panels).map(panelOf),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function variables(): object[] {
  const ofLabel = (label: string, selector: string) => ({
    name: label,
    type: "query",
    datasource: { type: "prometheus", uid: "${datasource}" },
    query: { query: `label_values(sluice_build_info${selector}, ${label})`, refId: label },
    refresh: 2,
    includeAll: true,
    allValue: ".+",
    multi: true,
    current: { text: "All", value: "$__all" },
  });
  return [
    { name: "datasource", type: "datasource", query: "prometheus" },
    ofLabel("job", ""),
    ofLabel("instance", '{job=~"$job"}'),
  ];
}

interface Placed {
  readonly panel: Panel;
  readonly id: number;
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
}

/** From left to right, top to bottom. */
function placed(panels: readonly Panel[]): Placed[] {
  let x = 0;
  let y = 0;
  let rowHeight = 0;
  return panels.map((panel, index) => {
    const { width, height } = panel.isStat === true ? STAT : COURSE;
    if (x + width > COLUMNS || (rowHeight !== 0 && rowHeight !== height)) {
      x = 0;
      y += rowHeight;
    }
    const gridPos = { x, y, w: width, h: height };
    x += width;
    rowHeight = height;
    return { panel, id: index + 1, gridPos };
  });
}

function panelOf({ panel, id, gridPos }: Placed): object {
  const steps = [
    { color: "green", value: null },
    ...(panel.alarmAt === undefined ? [] : [{ color: "red", value: panel.alarmAt }]),
  ];
  return {
    id,
    gridPos,
    type: panel.isStat === true ? "stat" : "timeseries",
    title: panel.title,
    description: panel.description,
    datasource: { type: "prometheus", uid: "${datasource}" },
    fieldConfig: {
      defaults: {
        unit: panel.unit,
        thresholds: { mode: "absolute", steps },
        ...(panel.isStat === true
          ? {}
          : {
              min: 0,
              custom: {
                fillOpacity: 10,
                showPoints: "never",
                thresholdsStyle: { mode: panel.alarmAt === undefined ? "off" : "line" },
              },
            }),
      },
      overrides: [],
    },
    options:
      panel.isStat === true
        ? { reduceOptions: { calcs: ["lastNotNull"] } }
        : { tooltip: { mode: "multi", sort: "desc" }, legend: { displayMode: "list" } },
    targets: Object.entries(panel.queries).map(([expression, legend], index) => ({
      refId: `Q${index + 1}`,
      expr: grafanaExpression(expression),
      legendFormat: legend,
    })),
  };
}

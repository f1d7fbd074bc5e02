/** All dashboards, by the name that alerts point to. */
import type { DashboardName } from "./alert.ts";
import type { Dashboard } from "./panel.ts";
import { BACKENDS, CODEC, DELIVERY, SESSIONS } from "./part-dashboards.ts";
import { LIVE, SINK } from "./reader-dashboards.ts";
import { TENANTS } from "./tenant-dashboard.ts";
import { OVERVIEW, STREAMS } from "./traffic-dashboards.ts";

export const DASHBOARDS: Readonly<Record<DashboardName, Dashboard>> = {
  overview: OVERVIEW,
  delivery: DELIVERY,
  streams: STREAMS,
  codec: CODEC,
  sessions: SESSIONS,
  backends: BACKENDS,
  tenants: TENANTS,
  live: LIVE,
  sink: SINK,
};

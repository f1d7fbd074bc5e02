/** The packages as an application bundles them, for the pages of the browser tests. */
import { RudderAnalytics } from "@rudderstack/analytics-js/bundled";
import { AnalyticsBrowser } from "@segment/analytics-next";

Object.assign(globalThis, { AnalyticsBrowser, RudderAnalytics });

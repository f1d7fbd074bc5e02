/** What both published documents say of sluice itself. */

/** Of the contract: it grows with what is added, its first digit with what is taken away. */
export const CONTRACT_VERSION = "1.0.0";

export const LICENSE = { name: "Apache-2.0", url: "https://www.apache.org/licenses/LICENSE-2.0" };

/** Of a gateway as it starts without settings. */
export const SERVER_HOST = "127.0.0.1:8080";

export const EVENTS_PATH = "/v1/events";
export const STREAM_PATH = "/v1/stream";
export const STREAM_EVENTS_PATH = "/v1/streams/{stream}/events";
export const SESSIONS_PATH = "/v1/sessions/{key}";
export const TICKETS_PATH = "/v1/tickets";
export const LIVE_PATH = "/v1/live";
export const LIVE_EVENTS_PATH = "/v1/live/sse";
export const OPENAPI_PATH = "/openapi.json";
export const ASYNCAPI_PATH = "/asyncapi.json";

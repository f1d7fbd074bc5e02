/** JSON Schemas of the HTTP twin: what its requests and answers hold, made from those of frames. */
import { FRAME_EVENTS_MAX } from "../../limits/events.ts";
import {
  ACK_MEMBERS,
  ACK_OPTIONAL,
  EPOCH,
  FRAME_SCHEMAS,
  HELLO_MEMBERS,
  RESUME,
} from "./frame-schemas.ts";
import { flag, heard, integer, list, ref, spoken, text } from "./kit.ts";
import type { Schema } from "./kit.ts";

/** The stream's id in the path. */
export const STREAM_PARAMETER = {
  name: "stream",
  in: "path",
  required: true,
  description: "Id of the stream: a UUID that the client made.",
  schema: { type: "string" },
};

const { stream: _stream, ...HELLO_REST } = HELLO_MEMBERS;

const POST_MEMBERS: Readonly<Record<string, Schema>> = {
  ...HELLO_REST,
  key: text("The same as `auth`."),
  seq: integer("Number of the first event.", 1),
  events: list(ref("Event"), "At most so many. None: asks how the stream stands.", {
    maxItems: FRAME_EVENTS_MAX,
  }),
  type: text("For events that have none."),
  schema: text("For events that have none."),
};

const { Range, Credit, StreamException, StreamRetry } = FRAME_SCHEMAS;

export const STREAM_POST_SCHEMAS: Readonly<Record<string, Schema>> = {
  ...(Range === undefined ? {} : { Range }),
  ...(Credit === undefined ? {} : { Credit }),
  ...(StreamException === undefined ? {} : { StreamException }),
  ...(StreamRetry === undefined ? {} : { StreamRetry }),
  StreamPost: heard(POST_MEMBERS, {
    optional: Object.keys(POST_MEMBERS),
    description:
      "The members of `hello` without `v`, and those of `pub`. Without `held` and `next`, the " +
      "events that are sent are all that is held.",
  }),
  StreamAnswer: spoken(
    {
      ...ACK_MEMBERS,
      exc: list(ref("StreamException"), "Of the numbers in `held`: those that were not stored."),
      resumed: flag("The server remembered the stream."),
      dup_possible: flag("Events of `held` may be stored twice; their records carry a flag."),
      resume: RESUME,
      ttl: integer("Seconds for which the server remembers the stream."),
      epoch: EPOCH,
      request_id: text("Names this answer in logs."),
      time: integer("The server's clock: ms since 1970."),
    },
    {
      optional: ACK_OPTIONAL,
      description: "Outcomes as in `ack`, and of `welcome` what the next request needs.",
    },
  ),
};

/** Which member of a frame's object a name stands for, natively and in a dialect. */
import { textEnd, textStart } from "../json/string";
import { isEventsName, isOwn, isSentAtName } from "./dialect";
import { mergedMember } from "./merge";

export const NAME_EVENTS: u32 = 1;
export const NAME_TYPE: u32 = 2;
export const NAME_SCHEMA: u32 = 3;
export const NAME_SEQ: u32 = 4;
export const NAME_SENT_AT: u32 = 5;
export const NAME_T: u32 = 6;
/** And the number of a merged member. */
export const NAME_MERGED: u32 = 16;

/** Which member of a frame is called [textStart, textEnd)? */
export function frameMember(): u32 {
  const bytes = textEnd - textStart;
  const word = bytes < 8 ? load<u64>(textStart) & (((<u64>1) << (<u64>bytes << 3)) - 1) : 0;
  if (bytes == 1 && word == 0x74) return NAME_T;
  if (bytes == 3 && word == 0x716573) return NAME_SEQ;
  if (bytes == 4 && word == 0x65707974) return NAME_TYPE;
  if (bytes == 5 && word == 0x6863746162) return NAME_EVENTS;
  if (bytes == 6 && word == 0x73746e657665) return NAME_EVENTS;
  if (bytes == 6 && word == 0x616d65686373) return NAME_SCHEMA;
  if (bytes == 6 && word == 0x7441746e6573) return NAME_SENT_AT;
  return 0;
}

/** The same in a frame of a dialect. */
export function dialectMember(isPub: bool): u32 {
  let name: u32 = 0;
  if (!isOwn || isPub) name = frameMember();
  else if (isEventsName()) name = NAME_EVENTS;
  else if (isSentAtName()) name = NAME_SENT_AT;
  const merged = mergedMember();
  return name || !merged ? name : NAME_MERGED + merged;
}

/**
 * What Kafka answers when it is asked for an offset of each of several partitions. The client gives
 * a partition that failed as an Error in the place of its offset. Pure.
 */

/** As the binding has it: its types know no errors here. */
export type OffsetAnswer = readonly (
  | Error
  | { readonly partition: number; readonly offset?: number }
)[];

/**
 * By partition its offset; one without such an offset is left out. A string says why: one of them
 * could not be asked, which is not the same as having nothing.
 */
export function offsetsIn(answer: OffsetAnswer): ReadonlyMap<number, number> | string {
  const offsets = new Map<number, number>();
  for (const place of answer) {
    if (place instanceof Error) return place.message;
    const { partition, offset = -1 } = place;
    if (offset >= 0) offsets.set(partition, offset);
  }
  return offsets;
}

/** UUID version 7 (RFC 9562 §5.7) for event and stream ids. It knows neither clock nor source. */

/** @param random from 0 up to 1 */
export function uuid7(nowMs: number, random: () => number): string {
  const time = nowMs.toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7xxx-yxxx-xxxxxxxxxxxx`.replace(/[xy]/g, (which) =>
    // Two bits of y are the variant.
    ((random() * (which === "y" ? 4 : 16)) | (which === "y" ? 8 : 0)).toString(16),
  );
}

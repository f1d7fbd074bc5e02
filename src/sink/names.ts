/**
 * Names of tables and columns out of names of types and fields: lower case with underscores, as SQL
 * is written without quotes, and no longer than PostgreSQL takes. Knows no database.
 */

/** What PostgreSQL cuts names to, in bytes, less room for a suffix. */
const NAME_LENGTH_MAX = 50;

/** `productViewed`, `Product Viewed` and `product-viewed` → `product_viewed`. */
export function sqlName(name: string): string {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1_$2")
    .replace(/[^A-Za-z0-9]+/g, "_")
    .toLowerCase()
    .replace(/^_+|_+$/g, "");
  const cut = words.slice(0, NAME_LENGTH_MAX);
  return /^[a-z]/.test(cut) ? cut : `x_${cut}`;
}

/** The name, with a number behind it if it is taken. */
export function freeName(name: string, isTaken: (name: string) => boolean): string {
  if (!isTaken(name)) return name;
  let number = 2;
  while (isTaken(`${name}_${number}`)) number += 1;
  return `${name}_${number}`;
}

/** An identifier for SQL text, whatever is in it. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

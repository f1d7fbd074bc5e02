/**
 * Brings comment lines that are too long within a width: what is over goes to the paragraph's next
 * line. The formatter leaves comments alone, so this does for them what it does for code.
 */

/** A line of a comment: what stands before its text, and the text. */
const COMMENT_LINE = /^(\s*(?:\/\*\*|\*|\/\/|#) )(\s*\S.*)$/;
const ONE_LINE_BLOCK = /^(\s*)\/\*\* (.*) \*\/$/;

/** Lines that are instructions to a tool, or drawings. */
const UNTOUCHABLE = /oxlint-disable|@ts-|^\s*#!|[│┌└├─┐┘]|^\s*(?:\*|\/\/) \|/;

/** A text that begins something of its own: a list item, a tag, a table, an indented example. */
const FRESH_START = /^(?:[-*|@]|```|\d+\.|\s|$|\*\/)/;

export function wrapComments(text: string, width: number): string {
  const lines = text.split("\n");
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] ?? "";
    if (line.length > width && !UNTOUCHABLE.test(line)) {
      lines.splice(index, 2, ...wrapLine(line, lines[index + 1], width));
    }
  }
  return lines.join("\n");
}

/** The lines to put in the place of one that is too long and the one after it. */
function wrapLine(line: string, next: string | undefined, width: number): string[] {
  const rest = next === undefined ? [] : [next];
  const [, indent, only] = ONE_LINE_BLOCK.exec(line) ?? [];
  if (indent !== undefined && only !== undefined) {
    return [`${indent}/**`, `${indent} * ${only}`, `${indent} */`, ...rest];
  }
  const [, opening, words] = COMMENT_LINE.exec(line) ?? [];
  if (opening === undefined || words === undefined) return [line, ...rest];
  const cut = line.lastIndexOf(" ", width);
  if (cut <= opening.length) return [line, ...rest];
  const isItem = /^(?:- |@\w)/.test(words);
  const prefix = opening.replace("/**", " *") + (isItem ? "  " : /^\s*/.exec(words)?.[0]);
  const tail = line.slice(cut + 1);
  if (next !== undefined && !isItem && continues(next, prefix)) {
    return [line.slice(0, cut), `${prefix}${tail} ${next.slice(prefix.length)}`];
  }
  return [line.slice(0, cut), `${prefix}${tail}`, ...rest];
}

/** Whether a line goes on with the paragraph of the line before it. */
function continues(line: string, prefix: string): boolean {
  return line.startsWith(prefix) && !FRESH_START.test(line.slice(prefix.length));
}

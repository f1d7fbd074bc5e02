// @ts-check
/**
 * Lets the uWebSockets.js addon run on a glibc before 2.38. The addon asks for GLIBC_2.38 for three
 * functions only: C23's names of strtol and its kin, which differ from the old ones in accepting
 * binary literals (`0b1`). This edits the installed copy: those symbols get their old name and
 * version, and the version itself becomes weak. It knows ELF as far as that needs; whatever it does
 * not expect it refuses, and the file stays as it was.
 *
 * By hand: node scripts/relax-glibc.mjs FILE [MAJOR.MINOR]
 */
import { chmodSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const SECTION_DYNSYM = 11;
const SECTION_VERNEED = 0x6ffffffe;
const SECTION_VERSYM = 0x6fffffff;
const VERSION_WEAK = 2;
const VERSION_INDEX_MASK = 0x7fff;
const SYMBOL_BYTES = 24;
const OLD_VERSION = "GLIBC_2.2.5";
const C23_PREFIX = "__isoc23_";
const C23_NAME = /^__isoc23_strto(l|ul|ll|ull)$/;

/**
 * @typedef {{ type: number, offset: number, bytes: number, link: number }} Section
 * @typedef {{ library: string, name: string, index: number, flagsAt: number }} Needed
 */

/**
 * The edited file, or undefined when nothing in it needs a newer glibc than `glibc`.
 * Throws an Error with a sentence when the file is not as expected.
 *
 * @param {Buffer} file
 * @param {readonly [number, number]} glibc the version to be content with
 * @returns {Buffer | undefined}
 */
export function relaxGlibc(file, glibc) {
  const sections = readSections(file);
  const symbols = only(sections, SECTION_DYNSYM, "dynamic symbol table");
  const versions = only(sections, SECTION_VERSYM, "symbol version table");
  const needs = only(sections, SECTION_VERNEED, "table of needed versions");
  const names = sections[symbols.link];
  if (names === undefined) throw new Error("the symbol table has no names");
  const needed = readNeeded(file, needs, names);
  const newer = needed.filter((need) => isNewer(need.name, glibc));
  if (newer.length === 0) return undefined;
  const old = needed.find((need) => need.library === "libc.so.6" && need.name === OLD_VERSION);
  if (old === undefined) throw new Error(`it does not use ${OLD_VERSION}`);

  const edited = Buffer.from(file);
  for (const need of newer) {
    edited.writeUInt16LE(edited.readUInt16LE(need.flagsAt) | VERSION_WEAK, need.flagsAt);
  }
  const newerIndexes = new Map(newer.map((need) => [need.index, need.name]));
  let changed = newer.some((need) => (file.readUInt16LE(need.flagsAt) & VERSION_WEAK) === 0);
  for (let index = 0; index < symbols.bytes / SYMBOL_BYTES; index += 1) {
    const versionAt = versions.offset + 2 * index;
    const version = newerIndexes.get(file.readUInt16LE(versionAt) & VERSION_INDEX_MASK);
    if (version === undefined) continue;
    const nameAt = symbols.offset + SYMBOL_BYTES * index;
    const name = stringAt(file, names.offset + file.readUInt32LE(nameAt));
    if (!C23_NAME.test(name)) throw new Error(`it needs ${name} of ${version}`);
    // The old name is the end of the new one, so it is in the table of names already.
    edited.writeUInt32LE(file.readUInt32LE(nameAt) + C23_PREFIX.length, nameAt);
    edited.writeUInt16LE(old.index, versionAt);
    changed = true;
  }
  return changed ? edited : undefined;
}

/**
 * Does it to a file, in one step: a process that has the old one mapped keeps it.
 *
 * @param {string} path
 * @param {readonly [number, number]} glibc
 * @returns {boolean} whether the file was changed
 */
export function relaxGlibcOf(path, glibc) {
  const edited = relaxGlibc(readFileSync(path), glibc);
  if (edited === undefined) return false;
  const draft = `${path}.${process.pid}.new`;
  writeFileSync(draft, edited);
  chmodSync(draft, statSync(path).mode);
  renameSync(draft, path);
  return true;
}

/**
 * @param {Buffer} file
 * @returns {Section[]}
 */
function readSections(file) {
  const isElf64 = file.length >= 64 && file.readUInt32BE(0) === 0x7f454c46 && file[4] === 2;
  if (!isElf64 || file[5] !== 1) throw new Error("it is not a 64-bit little-endian ELF file");
  const start = Number(file.readBigUInt64LE(0x28));
  const entryBytes = file.readUInt16LE(0x3a);
  const count = file.readUInt16LE(0x3c);
  if (start === 0 || start + count * entryBytes > file.length) {
    throw new Error("its section table is missing or cut short");
  }
  return Array.from({ length: count }, (_, index) => {
    const at = start + index * entryBytes;
    return {
      type: file.readUInt32LE(at + 4),
      offset: Number(file.readBigUInt64LE(at + 0x18)),
      bytes: Number(file.readBigUInt64LE(at + 0x20)),
      link: file.readUInt32LE(at + 0x28),
    };
  });
}

/**
 * @param {Section[]} sections
 * @param {number} type
 * @param {string} what
 */
function only(sections, type, what) {
  const [found, ...more] = sections.filter((section) => section.type === type);
  if (found === undefined || more.length > 0) throw new Error(`it has not one ${what}`);
  return found;
}

/**
 * Walks the libraries and, for each, the versions that are needed of it.
 *
 * @param {Buffer} file
 * @param {Section} needs
 * @param {Section} names
 * @returns {Needed[]}
 */
function readNeeded(file, needs, names) {
  const needed = [];
  for (let at = needs.offset, step = -1; step !== 0; at += step) {
    const library = stringAt(file, names.offset + file.readUInt32LE(at + 4));
    let versionAt = at + file.readUInt32LE(at + 8);
    for (let left = file.readUInt16LE(at + 2); left > 0; left -= 1) {
      needed.push({
        library,
        name: stringAt(file, names.offset + file.readUInt32LE(versionAt + 8)),
        index: file.readUInt16LE(versionAt + 6) & VERSION_INDEX_MASK,
        flagsAt: versionAt + 4,
      });
      versionAt += file.readUInt32LE(versionAt + 12);
    }
    step = file.readUInt32LE(at + 12);
  }
  return needed;
}

/**
 * @param {Buffer} file
 * @param {number} at
 */
function stringAt(file, at) {
  return file.toString("latin1", at, file.indexOf(0, at));
}

/**
 * @param {string} version as GLIBC_2.38 or GLIBC_2.2.5; other families are never newer
 * @param {readonly [number, number]} glibc
 */
function isNewer(version, glibc) {
  const match = /^GLIBC_(\d+)\.(\d+)/.exec(version);
  if (match === null) return false;
  const [major, minor] = [Number(match[1]), Number(match[2])];
  return major > glibc[0] || (major === glibc[0] && minor > glibc[1]);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [path, version = "2.36"] = process.argv.slice(2);
  if (path === undefined) throw new Error("usage: relax-glibc.mjs FILE [MAJOR.MINOR]");
  const [major = 0, minor = 0] = version.split(".").map(Number);
  console.log(relaxGlibcOf(path, [major, minor]) ? "changed" : "nothing to change");
}

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

import { relaxGlibc } from "./relax-glibc.mjs";
import { UWS_ADDON } from "./setup/packages.mjs";

const OLD = 2;
const NEW = 3;

/** A symbol by its name, and the index of the version it is needed in. */
type Symbol = readonly [name: string, version: number];

/** The least of an ELF file that a dynamic linker would read versions from. */
function elf(symbols: readonly Symbol[], versions: readonly [string, number][]): Buffer {
  const names = ["libc.so.6", ...symbols.map(([name]) => name), ...versions.map(([name]) => name)];
  const strings = Buffer.from(`\0${names.join("\0")}\0`);
  const at = (name: string) => strings.indexOf(`\0${name}\0`) + 1;
  const dynsym = Buffer.alloc(24 * symbols.length);
  const versym = Buffer.alloc(2 * symbols.length);
  symbols.forEach(([name, version], index) => {
    dynsym.writeUInt32LE(at(name), 24 * index);
    versym.writeUInt16LE(version, 2 * index);
  });
  const verneed = Buffer.alloc(16 + 16 * versions.length);
  verneed.writeUInt16LE(versions.length, 2);
  verneed.writeUInt32LE(at("libc.so.6"), 4);
  verneed.writeUInt32LE(16, 8);
  versions.forEach(([name, index], place) => {
    const entry = 16 + 16 * place;
    verneed.writeUInt16LE(index, entry + 6);
    verneed.writeUInt32LE(at(name), entry + 8);
    verneed.writeUInt32LE(place + 1 < versions.length ? 16 : 0, entry + 12);
  });
  const parts: [number, Buffer, number][] = [
    [3, strings, 0],
    [11, dynsym, 0],
    [0x6fffffff, versym, 1],
    [0x6ffffffe, verneed, 0],
  ];
  return assemble(parts);
}

/** Puts a header before sections given as [type, content, link], and their table behind them. */
function assemble(parts: readonly [number, Buffer, number][]): Buffer {
  const header = Buffer.alloc(64);
  header.write("\x7fELF", 0, "latin1");
  header.set([2, 1], 4);
  const table = Buffer.alloc(64 * parts.length);
  let offset = header.length;
  parts.forEach(([type, content, link], index) => {
    const entry = 64 * index;
    table.writeUInt32LE(type, entry + 4);
    table.writeBigUInt64LE(BigInt(offset), entry + 0x18);
    table.writeBigUInt64LE(BigInt(content.length), entry + 0x20);
    table.writeUInt32LE(link, entry + 0x28);
    offset += content.length;
  });
  header.writeBigUInt64LE(BigInt(offset), 0x28);
  header.writeUInt16LE(64, 0x3a);
  header.writeUInt16LE(parts.length, 0x3c);
  return Buffer.concat([header, ...parts.map(([, content]) => content), table]);
}

const VERSIONS: [string, number][] = [
  ["GLIBC_2.2.5", OLD],
  ["GLIBC_2.38", NEW],
];
const SAMPLE = elf(
  [
    ["malloc", OLD],
    ["__isoc23_strtol", NEW],
    ["__isoc23_strtoull", NEW],
  ],
  VERSIONS,
);
const DYNSYM_AT = SAMPLE.readUInt32LE(SAMPLE.length - 64 * 3 + 0x18);
const VERSYM_AT = SAMPLE.readUInt32LE(SAMPLE.length - 64 * 2 + 0x18);

function nameOf(file: Buffer, index: number): string {
  const start = 64 + file.readUInt32LE(DYNSYM_AT + 24 * index);
  return file.toString("latin1", start, file.indexOf(0, start));
}

describe("relaxGlibc", () => {
  it("C23's names on an older glibc: become the old ones, of the old version", () => {
    const edited = relaxGlibc(SAMPLE, [2, 36]);
    assert.ok(edited);
    assert.deepEqual(
      [0, 1, 2].map((index) => nameOf(edited, index)),
      ["malloc", "strtol", "strtoull"],
    );
    assert.deepEqual(
      [0, 1, 2].map((index) => edited.readUInt16LE(VERSYM_AT + 2 * index)),
      [OLD, OLD, OLD],
    );
  });

  it("a file that was edited: nothing to do", () => {
    const edited = relaxGlibc(SAMPLE, [2, 36]);
    assert.ok(edited);
    assert.equal(relaxGlibc(edited, [2, 36]), undefined);
  });

  it("a glibc that is new enough: nothing to do", () => {
    assert.equal(relaxGlibc(SAMPLE, [2, 38]), undefined);
  });

  it("another symbol of the newer version: refuses, naming it", () => {
    const file = elf([["pidfd_spawnp", NEW]], VERSIONS);
    assert.throws(() => relaxGlibc(file, [2, 36]), /it needs pidfd_spawnp of GLIBC_2\.38/);
  });

  it("no old version to fall back on: refuses", () => {
    const file = elf([["__isoc23_strtol", NEW]], [["GLIBC_2.38", NEW]]);
    assert.throws(() => relaxGlibc(file, [2, 36]), /does not use GLIBC_2\.2\.5/);
  });

  it("what is no ELF file, or half of one: refuses", () => {
    assert.throws(() => relaxGlibc(Buffer.from("#!/bin/sh\n"), [2, 36]), /not a 64-bit/);
    assert.throws(() => relaxGlibc(SAMPLE.subarray(0, 200), [2, 36]), /missing or cut short/);
  });

  it("the installed addon: needs nothing newer than is here, and more than a glibc of 2012", () => {
    const addon = readFileSync(UWS_ADDON);
    const edited = relaxGlibc(addon, [2, 36]) ?? addon;
    assert.equal(relaxGlibc(edited, [2, 36]), undefined);
    assert.throws(() => relaxGlibc(addon, [2, 16]), /it needs \w+ of GLIBC_2\.\d+/);
  });
});

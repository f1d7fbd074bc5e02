/** What the shell sees of commands that do no work: help, and faults in the command line. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";

import { COMMANDS } from "./commands.ts";
import { runCommand } from "./testing/run-command.ts";

describe("runCli", () => {
  for (const argv of [[], ["--help"], ["-h"], ["help"]]) {
    it(`${JSON.stringify(argv)}, lists every command and exits with 0`, async () => {
      const run = await runCommand(argv);
      assert.equal(run.code, 0);
      assert.equal(run.stderr, "");
      for (const name of ["start", ...COMMANDS.map((command) => command.name)]) {
        assert.match(run.stdout, new RegExp(`^  ${name}\\b`, "m"));
      }
    });
  }

  for (const command of COMMANDS) {
    it(`${command.name} --help, explains every option in at most 100 columns`, async () => {
      const run = await runCommand([...command.name.split(" "), "--help"]);
      assert.equal(run.code, 0);
      assert.match(run.stdout, new RegExp(`^Usage: sluice ${command.name}\\b`));
      for (const option of Object.keys(command.options)) {
        assert.match(run.stdout, new RegExp(`^  --${option}\\b`, "m"));
      }
      for (const line of run.stdout.split("\n")) assert.ok(line.length <= 100, line);
      assert.ok(!run.stdout.includes("\u001b"), "no colours");
    });
  }

  it("a family of commands, lists its members", async () => {
    const run = await runCommand(["schema"]);
    assert.equal(run.code, 0);
    assert.match(run.stdout, /schema check/);
    assert.match(run.stdout, /schema register/);
    assert.doesNotMatch(run.stdout, /tail/);
  });

  const faults: ReadonlyArray<readonly [readonly string[], string]> = [
    [["tial"], "tial is not a command of sluice. Did you mean tail?"],
    [["produce"], "produce is not a command of sluice. sluice --help lists them all."],
    [
      ["config", "show"],
      "sluice config show is not a command; there are sluice config print and sluice config check.",
    ],
    [["tail"], "sluice tail needs TOPIC."],
    [["tail", "a", "b"], 'sluice tail does not expect "b".'],
    [
      ["tail", "a", "--cuont", "1"],
      "--cuont is not an option of sluice tail. Did you mean --count?",
    ],
    [["tail", "a", "--count"], "--count needs a value: --count N."],
    [["tail", "a", "--count", "--no-follow"], "--count needs a value: --count N."],
    [["tail", "a", "--count="], "--count needs a value: --count N."],
    [["tail", "a", "--count", "-1"], '--count is "-1" but should be a whole number of at least 1.'],
    [["tail", "a", "--count", "0"], '--count is "0" but should be a whole number of at least 1.'],
    [["tail", "a", "--count", "2", "--count", "3"], "--count is given twice."],
    [["tail", "a", "--no-follow=yes"], "--no-follow takes no value."],
    [["tail", "a", "--brokers", "nowhere"], '--kafka-brokers is "nowhere" but should be'],
    [["encode"], "sluice encode needs --schema FILE."],
    [["encode", "--schema", "x", "--json", "xml"], '--json is "xml" but should be plain or avro.'],
    [["encode", "--schema", "x", "--codec", "null"], "--codec goes with --ocf FILE."],
    [["schema", "check"], "Name either schema files or --pack NAME."],
    [["schema", "check", "a", "--pack", "b"], "Name either schema files or --pack NAME."],
    [
      ["schema", "register", "--pack", "b", "--subject", "s"],
      "--subject goes with exactly one file.",
    ],
    [["config", "print", "--config", "/nowhere.json"], "The configuration has 1 fault:\n"],
  ];
  for (const [argv, expected] of faults) {
    it(`${argv.join(" ")}, is refused with one sentence and exit code 2`, async () => {
      const run = await runCommand(argv);
      assert.equal(run.stdout, "");
      assert.ok(run.stderr.startsWith(expected), run.stderr);
      assert.equal(run.code, 2);
    });
  }

  it("config print, shows where a value comes from", async () => {
    const run = await runCommand(["config", "print", "--json"], { env: { SLUICE_PORT: "9000" } });
    assert.equal(run.code, 0);
    assert.match(run.stdout, /"value": 9000,\s+"source": "variable"/);
  });

  it("config check, of a setting that does not exist, exits with 2", async () => {
    const run = await runCommand(["config", "check"], { env: { SLUICE_PROT: "9000" } });
    assert.equal(run.code, 2);
    assert.match(run.stdout, /SLUICE_PROT is not a variable of sluice; did you mean SLUICE_PORT\?/);
  });
});

describe("a command that needs Kafka, without settings", () => {
  async function tailWith(runFile: string | undefined): Promise<string> {
    const directory = await mkdtemp(join(tmpdir(), "sluice-run-"));
    try {
      if (runFile !== undefined) await writeFile(join(directory, "sluice.json"), runFile);
      const run = await runCommand(["tail", "any"], { env: { SLUICE_DATA_DIR: directory } });
      assert.equal(run.code, 1);
      return run.stderr.replaceAll(directory, "DIR");
    } finally {
      await rm(directory, { recursive: true });
    }
  }
  const ask = "Start it with npm start, or give --brokers or SLUICE_KAFKA_BROKERS.\n";

  it("nothing was ever started, says so", async () => {
    const expected = `No sluice is running here (there is no DIR/sluice.json). ${ask}`;
    assert.equal(await tailWith(undefined), expected);
  });
  it("the process of the run file has ended, says so", async () => {
    const file = { pid: 2 ** 22 + 1, brokers: "127.0.0.1:1", registryUrl: "http://127.0.0.1:1" };
    const expected = `No sluice is running here: process ${file.pid} has ended. ${ask}`;
    assert.equal(await tailWith(JSON.stringify(file)), expected);
  });
  it("the run file is something else, says so", async () => {
    assert.equal(await tailWith("{}"), `DIR/sluice.json is not the run file of a sluice. ${ask}`);
    assert.equal(await tailWith("{"), `DIR/sluice.json is not the run file of a sluice. ${ask}`);
  });
});

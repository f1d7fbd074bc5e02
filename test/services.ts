/**
 * Addresses of the real servers the tests run against. A missing one is an error, never a skip: a
 * suite that did not run must not look like one that passed.
 */

const SERVICES = {
  kafka: "SLUICE_TEST_KAFKA",
  redis: "SLUICE_TEST_REDIS",
  registry: "SLUICE_TEST_REGISTRY",
  postgres: "SLUICE_TEST_POSTGRES",
} as const;

/**
 * `kafka`: host:port[,host:port]; `redis`: redis://…; `registry`: http://…/path; `postgres`:
 * postgres://…
 */
export function testService(name: keyof typeof SERVICES): string {
  const variable = SERVICES[name];
  const address = process.env[variable];
  if (address === undefined || address === "") {
    throw new Error(
      `This test needs a real ${name}. Run \`npm test\`, which starts one, or ` +
        `\`npm run services -- up ${name}\` and set ${variable} to its address.`,
    );
  }
  return address;
}

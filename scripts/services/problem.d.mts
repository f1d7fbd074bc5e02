/** Types of problem.mjs. */

/** A sentence for a reader: what is wrong and what mends it. */
export class ServiceProblem extends Error {}

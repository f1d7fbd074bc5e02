/**
 * The one kind of failure that is meant for a reader: a sentence that says what is wrong and what
 * mends it. Anything else that is thrown is a defect and keeps its stack.
 */
export class ServiceProblem extends Error {
  /** @param {string} sentence shown as it is, without a stack */
  constructor(sentence) {
    super(sentence);
    this.name = "ServiceProblem";
  }
}

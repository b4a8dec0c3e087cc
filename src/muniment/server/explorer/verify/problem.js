/**
 * What a verification says when it stops: the number of the step, a stable code, a plain sentence (docs/spec, section 10.6).
 *
 * Step 1 is a file that is not in its one form; step 0 is a browser that cannot verify at all.
 */
export class VerificationError extends Error {
  /**
   * @param {number} step the step of docs/spec, section 10.5
   * @param {string} code kebab-case, stable
   * @param {string} message what is wrong, for people
   * @param {string} [hint] what to do about it
   * @param {Object<string, unknown>} [details] values for programs
   */
  constructor(step, code, message, hint = "", details = {}) {
    super(message);
    this.name = "VerificationError";
    this.step = step;
    this.code = code;
    this.hint = hint;
    this.details = details;
  }
}

/** What is not in its one form (step 1). @returns {VerificationError} */
export function invalid(code, message, hint = "", details = {}) {
  return new VerificationError(1, code, message, hint, details);
}

/** What does not hold. @returns {VerificationError} */
export function failed(step, code, message, hint = "", details = {}) {
  return new VerificationError(step, code, message, hint, details);
}

/** The steps by their number, as people are told them. */
export const STEPS = Object.freeze([
  "",
  "The file is in its one form",
  "It is about this ledger, from its first entry on",
  "The ledger's own key signed it",
  "Enough other organisations signed it",
  "It continues what this browser saw before",
  "It is fresh enough",
  "Every entry is in the ledger",
  "Every block follows the one before",
  "Every entry is signed by the key that it names",
  "Every key could sign when it signed",
  "The state and the history follow from the entries",
  "Files and opened texts are the ones that were recorded",
  "The evidence grade is the signed one",
]);

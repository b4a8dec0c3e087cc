/** Decimals as text, compared exactly (docs/spec, section 1.3). */
import { invalid } from "./problem.js";

const MAX_EXPONENT = 400;

/** Check what the pattern of a decimal leaves open: its exponent. @param {string} text */
export function checkDecimal(text) {
  if (text.includes("e")) readDecimal(text);
}

/** Check that a decimal, where there is one, is a finite number. @param {string} field @param {string} [text] */
export function checkNumber(field, text) {
  if (text === undefined) return;
  if (/N|I/.test(text)) throw invalid("bad-decimal", `${field} is ${text}, which is no number`);
  checkDecimal(text);
}

/** @param {string} one a number @param {string} other @returns {boolean} whether one is not above the other */
export function isAtMost(one, other) {
  const [left, right] = [readDecimal(one), readDecimal(other)];
  const least = left.exponent < right.exponent ? left.exponent : right.exponent;
  const scale = (number) => number.digits * 10n ** BigInt(number.exponent - least);
  return scale(left) <= scale(right);
}

function readDecimal(text) {
  const [, sign, whole, fraction = "", exponent = "0"] = /^(-?)([0-9]+)(?:\.([0-9]+))?(?:e(-?[0-9]{1,3}))?$/.exec(text);
  if (Math.abs(Number(exponent)) > MAX_EXPONENT) throw invalid("bad-decimal", `the exponent of ${text} is beyond ±${MAX_EXPONENT}`);
  const digits = BigInt(whole + fraction);
  return { digits: sign ? -digits : digits, exponent: Number(exponent) - fraction.length };
}

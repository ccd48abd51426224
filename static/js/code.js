/** The six-digit code as people type and paste it. Pure. */

const CODE_LENGTH = 6;

/** What apps, mails and phones put between the digits: spaces of all kinds, dashes, dots, invisible joiners. */
const SEPARATORS = /[\s\u200b-\u200d\u2060\ufeff.·\u2010-\u2015\u2212\u00ad-]/gu;

/** Return *typed* without separators, with wide digits made plain. */
export function normalise(typed) {
  return typed.normalize('NFKC').replace(SEPARATORS, '');
}

/**
 * Return `{otp}` with the six digits, or `{error}`: `empty`, `digits` or `length`.
 *
 * What is caught here never reaches the server and so costs no attempt.
 */
export function check(typed) {
  const otp = normalise(typed);
  if (otp === '') return { error: 'empty' };
  if (!/^[0-9]+$/.test(otp)) return { error: 'digits' };
  if (otp.length !== CODE_LENGTH) return { error: 'length' };
  return { otp };
}

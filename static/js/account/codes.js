/** Recovery codes and the help desk's one-time code as people type and paste them. Pure. */

import { normalise } from '../code.js';

/** What stands in front of a recovery code: which of the set it is. */
const LETTERS = 'ABCDEFGHJK';

/** Crockford's alphabet: no I, L, O and U. */
const SIGNS = '0-9A-HJKMNP-TV-Z';

/** Return *typed* in capitals without separators, with what is easily misread as it was meant. */
function plainSigns(typed) {
  return normalise(typed).toUpperCase().replaceAll('O', '0').replace(/[IL]/g, '1');
}

function checked(typed, pattern) {
  const code = plainSigns(typed);
  if (code === '') return { error: 'empty' };
  return pattern.test(code) ? { code } : { error: 'malformed' };
}

/** Return `{code}` with a letter and thirteen signs, or `{error}`: `empty` or `malformed`. */
export function checkRecoveryCode(typed) {
  return checked(typed, new RegExp(`^[${LETTERS}][${SIGNS}]{13}$`));
}

/** Return `{code}` with eight signs, or `{error}`: `empty` or `malformed`. */
export function checkResetCode(typed) {
  return checked(typed, new RegExp(`^[${SIGNS}]{8}$`));
}

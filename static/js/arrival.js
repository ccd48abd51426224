/** Hand-off: a portal's link brings its user here, and we send them back. */

import * as api from './api.js';
import { sayWhyWaiting } from './page.js';

const MARK = '#hand-off=';

/** Codes of refusals that are none: no answer came. */
export const NO_ANSWER = ['network', 'service_unavailable', 'internal_error'];

/** The token of a portal's link, until the server has answered it. */
let token = take();
let hasLeft = false;

/** Take the token out of the address, and with it out of the history, before anything else happens. */
function take() {
  if (!isNewLink()) return null;
  const taken = location.hash.slice(MARK.length);
  history.replaceState(null, '', location.pathname + location.search);
  return taken;
}

/** Tell whether the address holds a portal's link that nobody has taken up. */
export function isNewLink() {
  return location.hash.startsWith(MARK);
}

/** Tell whether a link waits for its answer. */
export const isArriving = () => token !== null;

export function forgetLink() {
  token = null;
}

/** Tell whether the user was sent back: the session ended then. */
export const isGone = () => hasLeft;

/** Return the session that the portal's link stands for, else the one that this browser has. */
export async function presentSession() {
  if (token === null) return api.session();
  try {
    const answer = await api.takeUp(token);
    token = null;
    return answer;
  } catch (problem) {
    // Without an answer the link may still be good: the user can try again.
    if (!NO_ANSWER.includes(problem.code)) token = null;
    throw problem;
  }
}

/**
 * Go back to the portal that handed the user over, with all buttons waiting until the browser has left.
 *
 * Where the way back is refused the user has to stay: *stay* is called before the refusal is thrown.
 */
export async function leave(stay = null) {
  sayWhyWaiting('status.leaving');
  try {
    const { url } = await api.goBack();
    hasLeft = true;
    location.assign(url);
  } catch (problem) {
    // The session was over already; where the user signs in now, the next screen says.
    if (problem.code === 'not_signed_in') return { type: 'signed-out' };
    await stay?.();
    throw problem;
  }
  return new Promise(() => {});
}

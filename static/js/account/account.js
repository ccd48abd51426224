/** The screens that not everybody comes to, loaded once they are needed. */

import * as phones from './phones.js';
import * as recovery from './recovery.js';

export const SCREENS = { ...phones.SCREENS, ...recovery.SCREENS };
export const { ACTIONS } = phones;
export const { GESTURES } = recovery;

/** Forget the recovery codes, which cannot be shown again, and once nobody is signed in all the rest. */
export function forget(isSignedIn) {
  recovery.forgetCodes();
  if (isSignedIn) return;
  recovery.forgetUser();
  phones.forgetUser();
}

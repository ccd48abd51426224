/** The screens that not everybody comes to, loaded once they are needed. */

import * as phones from './phones.js';
import * as recovery from './recovery.js';

export const SCREENS = { ...phones.SCREENS, ...recovery.SCREENS };
export const { ACTIONS } = phones;
export const { GESTURES, forgetCodes } = recovery;

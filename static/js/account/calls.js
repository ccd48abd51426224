/** What the account's screens ask the server for. */

import { act, read } from '../api.js';

export const secondFactor = () => read('/api/second-factor');
export const makeCodes = () => act('POST', '/api/recovery-codes');
export const acknowledge = (set) => act('POST', '/api/recovery-codes/acknowledgement', { set }, { repeat: true });
export const recover = (code) =>
  act('POST', '/api/verification/recovery-code', { recovery_code: code }, { repeat: true });
export const giveResetCode = (code) => act('POST', '/api/session/reset-code', { reset_code: code }, { repeat: true });
export const rename = (authenticator, name) => act('POST', '/api/authenticators/name', { authenticator, name });
export const remove = (authenticator) =>
  act('POST', '/api/authenticators/removal', { authenticator }, { repeat: true });
export const forgetBrowser = (browser) => act('POST', '/api/remembered-browsers/removal', { browser });

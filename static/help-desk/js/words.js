/** Texts of the help desk's own, and the words for what the API only names. */

import { asLocal, read } from '../../js/api.js';
import { localeOf } from '../../js/i18n.js';

/** Every kind of event that there are words for; the others get a plain sentence. */
export const EVENT_KINDS = [
  'session.started',
  'session.reauthenticated',
  'session.ended',
  'enrolment.begun',
  'enrolment.cancelled',
  'authenticator.bound',
  'authenticator.revoked',
  'authenticator.disabled',
  'authenticator.renamed',
  'authenticator.removed',
  'authenticator.imported',
  'hand_off.begun',
  'hand_off.returned',
  'assertion.issued',
  'assertion.flagged',
  'recovery_codes.made',
  'recovery_codes.acknowledged',
  'recovery_codes.disabled',
  'recovery_code.used',
  'browser.remembered',
  'browser.forgotten',
  'second_factor.reset',
  'second_factor.unlocked',
  'reset_code.accepted',
  'addresses.changed',
  'user.added',
  'user.erased',
  'attempts.warned',
  'attempt.counted',
  'attempt.accepted',
];

/** Who can have done something. */
const ACTORS = ['user', 'portal', 'help_desk', 'operator'];

export const IDENTITY_CHECKS = ['call_back', 'bankid', 'in_person', 'manager', 'other'];

/** Return the texts of *language*. */
export async function loadTexts(language) {
  const words = await read(new URL(`../i18n/${language}.json`, import.meta.url));
  return { language, words, appWords: {} };
}

/** Return a server time as a day and a time of day on this computer's clock. */
export function momentText(language, time) {
  const shape = { day: 'numeric', month: 'long', year: 'numeric', hour: '2-digit', minute: '2-digit' };
  const text = new Intl.DateTimeFormat(localeOf(language), shape).format(asLocal(time));
  // No line ends between the day and its month, nor before the time of day.
  return text.replace(' ', '\u00a0').replace(/ (?=\d\d[:.]\d\d$)/, '\u00a0');
}

/** Return the name of the language *code* in *language*. */
export function languageName(language, code) {
  return new Intl.DisplayNames(localeOf(language), { type: 'language' }).of(code);
}

/** Return *number* as the language writes it: "1 204". */
export function numberText(language, number) {
  return new Intl.NumberFormat(localeOf(language)).format(number);
}

/** Return the text key for what happened, with its values. */
export function eventWords({ kind, details }) {
  if (!EVENT_KINDS.includes(kind)) return { key: 'event.unknown', values: { kind } };
  return { key: `event.${kind}`, values: { left: details?.left ?? '?' } };
}

/** Return the text key for who did it, with its values; null where nobody is named. */
export function actorWords({ by, by_name: name }) {
  if (!ACTORS.includes(by)) return null;
  return name && by !== 'user' ? { key: `by.${by}.named`, values: { name } } : { key: `by.${by}`, values: {} };
}

/** Return the text key for how the caller's identity was checked. */
export function identityCheckKey(check) {
  return IDENTITY_CHECKS.includes(check) ? `check.${check}` : 'check.unknown';
}

/**
 * Return *code* as it is spelled over the telephone: letters by their names, digits as they are.
 *
 * @param {string} alphabet the names of the letters in the language, in any order
 */
export function spelled(code, alphabet) {
  const names = Object.fromEntries(alphabet.split(' ').map((name) => [name[0].toUpperCase(), name]));
  return code
    .split('-')
    .map((group) => [...group].map((character) => names[character] ?? character).join(' '))
    .join(' – ');
}

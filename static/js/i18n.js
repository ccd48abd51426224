/** Languages, and texts with places in them. */

import { read } from './api.js';

/** The languages that have a file in `i18n/`, by their own name. A new file and a line here add one. */
export const LANGUAGES = { sv: 'Svenska', en: 'English', nb: 'Norsk', da: 'Dansk', fi: 'Suomi' };

const STORAGE_NAME = 'language';

/** Codes that people and browsers use for a language that we file under another. */
const ALIASES = { no: 'nb', nn: 'nb' };

/** Return the languages that the tenant wants and that we have, in the tenant's order; never none. */
export function offeredLanguages(wanted = []) {
  const offered = wanted.filter((language) => Object.keys(LANGUAGES).includes(language));
  return offered.length > 0 ? offered : Object.keys(LANGUAGES);
}

/** Return the first of *candidates* (language tags or null, best first) that is offered, else the first offered. */
export function chooseLanguage(candidates, offered) {
  for (const candidate of candidates) {
    const language = (candidate ?? '').toLowerCase().split('-')[0];
    const known = ALIASES[language] ?? language;
    if (offered.includes(known)) return known;
  }
  return offered[0];
}

/** Return the language that the user chose before, or null. */
export function savedLanguage() {
  try {
    return localStorage.getItem(STORAGE_NAME);
  } catch {
    return null; // Storage may be forbidden; the choice then lasts as long as the page.
  }
}

/** Keep the language that the user chose. */
export function saveLanguage(chosen) {
  try {
    localStorage.setItem(STORAGE_NAME, chosen);
  } catch {
    // As above.
  }
}

/** Wait for *signOut*, after which browsers empty the storage of the site, and keep the language chosen. */
export async function keepLanguage(signOut) {
  const chosen = savedLanguage();
  await signOut();
  if (chosen !== null) saveLanguage(chosen);
}

/** Return the address of this page in another language. */
export function addressIn(chosen) {
  const address = new URL(location.href);
  address.searchParams.set('lang', chosen);
  return address.href;
}

/** Return *template* as a list: plain strings, and `{name}` objects for its places. */
export function partsOf(template) {
  return template
    .split(/(\{[a-z_]+\})/)
    .filter((part) => part !== '')
    .map((part) => (/^\{[a-z_]+\}$/.test(part) ? { name: part.slice(1, -1) } : part));
}

/** What has been asked for, by path: texts do not change while a page is open. */
const files = {};

function file(path) {
  files[path] ??= read(new URL(path, import.meta.url)).catch((problem) => {
    delete files[path];
    throw problem;
  });
  return files[path];
}

/**
 * Return the texts of *language* with those of *parts*, and the words of Google's app, where a part names them.
 *
 * @param {string[]} [parts] names of files beside the one that everybody needs
 */
export async function loadTexts(language, parts = []) {
  const names = ['', ...parts.map((part) => `${part}.`)];
  const [words, appWords] = await Promise.all([
    Promise.all(names.map((name) => file(`../i18n/${name}${language}.json`))),
    parts.includes('setup') ? file(`../i18n/ga.${language}.json`) : {},
  ]);
  return { language, words: Object.assign({}, ...words), appWords };
}

/** Return the plural form (`one`, `other`) of *count* in *language*. */
export function pluralForm(language, count) {
  return new Intl.PluralRules(language).select(count);
}

/** English here is British: days come before months, hours are counted to 24. */
export const localeOf = (language) => (language === 'en' ? 'en-GB' : language);

/** Return *date* as a date in words, "31 januari 2027": the day here, or in *timeZone*. */
export function dateText(language, date, timeZone) {
  const shape = { day: 'numeric', month: 'long', year: 'numeric', timeZone };
  // No line ends between the day and its month.
  return new Intl.DateTimeFormat(localeOf(language), shape).format(date).replace(' ', '\u00a0');
}

/**
 * Return the day and the time of day of *date* as words, and whether that is the day of *now*.
 *
 * Rounded up to the whole minute: "try again at 14:31" must not be said about 14:31:20.
 */
export function momentOf(language, date, now) {
  const minute = 60_000;
  const rounded = new Date(Math.ceil(date.getTime() / minute) * minute);
  const form = (shape) => new Intl.DateTimeFormat(localeOf(language), shape).format(rounded);
  return {
    isToday: rounded.toDateString() === now.toDateString(),
    day: form({ day: 'numeric', month: 'long' }).replace(' ', '\u00a0'),
    time: form({ hour: '2-digit', minute: '2-digit' }),
  };
}

/** What the page is made of: texts in the language in use, screens for everybody, and parts loaded once they are needed. */

import { loadTexts } from './i18n.js';
import { FILE_LIMIT_MILLISECONDS, addTexts, fetchTemplates } from './page.js';
import * as first from './screens.js';

const PARTS = { setup: () => import('./setup/setup.js'), account: () => import('./account/account.js') };

/** Modules with screens and actions, by the name of the part. */
const loaded = { first };
const loading = {};
/** The language that was asked for last; its texts are in use once they are there. */
let wanted = null;
let inUse = null;

/** Return the texts in use, null before there are any. */
export const texts = () => inUse;

/** Let the texts in use be those of *chosen*; return whether they are, for another may be wanted by then. */
export async function talk(chosen) {
  wanted = chosen;
  const names = Object.keys(loaded);
  try {
    const words = await loadTexts(chosen, names.slice(1));
    if (wanted !== chosen) return false;
    inUse = words;
  } catch (problem) {
    if (wanted === chosen) wanted = inUse?.language ?? null;
    throw problem;
  }
  // A part that came meanwhile brought its words in the language before.
  return Object.keys(loaded).length === names.length || talk(chosen);
}

/** Screens of the set-up, which comes as one part. */
const SET_UP = ['phone', 'app', 'code', 'done'];

/** Load what *screen* is made of, and the account where the screen speaks of it. */
export function loadFor(screen, isAboutAccount) {
  const isSetUp = SET_UP.includes(screen);
  const isOther = isAboutAccount || !(isSetUp || screen in first.SCREENS);
  return Promise.all([isSetUp && load('setup'), isOther && load('account')]);
}

/** Load the part *name* while the user reads; whether that succeeds shows once it is needed. */
export function prefetch(name) {
  load(name).catch(() => {});
}

function load(name) {
  loading[name] ??= fetchPart(name).catch((error) => {
    delete loading[name];
    throw error;
  });
  return loading[name];
}

/** Browsers themselves wait for a module for ever. */
const tooLate = () =>
  new Promise((_, reject) => {
    setTimeout(reject, FILE_LIMIT_MILLISECONDS, new Error('No module in time'));
  });

async function fetchPart(name) {
  const [module, templates] = await Promise.all([
    Promise.race([PARTS[name](), tooLate()]),
    fetchTemplates(new URL(`../${name}.html`, import.meta.url)),
    loadTexts(wanted, [name]),
  ]);
  loaded[name] = module;
  // Whatever is chosen meanwhile has to have this part's words, too.
  while (!(await talk(wanted)));
  addTexts(inUse);
  document.body.append(...templates);
}

function member(group, name) {
  return Object.values(loaded).find((module) => name in (module[group] ?? {}))?.[group][name];
}

/** Return what the screen *name* shows and does. */
export const screen = (name) => member('SCREENS', name);

/** Return the work behind a button of a part. */
export const action = (name) => member('ACTIONS', name);

/** Return what a button of a part does on the page alone. */
export const gesture = (name) => member('GESTURES', name);

/** Take the recovery codes out of memory, and once nobody is signed in whatever is known of the account. */
export const forget = (isSignedIn) => loaded.account?.forget(isSignedIn);

/** What the page is made of: texts in the language in use, screens for everybody, and parts loaded once they are needed. */

import { loadTexts } from './i18n.js';
import { addTexts, fetchTemplates } from './page.js';
import * as first from './screens.js';

const PARTS = { setup: () => import('./setup/setup.js'), account: () => import('./account/account.js') };

/** Modules with screens and actions, by the name of the part. */
const loaded = { first };
const loading = {};
let language = null;
let inUse = null;

/** Return the texts in use, null before there are any. */
export const texts = () => inUse;

/** Let the texts in use be those of *chosen*. */
export async function talk(chosen) {
  const names = Object.keys(loaded);
  const words = await loadTexts(chosen, names.slice(1));
  language = chosen;
  inUse = words;
  // A part that came meanwhile brought its words in the language before.
  if (Object.keys(loaded).length > names.length) await talk(chosen);
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

async function fetchPart(name) {
  const [module, templates] = await Promise.all([
    PARTS[name](),
    fetchTemplates(new URL(`../${name}.html`, import.meta.url)),
    loadTexts(language, [name]),
  ]);
  loaded[name] = module;
  await talk(language);
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

/** The accessibility statement, in the wizard's frame: it asks who the portal is, and nobody who they are. */

import * as api from '../js/api.js';
import { brandTokens } from '../js/brand.js';
import { addressIn, chooseLanguage, dateText, loadTexts, offeredLanguages, saveLanguage, savedLanguage } from '../js/i18n.js';
import * as page from '../js/page.js';

/** When somebody last held the statement against what is tested: docs/accessibility.md names the same day. */
const HELD_AGAINST_TESTS_ON = new Date('2026-11-26T12:00:00Z');

let texts = null;
let wanted = null;
let tenant = null;

/** Say everything on the page in *language*, unless another is wanted by then; return whether it is said. */
async function talk(language) {
  wanted = language;
  const words = await loadTexts(language, ['accessibility']);
  if (wanted !== language) return false;
  texts = words;
  page.speak(texts, tenant, {});
  return true;
}

const ACTIONS = {
  language: async ({ dataset }) => {
    if (!(await talk(dataset.language))) return;
    saveLanguage(dataset.language);
    history.replaceState(null, '', addressIn(dataset.language));
    document.querySelector('#languages a').focus();
  },
};

document.addEventListener('click', (event) => {
  const target = event.target.closest('[data-action]');
  if (target === null || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  // What cannot be had leaves the page as it is.
  Promise.resolve(ACTIONS[target.dataset.action](target)).catch(() => {});
});

async function start() {
  const parameters = new URLSearchParams(location.search);
  try {
    tenant = await api.tenant(parameters.get('tenant'));
    page.showBrand({ tenant, tokens: brandTokens(tenant.brand.colour) });
  } catch {
    // What the statement says holds all the same.
  }
  const candidates = [parameters.get('lang'), savedLanguage(), ...navigator.languages, tenant?.default_language];
  try {
    await talk(chooseLanguage(candidates, offeredLanguages(tenant?.languages)));
  } catch {
    page.showUnreachable();
    return;
  }
  page.showScreen('statement', 'statement', {
    step: null,
    when: { contact: tenant !== null, no_contact: tenant === null },
    values: { date: () => dateText(texts.language, HELD_AGAINST_TESTS_ON) },
    enter: () => {},
    focus: false,
  });
}

start();

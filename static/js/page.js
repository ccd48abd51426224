/** The page as the user meets it: templates, texts, focus, errors, status. Knows no server and no journey. */

import { LANGUAGES, addressIn, offeredLanguages, partsOf } from './i18n.js';

const STATUS_AFTER_MILLISECONDS = 400;
/** The longest time a browser's timer can hold. */
const LONGEST_TIMER_MILLISECONDS = 2 ** 31 - 1;
/** Longer than this nobody waits for a file. */
export const FILE_LIMIT_MILLISECONDS = 10_000;

export const byId = (id) => document.getElementById(id);

const main = byId('main');
const live = byId('live');

/** Texts in use, the values every text may name, and what each element was told to say. */
let texts = null;
let common = {};
const said = new WeakMap();
let statusTimer = null;
let summaryTimer = null;

/**
 * Say everything on the page in *chosen* texts, with what is known of *tenant* by now.
 *
 * @param {?object} tenant as the API states it
 * @param {object} values that the texts may name besides
 */
export function speak(chosen, tenant, values) {
  texts = chosen;
  common = {
    portal: tenant?.portal_name ?? 'Tvåsteg',
    issuer: () => strong(tenant?.issuer ?? ''),
    mail: () => contactLink('mailto:', tenant?.support.mail ?? ''),
    phone: () => contactLink('tel:', tenant?.support.phone ?? ''),
    ...values,
  };
  document.documentElement.lang = texts.language;
  retranslate(document.body);
  retitle();
  showLanguages(offeredLanguages(tenant?.languages));
  const query = new URLSearchParams({ ...(tenant && { tenant: tenant.id }), lang: texts.language });
  byId('statement')?.setAttribute('href', `/accessibility/?${query}`);
  const hours = tenant?.support.hours?.[texts.language];
  byId('support-hours').hidden = !hours;
  byId('support-hours').textContent = hours ?? '';
}

/** Show links to the languages *offered*, except the one in use. */
function showLanguages(offered) {
  const others = offered.filter((language) => language !== texts.language);
  const nav = byId('languages');
  nav.hidden = others.length === 0;
  nav.replaceChildren(
    ...others.map((language) => {
      const link = document.createElement('a');
      link.textContent = LANGUAGES[language];
      link.lang = language;
      link.hreflang = language;
      link.href = addressIn(language);
      link.dataset.action = 'language';
      link.dataset.language = language;
      return link;
    }),
  );
}

function contactLink(scheme, address) {
  const link = document.createElement('a');
  link.href = scheme + address.replaceAll(' ', '');
  link.textContent = address;
  return link;
}

/** Return *text* set off from its sentence and left alone by page translators. */
export function strong(text) {
  const element = document.createElement('strong');
  element.translate = false;
  element.textContent = text;
  return element;
}

/** Know *more* texts of the language in use, too; what is on the page stays as it is. */
export function addTexts(more) {
  texts = more;
}

/** Return what *name* stands for in a text: plain text, or an element where the word needs marking up. */
function valueOf(name, values) {
  if (name.startsWith('ga_')) {
    const word = document.createElement('b');
    word.textContent = texts.appWords[name.slice('ga_'.length)];
    return word;
  }
  const value = values[name] ?? common[name] ?? '';
  return typeof value === 'function' ? value() : String(value);
}

/** Return the text of *key* as plain text. */
export function plain(key, values = {}) {
  return pieces(key, values)
    .map((piece) => (typeof piece === 'string' ? piece : piece.textContent))
    .join('');
}

function pieces(key, values) {
  const template = texts.words[key];
  if (template === undefined) throw new Error(`No text for ${key}`);
  return partsOf(template).map((part) => (typeof part === 'string' ? part : valueOf(part.name, values)));
}

/** Make *element* say *key*, now and after every change of language. */
export function say(element, key, values = {}) {
  said.set(element, values);
  element.dataset.t = key;
  element.replaceChildren(...pieces(key, values));
}

function retranslate(root) {
  if (texts === null) return;
  for (const element of root.querySelectorAll('[data-t]')) {
    say(element, element.dataset.t, said.get(element));
  }
  for (const element of root.querySelectorAll('[data-t-label]')) {
    element.setAttribute('aria-label', plain(element.dataset.tLabel));
  }
}

/** Return an element that says *key*. */
export function spoken(tag, key, values) {
  const element = document.createElement(tag);
  say(element, key, values);
  return element;
}

/** Return a copy of the template of that id, with its texts still to be said. */
export function copyOf(templateId) {
  return byId(templateId).content.cloneNode(true);
}

/** Return the templates of the page at *url*. No string becomes markup: the browser parses what it fetched itself. */
export function fetchTemplates(url) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.responseType = 'document';
    request.timeout = FILE_LIMIT_MILLISECONDS;
    request.open('GET', url);
    request.addEventListener('loadend', () => {
      if (request.status === 200) resolve([...request.response.querySelectorAll('template')]);
      else reject(new Error(`No templates from ${url}`));
    });
    request.send();
  });
}

/**
 * Show the screen *name* from template *template* and move the reader to its heading.
 *
 * @param {{step: ?{n: number, of: number}, when: Object<string, boolean>, values: object, enter: () => void, focus: boolean}} options
 *   `when` names the conditional parts that stay; parts it does not name are left out.
 *   `enter` fills in the screen before it is read.
 */
export function showScreen(name, template, { step, when, values, enter, focus }) {
  const screen = copyOf(`s-${template}`);
  for (const slot of screen.querySelectorAll('[data-part]')) slot.append(copyOf(`p-${slot.dataset.part}`));
  for (const part of screen.querySelectorAll('[data-when]')) {
    if (!when[part.dataset.when]) part.remove();
  }
  if (step === null) screen.querySelector('.step')?.remove();
  for (const element of screen.querySelectorAll('[data-t]')) {
    said.set(element, element.dataset.t === 'step' ? step : values);
  }
  clearTimeout(summaryTimer);
  main.replaceChildren(...(step === null ? [] : [progressBar(step)]), screen);
  main.dataset.screen = name;
  main.removeAttribute('aria-busy');
  live.textContent = '';
  enter();
  retranslate(main);
  retitle();
  if (focus) {
    window.scrollTo(0, 0);
    main.querySelector('h1').focus({ preventScroll: true });
  }
}

/** A picture of the step text for the eye alone: the heading already says it. */
function progressBar({ n, of }) {
  const bar = document.createElement('div');
  bar.className = 'progress';
  bar.setAttribute('aria-hidden', 'true');
  for (let at = 1; at <= of; at += 1) {
    const part = document.createElement('span');
    if (at <= n) part.className = 'reached';
    bar.append(part);
  }
  return bar;
}

/** Set the title from the heading, so that the two cannot disagree. */
function retitle() {
  const heading = main.querySelector('h1[tabindex]');
  if (heading === null || texts === null) return;
  const step = heading.querySelector('.step');
  const values = { heading: heading.lastElementChild.textContent, step: step?.textContent };
  const title = plain(step === null ? 'title' : 'title.step', values);
  const hasErrors = main.querySelector('.summary') !== null;
  const warning = byId('more-time')?.open ? `(!) ${plain('more_time.heading')} – ` : '';
  document.title = warning + (hasErrors ? plain('title.error', { title }) : title);
}

/** Say *key* to screen readers, and to the eye where the screen has a place (*echo*) for it. */
export function announce(key, echo = null) {
  live.textContent = plain(key);
  if (echo !== null) say(echo, key);
}

/**
 * Show *errors* in a summary at the top and at their fields, and move the reader there.
 *
 * @param {{field: ?string, key: string, values: ?object}[]} errors
 */
export function showErrors(errors) {
  clearErrors();
  const summary = document.createElement('div');
  summary.className = 'summary';
  summary.setAttribute('role', 'alert');
  summary.tabIndex = -1;
  const list = document.createElement('ul');
  for (const error of errors) {
    const item = document.createElement('li');
    item.append(error.field === null ? spoken('span', error.key, error.values) : summaryLink(error));
    list.append(item);
    if (error.field !== null) markField(error);
  }
  summary.append(spoken('h2', 'error.title'), list);
  main.prepend(summary);
  retitle();
  window.scrollTo(0, 0);
  summary.focus({ preventScroll: true });
}

function inputsOf(field) {
  return main.querySelector(`[data-field="${field}"]`).querySelectorAll('input, textarea');
}

function summaryLink({ field, key, values }) {
  const link = spoken('a', key, values);
  const [input] = inputsOf(field);
  link.href = `#${input.id}`;
  link.addEventListener('click', (event) => {
    // Followed, the link would become a step in the history.
    event.preventDefault();
    input.focus();
    if (input.type !== 'radio') input.select();
  });
  return link;
}

function markField({ field, key, values }) {
  const group = main.querySelector(`[data-field="${field}"]`);
  const message = document.createElement('p');
  message.className = 'error';
  message.id = `${field}-error`;
  message.append(spoken('span', 'error.prefix'), ' ', spoken('span', key, values));
  const [input] = inputsOf(field);
  const place = group.querySelector('.choice, .with-button') ?? input;
  place.before(message);
  for (const described of group.matches('fieldset') ? [group] : inputsOf(field)) {
    const hint = group.querySelector('.hint')?.id;
    described.setAttribute('aria-describedby', [hint, message.id].filter(Boolean).join(' '));
  }
  for (const wrong of inputsOf(field)) wrong.setAttribute('aria-invalid', 'true');
}

/** Take all errors off the screen. */
export function clearErrors() {
  clearTimeout(summaryTimer);
  main.querySelector('.summary, .over')?.remove();
  for (const message of main.querySelectorAll('.error')) {
    const group = message.closest('.field');
    message.remove();
    const hint = group.querySelector('.hint')?.id;
    for (const described of [group, ...group.querySelectorAll('input, textarea')]) {
      described.removeAttribute('aria-invalid');
      if (!described.hasAttribute('aria-describedby')) continue;
      if (hint) described.setAttribute('aria-describedby', hint);
      else described.removeAttribute('aria-describedby');
    }
  }
  retitle();
}

/** Say in place of the summary, in so many *milliseconds*, that the wait it tells of is over. */
export function replaceSummaryIn(milliseconds) {
  if (milliseconds > LONGEST_TIMER_MILLISECONDS) return;
  summaryTimer = setTimeout(() => {
    const isBeingRead = main.querySelector('.summary').contains(document.activeElement);
    clearErrors();
    const notice = spoken('p', 'status.wait_over');
    notice.className = 'note over';
    notice.tabIndex = -1;
    main.prepend(notice);
    if (isBeingRead) notice.focus();
    else announce('status.wait_over');
  }, milliseconds);
}

/**
 * Mark the screen's buttons as waiting while *work* runs; after a moment also say so.
 *
 * The buttons stay focusable: a disabled one would throw keyboard users to the top of the page.
 */
export async function whileWaiting(work) {
  const buttons = [...document.querySelectorAll('main button[data-action], dialog button')];
  for (const button of buttons) button.setAttribute('aria-disabled', 'true');
  statusTimer = setTimeout(() => sayWhyWaiting('status.wait'), STATUS_AFTER_MILLISECONDS);
  try {
    return await work();
  } finally {
    clearTimeout(statusTimer);
    for (const button of buttons) button.removeAttribute('aria-disabled');
    const waiting = main.querySelector('.waiting');
    if (waiting) {
      delete waiting.dataset.t;
      waiting.textContent = '';
    }
    live.textContent = '';
  }
}

/** Say at once, and instead of anything else, what the buttons wait for. */
export function sayWhyWaiting(key) {
  clearTimeout(statusTimer);
  announce(key, main.querySelector('.waiting'));
}

/** Take everything secret out of the page: what was typed, keys, QR codes and links that hold a key. */
export function wipe() {
  for (const input of main.querySelectorAll('#otp, #current-password, #recovery-code, #reset-code')) input.value = '';
  for (const secret of main.querySelectorAll('#key, #qr, #codes')) secret.replaceChildren();
  for (const link of document.querySelectorAll('[data-link="direct"]')) link.removeAttribute('href');
}

/** Ask *key* in the dialog; the browser gives focus back to where it was when the dialog closes. */
export function openDialog(key, values) {
  const dialog = byId('more-time');
  say(byId('more-time-text'), key, values);
  if (!dialog.open) dialog.showModal?.();
  retitle();
}

export function closeDialog() {
  byId('more-time').close?.();
  retitle();
}

/* Escape shows that somebody is there. The event does not bubble. */
document.addEventListener(
  'cancel',
  (event) => {
    event.preventDefault();
    document.querySelector('[data-action="stay"]').click();
  },
  true,
);

/* A refused code is there to be typed over. */
document.addEventListener('focusin', ({ target }) => {
  if (target.id === 'otp' && target.getAttribute('aria-invalid') === 'true') target.select();
});

/** Show the portal's name or logo, colours and support, and the reference for the help desk. */
export function showBrand({ tenant, tokens }) {
  for (const [name, value] of Object.entries(tokens)) document.documentElement.style.setProperty(name, value);
  byId('portal').replaceChildren(tenant.brand.logo ? logoOf(tenant) : tenant.portal_name);
  byId('support-phone').hidden = !tenant.support.phone;
  byId('footer').hidden = false;
}

/** Return the portal's logo, or its name where that cannot be had. Without one for dark pages it stands on white there. */
function logoOf({ portal_name: name, brand }) {
  const picture = document.createElement('picture');
  const logo = document.createElement('img');
  if (brand.logo_dark) {
    const dark = document.createElement('source');
    dark.media = '(prefers-color-scheme: dark)';
    dark.srcset = brand.logo_dark;
    picture.append(dark);
  } else {
    logo.className = 'on-white';
  }
  picture.append(logo);
  logo.alt = name;
  logo.height = 32;
  logo.addEventListener('error', () => picture.replaceWith(name), { once: true });
  // Last: only then the browser knows which of the two to fetch.
  logo.src = brand.logo;
  return picture;
}

/** @param {?string} reference null hides the line */
export function showReference(reference) {
  const element = byId('reference');
  element.hidden = !reference;
  if (reference) say(element, 'support.reference', { reference });
}

/** Return which of the screen's foldings are open, by their place. */
export function openFoldings() {
  return [...main.querySelectorAll('details')].flatMap(({ open }, at) => (open ? [at] : []));
}

/** Open the foldings at *places*. */
export function unfold(places) {
  main.querySelectorAll('details').forEach((folding, at) => {
    folding.open = places.includes(at);
  });
}

/** Show what stands in the page itself for the case that not even the texts can be had. */
export function showUnreachable() {
  main.removeAttribute('aria-busy');
  byId('footer').hidden = true;
  byId('late').classList.add('now');
}

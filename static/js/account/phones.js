/** What a user can change afterwards: phones, recovery codes, and browsers that need no code. */

import * as api from '../api.js';
import { dateText, pluralForm } from '../i18n.js';
import { byId, copyOf, say, strong } from '../page.js';
import { FieldErrors } from '../screens.js';
import * as calls from './calls.js';

/** With so few recovery codes left it is time for new ones. */
const FEW_CODES = 3;
const LONGEST_NAME = 40;

/** What the server said last of phones, codes and browsers; null once that may be another user's, or out of date. */
let second = null;

/** Forget what belongs to whoever was signed in. */
export function forgetUser() {
  second = null;
}

async function prepare() {
  second = null;
  second = await calls.secondFactor();
}

/** Let *work* wait until it is known what there is: the button then asks for that again. */
const onceKnown = (work) => async (context) => {
  if (second !== null) return work(context);
  await context.redraw();
  return null;
};

/** Return what *work* leads to: back to the account if the phone was removed in another window. */
async function unlessGone(work) {
  try {
    return await work();
  } catch (problem) {
    if (problem.code === 'not_found') return { type: 'cancel', told: 'account.phone.gone' };
    throw problem;
  }
}

const phoneOf = ({ task }) => second?.authenticators.find(({ id }) => id === task?.id);

/** Return how many recovery codes are left, as text key and values; a warning if they are few. The last one is few, too. */
function codesLeft({ language }) {
  const codes = second.recovery_codes;
  if (codes === null) return { key: 'account.codes.none', values: {}, isWarning: true };
  if (codes.disabled) return { key: 'account.codes.disabled', values: {}, isWarning: true };
  const { left } = codes;
  const isWarning = left <= FEW_CODES;
  const form = left === 0 ? 'zero' : isWarning && left > 1 ? 'few' : pluralForm(language(), left);
  return { key: `account.codes.left.${form}`, values: { n: left }, isWarning };
}

function sayCodesLeft(element, context) {
  const { key, values, isWarning } = codesLeft(context);
  say(element, key, values);
  element.classList.toggle('warning', isWarning);
}

/** Return a row of the list for *name*, its parts filled by *fill*. */
function row(template, { id, name }, fill) {
  const copy = copyOf(template);
  copy.firstElementChild.dataset.id = id;
  for (const place of copy.querySelectorAll('.name')) place.textContent = name;
  fill(Object.fromEntries([...copy.querySelectorAll('[data-fill]')].map((part) => [part.dataset.fill, part])));
  return copy;
}

function phoneRow(phone, { language, when }) {
  return row('p-phone-row', phone, ({ since, used }) => {
    const date = () => dateText(language(), new Date(phone.bound_at));
    say(since, 'account.phone.since', { date });
    if (phone.last_used_at === null) say(used, 'account.phone.unused');
    else say(used, 'account.phone.used', { when: () => when(phone.last_used_at) });
  });
}

function browserRow(browser, { language }) {
  const date = (time) => () => dateText(language(), new Date(time));
  return row('p-browser-row', { id: browser.id, name: '' }, ({ which, since }) => {
    say(which, browser.current ? 'account.browser.this' : 'account.browser.other', { date: date(browser.remembered_at) });
    say(since, 'account.browser.until', { used: date(browser.last_used_at ?? browser.remembered_at), date: date(browser.expires_at) });
  });
}

/** Begin *kind* with the phone of the row that *button* stands in. */
const task = (kind) => async ({ state, dropKey }, button) => {
  await dropKey();
  return { type: 'task', kind, id: button.closest('[data-id]')?.dataset.id ?? state.task?.id ?? null };
};

async function forgetBrowser(context, browser) {
  await calls.forgetBrowser(browser);
  await context.redraw();
  (byId('browsers-heading') ?? document.querySelector('main h1')).focus();
  return { type: 'go', screen: 'account', told: browser === 'all' ? 'account.browsers.forgotten' : 'account.browser.forgotten' };
}

function takeName() {
  // What cannot be seen by itself the server refuses: joiners between emoji, control characters.
  const name = byId('name').value.normalize('NFKC').replace(/\s/g, ' ').replace(/\p{C}/gu, '').trim();
  const key = name === '' ? 'name.empty' : [...name].length > LONGEST_NAME ? 'name.too_long' : null;
  if (key !== null) throw new FieldErrors([{ field: 'name', key }]);
  return name;
}

async function rename(id, name) {
  try {
    await calls.rename(id, name);
  } catch (problem) {
    if (problem.code === 'body_malformed') throw new FieldErrors([{ field: 'name', key: 'name.unusable' }]);
    throw problem;
  }
}

const isLast = () => second.authenticators.length === 1;

const sayWhichIsLost = onceKnown(async ({ state }) => {
  const chosen = isLast() ? second.authenticators[0].id : document.querySelector('[name="which"]:checked')?.value;
  if (chosen === undefined) throw new FieldErrors([{ field: 'which', key: 'lost.empty' }]);
  // What is disabled is replaced whole: there is nothing to choose.
  const id = state.facts.factor === 'disabled' ? null : chosen;
  return { type: 'task', kind: 'lost', id, wanted: 'password' };
});

export const SCREENS = {
  account: {
    prepare,
    when: ({ tenant, session, state }) => ({
      known: second !== null,
      room: second !== null && second.authenticators.length < second.most_authenticators,
      full: second !== null && second.authenticators.length >= second.most_authenticators,
      codes: second !== null && session.recovery_codes.offered,
      unkept: second?.recovery_codes?.acknowledged === false && !second.recovery_codes.disabled,
      browsers: second !== null && (tenant.policy.remember_days !== null || second.remembered_browsers.length > 0),
      no_browsers: second?.remembered_browsers.length === 0,
      some_browsers: second?.remembered_browsers.length > 0,
      many_browsers: second?.remembered_browsers.length > 1,
      returns: tenant.return_url !== null || state.facts.handedOff !== null || session.role === 'help_desk',
    }),
    values: () => ({ most: second?.most_authenticators }),
    enter(context) {
      if (second === null) return;
      byId('phones').replaceChildren(...second.authenticators.map((phone) => phoneRow(phone, context)));
      if (byId('codes-left') !== null) sayCodesLeft(byId('codes-left'), context);
      byId('browsers')?.replaceChildren(...second.remembered_browsers.map((browser) => browserRow(browser, context)));
      if (context.session.role === 'help_desk') say(byId('account-done'), 'action.to_help_desk');
    },
    submit: ({ finish }) => finish(),
  },

  /** The first step for somebody who has a phone already. */
  again: {
    template: () => 'again',
    prepare,
    when: ({ state: { task: wanted } }) => ({
      [wanted.kind]: true,
      has: wanted.kind !== 'lost',
      which: wanted.kind === 'lost' && second !== null && !isLast(),
    }),
    values: ({ state }) => ({ name: () => strong(phoneOf(state)?.name ?? '') }),
    enter(context) {
      if (second === null || context.state.task.kind !== 'lost') return;
      sayCodesLeft(byId('codes-left'), context);
      byId('which')?.append(
        ...second.authenticators.map((phone) => row('p-phone-choice', phone, ({ radio }) => {
          radio.value = phone.id;
          radio.id = `which-${phone.id}`;
        })),
      );
    },
    submit: async (context) =>
      context.state.task.kind === 'lost' ? sayWhichIsLost(context) : { type: 'go', screen: 'password' },
  },

  rename: {
    prepare,
    values: ({ state }) => ({ name: () => strong(phoneOf(state)?.name ?? '') }),
    enter({ state }) {
      byId('name').value = phoneOf(state)?.name ?? '';
    },
    submit: onceKnown(({ state }) =>
      unlessGone(async () => {
        await rename(state.task.id, takeName());
        return { type: 'go', screen: 'account', told: 'account.phone.renamed' };
      }),
    ),
  },

  remove: {
    template: () => (second !== null && isLast() && !second.last_removable ? 'remove-last' : 'remove'),
    prepare,
    when: () => ({ last: second !== null && isLast(), others: second !== null && !isLast() }),
    values: ({ state }) => ({ name: () => strong(phoneOf(state)?.name ?? '') }),
    enter() {
      if (second !== null && isLast() && byId('remove-go') !== null) say(byId('remove-go'), 'action.remove_last');
    },
    submit: onceKnown(({ state, adopt }) =>
      unlessGone(async () => {
        const event = adopt(await calls.remove(state.task.id), 'account');
        if (event.facts.factor === 'none') return { ...event, type: 'turned-off' };
        return { ...event, told: 'account.phone.removed' };
      }),
    ),
  },

  renew: {
    submit: async () => ({ type: 'go', screen: 'recovery' }),
  },
};

export const ACTIONS = {
  add: task('add'),
  replace: task('replace'),
  rename: task('rename'),
  remove: task('remove'),
  renew: task('renew'),
  'not-now': ({ state, finish }) =>
    state.facts.handedOff === 'sign-in' || state.facts.factor === 'disabled' ? finish() : { type: 'cancel' },
  'forget-browser': (context, button) => forgetBrowser(context, button.closest('[data-id]').dataset.id),
  'forget-browsers': (context) => forgetBrowser(context, 'all'),
};

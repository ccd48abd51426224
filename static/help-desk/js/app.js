/** Starts the page and carries events: addresses to views, buttons to the service, refusals to words. */

import * as api from '../../js/api.js';
import { brandTokens } from '../../js/brand.js';
import { addressIn, chooseLanguage, keepLanguage, offeredLanguages, saveLanguage, savedLanguage } from '../../js/i18n.js';
import * as page from '../../js/page.js';
import { whenText } from '../../js/refusals.js';
import { FieldErrors, emptyPassword, showPassword, togglePassword } from '../../js/screens.js';
import { createSessionLimit } from '../../js/session-limit.js';
import { addressOf, routeOf, viewFor } from './routes.js';
import * as service from './service.js';
import { VIEWS, extendList, fillCounts, fillList } from './views.js';
import { loadTexts } from './words.js';

let texts = null;
let wantedLanguage = null;
let tenant = null;
/** As the API states it; `wasVerified` is ours: a code was given earlier in this sign-in. */
let session = null;
let route = routeOf(location.hash);
/** The view on show. */
let view = null;
let reason = null;
/** The user on show, and the users on show. */
let detail = null;
let list = { status: null, search: '', missed: null, users: [], next: null };
/** How many users there are of each status, once that is known; asked for anew after what changes it. */
let counts = null;
let countsAsked = null;
/** What is written in a form, for as long as its user is on show. */
let draft = null;
/** The action that waits for a code: `reset`, `unlock` or null. */
let intent = null;
/** The answer to a reset, with its code. Nowhere else, and gone with the view. */
let granted = null;
let isUnlocked = false;
let hasEnded = false;
let isBusy = false;
/** Whether a reset or an unlocking runs: until it is answered nothing else is opened. */
let isCarryingOut = false;
/** Counts what was opened: an answer that comes after something else was opened is not shown. */
let turn = 0;

const language = () => texts.language;

const sessionLimit = createSessionLimit({
  onWarn(endsAt, canExtend) {
    page.openDialog(canExtend ? 'more_time.text' : 'more_time.last', { when: () => whenText(language(), endsAt) });
  },
  // Another tab may have gone on working: only the server knows whether the session is over.
  onEnd() {
    page.closeDialog();
    if (isBusy) return false;
    run(async () => {
      try {
        takeIn(await api.session());
      } catch {
        endSession();
      }
    });
    return true;
  },
});

/* Words */

/** Say everything in the texts in use. */
const speak = () => page.speak(texts, tenant, { me: () => page.strong(session?.username ?? '') });

/** Say *text* to screen readers. */
function announce(text) {
  page.byId('live').textContent = text;
}

/* What the server says */

/** Take in a session, which anybody's may be. */
function takeIn(answer) {
  const wasVerified = answer.verified || Boolean(session?.wasVerified && session.username === answer.username);
  session = { ...answer, wasVerified };
  hasEnded = false;
  page.showReference(session.reference);
  page.closeDialog();
  sessionLimit.watch(session);
}

async function adopt(answer) {
  takeIn(answer);
  if (session.tenant !== tenant.id) await loadTenant(session.tenant);
}

async function loadTenant(id) {
  tenant = await api.tenant(id);
  page.showBrand({ tenant, tokens: brandTokens(tenant.brand.colour) });
  if (texts !== null) speak();
  if (tenant.suspended) throw new api.Problem('tenant_suspended');
}

async function readList(status) {
  const { search, missed } = list;
  learnCounts();
  const found = await service.users({ status, search, after: null });
  return { status, search, missed, users: found.users, next: found.next };
}

function forgetCounts() {
  counts = countsAsked = null;
}

/** Let the list say how many there are as soon as that is known. It never waits for it, and does without. */
async function learnCounts() {
  if (countsAsked !== null) return;
  const mine = service.counts();
  countsAsked = mine;
  try {
    const told = await mine;
    if (mine !== countsAsked) return;
    counts = told;
    if (view === 'users') fillCounts(list, contextNow());
  } catch (problem) {
    if (mine === countsAsked) countsAsked = null;
    if (!(problem instanceof api.Problem)) throw problem;
  }
}

/* Views */

function contextNow() {
  return {
    tenant,
    session,
    route,
    detail,
    list,
    counts,
    draft,
    intent,
    granted,
    reason,
    isUnlocked,
    hasEnded,
    language,
    whenText,
    adopt,
    searchFor,
    hidePassword: () => showPassword(false),
  };
}

function show(name, { focus = true } = {}) {
  const isFirst = view === null;
  view = name;
  if (name !== 'reset-done') forgetCode();
  const context = contextNow();
  const { when, values, enter } = VIEWS[name];
  page.showScreen(name, name, {
    step: null,
    when: when?.(context) ?? {},
    values: values?.(context) ?? {},
    enter: () => enter?.(context),
    focus: focus && !isFirst,
  });
  isUnlocked = false;
  page.byId('who').hidden = session === null || session.role !== 'help_desk';
  page.say(document.querySelector('[data-t="who.signed_in"]'), 'who.signed_in');
  for (const link of document.querySelectorAll('[data-link="list"]')) link.href = listAddress();
  for (const link of document.querySelectorAll('[data-link="wizard"]')) link.href = wizardAddress();
}

const listAddress = () => addressOf({ view: 'users', status: list.status });

function wizardAddress() {
  const query = new URLSearchParams({ ...(tenant === null ? {} : { tenant: tenant.id }), lang: language() });
  return `/?${query}`;
}

/** Show what the address asks for, as far as the session allows. */
async function open(options) {
  const mine = (turn += 1);
  const before = route;
  route = routeOf(location.hash);
  intent = null;
  if (addressOf(before) !== addressOf(route)) draft = null;
  const allowed = viewFor(session, 'wanted');
  if (allowed !== 'wanted') {
    show(allowed, options);
    return;
  }
  const asked = route;
  const isListOnShow = view === 'users' && asked.view === 'users';
  try {
    const found = await page.whileWaiting(() =>
      asked.view === 'users' ? readList(asked.status) : service.user({ user: asked.id }),
    );
    if (mine !== turn) return;
    if (asked.view === 'users') list = found;
    else detail = found;
  } catch (problem) {
    if (mine === turn) await refuseToOpen(problem, options);
    return;
  }
  if (isListOnShow) {
    // Chips and field keep their place, and the reader theirs.
    page.clearErrors();
    announce(fillList(list, contextNow()));
    return;
  }
  show(asked.view, options);
}

async function refuseToOpen(problem, options) {
  if (!(problem instanceof api.Problem)) throw problem;
  if (await hasMovedFor(problem, options)) return;
  reason = problem.code === 'not_found' && route.view !== 'users' ? 'missing' : knownCode(problem);
  show('stopped', options);
}

/** Go to *next* as if its link had been followed. */
function go(next) {
  history.pushState(null, '', addressOf(next));
  return open();
}

/** Let the list show whose name starts with *search*; *missed* is why it was no reference, if it looked like one. */
function searchFor(search, { missed = null } = {}) {
  list = { ...list, search, missed };
  return null;
}

/** Forget the code that was given to the user: it is said now, or lost. */
function forgetCode() {
  granted = null;
  for (const id of ['reset-code', 'spelled']) page.byId(id)?.replaceChildren();
}

/** Forget whoever was signed in, and ask anew; *ended* says that they did not wish it. */
function endSession({ ended = true } = {}) {
  forgetCode();
  page.wipe();
  page.closeDialog();
  sessionLimit.stop();
  page.showReference(null);
  session = detail = draft = intent = null;
  list = { ...list, users: [], search: '', missed: null };
  forgetCounts();
  hasEnded = ended;
  show('sign-in');
}

/* Refusals */

/** Return the code of *problem*, or that of a fault of ours where this page has no words for it. */
function knownCode({ code }) {
  return texts.words[`problem.${code}`] === undefined ? 'internal_error' : code;
}

/** Show the view that *problem* leads to, if it leads to one, and tell whether it does. */
async function hasMovedFor({ code }, options) {
  switch (code) {
    case 'not_signed_in':
      endSession();
      return true;
    case 'verification_required':
      if (view === 'code') return false;
      session.verified = false;
      show('code', options);
      return true;
    case 'tenant_suspended':
      reason = code;
      show('stopped', options);
      return true;
    default:
      return false;
  }
}

async function refuse(problem) {
  if (problem instanceof FieldErrors) {
    page.showErrors(problem.errors);
    return;
  }
  if (!(problem instanceof api.Problem)) throw problem;
  if (problem.reference !== null) page.showReference(problem.reference);
  if (view === 'code' && ['authenticator_disabled', 'not_enrolled'].includes(problem.code)) {
    session.second_factor = problem.code === 'not_enrolled' ? 'none' : 'disabled';
    show(viewFor(session, 'users'));
    return;
  }
  if (['reset', 'unlock'].includes(view) && problem.code === 'not_found') {
    reason = 'missing';
    show('stopped');
    return;
  }
  if (await hasMovedFor(problem)) return;
  tell(problem);
}

const FIELD_OF_CODE = { otp_malformed: 'otp', otp_mismatch: 'otp', otp_already_used: 'otp' };

function tell(problem) {
  if (view === 'sign-in') emptyPassword();
  const field = FIELD_OF_CODE[problem.code] ?? null;
  const hasField = document.querySelector(`[data-field="${field}"]`) !== null;
  page.showErrors([{ field: hasField ? field : null, ...wordsOf(problem) }]);
  if (problem.code === 'too_many_attempts' && view !== 'unlock') {
    page.replaceSummaryIn(Date.parse(problem.retryAt) - api.serverNow());
  }
}

/** Return the text key of *problem* on the present view, with its values. */
function wordsOf(problem) {
  const code = knownCode(problem);
  if (code === 'too_many_attempts') {
    if (view === 'unlock') return { key: 'problem.too_many_attempts.unlock' };
    const key = view === 'sign-in' ? 'problem.too_many_attempts.password' : 'problem.too_many_attempts';
    return { key, values: { when: () => whenText(language(), problem.retryAt) } };
  }
  if (code === 'network' && view === 'reset') return { key: 'problem.network.reset' };
  if (code === 'network' && view === 'unlock') return { key: 'problem.network.unlock' };
  return { key: `problem.${code}` };
}

/* What buttons do */

/** Run *work*, one piece at a time. */
async function run(work) {
  if (isBusy) return;
  isBusy = true;
  try {
    await work();
  } catch (problem) {
    await refuse(problem);
  } finally {
    isBusy = false;
  }
}

/** Send what is written on the form *kind*, and return the answer; nothing leads away from it meanwhile. */
async function send(kind) {
  const links = [...document.querySelectorAll('main a[data-action]')];
  turn += 1;
  route = { view: kind, id: detail.user.id };
  isCarryingOut = true;
  for (const link of links) link.setAttribute('aria-disabled', 'true');
  try {
    return await page.whileWaiting(() => VIEWS[kind].send({ user: route.id, ...draft }));
  } catch (problem) {
    // After Back the form is still there: so is its address.
    if (addressOf(routeOf(location.hash)) !== addressOf(route)) history.pushState(null, '', addressOf(route));
    throw problem;
  } finally {
    isCarryingOut = false;
    for (const link of links) link.removeAttribute('aria-disabled');
  }
}

/** Send what is written on the form *kind*, and show what came of it. */
async function carryOut(kind) {
  const answer = await send(kind);
  draft = null;
  history.replaceState(null, '', addressOf({ view: 'user', id: detail.user.id }));
  route = routeOf(location.hash);
  if (kind === 'reset') {
    forgetCounts();
    granted = answer;
    show('reset-done');
  } else {
    detail = answer;
    isUnlocked = true;
    show('user');
    announce(page.plain('user.unlocked'));
  }
}

/** Send the form *kind*; where a code is wanted first, ask for it and remember what for. */
async function submitForm(kind) {
  page.clearErrors();
  draft = VIEWS[kind].written();
  VIEWS[kind].check(draft);
  try {
    await carryOut(kind);
  } catch (problem) {
    if (problem.code !== 'verification_required') throw problem;
    intent = kind;
    show('code');
  }
}

async function submitCode() {
  page.clearErrors();
  await page.whileWaiting(() => VIEWS.code.submit(contextNow()));
  const wanted = intent;
  if (wanted === null) {
    await open();
    announce(page.plain('status.code_accepted'));
    return;
  }
  intent = null;
  try {
    await carryOut(wanted);
  } catch (problem) {
    // What was filled in is still there, and what is wrong is said above it.
    show(wanted);
    throw problem;
  }
}

async function submitSearch() {
  page.clearErrors();
  const found = await page.whileWaiting(() => VIEWS.users.submit(contextNow()));
  if (found === null) {
    await open();
    return;
  }
  history.pushState(null, '', addressOf({ view: 'user', id: found.user.id }));
  turn += 1;
  route = routeOf(location.hash);
  detail = found;
  show('user');
}

const SUBMITS = {
  'sign-in': async () => {
    page.clearErrors();
    await page.whileWaiting(() => VIEWS['sign-in'].submit(contextNow()));
    await open();
  },
  code: submitCode,
  users: submitSearch,
  reset: () => submitForm('reset'),
  unlock: () => submitForm('unlock'),
  'reset-done': () => open(),
  stopped: () => (tenant === null || session === null ? start() : open()),
};

const ACTIONS = {
  go: (link) => go(routeOf(link.hash)),
  refresh: () => run(() => open()),
  'show-all': () => {
    list = { ...list, search: '', missed: null };
    page.byId('search').value = '';
    return go({ view: 'users', status: null }).then(() => page.byId('search')?.focus());
  },
  more: () =>
    run(async () => {
      const mine = turn;
      const { status, search, next, users } = list;
      const found = await page.whileWaiting(() => service.users({ status, search, after: next }));
      if (mine !== turn || view !== 'users') return;
      list = { ...list, users: [...users, ...found.users], next: found.next };
      page.clearErrors();
      announce(extendList(list, users.length, contextNow()));
    }),
  'back-to-form': () => {
    const form = intent;
    intent = null;
    show(form);
  },
  'sign-out': () =>
    run(async () => {
      page.closeDialog();
      await page.whileWaiting(() => keepLanguage(api.signOut));
      history.replaceState(null, '', addressOf({ view: 'users', status: null }));
      turn += 1;
      route = routeOf(location.hash);
      endSession({ ended: false });
      announce(page.plain('status.signed_out'));
    }),
  stay: async () => {
    page.closeDialog();
    try {
      takeIn(await api.session());
    } catch (problem) {
      await refuse(problem);
    }
  },
  language: async ({ dataset }) => {
    wantedLanguage = dataset.language;
    try {
      const words = await loadTexts(dataset.language);
      // Another one was chosen meanwhile.
      if (wantedLanguage !== dataset.language) return;
      texts = words;
    } catch (problem) {
      await refuse(problem);
      return;
    }
    saveLanguage(dataset.language);
    history.replaceState(history.state, '', addressIn(dataset.language));
    speak();
    document.querySelector('#languages a').focus();
  },
  'show-password': () => togglePassword(),
};

/** What would put something else in the place of the answer that is waited for. */
const LEADING_AWAY = ['go', 'back-to-form'];

document.addEventListener('click', (event) => {
  const target = event.target.closest('[data-action]');
  // Submit buttons act through their form, so that Enter in a field does the same.
  if (target === null || target.type === 'submit' || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const { action } = target.dataset;
  if (isCarryingOut && LEADING_AWAY.includes(action)) return;
  ACTIONS[action]?.(target);
});

document.addEventListener('submit', (event) => {
  event.preventDefault();
  run(() => SUBMITS[view]());
});

/* History, sleep and return */

window.addEventListener('popstate', () => {
  if (texts !== null && tenant !== null && !isCarryingOut) open();
});

document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') sessionLimit.check();
});

window.addEventListener('pagehide', () => {
  forgetCode();
  api.forgetUnanswered();
  page.wipe();
});

/* What was put away may be another person's by now. */
window.addEventListener('pageshow', ({ persisted }) => {
  if (persisted) location.reload();
});

/* Start */

/** Return the session of this browser, or null if it has none. */
async function presentSession() {
  try {
    return await api.session();
  } catch (problem) {
    if (problem.code === 'not_signed_in') return null;
    throw problem;
  }
}

async function start() {
  const parameters = new URLSearchParams(location.search);
  const candidates = [parameters.get('lang'), savedLanguage(), ...navigator.languages];
  const answers = await Promise.allSettled([loadTenant(parameters.get('tenant')), presentSession()]);
  const offered = offeredLanguages(tenant?.languages);
  try {
    texts = await loadTexts(chooseLanguage([...candidates, tenant?.default_language], offered));
  } catch {
    page.showUnreachable();
    return;
  }
  speak();
  const refused = answers.find(({ status }) => status === 'rejected');
  if (refused) {
    if (!(refused.reason instanceof api.Problem)) throw refused.reason;
    reason = knownCode(refused.reason);
    show('stopped');
    return;
  }
  try {
    if (answers[1].value !== null) await adopt(answers[1].value);
    await open();
  } catch (problem) {
    await refuseToOpen(problem);
  }
}

history.scrollRestoration = 'manual';
start();

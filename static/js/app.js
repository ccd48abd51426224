/** Starts the page and carries events: from the user and the server to the machine, and its effects to the page. */

import * as api from './api.js';
import * as arrival from './arrival.js';
import { brandTokens } from './brand.js';
import {
  addressIn, chooseLanguage, keepLanguage, loadTexts, offeredLanguages, saveLanguage, savedLanguage,
} from './i18n.js';
import { STEPS, factsOf, initialState, isSettingUp, next } from './machine.js';
import * as page from './page.js';
import * as parts from './parts.js';
import { fieldOf, whenText, wordsOf } from './refusals.js';
import { FieldErrors, emptyPassword, showPassword, togglePassword } from './screens.js';
import { createSessionLimit } from './session-limit.js';

const ASK_AGAIN_AFTER_HIDDEN_MILLISECONDS = 60_000;

/** What the history entry remembers across a reload; nothing secret. */
const kept = history.state ?? {};

let state = initialState(kept);
let tenant = null;
let session = null;
let offer = null;
let isBusy = false;
/** What is being asked without anybody's wish; whoever then presses a button waits for the answer. */
let refreshing = null;
let hiddenSince = null;
let isPageBroken = false;

const language = () => parts.texts().language;
const screenInAddress = () => location.hash.slice(1);

/** Tell what decides how a screen looks, so that a change of it shows the screen anew. */
const viewOf = ({ screen, reason, facts }) => `${screen} ${reason} ${facts.passwordAtPortal}`;

const sessionLimit = createSessionLimit({
  onWarn(endsAt, canExtend) {
    page.openDialog(canExtend ? 'more_time.text' : 'more_time.last', { when: () => whenText(language(), endsAt) });
  },
  // Another tab may have gone on working: only the server knows whether the session is over.
  onEnd() {
    page.closeDialog();
    if (isBusy || refreshing) return false;
    refresh().then((isAnswered) => isAnswered || dispatch({ type: 'problem', code: 'not_signed_in' }));
    return true;
  },
});

/* What the page says */

/** Say everything in the texts in use. */
const speak = () => page.speak(parts.texts(), tenant, { username: () => page.strong(session?.username ?? '') });

/* What the server says */

function adoptSession(answer) {
  session = answer;
  page.showReference(session.reference);
  page.closeDialog();
  sessionLimit.watch(session);
}

/** Take in a session and return the event that tells the machine. */
function adopt(answer, wanted = state.screen) {
  adoptSession(answer);
  return { type: 'server', facts: factsOf(session, api.serverNow()), wanted };
}

/** Take in an offer, which proves a pending key, and return the event that tells the machine. */
async function adoptOffer(answer, wanted) {
  offer = answer;
  // A pending key lengthens the session: ask how long it lasts now.
  const event = adopt(await api.session(), wanted);
  return { ...event, facts: { ...event.facts, pending: true } };
}

async function loadTenant(id) {
  tenant = await api.tenant(id);
  page.showBrand({ tenant, tokens: brandTokens(tenant.brand.colour) });
  if (parts.texts() !== null) speak();
  if (tenant.suspended) throw new api.Problem('tenant_suspended');
}

/** Return the event that the server's present answer makes, for somebody who wants the screen *wanted*. */
async function eventFromServer(wanted, answer = arrival.presentSession()) {
  const event = adopt(await answer, wanted);
  if (session.tenant !== tenant.id) await loadTenant(session.tenant);
  const expectsKey = ['app', 'code'].includes(wanted) && isSettingUp({ ...state, facts: event.facts });
  if (expectsKey && !event.facts.pending) await learnWhyThereIsNoKey();
  return event;
}

/** The session only says that no key is pending; the offer's refusal says why. */
async function learnWhyThereIsNoKey() {
  try {
    await api.offer();
  } catch (problem) {
    if (problem.code !== 'enrolment_not_begun') throw problem;
  }
}

/* Carrying events */

async function dispatch(event) {
  const { state: after, effects } = next(state, event);
  const isNewScreen = viewOf(after) !== viewOf(state);
  const isFirst = state.screen === null;
  const coming = isNewScreen ? parts.loadFor(after.screen, isAboutAccount(after)) : null;
  // Also where the key is refused first: its refusal is what the user reads then.
  coming?.catch(() => {
    isPageBroken = true;
  });
  // Before the move, so that a user who cannot have the key stays on a screen that works.
  const needsKey = ['app', 'code'].includes(after.screen) && event.type !== 'problem';
  if (needsKey && offer === null) offer = await api.offer();
  try {
    await coming;
  } catch {
    // What was asked for has been done: only the page is not whole.
    await dispatch({ type: 'stuck', facts: after.facts, code: 'network' });
    return;
  }
  state = after;
  if (!state.facts.signedIn) {
    sessionLimit.stop();
    page.closeDialog();
  }
  if (effects.includes('wipe')) forget();
  const entry = { task: state.task };
  if (effects.includes('push')) history.pushState(entry, '', `#${state.screen}`);
  if (effects.includes('replace')) history.replaceState(entry, '', `#${state.screen}`);
  if (isNewScreen) await enter({ focus: !isFirst });
  if (isFirst) page.unfold(kept.unfolded ?? []);
}

/** Tell whether a screen that others meet too speaks of what this user has already. */
function isAboutAccount({ screen, task }) {
  if (screen === 'done') return session.role === 'help_desk';
  return task !== null && ['method', 'phone'].includes(screen);
}

/** Show the screen with what it has to ask the server for; where that fails, the screen comes first. */
async function enter({ focus }) {
  let refusal = null;
  try {
    await definition().prepare?.(contextNow());
  } catch (error) {
    refusal = error;
  }
  show({ focus });
  // What comes next is fetched while the user reads.
  if (['method', 'recovery'].includes(state.screen)) parts.prefetch('setup');
  if (state.screen === 'code' && session.recovery_codes.offered) parts.prefetch('account');
  if (refusal !== null) throw refusal;
}

/** Return what the present screen is made of. */
function definition() {
  return parts.screen(state.screen === 'method' && state.task !== null ? 'again' : state.screen);
}

/** Forget the key, the recovery codes and all that was typed. */
function forget() {
  offer = null;
  parts.forget(state.facts.signedIn);
  if (!arrival.isArriving()) api.forgetUnanswered();
  page.wipe();
}

function show({ focus }) {
  if (state.screen === 'sign-in') {
    session = null;
    page.showReference(null);
  }
  const screen = definition();
  const context = contextNow();
  const at = isSettingUp(state) ? STEPS.indexOf(state.screen) : -1;
  page.showScreen(state.screen, screen.template?.(context) ?? state.screen, {
    step: at < 0 ? null : { n: at + 1, of: STEPS.length },
    when: screen.when?.(context) ?? {},
    values: screen.values?.(context) ?? {},
    enter: () => screen.enter?.(context),
    focus,
  });
}

function contextNow() {
  const redraw = () => enter({ focus: true });
  const when = (time) => whenText(language(), time);
  return { state, tenant, session, offer, language, texts: parts.texts, adopt, adoptOffer, dropKey, finish, resume, leave, redraw, when };
}

/** Go back to the portal; *standing* is the event to carry first where the user has to stay. */
const leave = (standing = null) => arrival.leave(standing && (() => dispatch(standing)));

/** Go where a user goes who has nothing more to do here. */
async function finish() {
  if (state.facts.handedOff !== null) return leave();
  const url = session.role === 'help_desk' ? '/help-desk/' : tenant.return_url;
  if (url === null) return signOut();
  location.assign(url);
  return null;
}

/** Run *work*, one piece at a time, and carry the event that it returns. */
async function run(work) {
  if (isBusy) return;
  isBusy = true;
  const before = viewOf(state);
  try {
    return await page.whileWaiting(async () => {
      await refreshing;
      if (viewOf(state) !== before) return null;
      const event = await work();
      if (event) await dispatch(event);
      return event;
    });
  } catch (error) {
    await refuse(error);
  } finally {
    isBusy = false;
  }
}

async function submit() {
  await act(() => {
    page.clearErrors();
    return definition().submit(contextNow());
  });
}

/** Run *work* and say, on the screen where it leads to, what it has done. */
async function act(work) {
  const event = await run(work);
  if (event?.said) page.announce(event.said);
  if (event?.told) page.announce(event.told, document.querySelector('.told'));
}

/* Refusals */

/** Codes whose screen says all that there is to say. */
const TOLD_BY_SCREEN = ['not_signed_in', 'password_held_by_portal'];

async function refuse(error) {
  if (error instanceof FieldErrors) {
    page.showErrors(error.errors);
    return;
  }
  if (!(error instanceof api.Problem)) throw error;
  const problem = error;
  if (problem.code === 'enrolment_already_confirmed') {
    // In another tab, or by a request whose answer was lost: what comes next the server knows.
    try {
      await dispatch(await eventFromServer('done'));
    } catch (other) {
      await refuse(other);
    }
    return;
  }
  const isUnknown = () => parts.texts().words[`problem.${problem.code}`] === undefined;
  if (state.screen === null && isUnknown()) problem.code = 'internal_error';
  if (problem.reference !== null) page.showReference(problem.reference);
  const before = viewOf(state);
  await dispatch({ type: 'problem', code: problem.code });
  // Only now: the screen may have brought texts of its own.
  if (isUnknown()) problem.code = 'internal_error';
  const hasEnded = ['stopped', 'done'].includes(state.screen) && viewOf(state) !== before;
  if (!hasEnded && !TOLD_BY_SCREEN.includes(problem.code)) tell(problem);
}

function tell(problem) {
  const field = fieldOf(problem.code);
  const hasField = document.querySelector(`[data-field="${field}"]`) !== null;
  if (field === 'current-password' || state.screen === 'sign-in') emptyPassword();
  const words = wordsOf(problem, { screen: state.screen, tenant, language });
  page.showErrors([{ field: hasField ? field : null, ...words }]);
  if (problem.retryAt !== null) page.replaceSummaryIn(Date.parse(problem.retryAt) - api.serverNow());
}

/* What the user can do besides the main button */

async function signOut() {
  await keepLanguage(api.signOut);
  forget();
  return { type: 'signed-out' };
}

/** Drop the key that waits, if there is one; the session is shorter without it. */
async function dropKey() {
  if (!state.facts.pending) return;
  await api.dropEnrolment();
  adoptSession(await api.session());
}

/** Ask the server where things stand and go on from the first step. */
async function resume() {
  // Browsers remember that a module could not be had, until the page is loaded again.
  if (isPageBroken) {
    location.reload();
    return null;
  }
  if (tenant === null) {
    await start();
    return null;
  }
  return eventFromServer('method');
}

const ACTIONS = {
  back: () => run(async () => ({ type: 'go', screen: STEPS[STEPS.indexOf(state.screen) - 1] })),
  cancel: () =>
    run(async () => {
      await dropKey();
      return { type: 'cancel' };
    }),
  go: ({ dataset }) => run(async () => ({ type: 'go', screen: dataset.screen })),
  return: () => run(() => leave()),
  'sign-out': async () => {
    page.closeDialog();
    const event = await run(signOut);
    if (event) page.announce('status.signed_out');
  },
  stay: () => {
    page.closeDialog();
    return askAgain();
  },
  language: async ({ dataset }) => {
    try {
      if (!(await parts.talk(dataset.language))) return;
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

document.addEventListener('click', (event) => {
  const target = event.target.closest('[data-action]');
  // Submit buttons act through their form, so that Enter in a field does the same.
  if (target === null || target.type === 'submit' || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const { action } = target.dataset;
  const gesture = parts.gesture(action);
  if (action in ACTIONS) ACTIONS[action](target);
  else if (gesture) gesture(contextNow(), target);
  else act(() => parts.action(action)(contextNow(), target));
});

document.addEventListener('submit', (event) => {
  event.preventDefault();
  submit();
});

/* History, sleep and return */

document.addEventListener(
  'toggle',
  ({ target }) => {
    if (target.tagName === 'DETAILS') history.replaceState({ ...history.state, unfolded: page.openFoldings() }, '');
  },
  true,
);

window.addEventListener('popstate', () => {
  // A new link in an open page begins a new life: nothing of this user may stay.
  if (arrival.isNewLink()) {
    location.reload();
    return;
  }
  dispatch({ type: 'go', screen: screenInAddress(), fromHistory: true }).catch((error) => {
    history.replaceState(history.state, '', `#${state.screen}`);
    return refuse(error);
  });
});

/**
 * Ask the server again, and return whether it answered.
 *
 * A page that nobody asked to change stays as it is when no answer comes.
 */
async function refresh() {
  const isStopped = state.screen === 'stopped';
  if (isBusy || refreshing || tenant === null || (isStopped && !state.facts.signedIn)) return true;
  refreshing = askNow(isStopped);
  try {
    return await refreshing;
  } finally {
    refreshing = null;
  }
}

async function askNow(isStopped) {
  try {
    // What has stopped goes on by its button alone, but the session has to last until then.
    if (isStopped) adoptSession(await api.session());
    else await dispatch(await eventFromServer(state.screen));
    return true;
  } catch (error) {
    if (arrival.NO_ANSWER.includes(error.code)) return false;
    await refuse(error);
    return true;
  }
}

/** The same for somebody who is there, and is told when no answer comes. */
async function askAgain() {
  if (!(await refresh())) await refuse(new api.Problem('network'));
}

document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'hidden') {
    hiddenSince = Date.now();
    return;
  }
  sessionLimit.check();
  if (hiddenSince !== null && Date.now() - hiddenSince > ASK_AGAIN_AFTER_HIDDEN_MILLISECONDS) refresh();
  hiddenSince = null;
});

window.addEventListener('pagehide', () => {
  arrival.forgetLink();
  forget();
});

window.addEventListener('pageshow', async ({ persisted }) => {
  if (!persisted) return;
  // The session ended when the user was sent back: what the page shows is over.
  if (arrival.isGone()) {
    location.reload();
    return;
  }
  showPassword(false);
  await askAgain();
  // Key and codes were wiped when the page was put away; asking the server brings them back.
  if (state.screen === 'app' && offer !== null) {
    show({ focus: false });
    page.unfold(history.state?.unfolded ?? []);
  }
  if (state.screen === 'recovery') run(() => enter({ focus: false }));
});

/* Start */

async function start() {
  const parameters = new URLSearchParams(location.search);
  const candidates = [parameters.get('lang'), savedLanguage(), ...navigator.languages];
  const isNew = arrival.isArriving();
  // Tenants offer it most often: whoever has a slow line waits for both at once.
  loadTexts(chooseLanguage(candidates, offeredLanguages())).catch(() => {});
  const answers = await Promise.allSettled([loadTenant(parameters.get('tenant')), arrival.presentSession()]);
  const [tenantAnswer, sessionAnswer] = answers;
  const offered = offeredLanguages(tenant?.languages);
  try {
    await parts.talk(chooseLanguage([...candidates, tenant?.default_language], offered));
  } catch {
    page.showUnreachable();
    return;
  }
  speak();
  try {
    if (tenantAnswer.status === 'rejected') throw tenantAnswer.reason;
    if (sessionAnswer.status === 'rejected') throw sessionAnswer.reason;
    const event = await eventFromServer(screenInAddress(), sessionAnswer.value);
    // A portal that only asks for the code gets its user back at once.
    const isKnown = event.facts.verifiedBy === 'remembered_browser' && event.facts.handedOff === 'sign-in';
    await dispatch(isNew && isKnown ? await leave(event) : event);
  } catch (error) {
    await refuse(error);
  }
}

history.scrollRestoration = 'manual';
start();

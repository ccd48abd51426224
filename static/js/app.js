/** Starts the page and carries events: from the user and the server to the machine, and its effects to the page. */

import * as api from './api.js';
import { brandTokens } from './brand.js';
import { LANGUAGES, chooseLanguage, loadTexts, momentOf, offeredLanguages, pluralForm } from './i18n.js';
import { STEPS, factsOf, initialState, next } from './machine.js';
import * as page from './page.js';
import { FieldErrors, SCREENS, copyKey, emptyPassword, showPassword, strong, togglePassword, toggleQrSize } from './screens.js';
import { createSessionLimit } from './session-limit.js';

const ASK_AGAIN_AFTER_HIDDEN_MILLISECONDS = 60_000;
const LANGUAGE_STORAGE_NAME = 'language';
const MISMATCHES_BEFORE_HELP = 2;
const HAND_OFF_MARK = '#hand-off=';

/** The token of a portal's link, until the server has answered it. */
let handOff = takeHandOff();

/** What the history entry remembers across a reload; nothing secret. */
const kept = history.state ?? {};

let state = initialState(kept);
let tenant = null;
let session = null;
let offer = null;
let texts = null;
let isBusy = false;
let mismatches = 0;
let hiddenSince = null;
let waitTimer = null;
let hasLeft = false;

const language = () => texts.language;
const screenInAddress = () => location.hash.slice(1);

/** Tell what decides how a screen looks, so that a change of it shows the screen anew. */
const viewOf = ({ screen, reason, facts }) => `${screen} ${reason} ${facts.passwordAtPortal}`;

const sessionLimit = createSessionLimit({
  onWarn(endsAt, canExtend) {
    page.openDialog(canExtend ? 'more_time.text' : 'more_time.last', { when: () => whenText(endsAt) });
  },
  // Another tab may have gone on working: only the server knows whether the session is over.
  async onEnd() {
    const isAnswered = await refresh();
    if (!isAnswered) await dispatch({ type: 'problem', code: 'not_signed_in' });
  },
});

/* Hand-off: a portal's link brings its user here, and we send them back */

/** Take the token out of the address, and with it out of the history, before anything else happens. */
function takeHandOff() {
  if (!location.hash.startsWith(HAND_OFF_MARK)) return null;
  const token = location.hash.slice(HAND_OFF_MARK.length);
  history.replaceState(null, '', location.pathname + location.search);
  return token;
}

/** Return the session that the portal's link stands for, else the one that this browser has. */
async function presentSession() {
  if (handOff === null) return api.session();
  try {
    const answer = await api.takeUp(handOff);
    handOff = null;
    return answer;
  } catch (problem) {
    // Without an answer the link may still be good: the user can try again.
    if (!NO_ANSWER.includes(problem.code)) handOff = null;
    throw problem;
  }
}

/**
 * Go back to the portal that handed the user over, with all buttons waiting until the browser has left.
 *
 * *standing* is the event to carry first where the way back is refused and the user has to stay.
 */
async function leave(standing = null) {
  page.sayWhyWaiting('status.leaving');
  try {
    const { url } = await api.goBack();
    hasLeft = true;
    location.assign(url);
  } catch (problem) {
    // The session was over already; where the user signs in now, the next screen says.
    if (problem.code === 'not_signed_in') return { type: 'signed-out' };
    if (standing !== null) await dispatch(standing);
    throw problem;
  }
  return new Promise(() => {});
}

/* Languages */

function savedLanguage() {
  try {
    return localStorage.getItem(LANGUAGE_STORAGE_NAME);
  } catch {
    return null; // Storage may be forbidden; the choice then lasts as long as the page.
  }
}

function saveLanguage(chosen) {
  try {
    localStorage.setItem(LANGUAGE_STORAGE_NAME, chosen);
  } catch {
    // As above.
  }
}

function addressIn(chosen) {
  const address = new URL(location.href);
  address.searchParams.set('lang', chosen);
  return address.href;
}

/** Say everything in the texts in use, with what is known by now. */
function speak() {
  page.useTexts(texts, {
    portal: tenant?.portal_name ?? 'Tvåsteg',
    issuer: () => strong(tenant?.issuer ?? ''),
    username: () => strong(session?.username ?? ''),
    mail: () => contactLink('mailto:', tenant?.support.mail ?? ''),
    phone: () => contactLink('tel:', tenant?.support.phone ?? ''),
  });
  const offered = offeredLanguages(tenant?.languages ?? Object.keys(LANGUAGES));
  const others = offered.filter((code) => code !== language());
  page.showLanguages(others.map((code) => ({ language: code, name: LANGUAGES[code] })), addressIn);
  page.showSupportHours(tenant?.support.hours?.[language()] ?? null);
}

/** Return a server time as this computer's clock will show it: "kl. 14:32". */
function whenText(time) {
  const { isToday, ...values } = momentOf(language(), api.asLocal(time), new Date());
  return page.plain(isToday ? 'when.today' : 'when.other_day', values);
}

function contactLink(scheme, address) {
  const link = document.createElement('a');
  link.href = scheme + address.replaceAll(' ', '');
  link.textContent = address;
  return link;
}

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
  if (texts !== null) speak();
  if (tenant.suspended) throw new api.Problem('tenant_suspended');
}

/** Return the event that the server's present answer makes, for somebody who wants the screen *wanted*. */
async function eventFromServer(wanted, answer = presentSession()) {
  const event = adopt(await answer, wanted);
  if (session.tenant !== tenant.id) await loadTenant(session.tenant);
  const expectsKey = ['app', 'code'].includes(wanted) && (event.facts.factor === 'none' || state.replacing);
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
  // Before the move, so that a user who cannot have the key stays on a screen that works.
  if (['app', 'code'].includes(after.screen) && offer === null) offer = await api.offer();
  state = after;
  if (!state.facts.signedIn) {
    sessionLimit.stop();
    page.closeDialog();
  }
  if (effects.includes('wipe')) forget();
  const entry = { replacing: state.replacing, outcome: state.outcome };
  if (effects.includes('push')) history.pushState(entry, '', `#${state.screen}`);
  if (effects.includes('replace')) history.replaceState(entry, '', `#${state.screen}`);
  if (isNewScreen) show({ focus: !isFirst });
  if (isFirst) page.unfold(kept.unfolded ?? []);
}

/** Forget the key and all that was typed. */
function forget() {
  offer = null;
  if (handOff === null) api.forgetUnanswered();
  page.wipe();
}

function show({ focus }) {
  if (state.screen === 'sign-in') {
    session = null;
    page.showReference(null);
  }
  const screen = SCREENS[state.screen];
  const context = contextNow();
  const at = STEPS.indexOf(state.screen);
  clearTimeout(waitTimer);
  mismatches = 0;
  page.showScreen(state.screen, screen.template?.(context) ?? state.screen, {
    step: at < 0 ? null : { n: at + 1, of: STEPS.length },
    when: screen.when?.(context) ?? {},
    values: screen.values?.(context) ?? {},
    enter: () => screen.enter?.(context),
    focus,
  });
}

function contextNow() {
  return { state, tenant, session, offer, language, texts: () => texts, adopt, adoptOffer, signOut, resume, leave };
}

/** Run *work*, one piece at a time, and carry the event that it returns. */
async function run(work) {
  if (isBusy) return;
  isBusy = true;
  try {
    const event = await page.whileWaiting(work);
    if (event) await dispatch(event);
    return event;
  } catch (error) {
    await refuse(error);
  } finally {
    isBusy = false;
  }
}

async function submit() {
  const from = state.screen;
  await run(() => {
    page.clearErrors();
    return SCREENS[from].submit(contextNow());
  });
  const isAccepted = ['code', 'verify'].includes(from) && state.screen === 'done';
  if (isAccepted) page.announce('status.code_accepted');
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
  if (texts.words[`problem.${problem.code}`] === undefined) problem.code = 'internal_error';
  if (problem.reference !== null) page.showReference(problem.reference);
  const before = viewOf(state);
  await dispatch({ type: 'problem', code: problem.code });
  const hasEnded = ['stopped', 'done'].includes(state.screen) && viewOf(state) !== before;
  if (!hasEnded && !TOLD_BY_SCREEN.includes(problem.code)) tell(problem);
}

/** Fields that a refusal is about, by the start of its code. */
const FIELD_OF_CODE = {
  otp_malformed: 'otp',
  otp_mismatch: 'otp',
  otp_already_used: 'otp',
  clock_skew: 'otp',
  password_mismatch: 'current-password',
};

function tell(problem) {
  const field = FIELD_OF_CODE[problem.code] ?? null;
  const hasField = document.querySelector(`[data-field="${field}"]`) !== null;
  if (field === 'current-password' || state.screen === 'sign-in') emptyPassword();
  if (problem.code === 'otp_mismatch') countMismatch();
  page.showErrors([{ field: hasField ? field : null, ...wordsOf(problem) }]);
  if (problem.code === 'too_many_attempts') tellWhenWaitIsOver(problem.retryAt);
}

function countMismatch() {
  mismatches += 1;
  const help = document.getElementById('otp-help');
  if (help !== null) help.hidden = mismatches < MISMATCHES_BEFORE_HELP;
}

/** Return the text key of *problem* on the present screen, with its values. */
function wordsOf({ code, retryAt, driftSeconds }) {
  const isPasswordScreen = ['sign-in', 'password'].includes(state.screen);
  switch (code) {
    case 'clock_skew': {
      if (driftSeconds === null) return { key: 'problem.clock_skew' };
      const minutes = Math.max(1, Math.round(Math.abs(driftSeconds) / 60));
      const direction = driftSeconds > 0 ? 'ahead' : 'behind';
      return { key: `problem.clock_skew.${direction}.${pluralForm(language(), minutes)}`, values: { minutes } };
    }
    case 'too_many_attempts': {
      const key = isPasswordScreen ? 'problem.too_many_attempts.password' : 'problem.too_many_attempts';
      return { key, values: { when: () => whenText(retryAt) } };
    }
    case 'password_mismatch':
      if (tenant.neutral_password_errors) return { key: 'problem.password_mismatch.neutral' };
      return { key: state.screen === 'sign-in' ? 'problem.password_mismatch.pair' : 'problem.password_mismatch' };
    case 'network':
      return { key: ['code', 'verify'].includes(state.screen) ? 'problem.network.otp' : 'problem.network' };
    default:
      return { key: `problem.${code}` };
  }
}

/** The longest time a browser's timer can hold. */
const LONGEST_TIMER_MILLISECONDS = 2 ** 31 - 1;

function tellWhenWaitIsOver(retryAt) {
  clearTimeout(waitTimer);
  const left = Date.parse(retryAt) - api.serverNow();
  if (left > LONGEST_TIMER_MILLISECONDS) return;
  waitTimer = setTimeout(() => page.replaceSummary('status.wait_over'), Math.max(0, left));
}

/* What the user can do besides the main button */

async function signOut() {
  await api.signOut();
  forget();
  return { type: 'signed-out' };
}

/** Ask the server where things stand and go on from the first step. */
async function resume() {
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
      if (state.facts.pending) await api.dropEnrolment();
      if (session !== null) session.enrolment = null;
      return { type: 'cancel' };
    }),
  replace: () => run(async () => ({ type: 'replace' })),
  return: () => run(leave),
  'sign-out': async () => {
    page.closeDialog();
    const event = await run(signOut);
    if (event) page.announce('status.signed_out');
  },
  stay: async () => {
    page.closeDialog();
    const isAnswered = await refresh();
    if (!isAnswered) await refuse(new api.Problem('network'));
  },
  language: async ({ dataset }) => {
    try {
      texts = await loadTexts(dataset.language);
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
  'copy-key': () => copyKey(offer),
  enlarge: (button) => {
    toggleQrSize(button, offer);
    page.say(button, button.getAttribute('aria-pressed') === 'true' ? 'qr.shrink' : 'qr.enlarge');
  },
};

document.addEventListener('click', (event) => {
  const target = event.target.closest('[data-action]');
  // Submit buttons act through their form, so that Enter in a field does the same.
  if (target === null || target.type === 'submit' || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  ACTIONS[target.dataset.action]?.(target);
});

/* Escape shows that somebody is there. */
document.getElementById('more-time').addEventListener('cancel', (event) => {
  event.preventDefault();
  ACTIONS.stay();
});

document.addEventListener('submit', (event) => {
  event.preventDefault();
  submit();
});

/* A refused code is there to be typed over. */
document.addEventListener('focusin', ({ target }) => {
  if (target.id === 'otp' && target.getAttribute('aria-invalid') === 'true') target.select();
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
  if (location.hash.startsWith(HAND_OFF_MARK)) {
    location.reload();
    return;
  }
  dispatch({ type: 'go', screen: screenInAddress(), fromHistory: true }).catch((error) => {
    history.replaceState(history.state, '', `#${state.screen}`);
    return refuse(error);
  });
});

const NO_ANSWER = ['network', 'service_unavailable', 'internal_error'];

/**
 * Ask the server again, and return whether it answered.
 *
 * A page that nobody asked to change stays as it is when no answer comes.
 */
async function refresh() {
  if (isBusy || tenant === null || state.screen === 'stopped') return true;
  isBusy = true;
  try {
    await dispatch(await eventFromServer(state.screen));
    return true;
  } catch (error) {
    if (NO_ANSWER.includes(error.code)) return false;
    await refuse(error);
    return true;
  } finally {
    isBusy = false;
  }
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
  handOff = null;
  forget();
});

window.addEventListener('pageshow', async ({ persisted }) => {
  if (!persisted) return;
  // The session ended when the user was sent back: what the page shows is over.
  if (hasLeft) {
    location.reload();
    return;
  }
  showPassword(false);
  await refresh();
  // The key was wiped when the page was put away; asking the server brought it back.
  if (state.screen === 'app' && offer !== null) show({ focus: false });
});

/* Start */

async function start() {
  const parameters = new URLSearchParams(location.search);
  const candidates = [parameters.get('lang'), savedLanguage(), ...navigator.languages];
  const answers = await Promise.allSettled([loadTenant(parameters.get('tenant')), presentSession()]);
  const [tenantAnswer, sessionAnswer] = answers;
  const offered = offeredLanguages(tenant?.languages ?? Object.keys(LANGUAGES));
  try {
    texts = await loadTexts(chooseLanguage([...candidates, tenant?.default_language], offered));
  } catch {
    page.showUnreachable();
    return;
  }
  speak();
  try {
    if (tenantAnswer.status === 'rejected') throw tenantAnswer.reason;
    if (sessionAnswer.status === 'rejected') throw sessionAnswer.reason;
    await dispatch(await eventFromServer(screenInAddress(), sessionAnswer.value));
  } catch (error) {
    await refuse(error);
  }
}

history.scrollRestoration = 'manual';
start();

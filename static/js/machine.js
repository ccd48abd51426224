/**
 * Which screen the user is on, and where each event leads. Pure: no DOM, no network, no clock.
 *
 * The server is the truth: `facts` hold what it last said, and `clamp` lets nobody further than that.
 */

/** The counted steps, in order. */
export const STEPS = ['method', 'password', 'phone', 'app', 'code'];

/**
 * What the server has said about this browser.
 * @typedef {{signedIn: boolean, factor: 'none'|'active'|'disabled',
 *   verifiedBy: null|'code'|'recovery_code'|'remembered_browser', fresh: boolean, pending: boolean,
 *   codesMade: boolean, codesDue: boolean, resetPending: boolean,
 *   handedOff: null|'sign-in'|'manage', passwordAtPortal: boolean}} Facts
 * `fresh`: the password was proven again lately. `pending`: this sign-in has a key that waits for its code.
 * `codesMade`: there are recovery codes. `codesDue`: the user has to be given some, and say that they are kept.
 * `resetPending`: the help desk's one-time code comes before anything else.
 * `handedOff`: what a portal handed the user over for. `passwordAtPortal`: only the portal can ask for the password.
 */

/** @type {Facts} */
export const SIGNED_OUT = {
  signedIn: false,
  factor: 'none',
  verifiedBy: null,
  fresh: false,
  pending: false,
  codesMade: false,
  codesDue: false,
  resetPending: false,
  handedOff: null,
  passwordAtPortal: false,
};

/**
 * What somebody wants who is through already, by the screens that it takes; the first is where it begins.
 * `add`, `replace` and `lost` (replace without having the old phone) take the counted steps.
 */
const TASKS = {
  add: STEPS,
  replace: STEPS,
  lost: STEPS,
  rename: ['rename'],
  remove: ['remove'],
  renew: ['renew', 'recovery'],
};

/** Problem codes that end the step, whatever screen it was. */
const STOPPING_CODES = [
  'authenticator_disabled',
  'enrolment_attempts_exhausted',
  'enrolment_expired',
  'enrolment_replaced',
  'hand_off_expired',
  'not_found',
  'tenant_suspended',
];

/** Reasons after which the app on the phone holds a row that no longer works. */
const DEAD_KEY_REASONS = ['enrolment_attempts_exhausted', 'enrolment_expired', 'enrolment_replaced'];

/**
 * The state before the server has said anything.
 * @param {{task?: ?{kind: string, id: ?string}}} [kept] what the history entry remembers across a reload
 */
export function initialState({ task = null } = {}) {
  return { screen: null, facts: SIGNED_OUT, task, passwordRequired: false, renewed: false, reason: null };
}

/**
 * Return the facts that a session answer of the API states.
 * @param {object} session
 * @param {number} now server time, milliseconds
 * @returns {Facts}
 */
export function factsOf(session, now) {
  const { password_fresh_until: freshUntil } = session;
  return {
    signedIn: true,
    factor: session.second_factor,
    // A sign-in that began before there were other ways was verified by a code.
    verifiedBy: session.verified ? (session.verified_by ?? 'code') : null,
    fresh: freshUntil !== null && Date.parse(freshUntil) > now,
    pending: session.enrolment !== null,
    codesMade: session.recovery_codes.made,
    codesDue: session.recovery_codes.due,
    resetPending: session.reset_code_required,
    handedOff: session.hand_off?.purpose ?? null,
    passwordAtPortal: session.password === 'portal',
  };
}

/** Tell whether the user has shown more than a browser that is remembered: only that opens changes. */
const isProven = ({ verifiedBy }) => ['code', 'recovery_code'].includes(verifiedBy);

/** Tell whether the user goes through the counted steps. */
export const isSettingUp = ({ facts, task }) =>
  facts.factor !== 'active' || (task !== null && TASKS[task.kind] === STEPS);

/**
 * Return the screen nearest to *wanted* that the facts allow.
 * @param {string} wanted
 * @param {Facts} facts
 * @param {{task?: ?object, passwordRequired?: boolean}} [intent]
 */
export function clamp(wanted, facts, { task = null, passwordRequired = false } = {}) {
  if (!facts.signedIn) return 'sign-in';
  if (facts.resetPending) return 'reset-code';
  if (facts.factor !== 'none') {
    const isOff = facts.factor === 'disabled';
    if (wanted === 'recover' && facts.codesMade && !isProven(facts)) return 'recover';
    // What is disabled can only be replaced, by whoever gave a recovery code.
    if (isOff && facts.verifiedBy !== 'recovery_code') return 'stopped';
    if (facts.verifiedBy === null) return 'verify';
    if (facts.codesDue) return 'recovery';
    if (!isOff && (wanted === 'done' || wanted === 'account' || task === null)) {
      return wanted === 'done' ? 'done' : 'account';
    }
    if (!isProven(facts)) return 'verify';
    if (!isSettingUp({ facts, task })) {
      if (!facts.fresh || passwordRequired) return 'password';
      const screens = TASKS[task.kind];
      return screens.includes(wanted) ? wanted : screens[0];
    }
  }
  if (!STEPS.includes(wanted)) return facts.pending ? 'app' : 'method';
  const passwordIsProven = (facts.fresh || facts.pending) && !passwordRequired;
  if (wanted === 'password' && passwordIsProven) return 'phone';
  const furthest = facts.pending ? 'code' : facts.fresh ? 'phone' : 'password';
  return STEPS.indexOf(wanted) > STEPS.indexOf(furthest) ? furthest : wanted;
}

/** Return *state* moved to the screen that its facts allow for *wanted*. */
function settle(state, wanted) {
  const screen = clamp(wanted, state.facts, state);
  const moved = { ...state, screen };
  if (screen === 'stopped' && state.screen !== 'stopped') moved.reason = 'authenticator_disabled';
  if (screen !== 'stopped') moved.reason = null;
  if (screen === 'done' || screen === 'account') moved.task = null;
  if (screen === 'method' && state.facts.factor === 'disabled') moved.task = { kind: 'lost', id: null };
  return moved;
}

function stop(state, reason, facts = state.facts) {
  const known = DEAD_KEY_REASONS.includes(reason) ? { ...facts, pending: false } : facts;
  return {
    ...state,
    screen: 'stopped',
    reason,
    facts: reason === 'authenticator_disabled' ? { ...known, factor: 'disabled', verifiedBy: null } : known,
    renewed: state.renewed || DEAD_KEY_REASONS.includes(reason),
  };
}

const HANDLERS = {
  /** The server answered with a session, or with an offer, which proves a pending key. */
  server(state, { facts, wanted = state.screen }) {
    const known = { ...state, facts, passwordRequired: state.passwordRequired && !facts.fresh };
    const moved = settle(known, wanted);
    // Confirmed in another tab.
    const isFinished = moved.screen === 'account' && ['app', 'code'].includes(state.screen);
    return isFinished ? { ...moved, screen: 'done' } : moved;
  },

  /** The user moved, by a button or by the browser's history. */
  go(state, { screen }) {
    // New codes are out: the old ones work no more, and these are shown only here.
    return settle(state, state.screen === 'recovery' ? state.screen : screen);
  },

  /** The user wants something changed; the app has already dropped a pending key. */
  task(state, { kind, id = null, wanted = TASKS[kind][0], facts = state.facts }) {
    return settle({ ...state, facts: { ...facts, pending: false }, task: { kind, id } }, wanted);
  },

  /** The user broke off; the app has already dropped a pending key. */
  cancel(state) {
    const facts = { ...state.facts, pending: false };
    if (facts.factor === 'active') return settle({ ...state, facts, task: null }, 'account');
    return { ...stop(state, 'cancelled', facts), task: null };
  },

  /** The user has taken the last phone away. */
  'turned-off'(state, { facts }) {
    return { ...stop(state, 'turned_off', facts), task: null };
  },

  /** What the next screen is made of could not be had, though the server allows it. */
  stuck(state, { facts, code }) {
    return stop(state, code, facts);
  },

  'signed-out'() {
    return { ...initialState(), screen: 'sign-in' };
  },

  /** The server refused. Codes not named here leave the user where they are, with a summary. */
  problem(state, { code }) {
    if (STOPPING_CODES.includes(code)) return stop(state, code);
    switch (code) {
      case 'not_signed_in': {
        const out = { ...initialState(), screen: state.screen };
        const hadNothingToLose = state.screen === null || state.screen === 'sign-in' || state.screen === 'stopped';
        return hadNothingToLose ? settle(out, 'sign-in') : stop(out, 'not_signed_in');
      }
      case 'reauthentication_required':
        return settle(
          { ...state, facts: { ...state.facts, fresh: false }, passwordRequired: true },
          'password',
        );
      case 'verification_required':
        return settle({ ...state, facts: { ...state.facts, factor: 'active', verifiedBy: null } }, 'verify');
      case 'reset_code_required':
        return settle({ ...state, facts: { ...state.facts, resetPending: true } }, 'reset-code');
      case 'enrolment_not_begun':
        return settle({ ...state, facts: { ...state.facts, pending: false } }, state.screen ?? 'method');
      case 'password_held_by_portal':
        return settle({ ...state, facts: { ...state.facts, passwordAtPortal: true } }, state.screen);
      case 'not_enrolled':
        return settle({ ...state, facts: { ...state.facts, factor: 'none' } }, 'method');
      default:
        return state.screen === null ? stop(state, code) : state;
    }
  },
};

/** Only the user's own wish leaves a finished journey: no answer, no Back, no late problem does. */
const LEAVES_DONE = ['task', 'signed-out'];

/**
 * Return the state after *event* and what the page has to do about it.
 *
 * Effects: `push` or `replace` the history entry, `wipe` what is secret.
 */
export function next(state, event) {
  if (state.screen === 'done' && !LEAVES_DONE.includes(event.type)) {
    const facts = event.type === 'server' ? event.facts : state.facts;
    return { state: { ...state, facts }, effects: ['replace', 'wipe'] };
  }
  const after = HANDLERS[event.type](state, event);
  const hasMoved = after.screen !== state.screen;
  const effects = [];
  if (hasMoved || event.fromHistory) effects.push(historyEffect(state, after, event));
  if (losesSecrets(state, after)) effects.push('wipe');
  return { state: after, effects };
}

/** Tell whether the page has to forget what it shows: it is spent, dead, or no longer this user's business. */
function losesSecrets(before, after) {
  const hasMoved = after.screen !== before.screen;
  if (hasMoved && (before.screen === 'recovery' || ENDS.includes(after.screen))) return true;
  return before.facts.pending && !after.facts.pending;
}

/** Screens with nothing before them that Back could show. */
const ENDS = ['account', 'done', 'recovery', 'sign-in', 'stopped'];

/** Screens that Back should not return to once they are left. */
const NOT_KEPT = [null, 'password', 'recover', 'recovery', 'reset-code', 'stopped', 'verify'];

function historyEffect(before, after, event) {
  if (event.fromHistory || NOT_KEPT.includes(before.screen)) return 'replace';
  return ENDS.includes(after.screen) ? 'replace' : 'push';
}

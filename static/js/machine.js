/**
 * Which screen the user is on, and where each event leads. Pure: no DOM, no network, no clock.
 *
 * The server is the truth: `facts` hold what it last said, and `clamp` lets nobody further than that.
 */

/** The counted steps, in order. */
export const STEPS = ['method', 'password', 'phone', 'app', 'code'];

/**
 * What the server has said about this browser.
 * @typedef {{signedIn: boolean, factor: 'none'|'active'|'disabled', verified: boolean, fresh: boolean, pending: boolean,
 *   handedOff: null|'sign-in'|'manage', passwordAtPortal: boolean}} Facts
 * `fresh`: the password was proven again lately. `pending`: this sign-in has a key that waits for its code.
 * `handedOff`: what a portal handed the user over for. `passwordAtPortal`: only the portal can ask for the password.
 */

/** @type {Facts} */
export const SIGNED_OUT = {
  signedIn: false,
  factor: 'none',
  verified: false,
  fresh: false,
  pending: false,
  handedOff: null,
  passwordAtPortal: false,
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
 * @param {{replacing?: boolean, outcome?: string}} [kept] what the history entry remembers across a reload
 */
export function initialState({ replacing = false, outcome = 'already' } = {}) {
  return {
    screen: null,
    facts: SIGNED_OUT,
    replacing,
    passwordRequired: false,
    renewed: false,
    reason: null,
    outcome,
  };
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
    verified: session.verified,
    fresh: freshUntil !== null && Date.parse(freshUntil) > now,
    pending: session.enrolment !== null,
    handedOff: session.hand_off?.purpose ?? null,
    passwordAtPortal: session.password === 'portal',
  };
}

/**
 * Return the screen nearest to *wanted* that the facts allow.
 * @param {string} wanted
 * @param {Facts} facts
 * @param {{replacing?: boolean, passwordRequired?: boolean}} [intent]
 */
export function clamp(wanted, facts, { replacing = false, passwordRequired = false } = {}) {
  if (!facts.signedIn) return 'sign-in';
  if (facts.factor === 'disabled') return 'stopped';
  if (facts.factor === 'active') {
    if (!facts.verified) return 'verify';
    if (wanted === 'done' || !(replacing || facts.pending)) return 'done';
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
  if (screen === 'done') moved.replacing = false;
  return moved;
}

function stop(state, reason) {
  const facts = DEAD_KEY_REASONS.includes(reason) ? { ...state.facts, pending: false } : state.facts;
  return {
    ...state,
    screen: 'stopped',
    reason,
    facts: reason === 'authenticator_disabled' ? { ...facts, factor: 'disabled' } : facts,
    renewed: state.renewed || DEAD_KEY_REASONS.includes(reason),
  };
}

const HANDLERS = {
  /** The server answered with a session, or with an offer, which proves a pending key. */
  server(state, { facts, wanted = state.screen }) {
    const known = { ...state, facts, passwordRequired: state.passwordRequired && !facts.fresh };
    const moved = settle(known, wanted);
    if (moved.screen === 'done' && state.screen !== null) {
      moved.outcome = state.screen === 'code' ? 'enrolled' : 'already';
    }
    return moved;
  },

  /** The user moved, by a button or by the browser's history. */
  go(state, { screen }) {
    return settle(state, screen);
  },

  /** The user broke off; the app has already dropped a pending key. */
  cancel(state) {
    const facts = { ...state.facts, pending: false };
    return { ...stop(state, state.replacing ? 'kept' : 'cancelled'), replacing: false, facts };
  },

  /** The user asked to move to another phone. */
  replace(state) {
    return settle({ ...state, replacing: true }, 'method');
  },

  'signed-out'() {
    return { ...initialState(), screen: 'sign-in' };
  },

  /** The server refused. Codes not named here leave the user where they are, with a summary. */
  problem(state, { code }) {
    if (STOPPING_CODES.includes(code)) return stop(state, code);
    switch (code) {
      case 'not_signed_in': {
        const out = { ...initialState({ outcome: state.outcome }), screen: state.screen };
        const hadNothingToLose = state.screen === null || state.screen === 'sign-in' || state.screen === 'stopped';
        return hadNothingToLose ? settle(out, 'sign-in') : stop(out, 'not_signed_in');
      }
      case 'reauthentication_required':
        return settle(
          { ...state, facts: { ...state.facts, fresh: false }, passwordRequired: true },
          'password',
        );
      case 'verification_required':
        return settle({ ...state, facts: { ...state.facts, factor: 'active', verified: false } }, 'verify');
      case 'enrolment_already_confirmed':
        return settle(
          {
            ...state,
            replacing: false,
            outcome: 'enrolled',
            facts: { ...state.facts, signedIn: true, factor: 'active', verified: true, pending: false },
          },
          'done',
        );
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
const LEAVES_DONE = ['replace', 'signed-out'];

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
  if (losesKey(state, after)) effects.push('wipe');
  return { state: after, effects };
}

/** Tell whether the page has to forget its key: it is spent, dead, or no longer this user's business. */
function losesKey(before, after) {
  if (after.screen === 'stopped' || after.screen === 'done' || after.screen === 'sign-in') {
    return after.screen !== before.screen;
  }
  return before.facts.pending && !after.facts.pending;
}

/** Screens that Back should not return to once they are left. */
const NOT_KEPT = [null, 'password', 'verify', 'stopped'];

function historyEffect(before, after, event) {
  if (event.fromHistory || NOT_KEPT.includes(before.screen)) return 'replace';
  return ['done', 'stopped', 'sign-in'].includes(after.screen) ? 'replace' : 'push';
}

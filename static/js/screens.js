/**
 * The screens that everybody meets: what each shows and what its main button does.
 *
 * `template` and `when` choose the markup, `values` the words, `enter` fills in what a template
 * cannot know, `submit` does the work and returns an event for the machine.
 */

import * as api from './api.js';
import { check } from './code.js';
import { dateText, pluralForm } from './i18n.js';
import { announce, byId, say } from './page.js';

/** What the user has to mend before the server is asked. */
export class FieldErrors extends Error {
  /** @param {{field: string, key: string}[]} errors */
  constructor(errors) {
    super('fields');
    this.errors = errors;
  }
}

/** Refuse to go on while one of *fields* (text keys by id) is empty. */
export function requireFilled(fields) {
  const errors = Object.entries(fields)
    .filter(([id]) => byId(id).value.trim() === '')
    .map(([field, key]) => ({ field, key }));
  if (errors.length > 0) throw new FieldErrors(errors);
}

/** Return the password typed, hidden again, so that browsers store it and nobody reads it while we wait. */
function takePassword() {
  showPassword(false);
  return byId('current-password').value;
}

/** Show or hide what is typed in the password field. */
export function showPassword(isShown) {
  const button = document.querySelector('[data-action="show-password"]');
  if (button === null) return;
  byId('current-password').type = isShown ? 'text' : 'password';
  say(button, isShown ? 'password.hide' : 'password.show');
}

/** Take back what was typed as a password, where there is such a field. */
export function emptyPassword() {
  const field = byId('current-password');
  if (field !== null) field.value = '';
}

/** Swap between showing and hiding the password, and tell which. */
export function togglePassword() {
  const isShown = byId('current-password').type === 'password';
  showPassword(isShown);
  announce(isShown ? 'password.shown' : 'password.hidden');
}

/** Let the link *name* lead to *url*, where the screen has such a link. */
function leadTo(name, url) {
  const link = document.querySelector(`[data-link="${name}"]`);
  if (link !== null) link.href = url;
}

/** Return the code typed, if it can be one. */
export function takeOtp() {
  const { otp, error } = check(byId('otp').value);
  if (error) throw new FieldErrors([{ field: 'otp', key: `code.${error}` }]);
  return otp;
}

const DEAD_KEY = ['enrolment_expired', 'enrolment_replaced', 'enrolment_attempts_exhausted'];
const OWN_HEADING = [
  ...DEAD_KEY,
  'authenticator_disabled',
  'cancelled',
  'hand_off_expired',
  'not_found',
  'not_signed_in',
  'tenant_suspended',
  'turned_off',
];

/** Tell whether the user has to set it up, but not yet. */
function isDueLater({ second_factor: secondFactor, due_at: dueAt }) {
  return secondFactor === 'required' && dueAt !== null && Date.parse(dueAt) > api.serverNow();
}

/** Return the day of the last moment before *dueAt* in words: midnight ends the day before. */
function lastDay(language, dueAt) {
  return dateText(language, new Date(Date.parse(dueAt) - 1_000), 'UTC');
}

function stoppedText(reason, session, isRecoverable) {
  if (isRecoverable) return 'problem.authenticator_disabled.recoverable';
  if (reason === 'turned_off') return 'stopped.turned_off.text';
  if (reason !== 'cancelled') return `problem.${reason}`;
  if (isDueLater(session.policy)) return 'stopped.cancelled.later';
  return session.policy.second_factor === 'optional' ? 'stopped.cancelled.optional' : 'stopped.cancelled.text';
}

/** Return which buttons a stopped journey offers. */
function waysOn({ reason, facts }, tenant) {
  // Only the help desk can open a disabled authenticator: a button to try again would mislead.
  const isDisabled = reason === 'authenticator_disabled' && facts.signedIn;
  const isCancelled = ['cancelled', 'turned_off'].includes(reason);
  const returns = facts.handedOff !== null && (isCancelled || isDisabled);
  const isUpToPortal = reason === 'hand_off_expired' || (reason === 'not_signed_in' && tenant.passwords === 'portal');
  return {
    returns,
    goes_on: returns && isCancelled,
    recoverable: isDisabled && facts.codesMade,
    portal: isUpToPortal && tenant.sign_in_url !== null,
    resumable: !(returns || isDisabled || isUpToPortal || reason === 'tenant_suspended'),
    signed_in: facts.signedIn && !returns,
  };
}

/** Return what the button back to the portal says: whether the user gets in there or not. */
function returnAction({ reason }, { policy }) {
  const mayComeIn = policy.second_factor === 'optional' || isDueLater(policy);
  return reason !== 'authenticator_disabled' && mayComeIn ? 'action.on_to_portal' : 'action.back_to_portal';
}

function stoppedAction(reason) {
  if (reason === 'cancelled') return 'action.resume';
  if (reason === 'turned_off') return 'action.activate';
  if (reason === 'not_signed_in') return 'action.sign_in';
  return DEAD_KEY.includes(reason) ? 'action.restart' : 'action.retry';
}

export const SCREENS = {
  'sign-in': {
    template: ({ tenant, state }) =>
      tenant.passwords === 'portal' || state.facts.passwordAtPortal ? 'sign-in-at-portal' : 'sign-in',
    when: ({ tenant }) => ({ forgotten: tenant.forgotten_password_url !== null, portal: tenant.sign_in_url !== null }),
    enter({ tenant }) {
      leadTo('forgotten', tenant.forgotten_password_url);
      leadTo('portal', tenant.sign_in_url);
    },
    async submit({ tenant, adopt }) {
      requireFilled({ username: 'username.empty', 'current-password': 'password.empty' });
      const credentials = { tenant: tenant.id, username: byId('username').value.trim(), password: takePassword() };
      return adopt(await api.signIn(credentials));
    },
  },

  method: {
    when: ({ session: { policy } }) => ({
      required: policy.second_factor === 'required',
      optional: policy.second_factor === 'optional',
      deadline: isDueLater(policy),
    }),
    values: ({ session, language }) => ({ date: () => lastDay(language(), session.policy.due_at) }),
    submit: async () => ({ type: 'go', screen: 'password' }),
  },

  password: {
    template: ({ state }) => (state.facts.passwordAtPortal ? 'password-at-portal' : 'password'),
    when: ({ tenant }) => ({
      forgotten: tenant.forgotten_password_url !== null,
      portal: tenant.reauthentication_url !== null,
      no_portal: tenant.reauthentication_url === null,
    }),
    enter({ tenant, session, state }) {
      if (!state.facts.passwordAtPortal) byId('signed-in-as').value = session.username;
      leadTo('forgotten', tenant.forgotten_password_url);
      leadTo('portal', tenant.reauthentication_url);
    },
    async submit({ adopt }) {
      requireFilled({ 'current-password': 'password.empty' });
      return adopt(await api.provePassword(takePassword()), 'phone');
    },
  },

  verify: {
    when: ({ tenant, session, state: { facts } }) => ({
      remember: tenant.policy.remember_days !== null && facts.verifiedBy === null && session.role === 'user',
      recoverable: facts.codesMade,
      change: facts.verifiedBy !== null,
      sign_in: facts.verifiedBy === null,
    }),
    enter({ tenant, language }) {
      const days = tenant.policy.remember_days;
      if (byId('remember') !== null) {
        say(byId('remember-text'), `verify.remember.${pluralForm(language(), days)}`, { days });
      }
    },
    async submit({ adopt, leave }) {
      const answer = await api.verify(takeOtp(), byId('remember')?.checked === true);
      const event = { ...adopt(answer), said: 'status.code_accepted' };
      return event.facts.handedOff === 'sign-in' ? leave(event) : event;
    },
  },

  stopped: {
    when: ({ state, tenant }) => waysOn(state, tenant),
    enter({ state, tenant, session, language }) {
      const { recoverable } = waysOn(state, tenant);
      const heading = OWN_HEADING.includes(state.reason) ? `stopped.${state.reason}` : 'stopped.fault';
      say(byId('stopped-heading'), heading);
      say(byId('stopped-text'), stoppedText(state.reason, session, recoverable), {
        date: () => lastDay(language(), session.policy.due_at),
      });
      if (byId('stopped-return') !== null) {
        say(byId('stopped-return'), returnAction(state, session));
        byId('stopped-return').classList.toggle('primary', !recoverable);
      }
      if (byId('stopped-portal') !== null) {
        say(byId('stopped-portal'), state.reason === 'not_signed_in' ? 'action.sign_in_at_portal' : 'action.to_portal');
      }
      if (byId('stopped-action') !== null) say(byId('stopped-action'), stoppedAction(state.reason));
      leadTo('portal', tenant?.sign_in_url);
    },
    submit: ({ resume }) => resume(),
  },
};

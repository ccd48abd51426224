/**
 * The screens: what each shows and what its main button does.
 *
 * `template` and `when` choose the markup, `values` the words, `enter` fills in what a template
 * cannot know, `submit` does the work and returns an event for the machine.
 */

import * as api from './api.js';
import { check, groupKey } from './code.js';
import { dateText } from './i18n.js';
import { announce, say } from './page.js';
import { drawQr, sizeQr } from './qr.js';

const STORES = {
  android: 'https://play.google.com/store/apps/details?id=com.google.android.apps.authenticator2',
  iphone: 'https://apps.apple.com/app/google-authenticator/id388497605',
};
const ANDROID_PACKAGE = 'com.google.android.apps.authenticator2';

/** What the user has to mend before the server is asked. */
export class FieldErrors extends Error {
  /** @param {{field: string, key: string}[]} errors */
  constructor(errors) {
    super('fields');
    this.errors = errors;
  }
}

const byId = (id) => document.getElementById(id);

function requireFilled(fields) {
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

function takeOtp() {
  const { otp, error } = check(byId('otp').value);
  if (error) throw new FieldErrors([{ field: 'otp', key: `code.${error}` }]);
  return otp;
}

/** Return the kind of phone this page is open on, or null on a computer. */
export function phoneOf({ userAgent, maxTouchPoints }) {
  if (/android/i.test(userAgent)) return 'android';
  // iPadOS calls itself a Macintosh; no Macintosh has a touch screen.
  if (/iphone|ipad|ipod/i.test(userAgent) || (/macintosh/i.test(userAgent) && maxTouchPoints > 1)) return 'iphone';
  return null;
}

function chosenPhone() {
  return document.querySelector('[name="phone"]:checked')?.value ?? null;
}

function showSamePhoneQuestion() {
  const isThisKind = phoneOf(navigator) !== null && phoneOf(navigator) === chosenPhone();
  byId('same-phone').hidden = !isThisKind;
}

function isSamePhone() {
  return !byId('same-phone').hidden && byId('same-phone-yes').checked;
}

/** Return the name to give the entry by hand: without the portal's name nobody finds it again. */
function accountLabel({ issuer, account_name: accountName }) {
  return `${issuer} – ${accountName}`;
}

/** Return an Android link that opens Google's own app, or its page in the store where it is missing. */
function androidLink(uri) {
  const target = uri.replace(/^otpauth:/, 'intent:');
  const fallback = encodeURIComponent(STORES.android);
  return `${target}#Intent;scheme=otpauth;package=${ANDROID_PACKAGE};S.browser_fallback_url=${fallback};end`;
}

function fillOffer(offer) {
  byId('qr').replaceChildren(drawQr(offer.qr, { title: 'qr.title', description: 'qr.description' }));
  say(byId('qr-title'), 'qr.title');
  say(byId('qr-description'), 'qr.description');
  byId('key').textContent = groupKey(offer.key);
  const direct = document.querySelector('[data-link="direct"]');
  if (direct !== null) direct.href = offer.enrolment.phone === 'android' ? androidLink(offer.uri) : offer.uri;
}

function storeLink(phone, pageTexts) {
  const link = document.createElement('a');
  link.href = STORES[phone];
  link.target = '_blank';
  link.rel = 'noopener noreferrer';
  link.textContent = pageTexts().words[`app.store.${phone}`];
  return link;
}

/** Draw the QR code larger, or smaller again. */
export function toggleQrSize(button, offer) {
  const enlarged = button.getAttribute('aria-pressed') !== 'true';
  button.setAttribute('aria-pressed', String(enlarged));
  sizeQr(byId('qr').querySelector('svg'), offer.qr.size, enlarged);
}

/** Put the key on the clipboard; where the browser refuses, select it for the user to copy. */
export async function copyKey(offer) {
  try {
    await navigator.clipboard.writeText(offer.key);
    announce('key.copied', byId('key-said'));
  } catch {
    getSelection().selectAllChildren(byId('key'));
    announce('key.selected', byId('key-said'));
  }
}

const DEAD_KEY = ['enrolment_expired', 'enrolment_replaced', 'enrolment_attempts_exhausted'];
const OWN_HEADING = [
  ...DEAD_KEY,
  'authenticator_disabled',
  'cancelled',
  'hand_off_expired',
  'kept',
  'not_found',
  'not_signed_in',
  'tenant_suspended',
];

/** Tell whether the user has to set it up, but not yet. */
function isDueLater({ second_factor: secondFactor, due_at: dueAt }) {
  return secondFactor === 'required' && dueAt !== null && Date.parse(dueAt) > api.serverNow();
}

/** Return the day of the last moment before *dueAt* in words: midnight ends the day before. */
function lastDay(language, dueAt) {
  return dateText(language, new Date(Date.parse(dueAt) - 1_000), 'UTC');
}

function stoppedText(reason, session) {
  if (reason === 'kept') return 'stopped.kept.text';
  if (reason !== 'cancelled') return `problem.${reason}`;
  if (isDueLater(session.policy)) return 'stopped.cancelled.later';
  return session.policy.second_factor === 'optional' ? 'stopped.cancelled.optional' : 'stopped.cancelled.text';
}

/** Return which buttons a stopped journey offers. */
function waysOn({ reason, facts }, tenant) {
  // Only the help desk can open a disabled authenticator: a button to try again would mislead.
  const isDisabled = reason === 'authenticator_disabled' && facts.signedIn;
  const isCancelled = reason === 'cancelled';
  const returns = facts.handedOff !== null && (isCancelled || isDisabled);
  const isUpToPortal = reason === 'hand_off_expired' || (reason === 'not_signed_in' && tenant.passwords === 'portal');
  return {
    returns,
    goes_on: returns && isCancelled,
    portal: isUpToPortal && tenant.sign_in_url !== null,
    resumable: !(returns || isDisabled || isUpToPortal || reason === 'tenant_suspended'),
    signed_in: facts.signedIn && !returns,
  };
}

/** Return what the button back to the portal says: whether the user gets in there or not. */
function returnAction({ reason }, { policy }) {
  const mayComeIn = policy.second_factor === 'optional' || isDueLater(policy);
  return reason === 'cancelled' && mayComeIn ? 'action.on_to_portal' : 'action.back_to_portal';
}

function stoppedAction(reason) {
  if (reason === 'cancelled') return 'action.resume';
  if (reason === 'kept') return 'action.back';
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
    when: ({ session: { policy }, state }) => ({
      required: !state.replacing && policy.second_factor === 'required',
      optional: !state.replacing && policy.second_factor === 'optional',
      replacing: state.replacing,
      deadline: !state.replacing && isDueLater(policy),
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

  phone: {
    enter({ session }) {
      const phone = session.enrolment?.phone ?? phoneOf(navigator);
      if (phone !== null) byId(`phone-${phone}`).checked = true;
      if (session.enrolment) byId(session.enrolment.same_phone ? 'same-phone-yes' : 'same-phone-no').checked = true;
      showSamePhoneQuestion();
      for (const radio of document.querySelectorAll('[name="phone"]')) {
        radio.addEventListener('change', showSamePhoneQuestion);
      }
    },
    async submit({ session, adoptOffer }) {
      const phone = chosenPhone();
      if (phone === null) throw new FieldErrors([{ field: 'phone', key: 'phone.empty' }]);
      const choice = { phone, same_phone: isSamePhone() };
      const isUnchanged = session.enrolment?.phone === choice.phone && session.enrolment.same_phone === choice.same_phone;
      // An unchanged choice needs no new password, however old the last proof is.
      return adoptOffer(isUnchanged ? await api.offer() : await api.begin(choice), 'app');
    },
  },

  app: {
    template: ({ offer }) => (offer.enrolment.same_phone ? 'app-same-phone' : 'app'),
    when: ({ offer, state }) => ({ renewed: state.renewed, [offer.enrolment.phone]: true }),
    values: ({ offer, texts }) => ({
      store: () => storeLink(offer.enrolment.phone, texts),
      account: () => strong(accountLabel(offer)),
    }),
    enter: ({ offer }) => fillOffer(offer),
    submit: async () => ({ type: 'go', screen: 'code' }),
  },

  code: {
    values: ({ offer }) => ({ username: () => strong(offer.account_name) }),
    async submit({ adopt }) {
      return adopt(await api.confirm(takeOtp()), 'done');
    },
  },

  verify: {
    async submit({ adopt, leave }) {
      const event = adopt(await api.verify(takeOtp()));
      return event.facts.handedOff === 'sign-in' ? leave(event) : event;
    },
  },

  done: {
    template: ({ state }) => (state.outcome === 'enrolled' ? 'done' : 'already'),
    when: ({ tenant, session, state }) => ({
      returns: tenant.return_url !== null || state.facts.handedOff !== null,
      bound: Boolean(session?.authenticator?.bound_at),
    }),
    values: ({ session, language }) => ({
      date: () => session?.authenticator && dateText(language(), new Date(session.authenticator.bound_at)),
    }),
    async submit({ tenant, state, signOut, leave }) {
      if (state.facts.handedOff !== null) return leave();
      if (tenant.return_url === null) return signOut();
      location.assign(tenant.return_url);
      return null;
    },
  },

  stopped: {
    when: ({ state, tenant }) => waysOn(state, tenant),
    enter({ state, tenant, session, language }) {
      const heading = OWN_HEADING.includes(state.reason) ? `stopped.${state.reason}` : 'stopped.fault';
      say(byId('stopped-heading'), heading);
      say(byId('stopped-text'), stoppedText(state.reason, session), {
        date: () => lastDay(language(), session.policy.due_at),
      });
      if (byId('stopped-return') !== null) say(byId('stopped-return'), returnAction(state, session));
      if (byId('stopped-portal') !== null) {
        say(byId('stopped-portal'), state.reason === 'not_signed_in' ? 'action.sign_in_at_portal' : 'action.to_portal');
      }
      if (byId('stopped-action') !== null) say(byId('stopped-action'), stoppedAction(state.reason));
      leadTo('portal', tenant?.sign_in_url);
    },
    submit: ({ resume }) => resume(),
  },
};

/** Return *text* set off from its sentence and left alone by page translators. */
export function strong(text) {
  const element = document.createElement('strong');
  element.translate = false;
  element.textContent = text;
  return element;
}

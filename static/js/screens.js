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

function linkForgottenPassword(tenant) {
  const link = document.querySelector('[data-link="forgotten"]');
  if (link !== null) link.href = tenant.forgotten_password_url;
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
const OWN_HEADING = [...DEAD_KEY, 'cancelled', 'kept', 'not_signed_in', 'authenticator_disabled', 'not_found'];

function stoppedText(reason, tenant) {
  if (reason === 'kept') return 'stopped.kept.text';
  if (reason !== 'cancelled') return `problem.${reason}`;
  return tenant?.policy.second_factor === 'optional' ? 'stopped.cancelled.optional' : 'stopped.cancelled.text';
}

function stoppedAction(reason) {
  if (reason === 'cancelled') return 'action.resume';
  if (reason === 'kept') return 'action.back';
  if (reason === 'not_signed_in') return 'action.sign_in';
  return DEAD_KEY.includes(reason) ? 'action.restart' : 'action.retry';
}

export const SCREENS = {
  'sign-in': {
    when: ({ tenant }) => ({ forgotten: tenant.forgotten_password_url !== null }),
    enter: ({ tenant }) => linkForgottenPassword(tenant),
    async submit({ tenant, adopt }) {
      requireFilled({ username: 'username.empty', 'current-password': 'password.empty' });
      const credentials = { tenant: tenant.id, username: byId('username').value.trim(), password: takePassword() };
      return adopt(await api.signIn(credentials));
    },
  },

  method: {
    when: ({ tenant, state }) => ({
      required: !state.replacing && tenant.policy.second_factor === 'required',
      optional: !state.replacing && tenant.policy.second_factor === 'optional',
      replacing: state.replacing,
      deadline: !state.replacing && tenant.policy.deadline !== null,
    }),
    values: ({ tenant, language }) => ({
      // Noon keeps the day the same in every time zone of the portals.
      date: () => tenant.policy.deadline && dateText(language(), new Date(`${tenant.policy.deadline}T12:00:00`)),
    }),
    submit: async () => ({ type: 'go', screen: 'password' }),
  },

  password: {
    when: ({ tenant }) => ({ forgotten: tenant.forgotten_password_url !== null }),
    enter({ tenant, session }) {
      byId('signed-in-as').value = session.username;
      linkForgottenPassword(tenant);
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
    async submit({ adopt }) {
      return adopt(await api.verify(takeOtp()));
    },
  },

  done: {
    template: ({ state }) => (state.outcome === 'enrolled' ? 'done' : 'already'),
    when: ({ tenant, session }) => ({
      returns: tenant.return_url !== null,
      bound: Boolean(session?.authenticator?.bound_at),
    }),
    values: ({ session, language }) => ({
      date: () => session?.authenticator && dateText(language(), new Date(session.authenticator.bound_at)),
    }),
    async submit({ tenant, signOut }) {
      if (tenant.return_url === null) return signOut();
      location.assign(tenant.return_url);
      return null;
    },
  },

  stopped: {
    when: ({ state }) => ({
      // Only the help desk can open a disabled authenticator: a button to try again would mislead.
      resumable: state.reason !== 'authenticator_disabled' || !state.facts.signedIn,
      signed_in: state.facts.signedIn,
    }),
    enter({ state, tenant }) {
      const heading = OWN_HEADING.includes(state.reason) ? `stopped.${state.reason}` : 'stopped.fault';
      say(byId('stopped-heading'), heading);
      say(byId('stopped-text'), stoppedText(state.reason, tenant));
      if (byId('stopped-action') !== null) say(byId('stopped-action'), stoppedAction(state.reason));
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

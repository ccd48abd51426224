/** The screens from the phone to the end: which phone, what to do on it, and the code that proves it. */

import * as api from '../api.js';
import { announce, byId, say, strong } from '../page.js';
import { FieldErrors, takeOtp } from '../screens.js';
import { drawQr, sizeQr } from './qr.js';

const STORES = {
  android: 'https://play.google.com/store/apps/details?id=com.google.android.apps.authenticator2',
  iphone: 'https://apps.apple.com/app/google-authenticator/id388497605',
};
const ANDROID_PACKAGE = 'com.google.android.apps.authenticator2';
const MISMATCHES_BEFORE_HELP = 2;

/** How often in a row the code did not match, while its screen is there. */
let mismatches = 0;

const begin = (phone) => api.act('POST', '/api/enrolment', phone);
const confirm = (otp) => api.act('POST', '/api/enrolment/confirmation', { otp }, { repeat: true });

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
  return `${issuer} ${accountName}`;
}

/** Return *key* in groups of four, as it is read aloud and typed. */
export function groupKey(key) {
  return key.match(/.{1,4}/g)?.join(' ') ?? '';
}

/** Return an Android link that opens Google's own app, or its page in the store where it is missing. */
function androidLink(uri) {
  const target = uri.replace(/^otpauth:/, 'intent:');
  const fallback = encodeURIComponent(STORES.android);
  return `${target}#Intent;scheme=otpauth;package=${ANDROID_PACKAGE};S.browser_fallback_url=${fallback};end`;
}

function fillOffer(offer) {
  byId('qr').replaceChildren(drawQr(offer.qr));
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
function toggleQrSize(button, offer) {
  const enlarged = button.getAttribute('aria-pressed') !== 'true';
  button.setAttribute('aria-pressed', String(enlarged));
  sizeQr(byId('qr').querySelector('svg'), offer.qr.size, enlarged);
}

/** Put the key on the clipboard; where the browser refuses, select it for the user to copy. */
async function copyKey(offer) {
  try {
    await navigator.clipboard.writeText(offer.key);
    announce('key.copied', byId('key-said'));
  } catch {
    getSelection().selectAllChildren(byId('key'));
    announce('key.selected', byId('key-said'));
  }
}

export const SCREENS = {
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
    async submit({ session, state: { task }, adoptOffer, dropKey }) {
      const phone = chosenPhone();
      if (phone === null) throw new FieldErrors([{ field: 'phone', key: 'phone.empty' }]);
      const choice = { phone, same_phone: isSamePhone() };
      const isUnchanged = session.enrolment?.phone === choice.phone && session.enrolment.same_phone === choice.same_phone;
      // An unchanged choice needs no new password, however old the last proof is. Where a phone is bound
      // already, only a new beginning says for sure which one it takes the place of.
      if (isUnchanged && task === null) return adoptOffer(await api.offer(), 'app');
      try {
        return await adoptOffer(await begin(task?.id ? { ...choice, replaces: task.id } : choice), 'app');
      } catch (problem) {
        if (problem.code !== 'not_found' || task === null) throw problem;
        // The one to replace was removed in another window.
        await dropKey();
        return { type: 'cancel', told: 'account.phone.gone' };
      }
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
    enter() {
      mismatches = 0;
    },
    async submit({ adopt }) {
      try {
        return { ...adopt(await confirm(takeOtp()), 'done'), said: 'status.code_accepted' };
      } catch (problem) {
        if (problem.code === 'otp_mismatch') mismatches += 1;
        // Whoever went back meanwhile left it behind.
        byId('otp-help')?.toggleAttribute('hidden', mismatches < MISMATCHES_BEFORE_HELP);
        throw problem;
      }
    },
  },

  done: {
    when: ({ state }) => ({ recoverable: state.facts.codesMade }),
    enter({ session }) {
      if (session.role === 'help_desk') say(byId('done-action'), 'action.to_help_desk');
    },
    submit: ({ finish }) => finish(),
  },
};

/** What buttons do on the page alone. */
export const GESTURES = {
  'copy-key': ({ offer }) => offer && copyKey(offer),
  enlarge({ offer }, button) {
    // Without a line there may be none, on a page that the browser had put away.
    if (offer === null) return;
    toggleQrSize(button, offer);
    say(button, button.getAttribute('aria-pressed') === 'true' ? 'qr.shrink' : 'qr.enlarge');
  },
};

/** What a refusal is called on the screen where it happens, and which field it is about. */

import { asLocal } from './api.js';
import { momentOf, pluralForm } from './i18n.js';
import { plain } from './page.js';

/** Fields by the beginning of the codes that are about them. */
const FIELDS = {
  otp_: 'otp',
  clock_skew: 'otp',
  password_mismatch: 'current-password',
  recovery_code_: 'recovery-code',
  reset_: 'reset-code',
};

/** Return the name of the field that the refusal *code* is about, or null. */
export function fieldOf(code) {
  const start = Object.keys(FIELDS).find((beginning) => code.startsWith(beginning));
  return FIELDS[start] ?? null;
}

/** Return a server time as this computer's clock will show it: "kl. 14:32". */
export function whenText(language, time) {
  const { isToday, ...values } = momentOf(language, asLocal(time), new Date());
  return plain(isToday ? 'when.today' : 'when.other_day', values);
}

/** Return the text key of the problem on *screen*, with its values. */
export function wordsOf({ code, retryAt, driftSeconds }, { screen, tenant, language }) {
  const isPasswordScreen = ['sign-in', 'password'].includes(screen);
  const values = { when: () => whenText(language(), retryAt) };
  switch (code) {
    case 'clock_skew': {
      if (driftSeconds === null) return { key: 'problem.clock_skew' };
      const minutes = Math.max(1, Math.round(Math.abs(driftSeconds) / 60));
      const direction = driftSeconds > 0 ? 'ahead' : 'behind';
      return { key: `problem.clock_skew.${direction}.${pluralForm(language(), minutes)}`, values: { minutes } };
    }
    case 'too_many_attempts':
      if (screen === 'recovery') return { key: 'problem.too_many_attempts.recovery', values };
      return { key: isPasswordScreen ? 'problem.too_many_attempts.password' : 'problem.too_many_attempts', values };
    case 'password_mismatch':
      if (tenant.neutral_password_errors) return { key: 'problem.password_mismatch.neutral' };
      return { key: screen === 'sign-in' ? 'problem.password_mismatch.pair' : 'problem.password_mismatch' };
    case 'network':
      return { key: ['code', 'verify'].includes(screen) ? 'problem.network.otp' : 'problem.network' };
    default:
      return { key: `problem.${code}`, values };
  }
}

/** Tells when the session is about to end, and when it has. */

import { serverNow } from './api.js';

const WARN_BEFORE_MILLISECONDS = 2 * 60_000;
/** A session that is asked about in its last second lives on: asking is using it. */
const SURELY_OVER_AFTER_MILLISECONDS = 5_000;

/**
 * Return a watch on the session's time limits.
 *
 * @param {(endsAt: string, canExtend: boolean) => void} onWarn two minutes before
 * @param {() => boolean} onEnd once it is over; whoever answers that it does not suit now is told again
 */
export function createSessionLimit({ onWarn, onEnd }) {
  let limits = null;
  let warnedAbout = null;
  let timer = null;

  function check() {
    clearTimeout(timer);
    if (limits === null) return;
    const left = Date.parse(limits.endsAt) - serverNow();
    const untilOver = left + SURELY_OVER_AFTER_MILLISECONDS;
    if (untilOver <= 0) {
      if (onEnd()) limits = null;
      else timer = setTimeout(check, SURELY_OVER_AFTER_MILLISECONDS);
      return;
    }
    if (left <= WARN_BEFORE_MILLISECONDS && warnedAbout !== limits.endsAt) {
      warnedAbout = limits.endsAt;
      onWarn(limits.endsAt, limits.canExtend);
    }
    const untilWarning = left - WARN_BEFORE_MILLISECONDS;
    timer = setTimeout(check, untilWarning > 0 ? untilWarning : untilOver);
  }

  return {
    /** Watch the limits that *session* states. */
    watch(session) {
      const isIdleLimit = Date.parse(session.expires_at) < Date.parse(session.ends_at);
      limits = { endsAt: isIdleLimit ? session.expires_at : session.ends_at, canExtend: isIdleLimit };
      check();
    },
    stop() {
      limits = null;
      clearTimeout(timer);
    },
    /** Look at the clock again: timers sleep while a tab is hidden or the computer is. */
    check,
  };
}

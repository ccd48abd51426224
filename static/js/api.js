/** All traffic of the page: time limits, repeats, and refusals as `Problem`. */

const ABORT_AFTER_MILLISECONDS = 10_000;
const READ_PAUSES_MILLISECONDS = [1_000, 3_000];
const REPEAT_PAUSES_MILLISECONDS = [1_000];
const GATEWAY_FAILURES = [502, 504];

/** A refusal by the server, or `network` when no answer came. */
export class Problem extends Error {
  /** @param {string} code */
  constructor(code, { reference = null, retryAt = null, driftSeconds = null } = {}) {
    super(code);
    this.code = code;
    this.reference = reference;
    this.retryAt = retryAt;
    this.driftSeconds = driftSeconds;
  }
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Server time minus ours: people's computers are often minutes off, and our times are absolute. */
let clockAheadMilliseconds = 0;

/** Return the server's time now, in milliseconds. */
export function serverNow() {
  return Date.now() + clockAheadMilliseconds;
}

/** Return a server time as a `Date` of this computer's own clock, the one that the user can see. */
export function asLocal(time) {
  return new Date(Date.parse(time) - clockAheadMilliseconds);
}

function noteServerClock(response) {
  const stated = Date.parse(response.headers.get('Date') ?? '');
  // The header has whole seconds; a smaller difference is rounding and travel time.
  const difference = stated - Date.now();
  clockAheadMilliseconds = Math.abs(difference) > 2_000 ? difference : 0;
}

async function answerOf(url, options) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), ABORT_AFTER_MILLISECONDS);
  try {
    const response = await fetch(url, { ...options, signal: abort.signal });
    const text = await response.text();
    return { response, text };
  } catch {
    throw new Problem('network');
  } finally {
    clearTimeout(timer);
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function once(url, options) {
  const { response, text } = await answerOf(url, options);
  // Files come out of the browser's cache, with the time at which they were put there.
  if (`${url}`.startsWith('/api/')) noteServerClock(response);
  if (response.status === 204) return null;
  const body = parsed(text);
  if (response.ok && body !== null) return body;
  if (GATEWAY_FAILURES.includes(response.status)) throw new Problem('network');
  throw new Problem(body?.code ?? 'internal_error', {
    reference: body?.reference ?? null,
    retryAt: body?.retry_at ?? null,
    driftSeconds: body?.drift_seconds ?? null,
  });
}

async function withRepeats(url, options, pauses, isWorthRepeating) {
  for (const milliseconds of pauses) {
    try {
      return await once(url, options);
    } catch (problem) {
      if (!isWorthRepeating(problem)) throw problem;
    }
    await pause(milliseconds);
  }
  return once(url, options);
}

/** Return the JSON found at *url*, asked for up to three times. */
export function read(url) {
  const isPassing = ({ code }) => code === 'network' || code === 'service_unavailable';
  return withRepeats(url, { headers: { Accept: 'application/json' } }, READ_PAUSES_MILLISECONDS, isPassing);
}

function freshKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * The last action whose answer never came. Asked again with the same content it goes out under the
 * same key, so that a confirmation that did arrive is answered instead of refused as a used code.
 */
let unanswered = null;

/** Forget what an unanswered action carried; one that carried nothing may still be repeated. */
export function forgetUnanswered() {
  if (unanswered !== null && unanswered.content !== null) unanswered = null;
}

/**
 * Return the answer to an action, asked for once more if *repeat* and no answer came.
 *
 * @param {?object} body
 */
export async function act(method, path, body = null, { repeat = false } = {}) {
  const content = body === null ? null : JSON.stringify(body);
  const isSameAction = unanswered !== null && unanswered.path === path && unanswered.content === content;
  const key = isSameAction ? unanswered.key : freshKey();
  const headers = { Accept: 'application/json', 'Idempotency-Key': key };
  if (content !== null) headers['Content-Type'] = 'application/json';
  const pauses = repeat ? REPEAT_PAUSES_MILLISECONDS : [];
  unanswered = { path, content, key };
  try {
    const answer = await withRepeats(path, { method, headers, body: content }, pauses, ({ code }) => code === 'network');
    unanswered = null;
    return answer;
  } catch (problem) {
    if (!['network', 'service_unavailable'].includes(problem.code)) unanswered = null;
    throw problem;
  }
}

/** @param {string|null} id the tenant asked for; null asks for the default one */
export const tenant = (id) => read(id === null ? '/api/tenant' : `/api/tenant?tenant=${encodeURIComponent(id)}`);
export const session = () => read('/api/session');
export const offer = () => read('/api/enrolment');
export const takeUp = (handOff) => act('POST', '/api/session/hand-off', { hand_off: handOff }, { repeat: true });
export const goBack = () => act('POST', '/api/session/return', null, { repeat: true });
export const signIn = (credentials) => act('POST', '/api/session', credentials);
export const signOut = () => act('DELETE', '/api/session');
export const provePassword = (password) => act('POST', '/api/session/password', { password }, { repeat: true });
export const dropEnrolment = () => act('DELETE', '/api/enrolment');
export const verify = (otp, remember) =>
  act('POST', '/api/verification', remember ? { otp, remember } : { otp }, { repeat: true });

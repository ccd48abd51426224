/** The routes of the API that only the help desk asks. */

import { act, read } from '../../js/api.js';

/** Return *parameters* as a query, without those that are null or empty. */
function queryOf(parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== '');
  return new URLSearchParams(given).toString();
}

export const signIn = (credentials) => act('POST', '/api/help-desk/session', credentials);
export const counts = () => read('/api/help-desk/counts');

/** @param {{status: ?string, search: string, after: ?string}} query */
export function users(query) {
  const asked = queryOf(query);
  return read(asked === '' ? '/api/help-desk/users' : `/api/help-desk/users?${asked}`);
}

/** @param {{user: string}|{reference: string}} query */
export const user = (query) => read(`/api/help-desk/user?${queryOf(query)}`);
export const reset = (wanted) => act('POST', '/api/help-desk/reset', wanted);
export const unlock = (wanted) => act('POST', '/api/help-desk/unlock', wanted);
export const verify = (otp) => act('POST', '/api/verification', { otp }, { repeat: true });

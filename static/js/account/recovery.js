/** Recovery codes: given once, used when the phone is away; and the help desk's code after a reset. */

import { Problem } from '../api.js';
import { dateText } from '../i18n.js';
import { announce, byId, plain, say } from '../page.js';
import { FieldErrors } from '../screens.js';
import * as calls from './calls.js';
import { checkRecoveryCode, checkResetCode } from './codes.js';

/** The set on the screen, while it is there; nothing else ever holds it. */
let made = null;

/** Whether an answer with codes may have been lost: those, too, work no more. */
let wasTried = false;

/** Forget the codes; they cannot be shown again. */
export function forgetCodes() {
  made = null;
}

/** Forget what was tried for whoever was signed in. */
export function forgetUser() {
  wasTried = false;
}

/** Return what stands above and below the codes on paper and in the file. */
function wordsAround({ language }) {
  const date = dateText(language(), new Date(made.made_at));
  return { above: [plain('recovery.whose'), plain('recovery.made', { date })], below: [plain('recovery.once')] };
}

function asText(context) {
  const { above, below } = wordsAround(context);
  return [...above, '', ...made.codes, '', ...below, ''].join('\r\n');
}

async function copyCodes() {
  try {
    await navigator.clipboard.writeText(made.codes.join('\n'));
    announce('recovery.copied', byId('codes-said'));
  } catch {
    getSelection().selectAllChildren(byId('codes'));
    announce('recovery.selected', byId('codes-said'));
  }
}

function saveCodes(context) {
  const link = document.createElement('a');
  const url = URL.createObjectURL(new Blob([asText(context)], { type: 'text/plain' }));
  link.href = url;
  link.download = `${plain('recovery.file')}.txt`;
  link.click();
  // The browser takes the content a moment after the click.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
  announce('recovery.saved', byId('codes-said'));
}

/** Take codes that work no more off the screen; its button then makes new ones. */
function takeOff() {
  forgetCodes();
  wasTried = true;
  byId('codes-part').remove();
  say(byId('recovery-go'), 'action.make_codes');
}

function take(id, check) {
  const { code, error } = check(byId(id).value);
  const name = id.replace('-', '_');
  if (error) throw new FieldErrors([{ field: id, key: error === 'empty' ? `${name}.empty` : `problem.${name}_malformed` }]);
  return code;
}

export const SCREENS = {
  recovery: {
    template: () => (made === null ? 'recovery-failed' : 'recovery'),
    when: ({ session }) => ({ again: wasTried || session.recovery_codes.made }),
    async prepare() {
      if (made !== null) return;
      try {
        made = await calls.makeCodes();
      } catch (problem) {
        wasTried = true;
        throw problem;
      }
    },
    values: ({ language }) => ({ date: () => (made === null ? '' : dateText(language(), new Date(made.made_at))) }),
    enter() {
      if (made === null) return;
      byId('codes').replaceChildren(
        ...made.codes.map((code) => {
          const item = document.createElement('li');
          item.textContent = code;
          return item;
        }),
      );
    },
    async submit({ state, adopt, redraw }) {
      if (made === null) {
        await redraw();
        return null;
      }
      if (!byId('kept').checked) throw new FieldErrors([{ field: 'kept', key: 'recovery.kept.empty' }]);
      const isRenewal = state.task?.kind === 'renew';
      try {
        const event = adopt(await calls.acknowledge(made.set), isRenewal ? 'account' : 'done');
        wasTried = false;
        return { ...event, told: isRenewal ? 'account.renewed' : null };
      } catch (problem) {
        if (problem instanceof Problem && problem.code === 'recovery_codes_replaced') takeOff();
        throw problem;
      }
    },
  },

  recover: {
    async submit({ adopt }) {
      const { facts } = adopt(await calls.recover(take('recovery-code', checkRecoveryCode)));
      // Whoever needed one has a phone to replace first, whatever else was wanted.
      return { type: 'task', kind: 'lost', facts, said: 'status.code_accepted' };
    },
  },

  'reset-code': {
    async submit({ adopt }) {
      return adopt(await calls.giveResetCode(take('reset-code', checkResetCode)), 'method');
    },
  },
};

/** What buttons do on the page alone. */
export const GESTURES = {
  'copy-codes': () => made && copyCodes(),
  'save-codes': (context) => made && saveCodes(context),
  'print-codes': () => print(),
};

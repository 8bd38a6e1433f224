// Holds back the buttons that decide until they could be read: for half a
// second after the page was painted, after each return of focus or visibility,
// and after a part of the form was opened. So a click or a key that was meant for something else decides
// nothing. Until this script is here, style.css hides them.
'use strict';

globalThis.DSS = globalThis.DSS || Object.create(null);

(() => {
  const settle = 500; // in milliseconds
  const forms = [...document.querySelectorAll('form[data-guard]')];
  const busy = new Set(); // forms whose answer is on its way
  let open = false;
  let holds = 0; // counts them: only the last one ends
  let focused = null; // the button that a hold took the focus from

  const seen = () => document.visibilityState === 'visible' && document.hasFocus();

  const update = () => {
    for (const form of forms) {
      for (const button of form.querySelectorAll('button')) button.disabled = !open || busy.has(form);
    }
  };

  const release = (hold) => {
    if (hold !== holds || !seen()) return;
    open = true;
    update();
    if (focused && document.activeElement === document.body) focused.focus({ preventScroll: true });
    focused = null;
  };

  const hold = () => {
    if (forms.some((form) => form.contains(document.activeElement))) focused = document.activeElement;
    open = false;
    update();
    const mine = ++holds;
    // The second frame comes when the first was painted; a hidden page has none.
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(release, settle, mine)));
  };

  const onSubmit = (event) => {
    if (event.submitter && event.submitter.name === 'language') return; // decides nothing
    if (!forms.includes(event.target) || (open && seen() && !busy.has(event.target))) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (open) hold(); // the focus left without a word
  };

  // For the script of the page: it has just shown a form, or it posts one.
  DSS.guard = {
    hold,
    busy(form, is) {
      busy[is ? 'add' : 'delete'](form);
      form.setAttribute('aria-busy', String(is));
      hold();
    },
  };

  for (const form of forms) form.dataset.guard = 'on';
  addEventListener('submit', onSubmit, true);
  for (const name of ['focus', 'blur', 'pageshow']) addEventListener(name, hold);
  document.addEventListener('visibilitychange', hold);
  document.addEventListener('toggle', (event) => { if (forms.some((form) => form.contains(event.target))) hold(); }, true);
  hold();
})();

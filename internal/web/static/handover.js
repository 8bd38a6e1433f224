// The hand-over at the redirect URI: reads the response, which address.js has
// taken out of the address, asks, deposits, and leads to the page that says how it
// goes on. It writes no text of its own: it shows and hides what the server has
// written.
'use strict';

(() => {
  const page = document.querySelector('[data-landing]');
  const section = (name) => page.querySelector('[data-section="' + name + '"]');
  const show = (element, visible) => { element.hidden = !visible; };

  const open = (name, focus = true) => {
    for (const other of page.querySelectorAll('[data-section]')) show(other, other === section(name));
    const heading = section(name).querySelector('h1');
    document.title = (name === 'problem' ? page.dataset.error + ' ' : '') +
      heading.textContent.replace(/[\u200b\u2060]/g, '').replace(/\u00a0/g, ' ').replace(/\u2011/g, '-'); // marks for the lines
    if (focus) heading.focus({ preventScroll: true });
  };

  const openProblem = (kind) => {
    forget();
    const now = new Date().toISOString();
    const time = page.querySelector('[data-time]');
    time.dateTime = now;
    time.textContent = now.slice(0, 19).replace('T', ' ') + ' UTC';
    for (const text of page.querySelectorAll('[data-problem]')) {
      if (text.dataset.problem === kind) show(text, true);
      else text.remove(); // Copy would take it too
    }
    open('problem');
  };

  // Shows what the server did not accept, for the maker of the app.
  const openRejection = async (answer) => {
    const text = (name) => page.querySelector('[data-' + name + ']');
    let error = {};
    try {
      error = await answer.json();
    } catch {
      // not from this server; the status has to do
    }
    if (error.error_name) text('error').hash = error.error_name;
    text('error').textContent = [answer.status, error.error_name, error.error_message].filter((part) => part).join(' ');
    text('reference').textContent = answer.headers.get('X-Request-Id');
    openProblem('rejected');
  };

  // Removes every trace of the response from the page.
  const forget = () => {
    for (const input of page.querySelectorAll('input[type=hidden]')) {
      input.value = '';
      input.remove();
    }
    page.querySelector('[data-match]').replaceChildren();
  };

  const tile = (letter) => {
    const element = document.createElement(letter === '-' ? 'i' : 'b');
    element.textContent = letter;
    return element;
  };

  const fill = (form, fields) => {
    for (const [name, value] of fields) {
      const input = document.createElement('input');
      input.type = 'hidden';
      input.name = name;
      input.value = value;
      form.append(input);
    }
  };

  // Offers another try after a failure that may pass.
  const retry = (form, alert) => {
    open(form.closest('[data-section]').dataset.section, false);
    for (const text of form.querySelectorAll('[data-alert]')) show(text, text.dataset.alert === alert);
  };

  const post = (form, decision) => {
    const body = new URLSearchParams();
    for (const input of form.querySelectorAll('input[type=hidden]')) body.append(input.name, input.value);
    body.append('decision', decision);
    return fetch(form.getAttribute('action'), {
      method: 'POST',
      headers: { Accept: 'application/json' },
      body,
      credentials: 'same-origin',
      redirect: 'error',
      cache: 'no-store',
      keepalive: true,
    });
  };

  const deposit = async (form, decision) => {
    DSS.guard.busy(form, true);
    try {
      const answer = await post(form, decision);
      if (answer.status === 429 || answer.status >= 500) return retry(form, 'later');
      if (answer.status !== 204) return await openRejection(answer);
      forget();
      note(false);
      open('working', false);
      location.replace(answer.headers.get('Location'));
    } catch {
      retry(form, 'unreachable');
    } finally {
      DSS.guard.busy(form, false);
    }
  };

  const onSubmit = (event) => {
    const button = event.submitter;
    if (!button || button.name !== 'decision') return; // an old browser, or another language: the form posts itself
    event.preventDefault();
    deposit(event.target, button.value);
  };

  // Notes in the session history, which must hold no response, that a question
  // is open: after a reload the page can say that nothing was handed over.
  const note = (asked) => history.replaceState(asked ? { asked } : null, '');

  const openNothing = () => {
    show(page.querySelector('[data-reloaded]'), Boolean(history.state && history.state.asked));
    open('nothing');
  };

  // Deposits at once what needs no question; asks about the rest.
  const begin = (name) => {
    const form = section(name).querySelector('form');
    if (name === 'refusal' || page.hasAttribute('data-auto')) {
      open('working', false);
      deposit(form, 'finish');
      return;
    }
    note(true);
    open(name);
    DSS.guard.hold();
  };

  // Leaves the words for the error that came; the last are for all that no others name.
  const chooseRefusal = (error) => {
    const kinds = [...section('refusal').querySelectorAll('[data-errors]')];
    const fits = kinds.find((kind) => kind.dataset.errors.split(' ').includes(error)) || kinds.at(-1);
    for (const kind of kinds) if (kind !== fits) kind.remove();
  };

  const readFragment = () => {
    const response = DSS.readResponse(DSS.address.fragment, DSS.address.query);
    DSS.address = null;
    if (response.section) return openNothing();
    if (response.problem) return openProblem(response.problem);
    const name = response.fields.has('error') ? 'refusal' : 'confirm';
    fill(section(name).querySelector('form'), response.fields);
    if (name === 'refusal') chooseRefusal(response.fields.get('error'));
    if (name === 'confirm') {
      const code = DSS.matchCode(response.fields.get('state'));
      page.querySelector('[data-match]').replaceChildren(...[...code].map(tile));
      if (response.fields.has('scope')) DSS.showPermissions(response.fields.get('scope'));
    }
    begin(name);
  };

  const listen = () => {
    for (const form of page.querySelectorAll('form')) form.addEventListener('submit', onSubmit);
    addEventListener('pagehide', forget);
    addEventListener('pageshow', (event) => { if (event.persisted) openNothing(); });
  };

  const start = () => {
    open('working', false);
    if (window.top !== window.self) return openProblem('framed');
    listen();
    const view = page.dataset.view;
    if (view === 'fragment') return readFragment();
    DSS.address = null;
    if (view === 'confirm' || view === 'refusal') return begin(view);
    open(view);
  };

  if (document.prerendering) document.addEventListener('prerenderingchange', start, { once: true });
  else start();
})();

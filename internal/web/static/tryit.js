// Try it: plays the waiting app against the sandbox, in the browser.
'use strict';

(() => {
  const panel = document.querySelector('[data-tryit]');
  if (!panel) return;
  const find = (name) => panel.querySelector('[data-' + name + ']');
  const part = (kind, name) => panel.querySelector('[data-' + kind + '="' + name + '"]');
  const show = (element, visible) => { element.hidden = !visible; };

  const clientID = '1';
  const redirectURI = location.origin + '/auth/redirect';
  const patience = 15 * 60 * 1000; // a deposit lives as long
  let run = 0; // counts the runs, so that one that was given up stops

  const quote = (text) => "'" + text.replaceAll("'", "'\\''") + "'";
  const form = (fields) => Object.entries(fields).map(([name, value]) => '--data-urlencode ' + quote(name + '=' + value)).join(' \\\n  ');
  const curl = (path, fields) => 'curl ' + form(fields) + ' \\\n  ' + quote(location.origin + path);

  const status = (name) => {
    for (const text of panel.querySelectorAll('[data-status]')) show(text, text.dataset.status === name);
  };

  const command = (name, text) => {
    part('command', name).querySelector('pre').textContent = text;
    show(part('command', name), true);
  };

  const answer = (name, body) => {
    const item = part('answer', name);
    item.querySelector('pre').textContent = typeof body === 'string' ? body : JSON.stringify(body, null, 2);
    show(item, true);
  };

  // Secrets of one run. The code grant shows the safer key: bound to a
  // verifier that never leaves the app until it claims.
  const secrets = async (grant) => {
    if (grant === 'implicit') return { grant, key: DSS.randomSecret() };
    const verifier = DSS.randomSecret();
    const pkce = DSS.randomSecret();
    return { grant, verifier, pkce, key: 's256.' + await DSS.challenge(verifier), challenge: await DSS.challenge(pkce) };
  };

  const signInURL = (app) => {
    const url = new URL(app.grant === 'implicit' ? '/sandbox/oauth/dialog' : '/sandbox/oauth', location.origin);
    url.searchParams.set('client_id', clientID);
    url.searchParams.set('scope', 'read_inbox');
    url.searchParams.set('redirect_uri', redirectURI);
    url.searchParams.set('state', app.key);
    if (app.challenge) {
      url.searchParams.set('code_challenge', app.challenge);
      url.searchParams.set('code_challenge_method', 'S256');
    }
    return url.href;
  };

  const claimRequest = (app, wait) => {
    if (app.grant === 'implicit') return ['/auth/token?key=' + encodeURIComponent(app.key) + '&wait=' + wait, {}];
    return ['/auth/token', { method: 'POST', body: new URLSearchParams({ key: app.key, verifier: app.verifier, wait }) }];
  };

  const claimCommand = (app) => (app.grant === 'implicit'
    ? 'curl ' + quote(location.origin + '/auth/token?key=' + app.key + '&wait=60')
    : curl('/auth/token', { key: app.key, verifier: app.verifier, wait: 60 }));

  const pause = (seconds) => new Promise((resolve) => { setTimeout(resolve, seconds * 1000); });

  // Asks until there is an answer; null if the user gave up or time ran out.
  const claim = async (app, mine) => {
    const deadline = Date.now() + patience;
    while (mine === run && Date.now() < deadline) {
      const [path, options] = claimRequest(app, 20);
      let response = null;
      try {
        response = await fetch(path, { cache: 'no-store', credentials: 'omit', ...options });
      } catch {
        status('unreachable');
      }
      if (mine !== run) return null;
      if (response && response.status !== 404 && response.status !== 429 && response.status < 500) return response;
      if (response && response.status === 404) {
        status('waiting');
        continue;
      }
      if (response) status('busy');
      await pause(Math.min(30, Number(response && response.headers.get('Retry-After')) || 3));
    }
    if (mine === run) status('expired');
    return null;
  };

  const redeem = async (app, code, mine) => {
    const path = '/sandbox/oauth/access_token/json';
    const fields = { client_id: clientID, code, redirect_uri: redirectURI, code_verifier: app.pkce };
    command('redeem', curl(path, fields));
    const response = await fetch(path, { method: 'POST', body: new URLSearchParams(fields), credentials: 'omit' });
    const body = await response.json();
    if (mine !== run) return;
    answer('redeem', body);
    finish(response.ok ? body.access_token : '');
  };

  const finish = (token) => {
    if (!token) return status('failed');
    command('use', 'curl --compressed -H ' + quote('Authorization: Bearer ' + token) + ' \\\n  ' + quote(location.origin + panel.dataset.api + '/me'));
    status('done');
  };

  const outcomes = { 403: 'refused', 409: 'conflict' };

  const wait = async (app, mine) => {
    status('waiting');
    const response = await claim(app, mine);
    if (!response) return;
    const body = await response.json();
    answer('claim', body);
    if (!response.ok) return status(outcomes[response.status] || 'failed');
    if (body.code) return redeem(app, body.code, mine);
    finish(body.access_token);
  };

  const reset = () => {
    run++;
    for (const item of panel.querySelectorAll('[data-command], [data-answer]')) {
      item.querySelector('pre').textContent = '';
      show(item, false);
    }
    find('match').textContent = '';
    find('signin').removeAttribute('href');
    show(find('run'), false);
    status('');
  };

  const start = async (grant) => {
    reset();
    if (!globalThis.crypto || !crypto.subtle) return status('insecure');
    const mine = run;
    const app = await secrets(grant);
    const url = signInURL(app);
    find('match').textContent = await DSS.matchCode(app.key);
    find('signin').href = url;
    command('open', 'xdg-open ' + quote(url));
    command('claim', claimCommand(app));
    show(find('run'), true);
    find('signin').focus();
    try {
      await wait(app, mine);
    } catch {
      if (mine === run) status('failed');
    }
  };

  const copy = async (button) => {
    const source = button.closest('[data-command]').querySelector('pre');
    for (const note of panel.querySelectorAll('[data-copied]')) show(note, false);
    try {
      await navigator.clipboard.writeText(source.textContent);
      show(button.parentElement.querySelector('[data-copied]'), true);
    } catch {
      getSelection().selectAllChildren(source); // so that the user can copy it
    }
  };

  panel.addEventListener('submit', (event) => {
    event.preventDefault();
    start(new FormData(event.target).get('grant'));
  });
  panel.addEventListener('click', (event) => {
    const button = event.target.closest('button');
    if (!button) return;
    if (button.hasAttribute('data-copy')) copy(button);
    if (button.hasAttribute('data-reset')) {
      reset();
      find('start').focus();
    }
  });
  addEventListener('pagehide', reset);
  show(find('controls'), true);
})();

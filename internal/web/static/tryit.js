// Try it: plays an app against the sandbox, in the browser.
'use strict';

(() => {
  const panel = document.querySelector('[data-tryit]');
  const find = (name) => panel.querySelector('[data-' + name + ']');
  const clientID = '1';
  const scope = 'read_inbox';
  let run = 0; // counts the runs, so that one that was given up stops

  const status = (name) => {
    for (const text of panel.querySelectorAll('[data-status]')) text.hidden = text.dataset.status !== name;
  };

  // Adds a request to the list, and its answer.
  const note = (request, answer) => {
    const item = document.createElement('li');
    for (const text of [request, answer]) {
      const pre = document.createElement('pre');
      pre.textContent = typeof text === 'string' ? text : JSON.stringify(text, null, 2);
      item.append(pre);
    }
    find('requests').append(item);
  };

  const pause = (seconds) => new Promise((resolve) => { setTimeout(resolve, seconds * 1000); });

  const ask = async (path, form) => {
    const response = await fetch(path, { method: 'POST', body: new URLSearchParams(form), credentials: 'omit', cache: 'no-store' });
    return { code: response.status, wait: Number(response.headers.get('Retry-After')), answer: await response.json() };
  };

  const notePost = (path, form, answer) =>
    note('POST ' + path + '\n' + decodeURIComponent(new URLSearchParams(form)).replaceAll('&', '\n'), answer);

  const post = async (path, form) => {
    const { answer } = await ask(path, form);
    notePost(path, form, answer);
    return answer;
  };

  const offer = (url, code) => {
    find('signin').href = url;
    find('code').textContent = code || '';
    find('codes').hidden = !code;
    find('run').hidden = false;
    find('signin').focus();
    status('waiting');
  };

  // Polls until done says that an answer ends it.
  const poll = async (mine, seconds, path, form, done) => {
    for (;;) {
      if (seconds) await pause(seconds);
      if (mine !== run) return null;
      try {
        const { code, wait, answer } = await ask(path, form);
        if (mine !== run) return null;
        if (done(answer, code)) {
          notePost(path, form, answer);
          return answer;
        }
        status('waiting');
        if (wait || answer.error === 'slow_down') await pause(wait || 5);
      } catch {
        if (mine === run) status('unreachable');
        await pause(3);
      }
    }
  };

  const secrets = async () => {
    const verifier = DSS.randomSecret();
    return { verifier, challenge: { code_challenge: await DSS.challenge(verifier), code_challenge_method: 'S256' } };
  };

  const authorization = (path, fields, challenge) =>
    location.origin + path + '?' + new URLSearchParams({ client_id: clientID, scope, ...fields, ...challenge });

  const ways = {
    async loopback(mine) {
      const { verifier, challenge } = await secrets();
      const state = DSS.randomSecret();
      const redirect_uri = location.origin + '/try';
      const channel = new BroadcastChannel('dss-try');
      const answered = new Promise((resolve) => {
        channel.onmessage = ({ data }) => {
          const answer = new URLSearchParams(data);
          if (answer.get('state') === state || mine !== run) resolve(answer);
        };
      });
      offer(authorization('/oauth/authorize', { response_type: 'code', redirect_uri, state }, challenge));
      const answer = await answered;
      channel.close();
      if (mine !== run) return null;
      note('GET /try', Object.fromEntries(answer));
      if (!answer.has('code')) return { error: answer.get('error') };
      return post('/oauth/token', {
        grant_type: 'authorization_code', client_id: clientID, code: answer.get('code'), redirect_uri, code_verifier: verifier,
      });
    },

    async device(mine) {
      const device = await post('/oauth/device_authorization', { client_id: clientID, scope });
      if (mine !== run || !device.device_code) return device;
      offer(device.verification_uri_complete, device.user_code);
      const form = {
        grant_type: 'urn:ietf:params:oauth:grant-type:device_code', client_id: clientID, device_code: device.device_code,
      };
      return poll(mine, device.interval, '/oauth/token', form,
        ({ error }) => error !== 'authorization_pending' && error !== 'slow_down');
    },

    async relay(mine) {
      const { verifier: pkce, challenge } = await secrets();
      const verifier = DSS.randomSecret();
      const key = 's256.' + await DSS.challenge(verifier);
      // Stack Exchange knows the server's own address only.
      const redirect_uri = new URL('/auth/redirect', document.querySelector('[rel=canonical]').href).href;
      offer(authorization('/sandbox/oauth', { redirect_uri, state: key }, challenge), await DSS.matchCode(key));
      const answer = await poll(mine, 0, '/auth/token', { key, verifier, wait: 20 },
        (_, code) => code !== 404 && code !== 429 && code < 500);
      if (!answer) return null;
      if (!answer.code) return { error: answer.error_name };
      return post('/sandbox/oauth/access_token/json', { client_id: clientID, code: answer.code, redirect_uri, code_verifier: pkce });
    },
  };

  const greet = async (mine, token) => {
    const response = await fetch(panel.dataset.me, { headers: { Authorization: 'Bearer ' + token }, credentials: 'omit' });
    const answer = await response.json();
    if (mine !== run) return;
    note('GET ' + panel.dataset.me, answer);
    find('name').textContent = answer.items[0].display_name;
    status('done');
  };

  const reset = () => {
    run++;
    find('requests').replaceChildren();
    find('signin').removeAttribute('href');
    find('run').hidden = true;
    status('');
  };

  const start = async (way) => {
    reset();
    if (!globalThis.crypto || !crypto.subtle) return status('insecure');
    const mine = run;
    try {
      const answer = await ways[way](mine);
      if (!answer) return;
      if (answer.access_token) await greet(mine, answer.access_token);
      else status(answer.error === 'access_denied' ? 'refused' : 'failed');
    } catch {
      if (mine === run) status('failed');
    }
  };

  panel.addEventListener('submit', (event) => {
    event.preventDefault();
    start(new FormData(event.target).get('way'));
  });
  find('reset').addEventListener('click', () => {
    reset();
    find('start').focus();
  });
  addEventListener('pagehide', reset);
  find('controls').hidden = false;
})();

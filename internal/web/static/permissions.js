// Shows what a fragment says that the user has allowed: known scopes in the words
// that the server has written, others as they are.
'use strict';

globalThis.DSS = globalThis.DSS || Object.create(null);

(() => {
  const most = 30; // scopes
  const longest = 100; // characters of one
  const team = 'access_team|';

  DSS.showPermissions = (scopes) => {
    const box = document.querySelector('[data-permissions]');
    const items = [...box.querySelectorAll('[data-scope]')];
    const find = (name) => items.find((item) => item.dataset.scope === name);

    const add = (like, text) => {
      const item = like.cloneNode(true);
      item.querySelector('code').textContent = text.replace(/\p{C}/gu, '').slice(0, longest);
      item.hidden = false;
      like.parentNode.append(item);
    };

    for (const name of scopes.split(/[\s,]+/).filter((part) => part).slice(0, most)) {
      if (name.startsWith(team) && name !== team) add(find(team), name.slice(team.length));
      else if (find(name) && name !== team) find(name).hidden = false;
      else add(find(''), name);
    }
    box.hidden = false;
  };
})();

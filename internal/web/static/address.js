// Takes what came in the address out of the address bar and the session
// history, and keeps it for the page. The address that may stay is the one that
// the page names, or else its own without query and fragment.
'use strict';

globalThis.DSS = globalThis.DSS || Object.create(null);

(() => {
  const clean = new URL(location.href);
  clean.search = '';
  clean.hash = '';
  const { address } = document.documentElement.dataset;
  const stays = address ? new URL(address, clean.origin).href : clean.href;

  // Returns what was there.
  const take = () => {
    const { href, hash, search } = location;
    if (href !== stays) history.replaceState(null, '', stays);
    return { fragment: hash.slice(1), query: search.slice(1) };
  };

  DSS.address = take();
  addEventListener('hashchange', take); // of an open page
})();

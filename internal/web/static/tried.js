// Hands the answer in this page's address to the home page, which plays the app.
'use strict';

(() => {
  const channel = new BroadcastChannel('dss-try');
  channel.postMessage(location.search.slice(1));
  channel.close();
  history.replaceState(null, '', location.pathname);
})();

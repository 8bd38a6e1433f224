// The page about the end of a sign-in: while the app has not picked it up, asks the
// page's own address what has changed, and shows the section for that. It writes no
// text of its own.
'use strict';

(() => {
  const page = document.querySelector('main');
  const sections = [...page.querySelectorAll('[data-section]')];
  const heading = () => sections.find((section) => !section.hidden).querySelector('h1');
  const seconds = 1000;
  const often = 20; // times, and seldom after that
  const longest = 30 * seconds;
  let asked = 0;
  let failed = 0; // times in a row

  const next = () => {
    const wait = asked < often ? seconds : 5 * seconds;
    setTimeout(ask, Math.min(wait * 2 ** failed, longest));
  };

  // Without the marks that say where the headline's lines may break.
  const entitle = () => {
    document.title = heading().textContent.replace(/[\u200b\u2060]/g, '').replace(/\u00a0/g, ' ').replace(/\u2011/g, '-');
  };

  // Shows a section. A screen reader reads its heading, and one in the part of the
  // page that goes does not lose its place.
  const open = (name) => {
    if (!sections.some((section) => section.dataset.section === name)) return;
    if (!sections.find((section) => section.dataset.section === name).hidden) return;
    for (const section of sections) section.hidden = section.dataset.section !== name;
    entitle();
    heading().focus({ preventScroll: true });
  };

  const ask = async () => {
    asked++;
    let result = '';
    try {
      const answer = await fetch(location.pathname + location.search, {
        headers: { Accept: 'application/json' }, credentials: 'same-origin', redirect: 'error', cache: 'no-store',
      });
      if (answer.ok) result = (await answer.json()).result;
      else if (answer.status === 403) result = 'sent'; // the browser has forgotten its cookie
    } catch {
      // no connection: ask again
    }
    failed = result ? 0 : failed + 1;
    if (result) open(result);
    if (!result || result === 'waiting' || result === 'late') return next();
    page.querySelector('[data-while]').hidden = true;
  };

  entitle();
  heading().focus({ preventScroll: true });
  if (page.hasAttribute('data-follow')) next();
})();

// Passes on what a page of the test asks.
const { runtime } = globalThis.browser || chrome;

addEventListener('message', async ({ source, data: { id, what, url } }) => {
  if (source !== window || !what) return;
  source.postMessage({ answer: id, ...await runtime.sendMessage({ what, url }) }, '*');
});

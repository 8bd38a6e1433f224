// Signs in for the page that asks, as an extension does for its own pages.
const { identity, runtime } = globalThis.browser || chrome;

const answers = {
  redirectURL: () => identity.getRedirectURL('callback'),
  signIn: (url) => identity.launchWebAuthFlow({ url, interactive: true }),
};

runtime.onMessage.addListener(({ what, url }, from, respond) => {
  Promise.resolve(answers[what](url)).then((result) => respond({ result }), (error) => respond({ error: error.message }));
  return true; // respond is called later
});

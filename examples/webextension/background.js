// The sign-in lives in a tab of its own: a background script may end at any time.
const api = globalThis.browser ?? chrome
api.action.onClicked.addListener(() => api.tabs.create({ url: 'inbox.html' }))

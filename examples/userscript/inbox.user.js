// ==UserScript==
// @name         Stack Exchange inbox
// @match        https://stackoverflow.com/*
// @grant        GM_xmlhttpRequest
// @grant        GM_openInTab
// @grant        GM_registerMenuCommand
// @grant        GM_getValue
// @grant        GM_setValue
// @connect      auth.example.org
// @connect      stackoverflow.com
// @connect      api.stackexchange.com
// ==/UserScript==

const settings = { server: 'https://auth.example.org', clientId: '12345', api: 'https://api.stackexchange.com/2.3' }

// PASTE clients/dss.mjs HERE, up to its line "What follows is for modules".

// The manager's requests, unlike the page's own, do not depend on what the page allows.
const fetchAsManager = (url, { method = 'GET', body, headers } = {}) => new Promise((resolve, reject) => {
  GM_xmlhttpRequest({
    url, method, data: body?.toString(), timeout: 25e3, redirect: 'manual', anonymous: true,
    headers: { ...headers, ...(body && { 'Content-Type': 'application/x-www-form-urlencoded' }) },
    onload: ({ status, responseText, responseHeaders }) => resolve({
      status,
      text: async () => responseText,
      headers: { get: (name) => new RegExp(`^${name}: *(.*)$`, 'im').exec(responseHeaders)?.[1]?.trim() ?? null },
    }),
    onerror: () => reject(new Error('network')),
    ontimeout: () => reject(new Error('timeout')),
  })
})

const say = (text) => {
  const line = document.querySelector('#dss-inbox') ?? document.body.appendChild(document.createElement('p'))
  line.id = 'dss-inbox'
  line.textContent = text
}

GM_registerMenuCommand('Show my inbox', async () => {
  try {
    const token = GM_getValue('token') ?? await signIn(settings.server, settings.clientId, ['read_inbox'], {
      flow: 'relay', // a page cannot listen
      fetch: fetchAsManager,
      stackexchange: settings.stackexchange,
      prompt({ url, code }) {
        say(`The page that opens shows the code ${code}. If it shows another one, close it.`)
        GM_openInTab(url, { active: true })
      },
    })
    GM_setValue('token', token) // where no page can read it
    const inbox = await fetchAsManager(`${settings.api}/inbox`, { headers: { Authorization: `Bearer ${token}` } })
    if (inbox.status >= 400) GM_setValue('token', undefined) // it has ended
    say(`In your inbox: ${JSON.parse(await inbox.text()).items.length}`)
  } catch (error) {
    say(error.message)
  }
})

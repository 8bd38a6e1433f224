import { signIn } from './dss.mjs' // copy it here from clients/
import { settings } from './settings.js'

const { storage } = globalThis.browser ?? chrome
const [text, link] = ['text', 'link'].map((id) => document.getElementById(id))

async function showInbox() {
  let { token } = await storage.local.get('token') // which pages and other extensions cannot read
  token ??= await signIn(settings.server, settings.clientId, ['read_inbox'], {
    flow: 'relay', // an extension cannot listen
    stackexchange: settings.stackexchange,
    prompt({ url, code }) {
      text.textContent = `The page that opens shows the code ${code}. If it shows another one, close it.`
      Object.assign(link, { href: url, hidden: false })
    },
  })
  link.hidden = true
  await storage.local.set({ token })
  const inbox = await fetch(`${settings.api}/inbox`, { headers: { Authorization: `Bearer ${token}` } })
  if (!inbox.ok) await storage.local.remove('token') // it has ended
  text.textContent = `In your inbox: ${(await inbox.json()).items.length}`
}

showInbox().catch((error) => { text.textContent = error.message })

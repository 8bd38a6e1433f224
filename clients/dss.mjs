#!/usr/bin/env node
/**
 * dss.mjs 1.0.0: sign a user in to Stack Exchange through a DSS server. Node.js 18, Deno, Bun; with the flow relay
 * browser extensions and userscripts too. No dependencies.
 *
 *     const token = await signIn('https://auth.example.org', '12345', ['read_inbox'])
 *     const headers = { Authorization: `Bearer ${token}` }
 *
 * As a program, it prints the token: node dss.mjs --server https://auth.example.org --client-id 12345
 */
const signInTime = 15 * 60e3 // milliseconds that a server keeps a sign-in
const answerTime = 25e3 // for a request: after two without an answer, a claim can still be repeated
const local = /^https?:\/\/(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d*)?(\/|$)/i

// How a sign-in fails. The program's exit statuses are those of dss login.
class SignInError extends Error { exitStatus = 1 }
class AccessDenied extends SignInError { exitStatus = 3 } // the user or Stack Exchange refused
class Expired extends SignInError { exitStatus = 4; message = 'the sign-in has expired' }
class Conflict extends SignInError { exitStatus = 4 } // two different answers came, so neither can be trusted
class AnswerLost extends SignInError { exitStatus = 4; message = 'the token was lost on the way; sign in again' }
class Unreachable extends SignInError { exitStatus = 5; sent = true } // no usable answer came from a server
class Throttled extends SignInError {} // there were too many requests, to the end
class WrongServer extends SignInError { exitStatus = 2 } // the server calls itself something else
class WrongArgument extends SignInError { exitStatus = 2 }

const isProgram = globalThis.process?.versions?.node !== undefined || globalThis.Deno !== undefined // no browser
const node = (name) => import(`node:${name}`) // not at the top, as browsers have no such modules

/**
 * Signs a user in and returns the access token, or throws a SignInError. In the flow loopback the browser is on this
 * machine, in relay and device it may be on any. The default is loopback if that can work here, otherwise relay.
 * prompt has to show the URL and, if there is one, the code to the user.
 * @type {(server: string, clientId: string, scopes?: string | string[], options?: {
 *   flow?: 'loopback' | 'relay' | 'device', stackexchange?: string, timeout?: number, fetch?: typeof fetch,
 *   prompt?: (what: {flow: string, url: string, code?: string}) => void | Promise<void> }) => Promise<string>}
 */
async function signIn(server, clientId, scopes = [], options = {}) {
  const { flow, timeout = signInTime } = options, session = new Session()
  if (!/^[0-9]+$/.test(clientId) || !['loopback', 'relay', 'device', undefined].includes(flow)) {
    throw new WrongArgument('the client ID must be a number, and the flow loopback, relay or device')
  }
  if (!globalThis.crypto) globalThis.crypto = (await node('crypto')).webcrypto // Node.js 18
  session.server = parseAddress(server)
  session.stackexchange = parseAddress(options.stackexchange || 'https://stackoverflow.com')
  session.request = { client_id: clientId, ...(scopes.length && { scope: `${[scopes].flat()}`.replace(/,/g, ' ') }) }
  session.prompt = options.prompt ?? show
  session.fetch = options.fetch ?? globalThis.fetch.bind(globalThis)
  session.deadline = performance.now() + timeout
  let listener
  if (flow === 'loopback') listener = await listen()
  else if (!flow && isProgram && hasBrowser()) listener = await listen().catch(() => {}) // relay will do
  try {
    const meta = await session.check()
    const sandbox = meta.dss_sandbox // a fake Stack Exchange; trusted if all of it is on this machine
    if (!options.stackexchange && local.test(session.server) && `${sandbox}`.startsWith(`${session.server}/`)) {
      session.stackexchange = sandbox
    }
    session.upstreamToken = `${session.stackexchange}/oauth/access_token/json`
    if (listener) return await session.loopback(listener, meta)
    return await (flow === 'device' ? session.device() : session.relay())
  } finally {
    listener?.close()
    listener?.closeAllConnections()
  }
}

class Session {
  /** Makes sure that the server is the right one, before the user signs in. */
  async check() {
    const meta = await this.post(`${this.server}/.well-known/oauth-authorization-server`)
    if (meta.status === 429) return {} // too busy to be asked
    if (meta.status !== 200 || meta.token_endpoint !== `${meta.issuer}/oauth/token`) {
      throw new Unreachable(`there is no DSS server at ${this.server}`)
    }
    if (meta.issuer !== this.server) {
      throw new WrongServer(clean(`the server at ${this.server} calls itself ${meta.issuer}: use that`))
    }
    return meta
  }

  /** The browser comes back to this process (RFC 8252 section 7.3). */
  async loopback(listener, meta) {
    const verifier = random(), state = random(), redirectUri = `http://127.0.0.1:${listener.address().port}/`
    // If the server hands on the code of the Stack Exchange that we know, it need not have the token: we redeem it.
    const direct = 'dss_redeem_values_supported' in meta && meta.dss_stackexchange === this.stackexchange
    const query = { response_type: 'code', redirect_uri: redirectUri, state, ...(direct && { dss_redeem: 'direct' }) }
    let answer
    listener.on('request', (request, response) => {
      const [path, text] = request.url.split('?', 2), query = new URLSearchParams(text)
      const one = (name) => (query.getAll(name).length === 1 ? query.get(name) : '')
      const got = { iss: one('iss'), code: one('code'), error: one('error'), message: one('error_description') }
      if (request.method !== 'GET' || path !== '/' || one('state') !== state || !got.code === !got.error) {
        return response.writeHead(404).end() // not the answer, so that is still to come
      }
      const page = got.iss === this.server ? { '': 'done', access_denied: 'denied' }[got.error] ?? 'failed' : 'failed'
      response.writeHead(303, { Location: `${this.server}/${page}`, Connection: 'close' })
      response.end(() => { answer ??= got }) // once the browser is on its way
    })
    const url = await this.authorization(`${this.server}/oauth/authorize`, query, verifier)
    await this.prompt({ flow: 'loopback', url })
    while (!answer) await this.sleep(100)
    if (answer.iss !== this.server) { // before anything else in it counts (RFC 9207 section 2.4)
      throw new WrongServer(`the answer came from another server than ${this.server}`)
    }
    if (answer.error) throw problem({ ...answer, status: 400 })
    return direct ? this.redeem(this.upstreamToken, answer.code, `${this.server}/oauth/callback`, verifier)
      : this.redeem(`${this.server}/oauth/token`, answer.code, redirectUri, verifier)
  }

  /**
   * The server keeps Stack Exchange's code under a key that only this process can claim with. There are two verifiers,
   * never one for both: the server gets the key's verifier when it hands over the code. If that were also PKCE's, the
   * server could redeem the code itself, and have the token.
   */
  async relay() {
    const keyVerifier = random(), pkceVerifier = random()
    const key = `s256.${await s256(keyVerifier)}`, redirectUri = `${this.server}/auth/redirect`
    const query = { redirect_uri: redirectUri, state: key }
    const url = await this.authorization(`${this.stackexchange}/oauth`, query, pkceVerifier)
    await this.prompt({ flow: 'relay', url, code: await matchCode(key) })
    for (;;) {
      const answer = await this.persist(`${this.server}/auth/token`, { key, verifier: keyVerifier, wait: '20' })
      if (answer.status === 200 && answer.code) {
        return this.redeem(this.upstreamToken, answer.code, redirectUri, pkceVerifier)
      }
      if (answer.status !== 404 || answer.error !== 'no_token') throw problem(answer)
      await this.sleep(1e3) // a server that does not wait must not be asked in a tight loop
    }
  }

  /** The user signs in on any machine, while this one asks for the token (RFC 8628). */
  async device() {
    const start = await this.post(`${this.server}/oauth/device_authorization`, this.request)
    const url = `${start.verification_uri_complete || start.verification_uri}`
    if (start.status !== 200 || !start.device_code || !/^https?:\/\/[!-~]+$/.test(url)) throw problem(start)
    this.deadline = Math.min(this.deadline, performance.now() + (start.expires_in * 1e3 || signInTime))
    let interval = start.interval > 0 ? Math.min(start.interval, 60) * 1e3 : 5e3
    await this.prompt({ flow: 'device', url, code: clean(start.user_code) })
    const grant = 'urn:ietf:params:oauth:grant-type:device_code'
    const poll = { grant_type: grant, client_id: this.request.client_id, device_code: start.device_code }
    for (;;) {
      await this.sleep(interval)
      const answer = await this.persist(`${this.server}/oauth/token`, poll, 2 * interval)
      if (answer.error === 'slow_down') interval += 5e3
      else if (answer.error !== 'authorization_pending') return token(answer)
    }
  }

  async authorization(url, query, verifier) {
    const challenge = { code_challenge: await s256(verifier), code_challenge_method: 'S256' }
    return `${url}?${new URLSearchParams({ ...this.request, ...query, ...challenge })}`
  }

  async redeem(url, code, redirect_uri, code_verifier) {
    const { client_id } = this.request, grant_type = 'authorization_code'
    return token(await this.persist(url, { grant_type, client_id, code, redirect_uri, code_verifier }, 1e3, true))
  }

  /**
   * Repeats a request until it has an answer that counts, unlike a broken connection, a restart or a throttle. One that
   * works once is repeated twice if its answer is lost, as it may not have arrived; if a repetition is refused, it had.
   */
  async persist(url, form, delay = 1e3, once = false) {
    let trouble, lost, repeats = 0
    for (const longest = Math.max(delay, 15e3); ; delay = Math.min(2 * delay, longest)) {
      let pause = delay
      try {
        const answer = await this.post(url, form)
        if (!answer.busy) {
          if (!lost || !['invalid_grant', once && 'invalid_request'].includes(answer.error)) return answer
          throw new AnswerLost()
        }
        [trouble, pause] = [problem(answer), Math.max(answer.pause, delay)]
        if (!answer.error) lost = trouble // a proxy's
      } catch (error) {
        if (!(error instanceof Unreachable)) throw error
        if (performance.now() >= this.deadline) throw trouble ?? new Expired()
        trouble = error
        if (error.sent) lost = error
        if (error.sent && once && ++repeats > 2) throw new AnswerLost()
      }
      await this.sleep(pause, trouble)
    }
  }

  async sleep(time, trouble) {
    const left = Math.max(this.deadline - performance.now(), 0)
    await new Promise((resolve) => setTimeout(resolve, Math.min(time, left)))
    if (time >= left) throw trouble ?? new Expired()
  }

  /** Sends a form, or a GET without one, and returns the JSON object with the status and what is wrong. */
  async post(url, form) {
    const limit = Math.max(Math.min(answerTime, this.deadline - performance.now()), 10)
    let response, text
    try {
      response = await this.fetch(url, {
        method: form ? 'POST' : 'GET', body: form && new URLSearchParams(form), signal: AbortSignal.timeout(limit),
        redirect: 'manual', credentials: 'omit', cache: 'no-store', referrerPolicy: 'no-referrer',
      })
      text = await response.text()
    } catch (error) {
      const cause = clean(error.cause?.code ?? error.cause?.message ?? error.code ?? error.name)
      const sent = !/ECONNREFUSED|ConnectionRefused|ENOTFOUND|EAI_AGAIN|CONNECT_TIMEOUT|CERT|\(Connect\)/.test(cause)
      throw Object.assign(new Unreachable(`no answer from ${new URL(url).host}: ${cause}`), { sent })
    }
    const { status } = response, busy = status === 429 || status >= 500
    let answer = busy && {}
    try {
      const parsed = JSON.parse(text)
      if (Object.getPrototypeOf(Object(parsed)) === Object.prototype) answer = parsed
    } catch { /* another's page */ }
    if (!answer) throw new Unreachable(`${new URL(url).host} answers ${status} with something other than JSON`)
    let { error_name: name, error_message: message = answer.error_description, error } = answer
    if (typeof error === 'object') message ??= error?.message // as Stack Exchange says it
    error = name || (typeof error === 'string' && error) || (message && 'invalid_request') || ''
    const pause = Math.min(Number(response.headers.get('Retry-After')) || 0, 60) * 1e3
    return { ...answer, status, error, message, pause, busy: busy || error === 'throttle_violation' }
  }
}

function token(answer) {
  if (answer.status !== 200 || !/^[!-~]{1,4096}$/.test(answer.access_token ?? '')) throw problem(answer)
  return answer.access_token
}

function problem({ status, error, message }) {
  const kinds = new Map([['access_denied', AccessDenied], ['key_conflict', Conflict], ['expired_token', Expired]])
  const Kind = status >= 500 ? Unreachable : status === 429 ? Throttled : kinds.get(error) ?? SignInError
  return new Kind(clean(`${message || 'the answer makes no sense'} (${status} ${error})`))
}

async function listen() {
  const listener = (await node('http')).createServer()
  await new Promise((resolve, reject) => listener.on('error', reject).listen(0, '127.0.0.1', resolve))
  return listener
}

/** Whether the user would see a browser that opens on this machine, unlike over SSH. */
function hasBrowser({ env } = globalThis.process ?? { env: {} }) {
  return !env.SSH_CONNECTION || Boolean(env.DISPLAY || env.WAYLAND_DISPLAY || env.BROWSER)
}

/** Prints what to do on standard error, and opens the browser. */
async function show({ flow, url, code }, browser = true) {
  console.error(`To sign in, open this address:\n\n${url}\n`)
  if (code) console.error(`The page shows the code ${code}. If it shows another one, stop.\n`)
  if (!browser || flow === 'device' || !hasBrowser()) return
  if (!isProgram) return globalThis.open(url)
  const { spawn } = await node('child_process'), { platform } = await node('process')
  const others = { darwin: ['open'], win32: ['rundll32', 'url.dll,FileProtocolHandler'] }
  const [command, ...args] = others[platform] ?? ['xdg-open']
  spawn(command, [...args, url], { stdio: 'ignore', detached: true }).on('error', () => {}).unref()
}

function parseAddress(text) {
  if (!/^https?:\/\/[^/?#@]+[^?#]*$/.test(text) || !(text.startsWith('https:') || local.test(text))) {
    throw new WrongArgument(`${text} must be an address such as https://auth.example.org, or on this machine`)
  }
  return new URL(text).href.replace(/\/+$/, '')
}

/** Replaces what could steer a terminal. */
const clean = (text) => `${text}`.replace(/[\p{C}\p{Z}]/gu, ' ').slice(0, 300)
const base64url = (b) => btoa(String.fromCharCode(...b)).replace(/[+/=]/g, (c) => ({ '+': '-', '/': '_' })[c] ?? '')
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)))
const sha256 = async (text) => new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
const s256 = async (text) => base64url(await sha256(text))

/** What the page shows too: the first 30 bits of the key's SHA-256 in Crockford's base32. */
async function matchCode(key) {
  const bits = new DataView((await sha256(key)).buffer).getUint32(0)
  const code = [27, 22, 17, 12, 7, 2].map((shift) => '0123456789ABCDEFGHJKMNPQRSTVWXYZ'[(bits >>> shift) & 31]).join('')
  return `${code.slice(0, 3)}-${code.slice(3)}`
}

// What follows is for modules and programs. A userscript is neither: it ends here.
export { signIn, SignInError, AccessDenied, Expired, Conflict, AnswerLost, Unreachable, Throttled, WrongServer }

async function main() {
  const [util, fs, url, { default: process }] = await Promise.all(['util', 'fs', 'url', 'process'].map(node))
  if (!(import.meta.main ?? url.pathToFileURL(fs.realpathSync(process.argv[1])).href === import.meta.url)) return
  for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => process.exit(130))
  const text = { type: 'string', default: '' }, options = { server: text, 'client-id': text, scope: text, flow: text }
  Object.assign(options, { 'no-browser': { type: 'boolean' }, 'stackexchange-url': text })
  try {
    const { values } = util.parseArgs({ options })
    const got = await signIn(values.server, values['client-id'], values.scope, {
      flow: values.flow || (values['no-browser'] ? 'relay' : undefined), stackexchange: values['stackexchange-url'],
      prompt: (what) => show(what, !values['no-browser']),
    })
    process.stdout.write(`${got}\n`, () => process.exit(0))
  } catch (error) {
    console.error(`dss.mjs: ${error.message}`)
    process.exit(error.exitStatus ?? (error.code?.startsWith('ERR_PARSE_ARGS') ? 2 : 1))
  }
}

if (isProgram) main().catch(() => {}) // where there is no file, as in a console

// Signs a user in and greets them. For Node.js 18, Deno and Bun; nothing to install.
import { signIn, AccessDenied } from '../../clients/dss.mjs' // copy it next to your program

const { DSS_SERVER, DSS_CLIENT_ID, DSS_STACKEXCHANGE_API_URL: api = 'https://api.stackexchange.com/2.3' } = process.env
try {
  const token = await signIn(DSS_SERVER, DSS_CLIENT_ID, ['read_inbox'])
  const me = await fetch(`${api}/me?site=stackoverflow`, { headers: { Authorization: `Bearer ${token}` } })
  console.log('Hello,', (await me.json()).items[0].display_name)
} catch (error) {
  console.error(error instanceof AccessDenied ? 'You did not give access.' : error.message)
  process.exitCode = 1
}

// Two-step sign-in, by clicking: an authenticator app, computed here, is set up; its codes are good once; a recovery code
// stands in for it; and it is turned off. An admin of its own does it, so that the other tales sign in as ever.
//
//   node second-step.mjs --data DIR
import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { openBrowser, shot } from './browser.mjs'
import { check, Instance, Panel, PASSWORD, until } from './panel.mjs'

const { values: options } = parseArgs({ options: { data: { type: 'string' } } })
const instance = new Instance(options.data)
// Sets the first password if no tale has yet.
await instance.panel('second-step')
const say = (text) => console.log(`  ${text}`)
const NAME = `eve${Date.now().toString(36)}`
const OWN = 'a-warren-of-many-burrows'
const STEP_MS = 30_000

const { browser, page } = await openBrowser({ colorScheme: 'dark', acceptDownloads: true })
const go = (path) => page.goto(new URL(path, instance.ready.url).href)
const button = (name) => page.getByRole('button', { name, exact: true })
const dialog = page.getByRole('dialog')
const code = page.getByLabel('Code', { exact: true })
const main = page.getByRole('navigation', { name: 'Main' })
const person = () => new Panel(instance.ready.url, { address: '127.0.0.1' })
const refusal = async (call) => {
  try {
    await call
  } catch (error) {
    return error.code
  }
  return undefined
}

/** Bytes of a base32 text without padding (RFC 4648). */
function base32(text) {
  const bits = [...text].map((char) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(char).toString(2).padStart(5, '0')).join('')
  return Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)))
}

/** RFC 6238 with SHA-1 and six digits. */
function totp(secret, step) {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(step))
  const mac = createHmac('sha1', base32(secret)).update(counter).digest()
  const number = mac.readUInt32BE(mac[19] & 0xf) & 0x7fffffff
  return String(number % 1_000_000).padStart(6, '0')
}
check(totp('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ', 1) === '287082', 'the app counts as RFC 6238, appendix B, does')

let secret
let used = 0
const step = () => Math.floor(Date.now() / STEP_MS)

/** A code that was not used yet: of this half minute, or of the next one, which is taken too. */
async function freshCode() {
  await until('a half minute whose code was not used', 2 * STEP_MS, () => used <= step())
  used = Math.max(step(), used + 1)
  return totp(secret, used)
}

/** An admin with a password of their own, and a session of theirs elsewhere. */
async function makeAdmin() {
  const owner = person()
  await owner.login(instance.admin.user, PASSWORD)
  const made = await owner.post('/users', { username: NAME, email: `${NAME}@example.net`, admin: true })
  const elsewhere = person()
  await elsewhere.login(NAME, made.password)
  await elsewhere.put('/account/password', { current_password: made.password, new_password: OWN })
  await elsewhere.login(NAME, OWN)
  return { owner, elsewhere, id: made.user.id }
}

async function signIn() {
  await page.getByLabel('E-mail or user name').fill(NAME)
  await page.getByLabel('Password', { exact: true }).fill(OWN)
  await button('Sign in').click()
}

async function signOut() {
  await button(`Account of ${NAME}`).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await page.getByLabel('E-mail or user name').waitFor()
}

/** Gives the recovery codes that the dialog shows, and says that they are kept. */
async function keepCodes() {
  const list = dialog.getByRole('list', { name: 'Recovery codes' })
  await list.waitFor()
  const codes = await list.getByRole('listitem').allInnerTexts()
  check(codes.length === 10 && new Set(codes).size === 10, `ten codes are shown: ${codes.length}`)
  await page.keyboard.press('Escape')
  await dialog.getByText('Keep the codes first').waitFor()
  const [download] = await Promise.all([page.waitForEvent('download'), button('Download .txt').click()])
  const file = readFileSync(await download.path(), 'utf8')
  check(codes.every((each) => file.includes(each)) && file.includes(NAME), 'the file holds the codes and whose they are')
  await dialog.getByRole('checkbox', { name: 'I have kept them' }).check()
  await button('Done').click()
  await dialog.waitFor({ state: 'detached' })
  return codes
}

async function setUp() {
  await go('/')
  await signIn()
  await main.waitFor()
  await go('/account')
  await button('Set up').click()
  await dialog.getByLabel('Your password').fill(OWN)
  await button('Go on').click()
  const shown = dialog.getByRole('group', { name: 'Secret' })
  await shown.waitFor()
  secret = (await shown.innerText()).replace(/\s/g, '')
  check(/^[A-Z2-7]{32}$/.test(secret), `the secret is 160 bits of base32: ${secret.length} characters`)
  await dialog.getByRole('img', { name: /QR code/ }).waitFor()
  await shot(page, 'qr-code')
  await code.fill(totp(secret, step() - 120))
  await button('Turn on').click()
  await dialog.getByText('Is not the code of this moment').waitFor()
  const first = await freshCode()
  await code.fill(first)
  await button('Turn on').click()
  await dialog.getByText('I have kept them').waitFor()
  await shot(page, 'recovery-codes')
  const codes = await keepCodes()
  await page.getByText('10 of 10 recovery codes left').waitFor()
  return { first, codes }
}

/** A code that was used is a wrong one; the next is taken. */
async function withCode(first) {
  check((await refusal(person().login(NAME, OWN))) === 'second_factor_needed', 'the password alone is not enough')
  await signOut()
  await signIn()
  await code.waitFor()
  await shot(page, 'code')
  await code.fill(first)
  await button('Sign in').click()
  await page.getByText('This is not the code of this moment').waitFor()
  await code.fill(await freshCode())
  await button('Sign in').click()
  await main.waitFor()
}

/** Typed as people type: in capitals and without hyphens. */
async function withRecoveryCode(recovery) {
  await signOut()
  await signIn()
  await code.waitFor()
  await button('Use a recovery code').click()
  await page.getByLabel('Recovery code', { exact: true }).fill(recovery.replaceAll('-', ' ').toUpperCase())
  await button('Sign in').click()
  await main.waitFor()
  await go('/account')
  await page.getByText('9 of 10 recovery codes left').waitFor()
  await shot(page, 'account')
  const again = person().post('/session', { login: NAME, password: OWN, code: recovery })
  check((await refusal(again)) === 'bad_code', 'a recovery code is good once')
}

/** New ones end the earlier ones. */
async function renew(earlier) {
  await button('New recovery codes').click()
  await dialog.getByLabel('Your password').fill(OWN)
  await dialog.getByRole('button', { name: 'Use a recovery code' }).click()
  await dialog.getByLabel('Recovery code', { exact: true }).fill(earlier[1])
  await button('Make new codes').click()
  const codes = await keepCodes()
  check(!codes.some((each) => earlier.includes(each)), 'they are others')
  await page.getByText('10 of 10 recovery codes left').waitFor()
  const old = person().post('/session', { login: NAME, password: OWN, code: earlier[2] })
  check((await refusal(old)) === 'bad_code', 'an earlier code is good no longer')
}

async function turnOff() {
  await button('Turn off').click()
  await dialog.getByLabel('Your password').fill(OWN)
  await dialog.getByLabel('Code', { exact: true }).fill(await freshCode())
  await shot(page, 'turn-off')
  await dialog.getByRole('button', { name: 'Turn off', exact: true }).click()
  await button('Set up').waitFor()
  await person().login(NAME, OWN)
}

try {
  const { owner, elsewhere, id } = await makeAdmin()
  const { first, codes } = await setUp()
  check((await refusal(elsewhere.get('/session'))) !== undefined, 'the session elsewhere has ended')
  check((await owner.get(`/users/${id}`)).second_factor, 'others see that it is on')
  say('set up an app by its secret; the session elsewhere has ended')
  await withCode(first)
  say('signed in with the next code; the one that was used is refused')
  await withRecoveryCode(codes[0])
  say('signed in with a recovery code, which is used up')
  await renew(codes)
  say('new recovery codes end the earlier ones')
  await turnOff()
  say('turned it off: the password alone lets in again')
  const done = (await owner.get(`/audit?user=${id}`)).items.map((row) => row.action)
  check(done.includes('account.second_factor') && done.includes('account.recovery_codes'), `it is in the log: ${done}`)
  await owner.delete(`/users/${id}`)
  check(page.faults.length === 0, `no fault in the page: ${page.faults.join('; ')}`)
} catch (error) {
  await shot(page, 'failed')
  throw error
} finally {
  await browser.close()
}
process.exit(0)

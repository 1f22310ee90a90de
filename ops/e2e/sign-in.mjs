// Signing in without a password, by clicking: with a passkey of Chromium's own authenticator, and through a real OpenID
// provider, which a person connects with their account and another one gets an account by. The panel is one of its own,
// opened as localhost: browsers bind passkeys to a name.
//
//   node sign-in.mjs --data DIR --port N --gateway-port N --nats-port N --agent-port N --provider-port N
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openBrowser, shot } from './browser.mjs'
import { check, Instance, Panel, PASSWORD, until } from './panel.mjs'

const ports = ['port', 'gateway-port', 'nats-port', 'agent-port']
const { values: options } = parseArgs({
  options: Object.fromEntries(['data', ...ports, 'provider-port'].map((name) => [name, { type: 'string' }])),
})
const say = (text) => console.log(`  ${text}`)
const ops = `${process.env.WARREN_BIN_DIR}/warren-ops`
const run = (...words) => spawnSync(ops, words, { encoding: 'utf8', timeout: 180000 })
const origin = `http://localhost:${options.port}`
const issuer = `http://localhost:${options['provider-port']}`

/** A certified provider that takes any name and password; what it says of people is made of their names. */
async function openProvider() {
  const source = join(process.env.WARREN_SOURCE_DIR ?? process.cwd(), 'web/node_modules/oidc-provider/lib/index.js')
  const { Provider } = await import(source)
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'warren',
        client_secret: 'between-the-two-of-us',
        redirect_uris: [`${origin}/api/v1/session/sso/acme/callback`],
      },
    ],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['preferred_username', 'groups'] },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({
        sub: id,
        preferred_username: id,
        email: `${id}@corp.example`,
        email_verified: true,
        groups: id === 'carol' ? ['staff'] : [],
      }),
    }),
    cookies: { keys: ['a tale'] },
    ttl: { Session: 600, Grant: 600, Interaction: 600, AccessToken: 60, IdToken: 60 },
  })
  const server = createServer(provider.callback())
  await new Promise((done) => server.listen(Number(options['provider-port']), '127.0.0.1', done))
  return server
}

const button = (page, name) => page.getByRole('button', { name, exact: true })
const go = (page, path) => page.goto(new URL(path, origin).href)
const inside = (page) => page.waitForURL((url) => url.origin === origin && !/login|callback/.test(url.pathname))
const main = (page) => page.getByRole('navigation', { name: 'Main' }).waitFor()
const menu = async (page) => {
  await page.context().clearCookies({ domain: 'localhost', name: 'warren' })
  await go(page, '/login')
  await page.getByLabel('E-mail or user name').waitFor()
}

async function withPassword(page, name, password) {
  await go(page, '/login')
  await page.getByLabel('E-mail or user name').fill(name)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await button(page, 'Sign in').click()
  await inside(page)
  await main(page)
}

/** Says yes at the provider's own pages. */
async function atProvider(page, name) {
  await page.waitForURL((url) => url.origin === issuer)
  await page.locator('input[name=login]').fill(name)
  await page.locator('input[name=password]').fill('any')
  await page.getByRole('button', { name: 'Sign-in' }).click()
  await page.getByRole('button', { name: 'Continue' }).click()
}

async function tellPasskeys(instance) {
  const { browser, context, page } = await openBrowser({ colorScheme: 'dark' })
  const device = await context.newCDPSession(page)
  await device.send('WebAuthn.enable')
  const { authenticatorId } = await device.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
  const present = (enabled) => device.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled })
  await withPassword(page, instance.admin.user, PASSWORD)
  await go(page, '/account')
  await page.getByText('No passkey yet').waitFor()
  await button(page, 'Add a passkey').click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name', { exact: true }).fill('Laptop')
  await dialog.getByLabel('Your password', { exact: true }).fill(PASSWORD)
  await shot(page, 'add-a-passkey')
  await dialog.locator('button[type=submit]').click()
  const list = page.getByRole('list', { name: 'Passkeys' })
  await list.getByText('Laptop').waitFor()
  const { credentials } = await device.send('WebAuthn.getCredentials', { authenticatorId })
  check(credentials.length === 1 && credentials[0].rpId === 'localhost', `one for this name: ${JSON.stringify(credentials)}`)
  check(credentials[0].isResidentCredential, 'it is found again without a name')
  await shot(page, 'account')
  say('added a passkey, after the password')

  // The question that waits at the name field is answered by nobody; the button asks anew.
  await present(false)
  await menu(page)
  await shot(page, 'log-in')
  await present(true)
  await button(page, 'Sign in with a passkey').click()
  await inside(page)
  await main(page)
  say('signed in with it alone')

  await go(page, '/account')
  await list.getByText(/used/).waitFor()
  const removing = list.getByRole('button', { name: /^Remove/ })
  await removing.click()
  await page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click()
  await page.getByText('No passkey yet').waitFor()
  await present(false)
  await menu(page)
  await present(true)
  await button(page, 'Sign in with a passkey').click()
  await page.getByText('does not know this passkey').waitFor()
  await shot(page, 'unknown-passkey')
  say('a removed one lets nobody in, and the page says so')
  check(page.faults.length === 0, `the pages had faults: ${page.faults.join('; ')}`)
  await browser.close()
}

async function tellProvider(instance) {
  const owner = new Panel(origin, { address: '127.0.0.1' })
  await owner.login(instance.admin.user, PASSWORD)
  await owner.post('/roles', { name: 'Crew', keys: ['node.read'] })

  const carol = await openBrowser({ colorScheme: 'light' })
  await go(carol.page, '/nodes')
  await carol.page.waitForURL((url) => url.pathname === '/login')
  await button(carol.page, 'Sign in with Acme ID').click()
  await atProvider(carol.page, 'carol')
  await carol.page.waitForURL((url) => url.href.startsWith(`${origin}/nodes`))
  await main(carol.page)
  await carol.page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Nodes' }).waitFor()
  await go(carol.page, '/account')
  const logins = carol.page.getByRole('list', { name: 'Connected log-ins' })
  await logins.getByText('carol@corp.example').waitFor()
  await shot(carol.page, 'carol')
  await logins.getByRole('button', { name: /^Disconnect/ }).click()
  await carol.page.getByRole('dialog').getByRole('button', { name: 'Disconnect', exact: true }).click()
  await carol.page.getByText(/no other way in/).waitFor()
  await shot(carol.page, 'last-way-in')
  await carol.page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
  await carol.page.getByLabel('New password', { exact: true }).fill('a warren of many burrows')
  await carol.page.getByLabel('New password again', { exact: true }).fill('a warren of many burrows')
  await shot(carol.page, 'first-password')
  await button(carol.page, 'Set a password').click()
  await button(carol.page, 'Change password').waitFor()
  check(carol.page.faults.length === 0, `the pages had faults: ${carol.page.faults.join('; ')}`)
  await carol.browser.close()
  say('somebody new got an account and the role of her group, came to the page that she wanted, keeps her only way in, and set a password')

  const { browser, page } = await openBrowser({ colorScheme: 'dark', viewport: { width: 390, height: 844 } })
  await withPassword(page, instance.admin.user, PASSWORD).catch(async (error) => {
    // On a phone the navigation is another one: being inside is enough.
    if (new URL(page.url()).pathname === '/login') throw error
  })
  await go(page, '/account')
  await button(page, 'Connect Acme ID').click()
  await page.getByRole('dialog').getByLabel('Your password', { exact: true }).fill(PASSWORD)
  await shot(page, 'connect')
  await page.getByRole('dialog').locator('button[type=submit]').click()
  await atProvider(page, 'boss')
  await page.waitForURL((url) => url.origin === origin && url.pathname === '/account')
  await page.getByRole('list', { name: 'Connected log-ins' }).getByText('boss@corp.example').waitFor()
  await shot(page, 'connected')
  await menu(page)
  await button(page, 'Sign in with Acme ID').click()
  await inside(page)
  await page.getByRole('heading', { level: 1 }).waitFor()
  say('the admin connected theirs after the password, and signed in with it')

  check(page.faults.length === 0, `the pages had faults: ${page.faults.join('; ')}`)
  await browser.close()
  const rows = await owner.get('/audit?action=session.create&limit=50')
  const how = rows.items.map((row) => JSON.stringify(row.diff ?? {}))
  check(how.filter((text) => text.includes('Acme ID')).length === 2, `two log-ins by the provider: ${how}`)
  check(how.some((text) => text.includes('Laptop')), `one by the passkey: ${how}`)
  say('the audit log tells how each of them came in')
}

let provider
async function tell() {
  provider = await openProvider()
  Object.assign(process.env, {
    WARREN_CONTROL_SSO__ACME__NAME: 'Acme ID',
    WARREN_CONTROL_SSO__ACME__ISSUER: issuer,
    WARREN_CONTROL_SSO__ACME__CLIENT_ID: 'warren',
    WARREN_CONTROL_SSO__ACME__CLIENT_SECRET: 'between-the-two-of-us',
    WARREN_CONTROL_SSO__ACME__CREATE_ACCOUNTS: 'true',
    WARREN_CONTROL_SSO__ACME__ROLES__STAFF: 'Crew',
  })
  const up = run('up', '--detach', '--data', options.data, ...ports.flatMap((name) => [`--${name}`, options[name]]))
  check(up.status === 0, `up: ${up.stdout}${up.stderr}`)
  const instance = new Instance(options.data)
  await instance.panel('sign-in')
  await until('the provider to say what it is', 10000, async () => (await fetch(`${issuer}/.well-known/openid-configuration`)).ok)
  await tellPasskeys(instance)
  await tellProvider(instance)
}

let failure
try {
  await tell()
} catch (error) {
  failure = error
}
provider?.closeAllConnections()
provider?.close()
run('down', '--data', options.data, '--grace', '1')
rmSync(options.data, { recursive: true, force: true })
if (failure) {
  console.error(`sign-in: FAILED: ${failure.stack}`)
  process.exit(1)
}
console.log('sign-in: passed')
process.exit(0)

// Mail, by clicking: somebody is invited, chooses a password by the link of the message, forgets it, asks for another link
// and sets another one. The messages go through a real SMTP server; the panel is one of its own, with mail switched on.
//
//   node mail.mjs --data DIR --port N --gateway-port N --nats-port N --agent-port N --smtp-port N
import { spawn, spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { openBrowser, shot } from './browser.mjs'
import { check, Instance, Panel, PASSWORD, until } from './panel.mjs'

const ports = ['port', 'gateway-port', 'nats-port', 'agent-port']
const { values: options } = parseArgs({
  options: Object.fromEntries(['data', ...ports, 'smtp-port'].map((name) => [name, { type: 'string' }])),
})
const say = (text) => console.log(`  ${text}`)
const ops = `${process.env.WARREN_BIN_DIR}/warren-ops`
const run = (...words) => spawnSync(ops, words, { encoding: 'utf8', timeout: 180000 })

const smtp = spawn('aiosmtpd', ['-n', '-l', `127.0.0.1:${options['smtp-port']}`, '-c', 'aiosmtpd.handlers.Debugging', 'stdout'], {
  env: { ...process.env, PYTHONUNBUFFERED: '1' },
  stdio: ['ignore', 'pipe', 'inherit'],
})
let taken = ''
smtp.stdout.on('data', (bytes) => (taken += bytes))
/** Links of the messages so far, unfolded (RFC 2045). */
const links = () => [...taken.replace(/=\r?\n/g, '').replaceAll('=3D', '=').matchAll(/http\S+#token=[\w-]+/g)].map(([link]) => link)

async function tell() {
  Object.assign(process.env, {
    WARREN_CONTROL_MAIL__URL: `smtp://127.0.0.1:${options['smtp-port']}`,
    WARREN_CONTROL_MAIL__FROM: 'Warren <panel@example.net>',
    WARREN_CONTROL_PUBLIC_URL: `http://127.0.0.1:${options.port}`,
  })
  const up = run('up', '--detach', '--data', options.data, ...ports.flatMap((name) => [`--${name}`, options[name]]))
  check(up.status === 0, `up: ${up.stdout}${up.stderr}`)
  const instance = new Instance(options.data)
  await instance.panel('mail')
  const { browser, context, page } = await openBrowser({ colorScheme: 'dark' })
  const go = (path) => page.goto(new URL(path, instance.ready.url).href)
  const button = (name) => page.getByRole('button', { name, exact: true })
  const field = (name) => page.getByLabel(name, { exact: true })
  const signIn = async (name, password) => {
    await field('E-mail or user name').fill(name)
    await field('Password').fill(password)
    await button('Sign in').click()
    // The page of the log-in has a heading of its own: left too soon, it would take the log-in with it.
    await page.waitForURL((url) => url.pathname !== '/login')
  }
  const choose = async (link, password) => {
    await page.goto(link)
    await field('New password').waitFor()
    check(!page.url().includes('token'), `the link is out of the address bar: ${page.url()}`)
    await field('New password').fill(password)
    await field('New password again').fill(password)
    await shot(page, 'set-password')
    await button('Set the password').click()
    await page.getByText('Your password is set').waitFor()
  }

  await go('/login')
  await signIn(instance.admin.user, PASSWORD)
  await page.getByRole('heading', { level: 1 }).waitFor()
  await go('/people')
  await button('New person').click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('Invite by mail', { exact: true }).click()
  await dialog.getByLabel('User name', { exact: true }).fill('ann')
  await dialog.getByLabel('E-mail', { exact: true }).fill('ann@example.net')
  await shot(page, 'invite')
  await dialog.getByRole('button', { name: 'Send the invitation' }).click()
  await page.getByText('An invitation was sent to').waitFor()
  await until('the invitation', 20000, () => links().length === 1)
  say('invited somebody; nobody was shown a password')

  await context.clearCookies()
  await choose(links()[0], 'a warren of many burrows')
  await signIn('ann', 'a warren of many burrows')
  await page.getByRole('heading', { level: 1 }).waitFor()
  say('she chose a password by the link and is in')

  await context.clearCookies()
  await go('/login')
  await page.getByRole('link', { name: 'Forgot your password?' }).click()
  // The log-in has a field of the same name: what is typed too soon is typed there.
  await page.waitForURL((url) => url.pathname === '/forgot-password')
  await page.getByLabel('E-mail or user name').fill('ann')
  await page.getByRole('button', { name: 'Send me a link' }).click()
  await page.getByText('a link is on its way').waitFor()
  await shot(page, 'on-its-way')
  await until('another link', 20000, () => links().length === 2)
  await choose(links()[1], 'another phrase of hers')
  await signIn('ann', 'another phrase of hers')
  await page.getByRole('heading', { level: 1 }).waitFor()
  const old = new Panel(instance.ready.url, { address: '127.0.0.1' })
  const code = await old.login('ann', 'a warren of many burrows').then(
    () => undefined,
    (error) => error.code,
  )
  check(code === 'bad_credentials', 'the old password is good no longer')
  say('forgot it, asked for a link, and set another one')

  await go('/account')
  // Each card of the page has a form of its own.
  const form = page.locator('form').filter({ has: field('E-mail') })
  await form.getByLabel('E-mail', { exact: true }).fill('ann@other.example')
  await form.getByLabel('Current password', { exact: true }).fill('another phrase of hers')
  await form.getByRole('button', { name: 'Save', exact: true }).click()
  await page.getByText('A link was sent to').waitFor()
  await shot(page, 'address-pending')
  await until('the link to the other address', 20000, () => links().length === 3)
  await page.goto(links()[2])
  await button('Yes, it is mine').waitFor()
  check(!page.url().includes('token'), `the link is out of the address bar: ${page.url()}`)
  await shot(page, 'confirm-address')
  await button('Yes, it is mine').click()
  await page.getByText('Your account has this e-mail address now').waitFor()
  await page.getByRole('link', { name: 'Go to your account' }).click()
  await until('the other address on the account page', 10000, async () => (await field('E-mail').inputValue()) === 'ann@other.example')
  check((await page.getByText('Not confirmed yet').count()) === 0, 'the address is confirmed')
  await page.goto(links()[2])
  await button('Yes, it is mine').click()
  await page.getByText('This link works no more').waitFor()
  say('another address counts once the link in the mail to it was opened')

  await context.clearCookies()
  await page.goto(links()[1])
  await field('New password').fill('a third phrase of hers')
  await field('New password again').fill('a third phrase of hers')
  await button('Set the password').click()
  await page.getByText(/was used|too old/).waitFor()
  await shot(page, 'used')
  say('a link is good once, and the page says so')
  check(page.faults.length === 0, `the pages had faults: ${page.faults.join('; ')}`)
  await browser.close()
}

let failure
try {
  await tell()
} catch (error) {
  failure = error
}
run('down', '--data', options.data, '--grace', '1')
rmSync(options.data, { recursive: true, force: true })
smtp.kill('SIGKILL')
if (failure) {
  console.error(`mail: FAILED: ${failure.stack}`)
  process.exit(1)
}
console.log('mail: passed')
process.exit(0)

// Two people on one panel, by clicking: an account with a first password, a server that is shared and taken back while
// it is being watched, a role over a node, why somebody may do something, and plans that bound what people own.
//
//   node people.mjs --data DIR
import { parseArgs } from 'node:util'
import { consoleText, openBrowser, shot } from './browser.mjs'
import { pushGame } from './harness.mjs'
import { check, egg, gameEgg, Instance, makeServer, Panel, PASSWORD, until } from './panel.mjs'
import { Viewer } from './viewer.mjs'

const { values: options } = parseArgs({ options: { data: { type: 'string' } } })
const instance = new Instance(options.data)
const panel = await instance.panel('people')
const say = (text) => console.log(`  ${text}`)
const NAME = `ann${Date.now().toString(36)}`
const OWN = 'a-warren-of-many-burrows'

const node = (await panel.all('/nodes'))[0]
const image = pushGame(instance.ready.registry)
const echo = await egg(panel, gameEgg(image))
const shared = await makeServer(panel, { name: 'Shared', egg: echo, node: node.id, variables: { GAME: '/games/echo' } })
const hidden = await makeServer(panel, { name: 'Not shared', egg: echo, node: node.id, variables: { GAME: '/games/echo' } })
await panel.state(shared, 'running', 60000)

const admin = await openBrowser({ colorScheme: 'dark' })
const ann = await openBrowser({ colorScheme: 'light', viewport: { width: 390, height: 844 } })
const go = (who, path) => who.page.goto(new URL(path, instance.ready.url).href)
const button = (who, name) => who.page.getByRole('button', { name, exact: true })
const dialog = (who) => who.page.getByRole('dialog')
const refused = async (call) => {
  try {
    await call
  } catch (error) {
    return error.status
  }
  return 0
}

async function signIn(who, name, password) {
  await go(who, '/')
  await who.page.getByLabel('E-mail or user name').fill(name)
  await who.page.getByLabel('Password', { exact: true }).fill(password)
  await button(who, 'Sign in').click()
}

/** By clicking; the password that was made up. */
async function makeAccount() {
  await signIn(admin, instance.admin.user, PASSWORD)
  await admin.page.getByRole('navigation', { name: 'Main' }).waitFor()
  await go(admin, '/people')
  await button(admin, 'New person').click()
  await dialog(admin).getByLabel('User name').fill(NAME)
  await dialog(admin).getByLabel('E-mail').fill(`${NAME}@example.net`)
  await button(admin, 'Make the account').click()
  await dialog(admin).getByText('has an account').waitFor()
  const password = (await dialog(admin).getByRole('group', { name: 'Password' }).innerText()).trim()
  await shot(admin.page, 'first-password')
  await button(admin, 'I have it').click()
  await admin.page.getByText(NAME, { exact: true }).first().waitFor()
  return password
}

async function firstLogin(password) {
  await signIn(ann, NAME, password)
  await ann.page.getByLabel('New password', { exact: true }).waitFor()
  const current = ann.page.getByLabel('Current password')
  if (await current.count()) await current.fill(password)
  await ann.page.getByLabel('New password', { exact: true }).fill(OWN)
  await ann.page.getByLabel('New password again').fill(OWN)
  await ann.page.getByRole('button', { name: /password/i }).last().click()
  await until('the panel to open', 15000, () => new URL(ann.page.url()).pathname !== '/password')
  await go(ann, '/servers')
  await ann.page.getByText('No server is yours yet').waitFor()
  await shot(ann.page, 'nothing-yours')
}

async function share() {
  await go(admin, `/servers/${shared}/users`)
  await button(admin, 'Give access').first().click()
  await dialog(admin).getByLabel('Name or e-mail').fill(NAME)
  await dialog(admin).getByRole('button', { name: /^Operator/ }).click()
  await shot(admin.page, 'give-access')
  await dialog(admin).getByRole('button', { name: 'Give access', exact: true }).click()
  await admin.page.getByRole('list', { name: 'People with access' }).getByText(NAME, { exact: true }).waitFor()
  await shot(admin.page, 'people-with-access')

  await go(ann, '/servers')
  await ann.page.getByRole('link', { name: 'Shared', exact: true }).first().waitFor()
  check((await ann.page.getByRole('link', { name: 'Not shared', exact: true }).count()) === 0, 'the other server is not shown')
  await go(ann, `/servers/${shared}`)
  const command = ann.page.getByRole('textbox', { name: 'Command' })
  const word = `from-${NAME}`
  await command.fill(word)
  await command.press('Enter')
  await until('the answer', 15000, async () => (await consoleText(ann.page)).includes(`got: ${word}`))
  await shot(ann.page, 'shared-console')
}

/** By the API, as a script of hers would try it. */
async function notAllowed() {
  const her = new Panel(instance.ready.url, { address: '127.0.0.1' })
  await her.login(NAME, OWN)
  const path = `/servers/${shared}`
  check((await refused(her.get(`/servers/${hidden}`))) === 404, 'what was not shared is not known')
  check((await refused(her.get(`${path}/files?path=/`))) === 403, 'an operator reads no files')
  check((await refused(her.patch(path, { name: 'Mine' }))) === 403, 'and renames nothing')
  check((await refused(her.get('/users'))) === 403, 'and sees no accounts')
  return her
}

/** What she has open closes within a second; the API knows nothing of the server any more. */
async function takeBack(her) {
  const viewer = new Viewer(her, shared)
  await until('her viewer to have the console', 15000, () => viewer.at > 0)
  const closed = new Promise((done) => viewer.socket.addEventListener('close', () => done(Date.now()), { once: true }))
  const person = (await panel.get(`/users?search=${NAME}`)).items[0]
  await panel.delete(`/servers/${shared}/users/${person.id}`)
  const since = Date.now()
  const took = await Promise.race([closed.then((at) => at - since), new Promise((done) => setTimeout(() => done(Infinity), 5000))])
  viewer.ended = true
  check(took < 1000, `her line closed ${took} ms after the answer`)
  check((await refused(her.get(`/servers/${shared}`))) === 404, 'the server is not hers to see')
  await go(ann, '/servers')
  await ann.page.getByText('No server is yours yet').waitFor()
  say(`took it back: what she had open closed ${took} ms after the answer`)
}

async function giveRole(her) {
  const role = await panel.post('/roles', { name: `Support ${NAME}`, keys: ['server.read', 'websocket.connect', 'control.console', 'node.read'] })
  await go(admin, '/people')
  await admin.page.getByText(NAME, { exact: true }).first().click()
  await admin.page.getByRole('heading', { name: NAME, level: 1 }).waitFor()
  await shot(admin.page, 'person')
  const person = (await panel.get(`/users?search=${NAME}`)).items[0]
  await panel.post(`/roles/${role.id}/grants`, { user: person.id, reach: 'node', target: node.id })
  const seen = (await her.all('/servers')).map((server) => server.id)
  check(seen.includes(shared) && seen.includes(hidden), 'a role over the node shows what runs there')
  check((await refused(her.post(`/servers/${shared}/power`, { action: 'stop' }))) === 403, 'and allows what it holds alone')
  const why = await panel.get(`/users/${person.id}/why?key=control.console&server=${hidden}`)
  check(why.allowed && why.because[0].role.name === role.name, `the panel says why: ${JSON.stringify(why)}`)
  await go(admin, `/roles/${role.id}`)
  await admin.page.getByText(NAME, { exact: true }).first().waitFor()
  await shot(admin.page, 'role')
  await panel.delete(`/roles/${role.id}`)
  check((await her.all('/servers')).length === 0, 'without the role nothing is left')
  const done = (await panel.get(`/audit?user=${person.id}`)).items.map((row) => row.action)
  check(done.includes('control.console') && done.includes('session.create'), `what she did is in the log: ${done}`)
  return person
}

/** Bounds what she may own by clicking; whoever makes her a server then is refused, and she sees what she has. */
async function quota(person) {
  await go(admin, `/people/${person.id}`)
  await button(admin, 'Set limits').click()
  await dialog(admin).getByRole('radio', { name: 'Own numbers' }).click()
  await dialog(admin).getByLabel('Servers', { exact: true }).fill('0')
  await dialog(admin).getByLabel('Memory', { exact: true }).fill('2048')
  await dialog(admin).getByRole('button', { name: 'Save', exact: true }).click()
  await admin.page.getByRole('img', { name: 'Servers: 0 of 0' }).waitFor()
  await shot(admin.page, 'quota')
  const give = panel.patch(`/servers/${hidden}`, { owner: person.id })
  const code = await give.then(
    () => 'given',
    (error) => error.code,
  )
  check(code === 'quota_exceeded', `a server is not given to her: ${code}`)
  await go(ann, '/account')
  await ann.page.getByRole('heading', { name: 'Your quota' }).waitFor()
  await ann.page.getByRole('img', { name: 'Memory: 0 B of 2 GiB' }).waitFor()
  await shot(ann.page, 'own-quota')
}

/** By clicking: a plan, with what it holds. */
async function makePlan(name, servers, memory) {
  await go(admin, '/plans')
  await button(admin, 'New plan').first().click()
  await dialog(admin).getByLabel('Name', { exact: true }).fill(name)
  await dialog(admin).getByLabel('Servers', { exact: true }).fill(servers)
  await dialog(admin).getByLabel('Memory', { exact: true }).fill(memory)
  await button(admin, 'Make the plan').click()
  await planRow(name).waitFor()
}
const planRow = (name) => admin.page.getByRole('row', { name: new RegExp(name) })

async function changeQuota(person, way) {
  await go(admin, `/people/${person.id}`)
  const card = admin.page.locator('section', { has: admin.page.getByRole('heading', { name: 'Quota', exact: true }) })
  await card.getByRole('button', { name: 'Change', exact: true }).click()
  await dialog(admin).getByRole('radio', { name: way }).click()
}

/** Makes two plans and one of them the standard; from her own numbers she comes to that one, then to the other. */
async function plans(person) {
  const [starter, club] = [`Starter ${NAME}`, `Club ${NAME}`]
  await makePlan(starter, '1', '1024')
  await makePlan(club, '3', '4096')
  await button(admin, `More of ${starter}`).click()
  await admin.page.getByRole('menuitem', { name: 'Make it the standard' }).click()
  await dialog(admin).getByText('Everybody who is on no other plan').waitFor()
  await button(admin, 'Make it the standard').click()
  await planRow(starter).getByText('standard', { exact: true }).waitFor()

  await changeQuota(person, 'Standard plan')
  await dialog(admin).getByRole('button', { name: 'Save', exact: true }).click()
  await admin.page.getByText(`the standard plan ${starter}`, { exact: true }).waitFor()
  await changeQuota(person, 'A plan')
  await dialog(admin).getByLabel('Plan', { exact: true }).selectOption({ label: club })
  await shot(admin.page, 'choose-plan')
  await dialog(admin).getByRole('button', { name: 'Save', exact: true }).click()
  await admin.page.getByText(`on the plan ${club}`, { exact: true }).waitFor()
  await admin.page.getByRole('img', { name: 'Servers: 0 of 3' }).waitFor()
  await go(ann, '/account')
  await ann.page.getByText(`on the plan ${club}`, { exact: true }).waitFor()
  await go(admin, '/plans')
  await planRow(club).waitFor()
  await shot(admin.page, 'plans')

  const [made] = (await panel.get('/plans')).items.filter(({ name }) => name === club)
  check(made.people === 1, `one was put on it: ${JSON.stringify(made)}`)
  const code = await panel.delete(`/plans/${made.id}`).then(
    () => 'removed',
    (error) => error.code,
  )
  check(code === 'plan_in_use', `a plan that somebody is on stays: ${code}`)
  await removePlans(person)
}

/** The other tales have no plans. */
async function removePlans(person) {
  await panel.put(`/users/${person.id}/quota`, {})
  for (const { id, name, standard } of (await panel.get('/plans')).items.filter(({ name }) => name.includes(NAME))) {
    if (standard) await panel.patch(`/plans/${id}`, { standard: false })
    await panel.delete(`/plans/${id}`)
    const told = (await panel.get('/audit?action=plan.delete')).items[0]
    check(told.diff.name === name, `the log tells which: ${JSON.stringify(told)}`)
  }
}

async function remove(person, her) {
  await panel.delete(`/users/${person.id}`)
  check((await refused(her.get('/session'))) === 401, 'her log-in has ended')
  await panel.delete(`/servers/${hidden}?name=${encodeURIComponent('Not shared')}`)
  await panel.delete(`/servers/${shared}?name=Shared`)
}

try {
  const password = await makeAccount()
  say('made an account by clicking; its first password is shown once')
  await firstLogin(password)
  say('she chose her own password and sees what to do, on a phone')
  await share()
  say('shared a server with a preset; she typed into its console')
  const her = await notAllowed()
  say('what was not given is refused, and what was not shared is not known')
  await takeBack(her)
  const person = await giveRole(her)
  say('a role over a node counts there, from and to that moment; the panel says why')
  await quota(person)
  say('bounded what she may own; a server beyond it is not given to her')
  await plans(person)
  say('made two plans, one of them the standard, and put her on the other: hers to see, and not to be removed')
  await remove(person, her)
  say('removed the account: all of its doors are closed')
  for (const who of [admin, ann]) check(who.page.faults.length === 0, `no fault in the pages: ${who.page.faults.join('; ')}`)
} catch (error) {
  await shot(admin.page, 'failed-admin')
  await shot(ann.page, 'failed-ann')
  throw error
} finally {
  await admin.browser.close()
  await ann.browser.close()
}
process.exit(0)

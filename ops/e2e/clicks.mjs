// More of what a person does, by clicking: save a file, accept a licence, search and download a console,
// reinstall, add a port and give one back, make an API key and an event consumer, end another session, keep a
// registry's credential. Each is proven from the other side,
// by the API or on the node's disk.
//
//   node clicks.mjs --data DIR
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { consoleText, openBrowser, shot } from './browser.mjs'
import { pushGame } from './harness.mjs'
import { check, egg, gameEgg, Instance, makeServer, Panel, PASSWORD, until } from './panel.mjs'

const { values: options } = parseArgs({ options: { data: { type: 'string' } } })
const instance = new Instance(options.data)
const panel = await instance.panel('clicks')
const say = (text) => console.log(`  ${text}`)

const node = (await panel.all('/nodes'))[0].id
const image = pushGame(instance.ready.registry)
const asking = await egg(panel, gameEgg(image, { name: 'Game with a licence', features: ['eula'] }))
const server = await makeServer(panel, { name: 'Clicked', egg: asking, node, variables: { GAME: '/games/eula' } })
await until('the game to have asked and ended', 60000, async () => {
  const now = await panel.server(server)
  return now.run && now.state === 'stopped'
})

const { browser, page } = await openBrowser({ colorScheme: 'dark', acceptDownloads: true })
const go = (path) => page.goto(new URL(path, instance.ready.url).href)
const button = (name) => page.getByRole('button', { name, exact: true })
const dialog = page.getByRole('dialog')
const badge = (word) => page.getByText(word, { exact: true }).first()
const command = page.getByRole('textbox', { name: 'Command' })

async function clicks() {
  await go('/')
  await page.getByLabel('E-mail or user name').fill(instance.admin.user)
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
  await button('Sign in').click()
  await page.getByRole('navigation', { name: 'Main' }).waitFor()

  await go(`/servers/${server}`)
  await button('Agree and start').click()
  await badge('Running').waitFor({ timeout: 30000 })
  const read = async (path) => (await panel.raw('GET', `/api/v1/servers/${server}/files/content?path=${path}`)).text
  check((await read('/eula.txt')) === 'eula=true\n', 'eula.txt is on the node')
  say('accepted the licence with one button; the game runs')

  const word = `needle-${Date.now().toString(36)}`
  await command.fill(word)
  await command.press('Enter')
  await until('the answer', 15000, async () => (await consoleText(page)).includes(`got: ${word}`))
  await button('Search').click()
  await page.getByRole('textbox', { name: 'Search in the console' }).fill(word)
  await page.getByText(/^\d+( of \d+)?$/).first().waitFor()
  // What control has kept, once it has it.
  await until('the history to hold it', 20000, async () => (await panel.get(`/servers/${server}/console/search?q=${word}`)).items.length > 0)
  await button('All history').click()
  await page.getByRole('list', { name: 'Matches in history' }).getByText(word).first().click()
  await dialog.getByText(`got: ${word}`).first().waitFor()
  await shot(page, 'console-search')
  await page.keyboard.press('Escape')
  await button('Close the search').click()
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download the log' }).click()])
  check(readFileSync(await download.path(), 'utf8').includes(`got: ${word}`), 'the downloaded log holds the line')
  say('searched the console in what is loaded and in all history, and downloaded it')

  await go(`/servers/${server}/files`)
  await page.getByRole('link', { name: 'eula.txt' }).click()
  const content = page.getByRole('textbox', { name: 'Content of eula.txt' })
  await content.fill('eula=true\n# read on a rainy day\n')
  await page.keyboard.press('Control+s')
  // The notice is there a second time for screen readers.
  await page.getByText('eula.txt saved').first().waitFor()
  check((await read('/eula.txt')).endsWith('rainy day\n'), 'the saved text is on the node')
  // Somebody else writes it meanwhile: nothing is overwritten unasked.
  const theirs = await panel.raw('PUT', `/api/v1/servers/${server}/files/content?path=/eula.txt`, 'theirs')
  check(theirs.status === 200, `the file can be written from elsewhere: ${theirs.text}`)
  await content.fill('mine\n')
  await button('Save').click()
  await page.getByText('The file has changed meanwhile').first().waitFor()
  check((await read('/eula.txt')) === '"theirs"', 'nothing was overwritten')
  await button('Take theirs').click()
  await until('their text', 10000, async () => (await content.innerText()).trim() === '"theirs"')
  say('changed a file in the editor; what somebody else wrote meanwhile is not overwritten')

  const installs = (await panel.all('/operations')).length
  await go(`/servers/${server}/settings`)
  await button('Reinstall').click()
  await dialog.getByRole('textbox').fill('Clicked')
  await dialog.getByRole('checkbox').check()
  await dialog.getByRole('button', { name: 'Reinstall', exact: true }).click()
  await page.waitForURL(/\/install/)
  await until('the install to be over', 60000, async () => {
    const now = await panel.server(server)
    return !now.operation && now.state !== 'installing' && (await panel.all('/operations')).length > installs
  })
  const names = (await panel.get(`/servers/${server}/files?path=/`)).items.map((item) => item.name)
  check(names.includes('installed') && !names.includes('eula.txt'), `the folder was emptied and installed anew: ${names}`)
  await shot(page, 'reinstalled')
  say('reinstalled it with an emptied folder, by its typed name')

  await changePorts()

  await go('/account')
  await button('New key').click()
  await dialog.getByLabel('Name').fill('from the story')
  await button('Make the key').click()
  await dialog.getByText('Your new key').first().waitFor()
  const secret = (await dialog.getByRole('group', { name: 'Command' }).innerText()).trim()
  const byKey = new Panel(instance.ready.url, { key: secret, address: '127.0.0.1' })
  check((await byKey.get('/account')).username === instance.admin.user, 'the key is the person')
  await shot(page, 'api-key')
  await button('I have it').click()
  const keys = page.getByRole('list', { name: 'API keys' })
  await keys.getByRole('listitem').filter({ hasText: 'from the story' }).getByRole('button', { name: 'Delete' }).click()
  await dialog.getByRole('button', { name: 'Delete', exact: true }).click()
  await keys.getByText('from the story').waitFor({ state: 'detached' })
  await until('the deleted key to be refused', 10000, async () => (await refused(byKey.get('/account'))) === 401)
  say('made an API key, used it, deleted it')

  const elsewhere = new Panel(instance.ready.url, { address: '127.0.0.1' })
  await elsewhere.login(instance.admin.user, PASSWORD)
  await page.reload()
  const rows = page.getByRole('list', { name: 'Sessions' }).getByRole('listitem')
  await rows.first().waitFor()
  const before = await rows.count()
  // All but this one: those of the other tales too.
  while ((await rows.filter({ hasNotText: 'this one' }).count()) > 0) {
    const left = await rows.count()
    await rows.filter({ hasNotText: 'this one' }).first().getByRole('button', { name: 'End' }).click()
    await dialog.getByRole('button', { name: 'End', exact: true }).click()
    await until('the session to be gone', 10000, async () => (await rows.count()) < left)
  }
  check(before > 1, 'there was another session')
  await until('the ended session to be refused', 10000, async () => (await refused(elsewhere.get('/account'))) === 401)
  say(`ended ${before - 1} other session(s); their cookies are refused`)

  await go('/consumers')
  await button('New consumer').first().click()
  await dialog.getByLabel('Name').fill('status page')
  await dialog.getByText('Chosen ones', { exact: true }).click()
  await dialog.getByRole('checkbox', { name: 'Clicked' }).check()
  await button('Make the credential').click()
  await dialog.getByText('status page can read').first().waitFor()
  await shot(page, 'consumer')
  await page.keyboard.press('Escape')
  const row = page.getByRole('list', { name: 'Event consumers' }).getByRole('listitem').filter({ hasText: 'status page' })
  await row.getByRole('button', { name: 'Revoke' }).click()
  await dialog.getByRole('button', { name: 'Revoke', exact: true }).click()
  await row.waitFor({ state: 'detached' })
  say('made an event consumer for one server and revoked it')

  await keepRegistry()
  check(page.faults.length === 0, `the pages ran without errors (${page.faults.length})`)
}

async function changePorts() {
  // The licence went with the folder, so the game has ended: it holds no port.
  await until('the game to have ended', 60000, async () => {
    const now = await panel.server(server)
    return now.state === 'stopped' && !now.intent && !now.operation
  })
  await go(`/servers/${server}/settings`)
  const ports = page.getByRole('list', { name: 'Ports' }).getByRole('listitem')
  const portsNow = async () => (await panel.server(server)).allocations.map((each) => each.port)
  const before = await portsNow()
  const old = (await panel.server(server)).address.port
  await button('Add port').click()
  await dialog.getByRole('button', { name: 'Add port', exact: true }).click()
  await dialog.waitFor({ state: 'detached' })
  const added = (await portsNow()).find((port) => !before.includes(port))
  await ports.filter({ hasText: `:${added}` }).getByRole('button', { name: 'Make primary' }).click()
  await until('players to be sent to the new port', 10000, async () => (await panel.server(server)).address.port === added)
  await button('Add port').click()
  await dialog.getByText('A certain one').click()
  await dialog.getByLabel('Port', { exact: true }).fill(String(added))
  await dialog.getByRole('button', { name: 'Add port', exact: true }).click()
  await dialog.getByText(`Port ${added} is this server's already`).waitFor()
  await shot(page, 'port-taken')
  await page.keyboard.press('Escape')
  await ports.getByRole('button', { name: `Give port ${old} back` }).click()
  await dialog.getByRole('button', { name: 'Give back', exact: true }).click()
  await ports.filter({ hasText: `:${old}` }).waitFor({ state: 'detached' })
  // The page takes a row away while its request is under way.
  await until('the first port to be given back, and the new one kept', 10000, async () => {
    const left = await portsNow()
    return left.includes(added) && !left.includes(old)
  })
  say('added a port, made it primary, gave the first one back')
}

async function keepRegistry() {
  await go('/registries')
  await button('New registry').first().click()
  await dialog.getByLabel('Host').fill('https://registry.invalid')
  await dialog.getByLabel('Password or token').fill('not-the-last-word')
  await button('Add registry').click()
  await dialog.getByText(/^Must be a host/).waitFor()
  await dialog.getByLabel('Host').fill('registry.invalid:5000')
  await dialog.getByLabel('User name').fill('puller')
  await button('Add registry').click()
  const kept = page.getByRole('list', { name: 'Registries' }).getByRole('listitem').filter({ hasText: 'registry.invalid:5000' })
  await kept.getByText('as puller').waitFor()
  check(!(await page.content()).includes('not-the-last-word'), 'the password is nowhere in the page')
  await shot(page, 'registries')
  await kept.getByRole('button', { name: 'Delete' }).click()
  await dialog.getByRole('textbox').fill('registry.invalid:5000')
  await dialog.getByRole('button', { name: 'Delete', exact: true }).click()
  await kept.waitFor({ state: 'detached' })
  await until('the registry to be forgotten', 10000, async () => (await panel.all('/registries')).every((item) => item.host !== 'registry.invalid:5000'))
  say('made a registry\'s credential known and deleted it by its typed name')
}

const refused = (call) => call.then(() => 200, (error) => error.status)

try {
  await clicks()
  await panel.delete(`/servers/${server}?name=Clicked`)
  console.log('clicks: passed')
} catch (error) {
  await shot(page, 'FAILED-clicks').catch(() => {})
  console.error(`clicks: FAILED at ${page.url()}: ${error.stack}`)
  for (const fault of new Set(page.faults.slice(0, 10))) console.error(`  ${fault.slice(0, 300)}`)
  process.exitCode = 1
} finally {
  await browser.close()
}
process.exit()

// Live sessions whose rights end, in each way that they can: how long one more question was answered, and when the
// connection was closed. And those who are not let in at all.
import { check, until, wait } from '../panel.mjs'
import { FILES } from './person.mjs'
import { RawSftp } from './raw.mjs'

const at = (list, share) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * share))]

/** Each takes something away, and gives it back for the next. */
function ways({ boss, person, server }) {
  const subuser = `/servers/${server}/users/${person.id}`
  const share = () => boss.post(`/servers/${server}/users`, { login: person.name, keys: FILES })
  return {
    'file.sftp is taken away': {
      take: () => boss.put(subuser, { keys: FILES.filter((key) => key !== 'file.sftp') }),
      give: () => boss.put(subuser, { keys: FILES }),
    },
    'no subuser any more': { take: () => boss.delete(subuser), give: share },
    'the SSH key is removed': { take: () => person.web.delete(`/account/ssh-keys/${person.sshKey.id}`), give: () => person.makeSshKey() },
    'the API key is removed': { proof: 'API key', take: () => person.web.delete(`/account/api-keys/${person.apiKey.id}`), give: () => person.makeApiKey() },
    'the log-in is ended': {
      proof: 'password',
      take: async () => {
        const { items } = await person.web.get('/account/sessions')
        const mine = items.filter((item) => !item.current)
        check(mine.length > 0, 'the log-in by SFTP is among the sessions')
        await Promise.all(mine.map((item) => person.web.delete(`/account/sessions/${item.id}`)))
      },
      give: () => {},
    },
    'the account is suspended': {
      take: () => boss.put(`/users/${person.id}/suspension`, { reason: 'for a moment' }),
      give: async () => {
        await boss.delete(`/users/${person.id}/suspension`)
        await person.web.login(person.name, person.password)
      },
    },
    'the server is suspended': {
      take: () => boss.patch(`/servers/${server}`, { suspended: true }),
      give: () => boss.patch(`/servers/${server}`, { suspended: false }),
    },
  }
}

/** One session that asks all the time, cut off. */
async function cutOff(world, { proof = 'key', take, give }) {
  const { person } = world
  let session
  // What was given back may still be on its way to the node.
  await until('a session', 15000, async () => {
    session = new RawSftp(person.session(proof), person.env(proof))
    try {
      await session.begin()
      return await session.stat('/')
    } catch (error) {
      session.end()
      throw error
    }
  })
  let last
  const asking = (async () => {
    for (;;) {
      try {
        if (!(await session.stat('/'))) break
        last = performance.now()
      } catch {
        break
      }
      await wait(2)
    }
  })()
  await until('an answer', 5000, () => last, 5)
  const began = performance.now()
  await take()
  const stuck = wait(10000).then(() => check(session.ended, 'the session was closed'))
  await Promise.race([session.gone, stuck])
  await asking
  await give()
  return { closed: session.ended - began, answered: Math.max(0, last - began) }
}

/** Rounds of all ways; gives lines with the times. */
export async function withdrawals(world, rounds) {
  const [closed, answered, said] = [[], [], []]
  for (const [what, way] of Object.entries(ways(world))) {
    const of = []
    for (let round = 0; round < rounds; round++) {
      const took = await cutOff(world, way)
      of.push(took.closed)
      answered.push(took.answered)
    }
    closed.push(...of)
    said.push(`${what}: closed ${of.map((ms) => ms.toFixed(0)).join(', ')} ms after it was asked for`)
  }
  said.push(`${closed.length} live sessions ended: closed after ${at(closed, 0.5).toFixed(0)} ms (p50), ${Math.max(...closed).toFixed(0)} ms (slowest); the last answer came at most ${Math.max(...answered).toFixed(0)} ms after`)
  check(closed.length >= 20 && Math.max(...closed) < 1000, `each within a second: ${said.join('\n')}`)
  return said
}

/** Nobody comes in who may not, and those inside get nothing that the egg keeps back. */
export async function refusals({ boss, person, server }) {
  const no = (run, what) => check(run.status !== 0, `${what} is refused: ${run.stdout}${run.stderr}`)
  await boss.patch(`/servers/${server}`, { suspended: true })
  for (const proof of ['key', 'password', 'API key']) no(person.sftp(['ls'], proof), `a suspended server by ${proof}`)
  await boss.patch(`/servers/${server}`, { suspended: false })
  await until('the server to be open again', 15000, () => person.sftp(['ls']).status === 0)
  const before = person.password
  person.password = 'another-password-altogether'
  no(person.sftp(['ls'], 'password'), 'a wrong password')
  person.password = before
  return 'a suspended server lets nobody in, by none of the proofs; a wrong password neither'
}

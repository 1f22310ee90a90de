// A consumer of events with the credential of the API.
import { until, wait } from '../panel.mjs'
import { keyOf, Line } from './nats.mjs'

/** JWT and signing key of a `.creds` file. */
export function credential(text) {
  const [jwt, seed] = [...text.matchAll(/-----BEGIN [^-]+-----\s+(\S+)/g)].map((match) => match[1])
  return { jwt, key: keyOf(seed) }
}

/** Reads a consumer's durable again and again, and over every loss of the connection. */
export class Reader {
  constructor(created) {
    Object.assign(this, { created, ...credential(created.creds) })
    this.url = new URL(created.nats_urls[0])
    /** Every delivery, as it came. */
    this.came = []
    /** The same by id: what a consumer goes by. */
    this.events = new Map()
    this.connects = 0
    this.going = true
    this.loop = this.keep()
  }

  async keep() {
    while (this.going) {
      await this.session().catch((error) => (this.last = error.message))
      if (this.going) await wait(200)
    }
  }

  async session() {
    let pull
    const line = new Line(this.url, {
      jwt: this.jwt,
      key: this.key,
      onGreeted: () => {
        line.subscribe(`${this.created.inbox_prefix}.>`)
        this.connects += 1
        pull = setInterval(() => this.pull(), 300)
      },
      onMessage: (_, body, reply) => {
        if (reply?.startsWith('$JS.ACK') && body.length) this.event(JSON.parse(body.toString()), reply)
      },
    })
    this.line = line
    await line.closed
    clearInterval(pull)
    this.last = line.last ?? this.last
  }

  pull() {
    const { durables, api_prefix: api, stream, inbox_prefix: inbox } = this.created
    const body = JSON.stringify({ batch: 200, no_wait: true })
    for (const durable of durables) this.line.publish(`${api}.CONSUMER.MSG.NEXT.${stream}.${durable}`, `${inbox}.pull`, body)
  }

  event(event, reply) {
    this.came.push(event)
    if (!this.events.has(event.id)) this.events.set(event.id, event)
    this.line.publish(reply, undefined, '+ACK')
  }

  /** Waits until every event that the API knows now has come; gives those. */
  async caughtUp(panel, limitMs = 60000) {
    const all = await events(panel)
    await until('the consumer to have every event', limitMs, () => {
      const missing = all.filter(({ id }) => !this.events.has(id))
      if (missing.length === 0) return true
      throw new Error(`${missing.length} of ${all.length} missing, first ${JSON.stringify(missing[0]).slice(0, 200)}; ${this.last ?? ''}`)
    }, 200)
    return all
  }

  async end() {
    this.going = false
    this.line?.end()
    await this.loop
  }
}

/** All events of the API, in their order. */
export async function events(panel, server) {
  const items = []
  for (let after = 0; after !== null; ) {
    const page = await panel.get(`/events?limit=100&after=${after}${server ? `&server=${server}` : ''}`)
    items.push(...page.items)
    after = page.items.length ? page.next : null
  }
  return items
}

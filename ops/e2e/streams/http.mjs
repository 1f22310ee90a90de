// Requests with bodies that are not held: what browsers and tus clients do.
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'

/** An open request; its `answer` comes as soon as the head has. */
export function open(panel, method, path, headers = {}) {
  const make = panel.url.protocol === 'https:' ? httpsRequest : httpRequest
  const call = make({ host: panel.address, port: panel.url.port, method, path, headers: { host: panel.url.host, ...headers }, rejectUnauthorized: false, agent: false })
  const answer = new Promise((done, fail) => {
    call.on('response', done)
    call.on('error', fail)
  })
  answer.catch(() => {})
  return { call, answer }
}

/** A small one to its end. */
export async function stream(panel, method, path, headers = {}) {
  const { call, answer } = open(panel, method, path, headers)
  call.end()
  const got = await answer
  const parts = []
  for await (const part of got) parts.push(part)
  return { status: got.statusCode, headers: got.headers, text: Buffer.concat(parts).toString() }
}

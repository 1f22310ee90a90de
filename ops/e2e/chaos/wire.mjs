// Messages of proto/proto by their field numbers: the little of protobuf that a hostile node takes.
import { randomBytes } from 'node:crypto'

const BYTES = 2
const CROCKFORD = '0123456789abcdefghjkmnpqrstvwxyz'

/** A fresh id as ids are on the bus: a lower-case ULID. */
export function ulid() {
  let number = (BigInt(Date.now()) << 80n) | BigInt(`0x${randomBytes(10).toString('hex')}`)
  let text = ''
  for (let n = 0; n < 26; n++) {
    text = CROCKFORD[Number(number & 31n)] + text
    number >>= 5n
  }
  return text
}

function varint(value) {
  let rest = BigInt.asUintN(64, BigInt(value))
  const out = []
  for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128)
  out.push(Number(rest))
  return Buffer.from(out)
}

/** `[number, value]` pairs as a message: numbers as varints, text and bytes with their length, lists repeated. */
export function message(...fields) {
  const parts = []
  for (const [number, values] of fields) {
    for (const value of [values].flat()) {
      if (typeof value === 'number' || typeof value === 'bigint') {
        parts.push(varint(number << 3), varint(value))
        continue
      }
      const bytes = Buffer.from(value)
      parts.push(varint((number << 3) | BYTES), varint(bytes.length), bytes)
    }
  }
  return Buffer.concat(parts)
}

/** The last value of each field, by number: varints as numbers, the rest as bytes. */
export function read(bytes) {
  const fields = {}
  let at = 0
  const next = () => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++]
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return Number(value)
    }
  }
  while (at < bytes.length) {
    const tag = next()
    const value = next()
    const long = (tag & 7) === BYTES
    fields[tag >> 3] = long ? bytes.subarray(at, at + value) : value
    if (long) at += value
  }
  return fields
}

/** A request of that kind about a node, in its envelope. */
export const request = (kind, node, body) => message([1, kind], [2, 1], [3, node], [4, body])

/** What an envelope answers: `ok` with the fields of its message, or `code` and `text`. */
export function answer(bytes) {
  const { 1: ok, 2: failure } = read(read(bytes)[4])
  if (!failure) return { ok: read(ok ?? Buffer.alloc(0)) }
  const { 1: code, 2: text } = read(failure)
  return { code: `${code}`, text: `${text ?? ''}` }
}

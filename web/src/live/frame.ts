/** Streams of a server's console, in the order of their wire numbers. */
export const STREAMS = ['game', 'warren', 'install'] as const
export type Stream = (typeof STREAMS)[number]

/** Console bytes with their place: `(run, stream, offset)` is the sequence number everywhere. */
export interface Frame {
  server: string
  run: string
  stream: Stream
  offset: number
  /** When the bytes were read, Unix milliseconds. */
  at: number
  bytes: Uint8Array
}

const ID = 26
const HEAD = 2 + ID + ID + 8 + 8
const ascii = new TextDecoder('ascii')

/**
 * Reads a binary frame: u8 kind (1 live, 2 asked for) | u8 stream | server | run | u64 offset | i64 at | bytes,
 * little endian. Returns undefined for anything else, because a newer gateway may speak of more kinds.
 */
export function parseFrame(buffer: ArrayBuffer): Frame | undefined {
  if (buffer.byteLength < HEAD) return undefined
  const view = new DataView(buffer)
  const kind = view.getUint8(0)
  const stream = STREAMS[view.getUint8(1)]
  if ((kind !== 1 && kind !== 2) || !stream) return undefined
  const offset = view.getBigUint64(2 + ID + ID, true)
  // A run of 2^53 bytes is ten thousand years of chatter: not ours.
  if (offset > BigInt(Number.MAX_SAFE_INTEGER)) return undefined
  return {
    server: ascii.decode(new Uint8Array(buffer, 2, ID)),
    run: ascii.decode(new Uint8Array(buffer, 2 + ID, ID)),
    stream,
    offset: Number(offset),
    at: Number(view.getBigInt64(2 + ID + ID + 8, true)),
    bytes: new Uint8Array(buffer, HEAD),
  }
}

/** The reverse, for tests and the development mock. */
export function encodeFrame(frame: Frame, kind = 1): ArrayBuffer {
  const buffer = new ArrayBuffer(HEAD + frame.bytes.length)
  const view = new DataView(buffer)
  const bytes = new Uint8Array(buffer)
  view.setUint8(0, kind)
  view.setUint8(1, STREAMS.indexOf(frame.stream))
  bytes.set(new TextEncoder().encode(frame.server.padEnd(ID, '0').slice(0, ID)), 2)
  bytes.set(new TextEncoder().encode(frame.run.padEnd(ID, '0').slice(0, ID)), 2 + ID)
  view.setBigUint64(2 + ID + ID, BigInt(frame.offset), true)
  view.setBigInt64(2 + ID + ID + 8, BigInt(frame.at), true)
  bytes.set(frame.bytes, HEAD)
  return buffer
}

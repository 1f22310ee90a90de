const digits = '0123456789abcdefghjkmnpqrstvwxyz'

/** A new id as all of Warren's are: 48 bits of time, 80 of chance, in lower case. */
export function ulid(now = Date.now()): string {
  let time = ''
  for (let rest = now, n = 0; n < 10; n++, rest = Math.floor(rest / 32)) time = digits[rest % 32] + time
  const random = crypto.getRandomValues(new Uint8Array(16))
  return time + Array.from(random, (byte) => digits[byte % 32]).join('')
}

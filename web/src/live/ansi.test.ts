import { expect, it } from 'vitest'
import { plain, sanitize, sanitizeOpen } from './ansi'

it('a link, a clipboard and a title that a game sends are dropped, their words stay', () => {
  const sent = '\x1b]8;;javascript:alert(1)\x07click\x1b]8;;\x07 \x1b]52;c;aGk=\x07and \x1b]0;name\x1b\\go'
  expect(sanitize(sent)).toBe('click and go')
  expect(plain(sent)).toBe('click and go')
})

it('what turns the rest of a line around stands as its number', () => {
  for (const shown of [sanitize, sanitizeOpen, plain])
    expect(shown('<\u202eevil> \u2066x\u2069')).toBe('<\\u{202e}evil> \\u{2066}x\\u{2069}')
  expect(sanitize('\x1b[31mשלום\x1b[0m')).toBe('\x1b[31mשלום\x1b[0m')
})

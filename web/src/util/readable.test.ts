import { expect, it } from 'vitest'
import { readable } from './readable'

const at = (url: string) => readable(new URL(url))

it('plain http beyond this machine can be read, and nothing else', () => {
  expect(at('http://192.168.1.7:8080/login')).toBe(true)
  expect(at('http://panel.example/login')).toBe(true)
  expect(at('http://localhost.example/')).toBe(true)
  expect(at('http://127.0.0.1.example/')).toBe(true)
  expect(at('https://panel.example/')).toBe(false)
  expect(at('http://127.0.0.1:8080/')).toBe(false)
  expect(at('http://[::1]:8080/')).toBe(false)
  expect(at('http://localhost:8080/')).toBe(false)
  expect(at('http://warren.localhost/')).toBe(false)
})

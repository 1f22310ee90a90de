import { afterEach, expect, it, vi } from 'vitest'
import {
  browserRefusal,
  creationOptions,
  credentialJson,
  fromBase64Url,
  isDismissed,
  passkeysFillFields,
  requestOptions,
  toBase64Url,
  whyNoPasskeys,
} from './passkey'

const bytes = (...all: number[]) => Uint8Array.from(all).buffer
const list = (source: BufferSource) => [...new Uint8Array(source as ArrayBuffer)]

function stand(hostname: string, isSecureContext = true, PublicKeyCredential: unknown = class {}) {
  vi.stubGlobal('location', { hostname })
  vi.stubGlobal('isSecureContext', isSecureContext)
  vi.stubGlobal('PublicKeyCredential', PublicKeyCredential)
}
afterEach(() => vi.unstubAllGlobals())

it('bytes go to text and back without padding, plus or slash', () => {
  const all = Uint8Array.from({ length: 256 }, (_, n) => n)
  for (const length of [0, 1, 2, 3, 250, 256]) {
    const text = toBase64Url(all.slice(0, length).buffer)
    expect(text).toMatch(/^[\w-]*$/)
    expect([...fromBase64Url(text)]).toEqual([...all.slice(0, length)])
  }
  expect(toBase64Url(bytes(251, 255, 254))).toBe('-__-')
})

it('passkeys need a name, an encrypted page and a browser that has them', () => {
  stand('panel.example.net')
  expect(whyNoPasskeys()).toBeUndefined()
  stand('localhost')
  expect(whyNoPasskeys()).toBeUndefined()
  for (const address of ['192.0.2.7', '127.0.0.1', '[2001:db8::7]', '[::1]']) {
    stand(address)
    expect(whyNoPasskeys()).toBe('address')
  }
  stand('192.0.2.7.example.net')
  expect(whyNoPasskeys()).toBeUndefined()
  stand('panel.example.net', false, null)
  expect(whyNoPasskeys()).toBe('plain')
  stand('panel.example.net', true, null)
  expect(whyNoPasskeys()).toBe('browser')
})

it('a name field offers passkeys only where the browser says that it can', async () => {
  stand('panel.example.net')
  expect(await passkeysFillFields()).toBe(false)
  const can = Object.assign(class {}, { isConditionalMediationAvailable: async () => true })
  stand('panel.example.net', true, can)
  expect(await passkeysFillFields()).toBe(true)
  stand('192.0.2.7', true, can)
  expect(await passkeysFillFields()).toBe(false)
})

it('options are read by the browser where it can, and by hand where it can’t', () => {
  stand('panel.example.net')
  const made = creationOptions({
    rp: { id: 'panel.example.net', name: 'Warren' },
    challenge: 'AQID',
    user: { id: 'BAU', name: 'mira', displayName: 'Mira' },
    pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
    excludeCredentials: [{ id: '_-8', type: 'public-key', transports: ['usb'] }],
  })
  expect(list(made.challenge)).toEqual([1, 2, 3])
  expect(list(made.user.id)).toEqual([4, 5])
  expect(made.rp.id).toBe('panel.example.net')
  expect(made.excludeCredentials?.map(({ id, transports }) => [list(id), transports])).toEqual([
    [[255, 239], ['usb']],
  ])
  const asked = requestOptions({ challenge: 'AQID', rpId: 'panel.example.net', userVerification: 'required' })
  expect(list(asked.challenge)).toEqual([1, 2, 3])
  expect(asked.allowCredentials).toEqual([])
  expect(asked.userVerification).toBe('required')

  const own = { challenge: bytes(9) }
  stand(
    'panel.example.net',
    true,
    Object.assign(class {}, {
      parseCreationOptionsFromJSON: () => own,
      parseRequestOptionsFromJSON: () => own,
    }),
  )
  expect(creationOptions({})).toBe(own)
  expect(requestOptions({})).toBe(own)
})

it('what the browser made is told as text, with what there is of it', () => {
  const common = {
    id: 'AQ',
    rawId: bytes(1),
    type: 'public-key',
    authenticatorAttachment: null,
    getClientExtensionResults: () => ({}),
  }
  const told = (response: object) =>
    credentialJson({ ...common, response } as unknown as PublicKeyCredential) as { response: object }
  expect(
    told({ clientDataJSON: bytes(1), attestationObject: bytes(2), getTransports: () => ['internal'] }),
  ).toEqual({
    id: 'AQ',
    rawId: 'AQ',
    type: 'public-key',
    clientExtensionResults: {},
    response: { clientDataJSON: 'AQ', attestationObject: 'Ag', transports: ['internal'] },
  })
  expect(
    told({
      clientDataJSON: bytes(1),
      authenticatorData: bytes(2),
      signature: bytes(3),
      userHandle: null,
    }).response,
  ).toEqual({ clientDataJSON: 'AQ', authenticatorData: 'Ag', signature: 'Aw' })
  const json = { id: 'its own' }
  expect(credentialJson({ ...common, toJSON: () => json } as unknown as PublicKeyCredential)).toBe(json)
})

it('a question that was closed is told apart from one that the browser refused', () => {
  const thrown = (name: string) => new DOMException('', name)
  expect(isDismissed(thrown('NotAllowedError'))).toBe(true)
  expect(isDismissed(thrown('AbortError'))).toBe(true)
  expect(isDismissed(thrown('InvalidStateError'))).toBe(false)
  expect(isDismissed(undefined)).toBe(false)
  expect(browserRefusal(thrown('InvalidStateError'))).toContain('already')
  expect(browserRefusal(new Error('no'))).toBeUndefined()
})

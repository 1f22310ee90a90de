import { texts } from '~/i18n/texts'

const t = texts('door')

/** Why this page can't make or take a passkey: opened by an address, not encrypted, or the browser has none. */
export type NoPasskeys = 'address' | 'plain' | 'browser'

export function noPasskeysText(why: NoPasskeys): string {
  return t(`passkey.none_${why}`)
}

const IP_ADDRESS = /^(\d{1,3}(\.\d{1,3}){3}|\[.*\])$/

export function whyNoPasskeys(): NoPasskeys | undefined {
  if (IP_ADDRESS.test(location.hostname)) return 'address'
  // Browsers hide all of it from pages in the open.
  if (!window.isSecureContext) return 'plain'
  return typeof window.PublicKeyCredential === 'function' ? undefined : 'browser'
}

export const passkeysWork = () => whyNoPasskeys() === undefined

/** Whether the browser offers passkeys in the list that it opens at a name field. */
export async function passkeysFillFields(): Promise<boolean> {
  if (!passkeysWork()) return false
  const ask = PublicKeyCredential.isConditionalMediationAvailable
  return typeof ask === 'function' && (await ask.call(PublicKeyCredential))
}

export function toBase64Url(bytes: ArrayBuffer): string {
  const text = Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join('')
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}

export function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0))
}

type CreationJSON = PublicKeyCredentialCreationOptionsJSON
type RequestJSON = PublicKeyCredentialRequestOptionsJSON

function known(list: PublicKeyCredentialDescriptorJSON[] | undefined): PublicKeyCredentialDescriptor[] {
  return (list ?? []).map(
    (each) => ({ ...each, id: fromBase64Url(each.id) }) as PublicKeyCredentialDescriptor,
  )
}

// Safari has the browser's own reading and writing of JSON since 18.4, Chrome since 129: before, it is done here.
export function creationOptions(options: object): PublicKeyCredentialCreationOptions {
  const json = options as CreationJSON
  if (typeof PublicKeyCredential.parseCreationOptionsFromJSON === 'function')
    return PublicKeyCredential.parseCreationOptionsFromJSON(json)
  return {
    ...(json as unknown as PublicKeyCredentialCreationOptions),
    challenge: fromBase64Url(json.challenge),
    user: { ...json.user, id: fromBase64Url(json.user.id) },
    excludeCredentials: known(json.excludeCredentials),
  }
}

export function requestOptions(options: object): PublicKeyCredentialRequestOptions {
  const json = options as RequestJSON
  if (typeof PublicKeyCredential.parseRequestOptionsFromJSON === 'function')
    return PublicKeyCredential.parseRequestOptionsFromJSON(json)
  return {
    ...(json as unknown as PublicKeyCredentialRequestOptions),
    challenge: fromBase64Url(json.challenge),
    allowCredentials: known(json.allowCredentials),
  }
}

const BYTES = ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle'] as const

/** What the panel is sent: bytes as base64url. */
export function credentialJson(credential: PublicKeyCredential): object {
  if (typeof credential.toJSON === 'function') return credential.toJSON()
  const given = credential.response as AuthenticatorAttestationResponse & AuthenticatorAssertionResponse
  const response: Record<string, unknown> = {}
  for (const field of BYTES) if (given[field]) response[field] = toBase64Url(given[field])
  if (typeof given.getTransports === 'function') response.transports = given.getTransports()
  return {
    id: credential.id,
    rawId: toBase64Url(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
    clientExtensionResults: credential.getClientExtensionResults(),
    response,
  }
}

function given(credential: Credential | null): object {
  if (!credential) throw new DOMException('', 'NotAllowedError')
  return credentialJson(credential as PublicKeyCredential)
}

/** Lets the browser ask its person for a new passkey. */
export async function makePasskey(options: object, signal: AbortSignal): Promise<object> {
  return given(await navigator.credentials.create({ publicKey: creationOptions(options), signal }))
}

/** Lets the browser ask which passkey to sign in with: in a dialog, or quietly at the name field. */
export async function askPasskey(
  options: object,
  signal: AbortSignal,
  mediation: 'optional' | 'conditional' = 'optional',
): Promise<object> {
  return given(await navigator.credentials.get({ publicKey: requestOptions(options), signal, mediation }))
}

const nameOf = (error: unknown) => (error instanceof Error || error instanceof DOMException ? error.name : '')

/** The person closed the browser's question or let it pass; browsers tell neither from the other. */
export function isDismissed(error: unknown): boolean {
  return ['NotAllowedError', 'AbortError'].includes(nameOf(error))
}

/** What the browser refused by itself, in words. */
export function browserRefusal(error: unknown): string | undefined {
  switch (nameOf(error)) {
    case 'InvalidStateError':
      return t('passkey.exists')
    case 'SecurityError':
      return t('passkey.wrong_address')
    case 'NotSupportedError':
    case 'ConstraintError':
      return t('passkey.not_possible')
    default:
      return undefined
  }
}

import { ChevronDown } from 'lucide-react'
import type { ApiKey, Permission } from '~/api/types'
import { texts } from '~/i18n/texts'
import { cx } from '~/util/cx'
import { rightText } from '~/util/right-text'
import { visible } from '~/util/visible'

const t = texts('api_key')

/** As many addresses as have room beside the rest. */
export const NAMED = 2

export interface Toggle {
  open: boolean
  /** Of what opens. */
  id: string
  /** Whose, for those who hear the button alone. */
  of: string
  onToggle: () => void
}

/** A fact of which there is more to read. */
export function More({ open, id, of, onToggle, children }: Toggle & { children: string }) {
  return (
    <button
      type="button"
      aria-expanded={open}
      aria-controls={open ? id : undefined}
      aria-label={t('more_of', { what: children, name: visible(of) })}
      onClick={onToggle}
      className="tx inline-flex min-h-6 items-center gap-1 rounded-xs font-medium text-t2 hover:text-t1 max-sm:-my-2 max-sm:min-h-11"
    >
      {children}
      <ChevronDown
        aria-hidden="true"
        size={12}
        className={cx(
          'transition-transform duration-(--t-fast) motion-reduce:transition-none',
          open && 'rotate-180',
        )}
      />
    </button>
  )
}

export function Addresses({ of }: { of: string[] }) {
  return of.map((address, at) => (
    <span key={at}>
      <span className="mono text-12 whitespace-nowrap text-t2">{visible(address)}</span>
      {at < of.length - 1 && ', '}
    </span>
  ))
}

/** All permissions that a key is for and, where they have no room beside the rest, all addresses. */
export function ApiKeyDetails({
  id,
  apiKey: { keys, addresses },
  permissions,
}: {
  id: string
  apiKey: ApiKey
  permissions: Permission[]
}) {
  return (
    <div id={id} className="mt-2 flex flex-col gap-3 border-t border-line pt-3 pb-1">
      {keys && (
        <ul aria-label={t('permissions')} className="flex flex-wrap gap-1.5">
          {keys.map((key) => {
            const right = permissions.find((each) => each.key === key)
            return (
              <li
                key={key}
                title={right && rightText(right)}
                className="mono rounded-xs border border-line-2 px-1.5 text-12 leading-[18px] text-t2 [overflow-wrap:anywhere]"
              >
                {visible(key)}
              </li>
            )
          })}
        </ul>
      )}
      {addresses && addresses.length > NAMED && (
        <p className="text-12 text-t3">{t.rich('only_from', { addresses: <Addresses of={addresses} /> })}</p>
      )}
    </div>
  )
}

import { KeyRound } from 'lucide-react'
import { type ReactNode, useId, useState } from 'react'
import type { ApiKey, Permission } from '~/api/types'
import { useMedia } from '~/hooks/use-media'
import { Facts } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Ago } from '~/ui/time'
import { cx } from '~/util/cx'
import { count, plural, sentence } from '~/util/format'
import { MOST_PER_MINUTE } from '~/util/rate'
import { scopeText } from '~/util/rights'
import { visible } from '~/util/visible'
import { Addresses, ApiKeyDetails, More, NAMED, type Toggle } from './api-key-details'
import { Ends } from './credentials'

/** A key and all that narrows it: what it is for, from where, how often, until when. On a phone a card. */
export function ApiKeyRow({
  apiKey,
  permissions,
  onDelete,
}: {
  apiKey: ApiKey
  permissions: Permission[]
  onDelete: () => void
}) {
  const phone = useMedia('(max-width: 639px)')
  const [open, setOpen] = useState(false)
  const id = useId()
  const toggle = { open, id, of: apiKey.name, onToggle: () => setOpen(!open) }
  const Shape = phone ? KeyCard : KeyLine
  return (
    <Shape
      apiKey={apiKey}
      may={<May keys={apiKey.keys} toggle={toggle} />}
      from={<From apiKey={apiKey} toggle={toggle} />}
      remove={
        <Button size="sm" look="danger" aria-label={`Delete ${visible(apiKey.name)}`} onClick={onDelete}>
          Delete
        </Button>
      }
      details={open && <ApiKeyDetails {...{ id, apiKey, permissions }} />}
    />
  )
}

interface ShapeProps {
  apiKey: ApiKey
  may: ReactNode
  from: ReactNode
  remove: ReactNode
  details: ReactNode
}

function KeyLine({ apiKey, may, from, remove, details }: ShapeProps) {
  const { last_used_at, expires_at, addresses, requests_per_minute: rate } = apiKey
  return (
    <li className="border-t border-line px-4 py-2.5 first:border-0">
      <div className="flex items-center gap-3">
        <KeyRound aria-hidden="true" size={16} strokeWidth={1.75} className="shrink-0 text-t3" />
        <div className="min-w-0 flex-1">
          <Name of={apiKey} />
          <Dotted
            facts={[
              <Prefix key="prefix" of={apiKey} />,
              last_used_at ? (
                <>
                  used <Ago at={last_used_at} />
                </>
              ) : (
                'never used'
              ),
              <Ends key="ends" at={expires_at} />,
            ]}
          />
          {/* As high as with something to press in it. */}
          <Dotted
            tall
            facts={[
              may,
              addresses ? <>from {from}</> : 'from anywhere',
              `${plural(rate ?? MOST_PER_MINUTE, 'request')} a minute`,
            ]}
          />
        </div>
        {remove}
      </div>
      {details}
    </li>
  )
}

function KeyCard({ apiKey, may, from, remove, details }: ShapeProps) {
  const { last_used_at, expires_at, requests_per_minute: rate } = apiKey
  return (
    <li className="border-t border-line px-4 pt-3 pb-2 first:border-0">
      <div className="flex items-center gap-3">
        <div className="min-w-0 flex-1">
          <Name of={apiKey} />
          <div className="text-12 text-t3">
            <Prefix of={apiKey} />
          </div>
        </div>
        {remove}
      </div>
      <div className="mt-1 [&_dd]:whitespace-normal!">
        <Facts
          rows={[
            ['May do', may],
            ['From', from],
            ['Requests a minute', count(rate ?? MOST_PER_MINUTE)],
            ['Used', last_used_at ? <Ago key="used" at={last_used_at} /> : 'never'],
            ['End', <Ends key="end" at={expires_at} />],
          ]}
        />
      </div>
      {details}
    </li>
  )
}

function Name({ of }: { of: ApiKey }) {
  return (
    <div className="truncate font-medium">
      <bdi>{visible(of.name)}</bdi>
    </div>
  )
}

function Prefix({ of }: { of: ApiKey }) {
  return <span className="mono">{of.prefix}…</span>
}

function May({ keys, toggle }: { keys: ApiKey['keys']; toggle: Toggle }) {
  const text = sentence(scopeText(keys) ?? '')
  return keys === null ? text : <More {...toggle}>{text}</More>
}

/** More of them than there is room for open with the permissions, or by themselves where there are none. */
function From({ apiKey: { keys, addresses }, toggle }: { apiKey: ApiKey; toggle: Toggle }) {
  if (!addresses) return 'anywhere'
  if (addresses.length <= NAMED) return <Addresses of={addresses} />
  const text = plural(addresses.length, 'address', 'addresses')
  return keys === null ? <More {...toggle}>{text}</More> : text
}

/** Read second, separated by dots. */
function Dotted({ facts, tall = false }: { facts: ReactNode[]; tall?: boolean }) {
  return (
    <div className={cx('flex flex-wrap items-center gap-x-1.5 text-12 text-t3', tall && 'min-h-6')}>
      {facts.map((fact, at) => (
        <span key={at}>
          {fact}
          {at < facts.length - 1 && ' ·'}
        </span>
      ))}
    </div>
  )
}

import { KeyRound } from 'lucide-react'
import { type ReactNode, useId, useState } from 'react'
import type { ApiKey, Permission } from '~/api/types'
import { useMedia } from '~/hooks/use-media'
import { texts } from '~/i18n/texts'
import { Facts } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Ago } from '~/ui/time'
import { cx } from '~/util/cx'
import { count, sentence } from '~/util/format'
import { MOST_PER_MINUTE } from '~/util/rate'
import { scopeText } from '~/util/rights'
import { visible } from '~/util/visible'
import { Addresses, ApiKeyDetails, More, NAMED, type Toggle } from './api-key-details'
import { Ends } from './credentials'

const t = texts('api_key')

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
        <Button
          size="sm"
          look="danger"
          aria-label={t('delete_of', { name: visible(apiKey.name) })}
          onClick={onDelete}
        >
          {t('delete')}
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
              last_used_at ? t.rich('fact.used', { ago: <Ago at={last_used_at} /> }) : t('fact.never_used'),
              <Ends key="ends" at={expires_at} />,
            ]}
          />
          {/* As high as with something to press in it. */}
          <Dotted
            tall
            facts={[
              may,
              addresses ? t.rich('fact.from', { from }) : t('fact.from_anywhere'),
              t('fact.rate', { n: rate ?? MOST_PER_MINUTE }),
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
            [t('card.may'), may],
            [t('card.from'), from],
            [t('card.rate'), count(rate ?? MOST_PER_MINUTE)],
            [t('card.used'), last_used_at ? <Ago key="used" at={last_used_at} /> : t('card.never')],
            [t('card.end'), <Ends key="end" at={expires_at} />],
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
  if (!addresses) return t('card.anywhere')
  if (addresses.length <= NAMED) return <Addresses of={addresses} />
  const text = t('addresses', { n: addresses.length })
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

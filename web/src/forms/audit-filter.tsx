import { useQuery } from '@tanstack/react-query'
import { ChevronDown } from 'lucide-react'
import { type MouseEvent, type ReactNode, useState } from 'react'
import { personQuery } from '~/api/people'
import { serverQuery } from '~/api/queries'
import type { Permission } from '~/api/types'
import { useMay } from '~/hooks/use-may'
import { texts } from '~/i18n/texts'
import { Chip } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Field, Input } from '~/ui/field'
import { Popover } from '~/ui/popover'
import { actionChoices, askedText } from '~/util/actions'
import { daysText } from '~/util/days'
import { dayOf } from '~/util/ends'
import { visible } from '~/util/visible'
import { Pick } from './pick'
import { PickPerson } from './pick-person'
import { PickServer } from './pick-server'

const t = texts('audit')

const CROSS_PX = 26

/** By hand on the cross at the chip's end; from the keyboard a chip always opens. */
function onCross({ detail, clientX, currentTarget }: MouseEvent<HTMLElement>): boolean {
  return detail > 0 && clientX > currentTarget.getBoundingClientRect().right - CROSS_PX
}

/** A chip that opens to what it filters by; while it is set it says so, and opens to take it away too. */
function FilterChip({
  label,
  set,
  every,
  off,
  onClear,
  children,
}: {
  label: string
  /** What it is set to, in words. */
  set: string | undefined
  /** Of what there is all without it: "Everybody". */
  every: string
  off?: string | false
  onClear: () => void
  children: (close: () => void) => ReactNode
}) {
  const [open, setOpen] = useState(false)
  const close = () => setOpen(false)
  const chip = (
    <Chip
      on={set !== undefined}
      aria-disabled={off ? true : undefined}
      title={off || undefined}
      className={off ? 'text-off! hover:bg-surface!' : undefined}
      onClick={(event) => {
        if (set === undefined || !onCross(event)) return
        event.preventDefault()
        onClear()
      }}
    >
      {set === undefined ? (
        <>
          {label}
          <ChevronDown aria-hidden="true" size={12} className={off ? 'text-off' : 'text-t3'} />
        </>
      ) : (
        <>
          <span className="font-normal text-t2">{label}</span>{' '}
          <bdi className="max-w-56 truncate">{visible(set)}</bdi>
        </>
      )}
    </Chip>
  )
  return (
    <Popover label={label} trigger={chip} open={open} onOpenChange={(now) => setOpen(now && !off)}>
      {children(close)}
      {set !== undefined && (
        <Button
          size="sm"
          className="mt-3"
          onClick={() => {
            onClear()
            close()
          }}
        >
          {every}
        </Button>
      )}
    </Popover>
  )
}

interface One {
  value: string | undefined
  onChange: (value: string | undefined) => void
}

export function PersonFilter({ value, onChange }: One) {
  const { may } = useMay()
  const sees = may('person.read')
  const { data } = useQuery({ ...personQuery(value ?? ''), enabled: sees && value !== undefined })
  return (
    <FilterChip
      label={t('filter.person')}
      set={value && (data?.username ?? value)}
      every={t('filter.every_person')}
      off={!sees && value === undefined && t('filter.person_off')}
      onClear={() => onChange(undefined)}
    >
      {(close) =>
        sees && (
          <PickPerson
            oneself
            picked={undefined}
            onPick={(picked) => {
              onChange(picked?.id)
              close()
            }}
          />
        )
      }
    </FilterChip>
  )
}

export function ServerFilter({ value, onChange }: One) {
  const { data } = useQuery({ ...serverQuery(value ?? ''), enabled: value !== undefined })
  return (
    <FilterChip
      label={t('filter.server')}
      set={value && (data?.name ?? value)}
      every={t('filter.every_server')}
      onClear={() => onChange(undefined)}
    >
      {(close) => (
        <PickServer
          picked={undefined}
          onPick={(picked) => {
            onChange(picked?.id)
            close()
          }}
        />
      )}
    </FilterChip>
  )
}

/** One action, or all that begin with a word; of one server those alone that touch servers. */
export function ActionFilter({
  value,
  permissions,
  servers = false,
  onChange,
}: One & { permissions: Permission[]; servers?: boolean }) {
  const [text, setText] = useState('')
  return (
    <FilterChip
      label={t('filter.action')}
      set={value && askedText(value, permissions)}
      every={t('filter.every_action')}
      onClear={() => onChange(undefined)}
    >
      {(close) => (
        <Pick
          label={t('filter.action')}
          search={t('filter.action_search')}
          text={text}
          onText={setText}
          rows={actionChoices(text, permissions, servers).map(({ id, name }) => ({
            id,
            name,
            note: <span className="mono">{id}</span>,
          }))}
          picked={undefined}
          empty={t('filter.action_none')}
          onPick={(picked) => {
            onChange(picked?.id)
            setText('')
            close()
          }}
        />
      )}
    </FilterChip>
  )
}

export interface Days {
  from?: string | undefined
  to?: string | undefined
}
const SPANS = [1, 7, 30]
const DAY_MS = 86_400_000

/** From which day to which, both of them with it. */
export function DaysFilter({ from, to, onChange }: Days & { onChange: (days: Days) => void }) {
  const today = dayOf(new Date().toISOString())
  const text = daysText(from, to)
  const field = (label: string, value: string | undefined, rest: object, change: (day: string) => void) => (
    <Field label={label} className="min-w-0 flex-1">
      {(ids) => (
        <Input
          {...ids}
          {...rest}
          type="date"
          value={value ?? ''}
          onChange={(event) => change(event.target.value)}
        />
      )}
    </Field>
  )
  return (
    <FilterChip
      label={t('filter.days')}
      set={text || undefined}
      every={t('filter.any_day')}
      onClear={() => onChange({ from: undefined, to: undefined })}
    >
      {() => (
        <>
          <div className="mb-3 flex gap-2">
            {SPANS.map((days) => (
              <Button
                key={days}
                size="sm"
                onClick={() =>
                  onChange({
                    from: dayOf(new Date(Date.now() - (days - 1) * DAY_MS).toISOString()),
                    to: undefined,
                  })
                }
              >
                {days === 1 ? t('filter.today') : t('filter.last_days', { n: days })}
              </Button>
            ))}
          </div>
          <div className="flex gap-3 max-sm:flex-col">
            {field(t('filter.from'), from, { max: to ?? today }, (day) =>
              onChange({ from: day || undefined, to }),
            )}
            {field(t('filter.to'), to, { min: from, max: today }, (day) =>
              onChange({ from, to: day || undefined }),
            )}
          </div>
        </>
      )}
    </FilterChip>
  )
}

/** The chips of a page in one row; on a phone it is pushed sideways. */
export function Filters({
  set,
  onClear,
  children,
}: {
  set: boolean
  onClear: () => void
  children: ReactNode
}) {
  return (
    <div className="mb-3 -mx-3 flex items-center gap-2 overflow-x-auto px-3 py-0.5 sm:mx-0 sm:flex-wrap sm:px-0">
      {children}
      {set && (
        <Button look="quiet" size="sm" onClick={onClear}>
          {t('filter.clear')}
        </Button>
      )}
    </div>
  )
}

import { ChevronDown } from 'lucide-react'
import { useId, useState } from 'react'
import type { AuditRow, Permission } from '~/api/types'
import { useMedia } from '~/hooks/use-media'
import { texts } from '~/i18n/texts'
import { Card } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Ago } from '~/ui/time'
import { doneText } from '~/util/actions'
import { cx } from '~/util/cx'
import type { Things } from '~/util/things'
import { ActorName, From, On, type RowProps, Through, What, Who } from './audit-cells'
import { AuditDetails } from './audit-details'

const t = texts('audit')

/** Entries of the log: a table, and cards on a phone. On a server's own page (`of`) it is not named again. */
export function AuditRows({
  rows,
  things,
  permissions,
  of,
}: {
  rows: AuditRow[]
  things: Things
  permissions: Permission[]
  of?: string
}) {
  const phone = useMedia('(max-width: 639px)')
  // Where there is no room for it, the address stands with the details.
  const wide = useMedia('(min-width: 1024px)')
  const each = (row: AuditRow): RowProps => ({ row, things, permissions, of })
  if (phone)
    return (
      <ul aria-label={t('list.label')} className="flex flex-col gap-2">
        {rows.map((row) => (
          <EntryCard key={row.id} {...each(row)} />
        ))}
      </ul>
    )
  return (
    <Card scrolls={t('list.label')}>
      <table className="tbl min-w-[640px] table-fixed">
        <thead>
          <tr>
            <th className="w-32">{t('list.when')}</th>
            <th className="w-[19%]">{t('list.who')}</th>
            <th>{t('list.what')}</th>
            {of === undefined && <th className="w-[19%]">{t('list.on_what')}</th>}
            {wide && <th className="w-36">{t('list.from')}</th>}
            <th className="w-28">
              <span className="sr-only">{t('details')}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <EntryRow key={row.id} {...each(row)} wide={wide} />
          ))}
        </tbody>
      </table>
    </Card>
  )
}

function DetailsButton({ row, permissions, open, id, onToggle }: RowProps & Toggle) {
  return (
    <Button
      look="quiet"
      size="sm"
      className="-mr-2.5"
      aria-expanded={open}
      aria-controls={open ? id : undefined}
      aria-label={t('details_of', { what: doneText(row, permissions) })}
      onClick={onToggle}
    >
      {t('details')}
      <ChevronDown
        aria-hidden="true"
        size={14}
        className={cx(
          'transition-transform duration-(--t-fast) motion-reduce:transition-none',
          open && 'rotate-180',
        )}
      />
    </Button>
  )
}
interface Toggle {
  open: boolean
  id: string
  onToggle: () => void
}
function useToggle(): Toggle {
  const [open, setOpen] = useState(false)
  return { open, id: useId(), onToggle: () => setOpen(!open) }
}

function EntryRow({ wide, ...props }: RowProps & { wide: boolean }) {
  const toggle = useToggle()
  const { row, of } = props
  return (
    <>
      <tr>
        <td className="text-t2">
          <Ago at={row.at} />
        </td>
        <td>
          <Who {...props} />
        </td>
        <td>
          <What {...props} />
        </td>
        {of === undefined && (
          <td>
            <On {...props} />
          </td>
        )}
        {wide && (
          <td>
            <From {...props} />
          </td>
        )}
        <td className="r">
          <DetailsButton {...props} {...toggle} />
        </td>
      </tr>
      {toggle.open && (
        <tr id={toggle.id} className="bg-surface-2">
          <td colSpan={4 + Number(of === undefined) + Number(wide)} className="h-auto! py-3!">
            <AuditDetails {...props} />
          </td>
        </tr>
      )}
    </>
  )
}

function EntryCard(props: RowProps) {
  const toggle = useToggle()
  const { row, of } = props
  return (
    <li className="rounded-box border border-line bg-surface px-3 pt-3 pb-1">
      <div className="flex items-start gap-3">
        <div className="min-w-0 flex-1">
          <What {...props} />
        </div>
        <span className="shrink-0 text-12 leading-[18px] text-t3">
          <Ago at={row.at} />
        </span>
      </div>
      <div className="flex items-center gap-2">
        <div className="flex min-w-0 flex-1 flex-wrap items-center gap-x-1.5 gap-y-1 py-2 text-t2 [&_a]:py-0.5">
          <ActorName {...props} />
          {of === undefined && (
            <>
              <span aria-hidden="true" className="text-t3">
                ·
              </span>
              <On {...props} compact />
            </>
          )}
          <Through {...props} />
        </div>
        <DetailsButton {...props} {...toggle} />
      </div>
      {toggle.open && (
        <div id={toggle.id} className="border-t border-line py-3">
          <AuditDetails {...props} />
        </div>
      )}
    </li>
  )
}

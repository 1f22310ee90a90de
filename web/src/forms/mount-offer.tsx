import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { eggsQuery } from '~/api/eggs'
import { locationsQuery } from '~/api/people'
import { nodesQuery } from '~/api/queries'
import { useMay } from '~/hooks/use-may'
import { texts } from '~/i18n/texts'
import { Checkbox } from '~/ui/bits'
import { SearchInput } from '~/ui/field'
import { Segmented } from '~/ui/segmented'
import { visible } from '~/util/visible'

const t = texts('mounts')

/** To whom a mount is offered, by id. */
export interface Offer {
  all_nodes: boolean
  nodes: string[]
  locations: string[]
  all_eggs: boolean
  eggs: string[]
}

/** Rows above which a list can be filtered. */
const MANY = 8

interface Row {
  id: string
  name: string
}

export function MountOffer({
  offer,
  errors,
  onChange,
}: {
  offer: Offer
  errors: Record<string, string>
  onChange: (offer: Offer) => void
}) {
  const { may } = useMay()
  const nodes = useQuery({ ...nodesQuery, enabled: may('node.read') && !offer.all_nodes })
  const locations = useQuery({ ...locationsQuery, enabled: may('node.read') && !offer.all_nodes })
  const eggs = useQuery({ ...eggsQuery, enabled: may('egg.read') && !offer.all_eggs })
  return (
    <>
      <div>
        <div className="mb-1.5 font-medium">{t('form.where')}</div>
        <Segmented
          label={t('form.where')}
          value={offer.all_nodes ? 'all' : 'some'}
          choices={[
            { value: 'some', label: t('form.chosen') },
            { value: 'all', label: t('form.where_all') },
          ]}
          onChange={(kind) => onChange({ ...offer, all_nodes: kind === 'all' })}
        />
        {!offer.all_nodes && (
          <div className="mt-2 grid grid-cols-2 gap-3 max-md:grid-cols-1">
            <Many
              label={t('form.nodes')}
              rows={nodes.data}
              seen={may('node.read')}
              chosen={offer.nodes}
              error={errors.nodes}
              onChange={(ids) => onChange({ ...offer, nodes: ids })}
            />
            <Many
              label={t('form.locations')}
              rows={locations.data}
              seen={may('node.read')}
              chosen={offer.locations}
              error={errors.locations}
              onChange={(ids) => onChange({ ...offer, locations: ids })}
            />
          </div>
        )}
      </div>
      <div>
        <div className="mb-1.5 font-medium">{t('form.to')}</div>
        <Segmented
          label={t('form.to')}
          value={offer.all_eggs ? 'all' : 'some'}
          choices={[
            { value: 'some', label: t('form.chosen') },
            { value: 'all', label: t('form.to_all') },
          ]}
          onChange={(kind) => onChange({ ...offer, all_eggs: kind === 'all' })}
        />
        {!offer.all_eggs && (
          <div className="mt-2">
            <Many
              label={t('form.eggs')}
              rows={eggs.data}
              seen={may('egg.read')}
              chosen={offer.eggs}
              error={errors.eggs}
              onChange={(ids) => onChange({ ...offer, eggs: ids })}
            />
          </div>
        )}
      </div>
    </>
  )
}

function Many({
  label,
  rows,
  seen,
  chosen,
  error,
  onChange,
}: {
  label: string
  rows: Row[] | undefined
  /** The reader may see what there is to choose. */
  seen: boolean
  chosen: string[]
  error: string | undefined
  onChange: (ids: string[]) => void
}) {
  const [needle, setNeedle] = useState('')
  const found = rows
    ?.filter(({ name }) => name.toLowerCase().includes(needle.toLowerCase()))
    .sort((a, b) => a.name.localeCompare(b.name))
  return (
    <fieldset className="min-w-0">
      <legend className="mb-1 text-12 text-t3">{label}</legend>
      {rows && rows.length > MANY && (
        <SearchInput
          label={t('form.filter')}
          small
          className="mb-1"
          value={needle}
          onChange={(event) => setNeedle(event.target.value)}
          onKeyDown={(event) => event.key === 'Enter' && event.preventDefault()}
        />
      )}
      <ul className="max-h-40 min-h-10 overflow-y-auto rounded-box border border-line-2 py-1">
        {!seen && <li className="px-3 py-1.5 text-t3">{t('form.unseen')}</li>}
        {rows?.length === 0 && <li className="px-3 py-1.5 text-t3">{t('form.nothing')}</li>}
        {found?.map(({ id, name }) => (
          <li key={id}>
            {/* biome-ignore lint/a11y/noLabelWithoutControl: the control is the checkbox inside */}
            <label className="flex min-h-8 items-center gap-2 px-3 hover:bg-surface-2 max-sm:min-h-11">
              <Checkbox
                checked={chosen.includes(id)}
                onChange={(event) =>
                  onChange(event.target.checked ? [...chosen, id] : chosen.filter((each) => each !== id))
                }
              />
              <span className="min-w-0 truncate">{visible(name)}</span>
            </label>
          </li>
        ))}
      </ul>
      {error && (
        <p role="alert" className="mt-1.5 text-12 text-fail-fg">
          {error}
        </p>
      )}
    </fieldset>
  )
}

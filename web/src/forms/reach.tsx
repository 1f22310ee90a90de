import { useQuery } from '@tanstack/react-query'
import { locationsQuery } from '~/api/people'
import { nodesQuery } from '~/api/queries'
import type { Reach } from '~/api/types'
import { useMay } from '~/hooks/use-may'
import { texts } from '~/i18n/texts'
import { Field, Select } from '~/ui/field'
import { Segmented } from '~/ui/segmented'
import { reaches } from '~/util/reach'
import type { Picked } from './pick'
import { PickServer } from './pick-server'

const t = texts('roles')
const form = texts('form_parts')

export interface Over {
  reach: Reach
  target: Picked | undefined
}

/** Over what a role is given. */
export function ReachField({
  over,
  error,
  onChange,
}: {
  over: Over
  error?: string | undefined
  onChange: (over: Over) => void
}) {
  const { may } = useMay()
  const places = may('node.read')
  const locations = useQuery({ ...locationsQuery, enabled: places })
  const nodes = useQuery({ ...nodesQuery, enabled: places })
  const rows = over.reach === 'location' ? locations.data : nodes.data
  const none = over.reach === 'location' && locations.data?.length === 0 ? t('over.no_location') : undefined
  return (
    <div className="flex flex-col gap-3">
      <div>
        <div className="mb-1.5 font-medium">{t('over.label')}</div>
        <Segmented
          label={t('over.label')}
          value={over.reach}
          choices={
            places ? reaches() : reaches().filter(({ value }) => value === 'everything' || value === 'server')
          }
          onChange={(reach) => onChange({ reach, target: undefined })}
        />
        <p className="mt-1.5 text-12 text-t3">{t(`over.${over.reach}`)}</p>
      </div>
      {(over.reach === 'location' || over.reach === 'node') && (
        <Field label={t(`over.field.${over.reach}`)} error={error ?? none}>
          {(ids) => (
            <Select
              {...ids}
              value={over.target?.id ?? ''}
              onChange={(event) =>
                onChange({ ...over, target: rows?.find(({ id }) => id === event.target.value) })
              }
            >
              <option value="">{form('choose_one')}</option>
              {rows?.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </Select>
          )}
        </Field>
      )}
      {over.reach === 'server' && (
        <PickServer picked={over.target} error={error} onPick={(target) => onChange({ ...over, target })} />
      )}
    </div>
  )
}

import type { Nest } from '~/api/types'
import { texts } from '~/i18n/texts'
import { Select } from '~/ui/field'

const t = texts('nests')

/** In the address: eggs that are in no nest. */
export const NO_NEST = 'none'

/** Which nest's eggs are shown; nothing to choose where there is none. */
export function NestFilter({
  nests,
  nest,
  onPick,
}: {
  nests: Nest[]
  nest: string | undefined
  onPick: (nest: string) => void
}) {
  if (nests.length === 0 && nest === undefined) return null
  const known = nest === undefined || nest === NO_NEST || nests.some(({ id }) => id === nest)
  return (
    <Select
      aria-label={t('filter')}
      className="w-48 max-sm:w-full"
      value={nest ?? ''}
      onChange={(event) => onPick(event.target.value)}
    >
      <option value="">{t('filter.all')}</option>
      {nests.map(({ id, name }) => (
        <option key={id} value={id}>
          {name}
        </option>
      ))}
      <option value={NO_NEST}>{t('filter.none')}</option>
      {!known && <option value={nest}>{nest}</option>}
    </Select>
  )
}

import type { DatabaseState } from '~/api/types'
import { texts } from '~/i18n/texts'
import { Badge, type Shape } from '~/ui/badge'
import type { Family } from '~/util/state'

const t = texts('databases')

const LOOKS: Record<DatabaseState, [family: Family, shape: Shape]> = {
  ready: ['run', 'ok'],
  creating: ['move', 'installing'],
  rotating: ['move', 'restoring'],
  dropping: ['move', 'deleting'],
}

/** How far a database is; amber once its host did not do as it was told. */
export function DatabaseStateBadge({ state, troubled }: { state: DatabaseState; troubled: boolean }) {
  const [family, shape] = troubled ? (['warn', 'look'] as const) : LOOKS[state]
  return (
    <Badge plain family={family} shape={shape}>
      {t(`state.${state}`)}
    </Badge>
  )
}

import { Badge } from '~/ui/badge'
import { FAMILY, type Shown, stateWord } from '~/util/state'

export function StateBadge({ state, plain = false }: { state: Shown; plain?: boolean }) {
  return (
    <Badge family={FAMILY[state]} shape={state} plain={plain}>
      {stateWord(state)}
    </Badge>
  )
}

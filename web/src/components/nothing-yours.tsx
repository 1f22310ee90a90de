import { Card } from '~/ui/bits'
import { Empty } from '~/ui/wait'

/** The list of somebody who may not make servers and has none yet: what they wait for. */
export function NothingYours() {
  return (
    <Card>
      <Empty title="No server is yours yet">
        Whoever runs this panel makes one for you, or somebody shares theirs: they need your user name or
        e-mail address for it.
      </Empty>
    </Card>
  )
}
